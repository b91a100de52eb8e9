//! What is written is read back, bytes and footer.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, LargeStringArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use artifacts::{
    Artifact, ClusterInfo, ClusterRow, Clusters, CondensedTree, Documents, Duplicates, Embeddings,
    Footer, Label, Labels, Map, Membership, Mst, Neighbors, NeighborsFacts, Predictions,
    Projection, SingleLinkage, Sweep, SweepRow, Topic, Topics,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

fn facts() -> NeighborsFacts {
    NeighborsFacts {
        isolated: Some(3),
        ..NeighborsFacts::default()
    }
}

fn footer() -> Footer {
    let mut footer = Footer::new("test 1.0", json!({"k": 2, "name": null}), 7);
    footer.metric = Some("cosine".to_owned());
    footer.set_facts(&facts());
    footer
}

/// The type as the table of columns calls it; the length of a list is the letter in its brackets.
fn word(kind: &DataType) -> String {
    match kind {
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 => "utf8".to_owned(),
        DataType::LargeUtf8 => "large_utf8".to_owned(),
        DataType::List(item) => format!("list<{}>", word(item.data_type())),
        DataType::FixedSizeList(item, _) => {
            format!("fixed_size_list<{}>", word(item.data_type()))
        }
        DataType::Struct(fields) => {
            let field =
                |field: &Arc<Field>| format!("{}: {}", field.name(), word(field.data_type()));
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => format!("{other}"),
    }
}

/// The file has the columns that the table names, in its order: each, or as many as there are of `name0 ...`, and any at
/// the end where it says `...`.
fn check_columns<A: Artifact>(path: &Path) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut found = reader
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), word(field.data_type())))
        .peekable();
    for column in A::COLUMNS {
        let expected = column.kind.split('[').next().unwrap().to_owned();
        if column.name == "..." {
            assert!(found.next().is_some(), "the test writes no other column");
            return;
        }
        match column.name.strip_suffix("0 ...") {
            None => assert_eq!(found.next(), Some((column.name.to_owned(), expected))),
            Some(prefix) => {
                let mut layers = 0;
                while let Some(next) = found.next_if(|(name, _)| name.starts_with(prefix)) {
                    assert_eq!(next, (format!("{prefix}{layers}"), expected.clone()));
                    layers += 1;
                }
                assert!(layers > 1, "the test writes too few of {}", column.name);
            }
        }
    }
    assert_eq!(found.next(), None, "a column that no table names");
}

macro_rules! round_trip {
    ($name:ident, $type:ident, $value:expr) => {
        #[test]
        fn $name() {
            let dir = tempfile::tempdir().unwrap();
            let (path, again) = (dir.path().join("a.parquet"), dir.path().join("b.parquet"));
            let value: $type = $value;
            value.clone().write(&path, &footer()).unwrap();
            check_columns::<$type>(&path);
            let read = $type::read(&path).unwrap();
            assert_eq!(read.value, value);
            let found = read.footer.unwrap();
            assert_eq!(found.kind, stringify!($name));
            assert_eq!((found.version, found.seed, found.producer.as_str()), (1, 7, "test 1.0"));
            assert_eq!(found.options, json!({"k": 2, "name": null}));
            assert_eq!(found.facts::<NeighborsFacts>(), facts());
            read.value.write(&again, &found).unwrap();
            assert_eq!(artifacts::sha256(&path).unwrap(), artifacts::sha256(&again).unwrap());
        }
    };
}

