//! Files from elsewhere: taken by columns and types, refused by file, column and row.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Int64Type, Schema};
use arrow::ipc::writer::FileWriter;
use artifacts::{Clusters, Documents, Embeddings, Footer, Neighbors, Projection};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

fn write(
    dir: &Path,
    columns: Vec<(&str, ArrayRef)>,
    properties: Option<WriterProperties>,
) -> PathBuf {
    let path = dir.join("foreign.parquet");
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), schema, properties).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn lists(values: Vec<f32>, lengths: &[usize]) -> ArrayRef {
    let item = Arc::new(Field::new("anything", DataType::Float32, true));
    Arc::new(ListArray::new(
        item,
        OffsetBuffer::from_lengths(lengths.iter().copied()),
        Arc::new(Float32Array::from(values)),
        None,
    ))
}

fn fault<T>(result: Result<T, artifacts::Error>) -> String {
    let error = result.err().expect("it is refused");
    assert!(error.hint().is_some(), "{error} has no hint");
    error.to_string()
}

#[test]
fn vectors_are_read_from_any_list_type_and_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..3000).map(|at| (at % 13) as f32).collect();
    let plain = WriterProperties::builder().set_dictionary_enabled(false);
    let variants = [
        None,
        Some(plain.clone().build()),
        Some(
            plain
                .clone()
                .set_writer_version(WriterVersion::PARQUET_2_0)
                .build(),
        ),
        Some(
            plain
                .clone()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .build(),
        ),
        // Pages that end within a list.
        Some(
            plain
                .set_data_page_size_limit(100)
                .set_write_batch_size(7)
                .build(),
        ),
    ];
    for properties in variants {
        let path = write(
            dir.path(),
            vec![("embedding", lists(values.clone(), &[3; 1000]))],
            properties,
        );
        let read = Embeddings::read(&path).unwrap();
        assert!(read.footer.is_none());
        assert_eq!((read.len(), read.dim()), (1000, 3));
        assert_eq!(read.values(), values);
    }
    let wide = FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Float64, false)),
        2,
        Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0])),
        None,
    );
    let path = write(dir.path(), vec![("embedding", Arc::new(wide))], None);
    assert_eq!(
        Embeddings::read(&path).unwrap().values(),
        [1.0, 2.0, 3.0, 4.0]
    );
}