round_trip!(
    duplicates,
    Duplicates,
    Duplicates {
        source_row: vec![3, 9],
        id: vec![0, 1]
    }
);
round_trip!(
    neighbors,
    Neighbors,
    Neighbors {
        k: 2,
        ids: vec![1, 2, 0, 2, 0, 1],
        distances: vec![0.1, 0.2, 0.1, 0.3, 0.2, 0.3]
    }
);
round_trip!(
    clusters,
    Clusters,
    Clusters {
        cluster: vec![0, -1],
        probability: vec![1.0, 0.0],
        outlier_score: vec![0.25, 0.5],
        assigned: Some(vec![0, 0]),
        layers: vec![vec![1, 0], vec![0, 0]],
    }
);
round_trip!(
    cluster_info,
    ClusterInfo,
    ClusterInfo {
        rows: vec![
            ClusterRow {
                layer: -1,
                cluster: 0,
                parent: -1,
                size: 4,
                persistence: 0.5,
                stability: None,
                exemplar_ids: vec![]
            },
            ClusterRow {
                cluster: 1,
                stability: Some(0.75),
                exemplar_ids: vec![2, 5],
                ..ClusterRow::default()
            },
        ],
    }
);
round_trip!(
    condensed_tree,
    CondensedTree,
    CondensedTree {
        parent: vec![3, 3],
        child: vec![0, 1],
        lambda: vec![0.5, 2.0],
        child_size: vec![1, 1]
    }
);
round_trip!(
    single_linkage,
    SingleLinkage,
    SingleLinkage {
        left: vec![0],
        right: vec![1],
        distance: vec![0.1 + 0.2],
        size: vec![2]
    }
);
round_trip!(
    mst,
    Mst,
    Mst {
        from: vec![0],
        to: vec![1],
        distance: vec![1.0 / 3.0]
    }
);
round_trip!(
    membership,
    Membership,
    Membership {
        clusters: vec![vec![1, 0], vec![]],
        memberships: vec![vec![0.75, 0.25], vec![]]
    }
);
round_trip!(
    sweep,
    Sweep,
    Sweep {
        rows: vec![
            SweepRow {
                min_samples: 5,
                min_cluster_size: 10,
                clusters: 1,
                noise: 0.1,
                largest: 9,
                validity: None,
                cliff: false
            },
            SweepRow {
                validity: Some(0.1 + 0.2),
                cliff: true,
                ..SweepRow::default()
            },
        ],
    }
);
round_trip!(
    predictions,
    Predictions,
    Predictions {
        cluster: vec![3, -1],
        probability: vec![0.25, 0.0],
        neighbor: vec![17, 0],
        nearest_cluster: vec![3, -1],
        nearest_distance: vec![Some(0.1), None]
    }
);
round_trip!(
    projection,
    Projection,
    Projection {
        x: vec![1.0, -2.5],
        y: vec![0.0, 3.0],
        preserved: Some(vec![0.5, 1.0])
    }
);
round_trip!(
    topics,
    Topics,
    Topics {
        rows: vec![Topic {
            layer: -1,
            cluster: 0,
            parent: -1,
            name: "größe, 大きさ".to_owned(),
            keywords: vec!["größe".to_owned(), "大きさ".to_owned()],
            size: 2,
            exemplar_ids: vec![1],
        }],
    }
);
round_trip!(
    labels,
    Labels,
    Labels {
        rows: vec![Label {
            x: 0.5,
            y: -0.5,
            text: "<b>".to_owned(),
            level: 1,
            priority: 9
        }]
    }
);

#[test]
fn embeddings_round_trip_exactly_over_pages_and_row_groups() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("embeddings.parquet");
    for (n, d) in [(1, 1), (3, 4096), (60_001, 7), (700, 384)] {
        let values: Vec<f32> = (0..n * d).map(|at| (at as f32 * 0.37).sin()).collect();
        let value = Embeddings::new(d, values.clone());
        value.write(&path, &footer()).unwrap();
        check_columns::<Embeddings>(&path);
        let read = Embeddings::read(&path).unwrap();
        assert_eq!((read.len(), read.dim()), (n, d));
        assert!(read.values() == values, "{n} x {d} came back changed");
        assert_eq!(read.row(n - 1), &values[(n - 1) * d..]);
    }
}

#[test]
fn other_columns_of_documents_round_trip() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("documents.parquet");
    let schema = Schema::new(vec![
        Field::new("year", DataType::Int64, true),
        Field::new("lang", DataType::LargeUtf8, true),
    ]);
    let year = Int64Array::from(vec![Some(2024), None]);
    let lang = LargeStringArray::from(vec![None, Some("de")]);
    let documents = Documents {
        text: LargeStringArray::from(vec!["one", "zwei"]),
        source_row: vec![4, 6],
        copies: Some(vec![1, 3]),
        columns: RecordBatch::try_new(Arc::new(schema), vec![Arc::new(year), Arc::new(lang)])
            .unwrap(),
    };
    documents.write(&path, &footer()).unwrap();
    check_columns::<Documents>(&path);
    let read = Documents::read(&path).unwrap();
    assert_eq!((read.len(), read.text(1)), (2, "zwei"));
    assert_eq!(
        (read.source_row.as_slice(), read.copies.as_deref()),
        (&[4, 6][..], Some(&[1, 3][..]))
    );
    assert_eq!(read.columns, documents.columns);
}

#[test]
fn the_map_has_all_columns_of_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("map.parquet");
    let neighbors = Neighbors {
        k: 1,
        ids: vec![1, 0],
        distances: vec![0.5, 0.5],
    };
    let columns = RecordBatch::try_new(
        Arc::new(Schema::new(vec![Field::new("year", DataType::Int64, true)])),
        vec![Arc::new(Int64Array::from(vec![1, 2]))],
    )
    .unwrap();
    let map = Map {
        x: &[0.0, 1.0],
        y: &[2.0, 3.0],
        text: &LargeStringArray::from(vec!["a", "b"]),
        cluster: &[0, -1],
        name: vec!["first", ""],
        probability: &[1.0, 0.0],
        outlier_score: &[0.0, 1.0],
        neighbors: Some(&neighbors),
        columns: &columns,
    };
    map.write(&path, &footer()).unwrap();
    check_columns::<Map<'_>>(&path);
    let found = Footer::read(&path).unwrap().unwrap();
    assert_eq!(found.kind, "map");
}