#[test]
fn vectors_are_read_from_arrow_ipc() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vectors.arrow");
    let list = lists(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
    let schema = Arc::new(Schema::new(vec![Field::new(
        "embedding",
        list.data_type().clone(),
        true,
    )]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![list]).unwrap();
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(File::create(&path).unwrap(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let read = Embeddings::read(&path).unwrap();
    assert_eq!(
        (read.len(), read.dim(), read.row(1)),
        (2, 2, &[3.0, 4.0][..])
    );
}

/// Columns before the vectors, nested ones among them, and batches of several sizes.
#[test]
fn the_shape_is_known_before_vectors_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let batch = |n: usize| {
        let names: ArrayRef = Arc::new(LargeStringArray::from(vec!["a"; n]));
        let pairs = FixedSizeListArray::new(
            Arc::new(Field::new("item", DataType::Float64, false)),
            2,
            Arc::new(Float64Array::from(vec![1.0; 2 * n])),
            None,
        );
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("name", names),
            ("pair", Arc::new(pairs)),
            ("embedding", lists(vec![1.0; 3 * n], &vec![3; n])),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let path = dir.path().join("vectors.arrow");
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(File::create(&path).unwrap(), &batch(1).schema())
            .unwrap();
    for n in [10, 1000, 7] {
        writer.write(&batch(n)).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    let shape = Embeddings::shape(&path).unwrap().unwrap();
    assert_eq!((shape.rows, shape.dimensions), (1017, 3));
    // The largest batch stands beside the vectors.
    assert!(
        shape.reading > 1017 * 3 * 4 + 1000 * (3 * 4 + 2 * 8),
        "{shape:?}"
    );
    let read = Embeddings::read(&path).unwrap();
    assert_eq!((read.len(), read.dim()), (1017, 3));

    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        fault(Embeddings::shape(&path));
    }

    let path = dir.path().join("embeddings.parquet");
    Embeddings::new(5, vec![0.5; 35])
        .write(&path, &Footer::default())
        .unwrap();
    let shape = Embeddings::shape(&path).unwrap().unwrap();
    assert_eq!(
        (shape.rows, shape.dimensions, shape.reading),
        (7, 5, 7 * 5 * 4)
    );
}

/// A file that is read in pieces: rows are numbered through.
#[test]
fn a_bad_row_of_a_later_page_is_named_by_its_row_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (n, d, bad) = (5000, 512, 4321);
    let mut lengths = vec![d; n];
    lengths[bad] -= 1;
    let values: Vec<f32> = (0..n * d - 1).map(|at| (at % 7) as f32).collect();
    let path = write(
        dir.path(),
        vec![("embedding", lists(values, &lengths))],
        None,
    );
    let message = fault(Embeddings::read(&path));
    assert!(
        message.contains("row 4321: `embedding` has 511 values, the rows before have 512"),
        "{message}"
    );
}

#[test]
fn bad_vectors_are_named_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let read = |array: ArrayRef| {
        fault(Embeddings::read(&write(
            dir.path(),
            vec![("embedding", array)],
            None,
        )))
    };
    let ragged = read(lists(vec![1.0; 5], &[2, 2, 1]));
    assert!(
        ragged.contains("foreign.parquet, row 2: `embedding` has 1 values, the rows before have 2"),
        "{ragged}"
    );
    let nan = read(lists(vec![1.0, 2.0, 3.0, f32::NAN], &[2, 2]));
    assert!(
        nan.contains("row 1: dimension 1 of `embedding` is NaN"),
        "{nan}"
    );
    let null =
        ListArray::from_iter_primitive::<Float32Type, _, _>(vec![Some(vec![Some(1.0)]), None]);
    assert!(read(Arc::new(null)).contains("row 1: `embedding` is null"));
    let hole = ListArray::from_iter_primitive::<Float32Type, _, _>(vec![
        Some(vec![Some(1.0)]),
        Some(vec![None]),
    ]);
    assert!(read(Arc::new(hole)).contains("row 1: `embedding` holds a null"));
    assert!(read(Arc::new(Int64Array::from(vec![1]))).contains("has type Int64, expected a list"));
}

/// Other engines leave -1 where they found no more neighbors.
#[test]
fn unfilled_neighbor_slots_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let read = |ids: ListArray, distances: &[f32], counts: &[usize]| {
        let path = write(
            dir.path(),
            vec![
                ("neighbor_ids", Arc::new(ids) as ArrayRef),
                ("distances", lists(distances.to_vec(), counts)),
            ],
            None,
        );
        fault(Neighbors::read(&path))
    };
    let unfilled = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1)]),
        Some(vec![Some(-1)]),
    ]);
    let message = read(unfilled, &[0.5, 0.5], &[1, 1]);
    assert!(
        message.contains("row 1: `neighbor_ids` holds a null or a value that is not UInt32"),
        "{message}"
    );
    let none = ListArray::from_iter_primitive::<Int64Type, Vec<Option<i64>>, _>(vec![]);
    let message = read(none, &[], &[]);
    assert!(message.contains("it holds no rows"), "{message}");
}

#[test]
fn missing_columns_and_wrong_ids_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), vec![("vec", lists(vec![1.0], &[1]))], None);
    assert!(fault(Embeddings::read(&path)).contains("has no column `embedding` (it has: "));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0, 2]));
    let path = write(
        dir.path(),
        vec![("id", ids), ("embedding", lists(vec![1.0, 2.0], &[1, 1]))],
        None,
    );
    assert!(fault(Embeddings::read(&path)).contains("row 1: `id` is 2, expected 1"));
}

fn write_ipc(path: &Path, batches: &[RecordBatch]) {
    let mut writer =
        FileWriter::try_new(File::create(path).unwrap(), &batches[0].schema()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn ids_of_arrow_ipc_are_checked_through_all_batches() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vectors.arrow");
    let batch = |ids: ArrayRef| {
        let vectors = lists(vec![1.0; ids.len()], &vec![1; ids.len()]);
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("embedding", vectors, true)])
            .unwrap()
    };
    let numbers = |ids: Vec<Option<i32>>| batch(Arc::new(Int32Array::from(ids)));
    let first = numbers(vec![Some(0), Some(1)]);
    write_ipc(&path, &[first.clone(), numbers(vec![Some(2), Some(3)])]);
    assert_eq!(Embeddings::read(&path).unwrap().len(), 4);
    write_ipc(&path, &[first.clone(), numbers(vec![Some(2), Some(2)])]);
    let message = fault(Embeddings::read(&path));
    assert!(
        message.contains("vectors.arrow, row 3: `id` is 2, expected 3"),
        "{message}"
    );
    write_ipc(&path, &[first, numbers(vec![Some(2), None])]);
    let message = fault(Embeddings::read(&path));
    assert!(message.contains("row 3: `id` is null"), "{message}");
    let names: ArrayRef = Arc::new(LargeStringArray::from(vec!["a", "b"]));
    write_ipc(&path, &[batch(names)]);
    let message = fault(Embeddings::read(&path));
    assert!(
        message.contains("`id` of") && message.contains("expected an integer"),
        "{message}"
    );
}

/// The footer has the codec as a number after the path of the column.
#[test]
fn an_unsupported_codec_is_named_with_the_supported_ones() {
    let dir = tempfile::tempdir().unwrap();
    let explained = |error: artifacts::Error| {
        let hint = error.hint().unwrap();
        (error.to_string(), hint)
    };
    let xs: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let path = write(dir.path(), vec![("x", Arc::clone(&xs)), ("y", xs)], None);
    let plain = std::fs::read(&path).unwrap();
    // A list of one name, the name, and behind it the number of the codec, doubled.
    let place = b"\x19\x18\x01x\x15\0";
    let at = plain.windows(6).position(|bytes| bytes == place).unwrap();
    for (codec, name) in [(2, "gzip"), (3, "lzo"), (4, "brotli")] {
        let mut packed = plain.clone();
        packed[at + 5] = 2 * codec;
        std::fs::write(&path, &packed).unwrap();
        let (message, hint) = explained(Projection::read(&path).unwrap_err());
        assert!(
            message.ends_with(&format!(
                "foreign.parquet is compressed with {name}, which this program does not read"
            )),
            "{message}"
        );
        assert!(
            hint.contains("zstd, snappy, lz4 or no compression"),
            "{hint}"
        );
    }
    let path = write(
        dir.path(),
        vec![("embedding", lists(vec![1.0, 2.0], &[1, 1]))],
        None,
    );
    let mut packed = std::fs::read(&path).unwrap();
    let place = b"\x15\0";
    let name = packed
        .windows(9)
        .rposition(|bytes| bytes == b"embedding")
        .unwrap();
    let at = packed[name..]
        .windows(2)
        .position(|bytes| bytes == place)
        .unwrap();
    packed[name + at + 1] = 4;
    std::fs::write(&path, &packed).unwrap();
    let (message, _) = explained(Embeddings::read(&path).unwrap_err());
    assert!(message.contains("is compressed with gzip"), "{message}");

    // As PyArrow 26's write_feather does it unless told otherwise: 64 vectors of 2.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lz4.arrow");
    let (message, hint) = explained(Embeddings::read(&path).unwrap_err());
    assert!(
        message
            .ends_with("lz4.arrow is compressed with lz4_frame, which this program does not read"),
        "{message}"
    );
    assert!(hint.contains("without compression"), "{hint}");
}

#[test]
fn neighbors_are_checked_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let read = |ids: Vec<i32>, distances: Vec<f32>| {
        let item = Arc::new(Field::new("item", DataType::Int32, true));
        let list = FixedSizeListArray::new(item, 2, Arc::new(Int32Array::from(ids)), None);
        let path = write(
            dir.path(),
            vec![
                ("neighbor_ids", Arc::new(list)),
                ("distances", lists(distances, &[2; 3])),
            ],
            None,
        );
        Neighbors::read(&path)
    };
    let sound = vec![0.1, 0.2, 0.1, 0.3, 0.2, 0.3];
    let good = read(vec![1, 2, 0, 2, 0, 1], sound.clone()).unwrap();
    assert_eq!(
        (good.len(), good.k, good.row(1)),
        (3, 2, (&[0, 2][..], &[0.1, 0.3][..]))
    );
    // A negative zero is read as the zero that it is.
    let zeros = read(
        vec![1, 2, 0, 2, 0, 1],
        vec![-0.0, 0.2, -0.0, 0.3, 0.0, -0.0],
    )
    .unwrap();
    assert!(
        zeros
            .distances
            .iter()
            .all(|distance| distance.is_sign_positive())
    );
    assert!(
        fault(read(vec![1, 2, 0, 2, 0, 9], sound.clone()))
            .contains("row 2: neighbor id 9 is out of range: there are 3 documents")
    );
    assert!(
        fault(read(vec![1, 2, 1, 2, 0, 1], sound.clone()))
            .contains("row 1: the document lists itself")
    );
    assert!(
        fault(read(vec![1, 1, 0, 2, 0, 1], sound.clone()))
            .contains("row 0: neighbor 1 is listed twice")
    );
    assert!(
        fault(read(
            vec![1, 2, 0, 2, 0, 1],
            vec![0.2, 0.1, 0.1, 0.3, 0.2, 0.3]
        ))
        .contains("nearest first")
    );
    assert!(fault(read(vec![1, 2, 0, 2, 0, -1], sound)).contains("row 2"));
}

#[test]
fn layouts_and_labels_of_other_programs_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let xs: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let path = write(dir.path(), vec![("x", Arc::clone(&xs)), ("y", xs)], None);
    assert_eq!(Projection::read(&path).unwrap().x, [1.0, 2.0]);
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, -1]));
    let path = write(dir.path(), vec![("cluster", labels)], None);
    let clusters = Clusters::read(&path).unwrap();
    assert_eq!(
        (clusters.count(), clusters.probability.as_slice()),
        (1, &[1.0, 1.0][..])
    );
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, -2]));
    let path = write(dir.path(), vec![("cluster", labels)], None);
    assert!(fault(Clusters::read(&path)).contains("row 1: `cluster` is -2"));
    let texts: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("a"), None]));
    let path = write(dir.path(), vec![("text", texts)], None);
    assert!(fault(Documents::read(&path)).contains("row 1: `text` is null"));
}

/// Reads rows one by one and in runs, from the first to the last.
fn rows_of(path: &Path) -> (usize, Vec<f32>) {
    let scratch = path.parent().unwrap();
    let file = artifacts::VectorFile::open(path, scratch).unwrap().value;
    let (n, d) = (file.len(), file.dim());
    let mut all = vec![0.0; n * d];
    file.read(0, &mut all).unwrap();
    for (first, count) in [(0, 1), (n - 1, 1), (n / 2, n / 3), (n / 3, 2)] {
        let mut some = vec![0.0; count * d];
        file.read(first, &mut some).unwrap();
        assert_eq!(some, all[first * d..][..count * d]);
    }
    (d, all)
}

#[test]
fn rows_are_read_from_files_of_any_kind() {
    let dir = tempfile::tempdir().unwrap();
    // More than one row group of our own files.
    let (n, d) = (30_000, 3);
    let values: Vec<f32> = (0..n * d).map(|at| at as f32).collect();
    let own = dir.path().join("own.parquet");
    Embeddings::new(d, values.clone())
        .write(&own, &Footer::default())
        .unwrap();
    assert_eq!(rows_of(&own), (d, values.clone()));
    let plain = WriterProperties::builder().set_dictionary_enabled(false);
    for properties in [
        None,
        Some(plain.clone().build()),
        Some(
            plain
                .clone()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .build(),
        ),
        Some(
            plain
                .set_data_page_size_limit(100)
                .set_write_batch_size(7)
                .build(),
        ),
    ] {
        let foreign = lists(values.clone(), &vec![d; n]);
        let path = write(dir.path(), vec![("embedding", foreign)], properties);
        assert_eq!(rows_of(&path), (d, values.clone()));
    }
    let ipc = dir.path().join("vectors.arrow");
    let column = lists(values.clone(), &vec![d; n]);
    let field = Field::new("embedding", column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    write_ipc(&ipc, &[RecordBatch::try_new(schema, vec![column]).unwrap()]);
    assert_eq!(rows_of(&ipc), (d, values.clone()));
    // A damaged file is refused before any row is read.
    let mut bytes = std::fs::read(&own).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(&own, bytes).unwrap();
    let refused = artifacts::VectorFile::open(&own, dir.path());
    assert!(fault(refused).contains("own.parquet"));
}

#[test]
fn milvus_imports_ids_lists_and_texts() {
    use arrow::array::{AsArray, StringArray};
    let dir = tempfile::tempdir().unwrap();
    let (n, d) = (10_001, 2);
    let values: Vec<f32> = (0..n * d).map(|at| at as f32).collect();
    let own = dir.path().join("own.parquet");
    Embeddings::new(d, values.clone())
        .write(&own, &Footer::default())
        .unwrap();
    let vectors = artifacts::VectorFile::open(&own, dir.path()).unwrap();
    // A text that is cut within a letter of two bytes.
    let mut texts = vec!["a text".to_owned(); n];
    texts[3] = "ä".repeat(40_000);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let column = write(
        dir.path(),
        vec![("text", Arc::new(StringArray::from(texts)) as ArrayRef)],
        None,
    );
    let documents = Documents::read(&column).unwrap();
    let path = dir.path().join("import.parquet");
    let cut = artifacts::write_milvus_import(&path, &vectors, &documents).unwrap();
    assert_eq!(cut, 1);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
        File::open(&path).unwrap(),
    );
    let batches: Vec<RecordBatch> = reader
        .unwrap()
        .build()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let schema = batches[0].schema();
    let types: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    assert_eq!(types[0], "id Int64");
    assert!(types[1].starts_with("embedding List("), "{types:?}");
    assert_eq!(types[2], "text Utf8");
    let ids: Vec<i64> = batches
        .iter()
        .flat_map(|batch| {
            batch
                .column(0)
                .as_primitive::<Int64Type>()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(ids, (0..n as i64).collect::<Vec<_>>());
    let read: Vec<f32> = batches
        .iter()
        .flat_map(|batch| {
            let lists = batch.column(1).as_list::<i32>();
            lists
                .values()
                .as_primitive::<Float32Type>()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(read, values);
    assert_eq!(
        batches[0].column(2).as_string::<i32>().value(3).len(),
        65_534
    );
}
