//! The backend milvus against a server of this process, and its faults: no wrong file is ever written, the message says what
//! happened and what to do, and the next run goes on.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray};
use artifacts::{Documents, Embeddings, Footer, Neighbors};
use exact_knn::Metric;
use knn::{BackendKind, BadRows, Error, Knn, Local, MilvusIndex, Options, Report, Token};
use stage::{Files, Hint, Seed, Silent, Stage};

use milvus_client::proto::{FieldValues, ScalarData};

use crate::data::topics;
use crate::milvus_server::{Fault, Server};

const D: usize = 8;

/// A directory with embeddings, and a server.
struct Setup {
    _dir: tempfile::TempDir,
    files: Files,
    server: Server,
    values: Vec<f32>,
}

impl Setup {
    fn new(values: Vec<f32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::standard(dir.path(), Knn::INPUTS.iter().chain(Knn::OUTPUTS));
        Embeddings::new(D, values.clone())
            .write(files.input("embeddings"), &Footer::default())
            .unwrap();
        Self {
            _dir: dir,
            files,
            server: Server::start(),
            values,
        }
    }

    fn of(rows: usize) -> Self {
        Self::new(topics(rows, D, 9, 3))
    }

    fn local(&self) -> Local {
        Local {
            uri: Some(self.server.uri()),
            ..Local::default()
        }
    }

    /// Settings under which a server that does not answer is given up soon.
    fn impatient(&self) -> Local {
        Local {
            deadline: 4,
            ..self.local()
        }
    }

    fn run(&self, options: &Options) -> Result<Report, Error> {
        self.run_with(options, &self.local())
    }

    fn run_with(&self, options: &Options, local: &Local) -> Result<Report, Error> {
        let _ = std::fs::remove_file(self.written());
        let ended = Knn::run(&self.files, options, local, Seed(1), &Silent);
        assert_eq!(ended.is_ok(), self.written().exists());
        ended
    }

    fn written(&self) -> &std::path::Path {
        self.files.output("neighbors").unwrap()
    }

    fn neighbors(&self) -> Neighbors {
        Neighbors::read(self.written()).unwrap().value
    }

    /// Runs into a fault: the message and its hint. Then the server is repaired, and the same command succeeds.
    fn fails(&self, fault: Fault, options: &Options) -> String {
        self.server.set(fault);
        let error = self.run_with(options, &self.impatient()).unwrap_err();
        let hint = error
            .hint()
            .unwrap_or_else(|| panic!("{error} has no hint"));
        self.server.set(Fault::None);
        self.run(options).unwrap();
        self.is_right(options);
        format!("{error}\n{hint}")
    }

    /// Whether the file holds the true neighbors.
    fn is_right(&self, options: &Options) {
        let flat = Options {
            backend: BackendKind::BruteForce,
            ..options.clone()
        };
        let local = Local::default();
        let values = self.values.clone();
        let (truth, _) = knn::search(values, D, "", &flat, &local, Seed(1), &Silent).unwrap();
        let found = self.neighbors();
        assert!(found.ids == truth.ids, "{:?}", options.metric);
        assert!(found.distances == truth.distances, "{:?}", options.metric);
    }
}

fn options(metric: Metric) -> Options {
    Options {
        k: 6,
        metric,
        backend: BackendKind::Milvus,
        recall_sample: Some(100),
        ..Options::default()
    }
}

fn l2() -> Options {
    options(Metric::L2)
}

/// More than one batch of inserts, and several of searches.
#[test]
fn the_neighbors_are_those_of_flat_and_the_collection_is_used_again() {
    let setup = Setup::of(5500);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let options = options(metric);
        setup.server.set(Fault::None);
        let report = setup.run(&options).unwrap();
        setup.is_right(&options);
        assert_eq!(report.recall.unwrap().recall, 1.0);
        assert_eq!((report.filled, report.certified), (0, false));
        assert_eq!(report.engine["rows_inserted"]["now"], 5500);
        assert!(setup.server.calls("Insert") == 3 && setup.server.calls("Search") == 6);
        // Another k needs no other collection.
        setup.server.set(Fault::None);
        let fewer = Options { k: 3, ..options };
        let report = setup.run(&fewer).unwrap();
        assert_eq!(report.engine["rows_inserted"]["now"], 0);
        assert_eq!(
            setup.server.calls("Insert") + setup.server.calls("Upsert"),
            0
        );
        setup.is_right(&fewer);
    }
    let names: Vec<String> = setup
        .server
        .change(|state| state.collections.keys().cloned().collect());
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.starts_with("skerry_")));
    let drop = Local {
        drop: true,
        ..setup.local()
    };
    setup.run_with(&l2(), &drop).unwrap();
    assert_eq!(setup.server.change(|state| state.collections.len()), 2);
}

#[test]
fn isolated_rows_are_not_stored_and_ids_are_those_of_the_file() {
    let mut values = topics(300, D, 5, 2);
    values[7 * D..8 * D].fill(0.0);
    values[200 * D + 1] = f32::NAN;
    let setup = Setup::new(values);
    let options = Options {
        bad_rows: BadRows::Isolate,
        ..options(Metric::Cosine)
    };
    let report = setup.run(&options).unwrap();
    assert_eq!((report.isolated, report.not_finite), (2, 1));
    setup.is_right(&options);
    let stored: Vec<i64> = setup.server.change(|state| {
        let stored = state.collections.values().next().unwrap();
        stored.rows.keys().copied().collect()
    });
    let expected = (0..300).filter(|row| ![7, 200].contains(row));
    assert_eq!(stored, expected.collect::<Vec<i64>>());
    let refused = setup.run(&l2()).unwrap_err();
    assert!(refused.to_string().contains("row 200"), "{refused}");
}

#[test]
fn short_answers_are_filled_exactly_and_counted() {
    let setup = Setup::of(500);
    setup.server.set(Fault::Short(3));
    let report = setup.run(&l2()).unwrap();
    assert_eq!(report.filled, 500);
    setup.is_right(&l2());
}

#[test]
fn a_partial_collection_is_completed() {
    let setup = Setup::of(12_000);
    setup.run(&l2()).unwrap();
    // 1 % of the rows, and a whole range that crosses batches.
    setup.server.change(|state| {
        let stored = state.collections.values_mut().next().unwrap();
        stored
            .rows
            .retain(|id, _| (id % 100 != 3 || *id > 4000) && !(6000..11_000).contains(id));
        state.calls.clear();
    });
    let report = setup.run(&l2()).unwrap();
    setup.is_right(&l2());
    // Whole batches are written again; the rows of the first batches that are complete are not.
    let inserted = report.engine["rows_inserted"]["now"].as_u64().unwrap();
    assert!(inserted > 5000 && inserted <= 12_000, "{inserted}");
    assert_eq!(setup.server.calls("Insert"), 0);
    assert!(setup.server.calls("Upsert") >= 2);
}

#[test]
fn rows_that_vanish_during_the_search_are_noticed() {
    let setup = Setup::of(900);
    let said = setup.fails(Fault::Lose, &l2());
    assert!(
        said.contains("has 891 rows after the search, expected 900")
            && said.contains("the same command inserts what is missing"),
        "{said}"
    );
}

#[test]
fn collections_of_others_are_never_touched() {
    let setup = Setup::of(200);
    setup.run(&l2()).unwrap();
    for change in ["description", "dimension", "field"] {
        let before = setup.server.change(|state| {
            let stored = state.collections.values_mut().next().unwrap();
            match change {
                "description" => "mine".clone_into(&mut stored.schema.description),
                "dimension" => stored.schema.fields[1].type_params[0].value = "9".to_owned(),
                _ => {
                    let mut field = stored.schema.fields[1].clone();
                    "other".clone_into(&mut field.name);
                    stored.schema.fields.push(field);
                }
            }
            state.calls.clear();
            format!("{:?}", state.collections)
        });
        let drop = Local {
            drop: true,
            ..setup.local()
        };
        let error = setup.run_with(&l2(), &drop).unwrap_err();
        assert!(
            error.to_string().contains("is not as Skerry made it")
                && error.hint().unwrap().contains("nothing was changed"),
            "{error}"
        );
        let writing = [
            "Insert",
            "Upsert",
            "DropCollection",
            "CreateIndex",
            "Delete",
        ];
        for call in writing {
            assert_eq!(setup.server.calls(call), 0, "{change}: {call}");
        }
        let after = setup
            .server
            .change(|state| format!("{:?}", state.collections));
        assert!(before == after);
        setup.server.change(|state| state.collections.clear());
        setup.run(&l2()).unwrap();
    }
}

#[test]
fn answers_that_are_wrong_are_refused() {
    let setup = Setup::of(400);
    let said = setup.fails(Fault::StrangeIds, &l2());
    assert!(said.contains("milvus returned id 1000"), "{said}");
    let said = setup.fails(Fault::StrangeScores, &l2());
    assert!(
        said.contains("as the distance of rows 0 and") && said.contains("skerry store drop"),
        "{said}"
    );
    let said = setup.fails(Fault::FewerAnswers, &l2());
    assert!(said.contains("399 answers to 400 vectors"), "{said}");
    let said = setup.fails(Fault::Garbage("Search"), &l2());
    assert!(said.contains("Search"), "{said}");
}

#[test]
fn slow_and_busy_servers() {
    let setup = Setup::of(300);
    let said = setup.fails(Fault::Slow("Search"), &l2());
    assert!(
        said.contains("did not answer Search within 4 s") && said.contains("--deadline"),
        "{said}"
    );
    setup.server.set(Fault::Busy("Search", 3));
    setup.run(&l2()).unwrap();
    assert_eq!(setup.server.calls("Search"), 4);
}

#[test]
fn a_connection_that_breaks_is_opened_again() {
    let setup = Setup::of(5200);
    // The outcome of the insert is unknown: it is repeated as an upsert, and no row is there twice.
    setup.server.set(Fault::CloseAfterInsert);
    let report = setup.run(&l2()).unwrap();
    assert_eq!(report.engine["rows_inserted"]["now"], 5200);
    setup.is_right(&l2());
    assert!(setup.server.calls("Upsert") >= 1);
    setup.server.change(|state| state.collections.clear());
    for (call, after) in [("Insert", 1), ("Search", 3), ("Query", 0)] {
        // An insert is repeated as an upsert, which works.
        if call == "Insert" {
            setup.server.set(Fault::Close(call, after));
            setup.run(&l2()).unwrap();
            continue;
        }
        let said = setup.fails(Fault::Close(call, after), &l2());
        assert!(
            said.contains(&format!("broke off {call}")) && said.contains("continues"),
            "{said}"
        );
    }
}

#[test]
fn refusals_are_passed_on_in_our_words() {
    let setup = Setup::of(300);
    let said = setup.fails(
        Fault::Refuse("CreateIndex", 1100, "invalid index type: HNSW\nstack"),
        &Options {
            milvus_index: MilvusIndex::Hnsw,
            ..l2()
        },
    );
    assert!(
        said.contains("does not build the index HNSW: invalid index type: HNSW\n")
            && said.contains("FLAT works on every server"),
        "{said}"
    );
    let said = setup.fails(
        Fault::Unfinished,
        &Options {
            milvus_index: MilvusIndex::DiskAnn,
            ..l2()
        },
    );
    assert!(said.contains("with the index DISKANN: 0 of 300"), "{said}");
    let said = setup.fails(
        Fault::Refuse("Insert", 1100, "no space left on device"),
        &l2(),
    );
    assert!(
        said.contains("refused Insert: no space left on device"),
        "{said}"
    );
}

#[test]
fn logins() {
    let setup = Setup::of(200);
    // `root:Milvus` in base64.
    setup.server.set(Fault::Login("cm9vdDpNaWx2dXM="));
    let with = |token: &str| Local {
        token: Some(Token::from(token.to_owned())),
        ..setup.local()
    };
    let error = setup.run(&l2()).unwrap_err();
    assert!(error.hint().unwrap().contains("MILVUS_TOKEN"), "{error}");
    let error = setup.run_with(&l2(), &with("root:secret")).unwrap_err();
    let said = format!(
        "{error} {error:?} {:?} {:?}",
        error.hint(),
        with("root:secret")
    );
    assert!(
        said.contains("refuses the login") && !said.contains("secret"),
        "{said}"
    );
    setup.run_with(&l2(), &with("root:Milvus")).unwrap();
}

#[test]
fn servers_that_are_not_there() {
    let setup = Setup::of(50);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    for uri in [
        format!("http://{nobody}"),
        "http://no-such-host.invalid:1".to_owned(),
    ] {
        let local = Local {
            uri: Some(uri.clone()),
            ..setup.local()
        };
        let error = setup.run_with(&l2(), &local).unwrap_err();
        let host = uri.strip_prefix("http://").unwrap();
        assert!(
            error
                .to_string()
                .contains(&format!("no connection to Milvus at {host}"))
                && error.hint().unwrap().contains("check the address"),
            "{error}"
        );
    }
    let error = Knn::check(&l2(), &Local::default()).unwrap_err();
    assert!(error.hint().unwrap().contains("--uri"), "{error}");
}

/// Writes the table of a run: `texts` with a column of each type.
fn write_table(setup: &Setup, texts: &[&str]) {
    let n = texts.len() as i32;
    let years = (0..n).map(|row| (row != 1).then_some(2000 + row));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("number", Arc::new(Int32Array::from_iter_values(0..n))),
        (
            "read?",
            Arc::new(
                (0..n)
                    .map(|row| Some(row % 2 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        ("year", Arc::new(years.collect::<Int32Array>())),
        (
            "topic",
            Arc::new(StringArray::from_iter_values(
                (0..n).map(|row| format!("t{row}")),
            )),
        ),
    ];
    let documents = Documents {
        columns: RecordBatch::try_from_iter(columns).unwrap(),
        ..Documents::of_texts(texts)
    };
    let path = setup.files.output("documents").unwrap();
    documents.write(path, &Footer::default()).unwrap();
}

/// A server with 300 vectors, and their table.
fn with_table(change: impl Fn(&mut Vec<String>)) -> Setup {
    let setup = Setup::of(300);
    let mut texts: Vec<String> = (0..300).map(|row| format!("text {row}")).collect();
    change(&mut texts);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    write_table(&setup, &texts);
    setup
}

fn texts_too() -> Options {
    Options {
        store_texts: true,
        ..l2()
    }
}

#[test]
fn texts_and_columns_are_stored_with_the_vectors() {
    let setup = with_table(|_| ());
    setup.run(&l2()).unwrap();
    let plain = setup.server.change(|state| state.collections.clone());
    setup.server.change(|state| state.collections.clear());
    setup.run(&texts_too()).unwrap();
    setup.is_right(&texts_too());
    let (name, stored) = setup
        .server
        .change(|state| state.collections.pop_first().unwrap());
    // Another collection than that without texts.
    assert!(!plain.contains_key(&name));
    let types: Vec<(String, i32)> = stored.schema.fields[2..]
        .iter()
        .map(|field| (field.name.clone(), field.data_type))
        .collect();
    let expected = [
        ("text", 21),
        ("number", 5),
        ("read_", 1),
        ("year", 21),
        ("topic", 21),
    ];
    assert_eq!(types, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let values = |name: &str| {
        let field = stored.written.iter().find(|field| field.field_name == name);
        let Some(FieldValues::Scalars(values)) = field.unwrap().field.clone() else {
            panic!("{name} has no values");
        };
        values.data.unwrap()
    };
    let ScalarData::String(texts) = values("text") else {
        panic!("no texts");
    };
    assert_eq!(
        (texts.data.len(), texts.data[299].as_str()),
        (300, "text 299")
    );
    let ScalarData::Long(numbers) = values("number") else {
        panic!("no integers");
    };
    assert_eq!(numbers.data, (0..300).collect::<Vec<i64>>());
    let ScalarData::Bool(read) = values("read_") else {
        panic!("no truth values");
    };
    assert_eq!(read.data[..3], [true, false, true]);
    // One is missing, so that they are texts.
    let ScalarData::String(years) = values("year") else {
        panic!("no texts");
    };
    assert_eq!(years.data[..3], ["2000", "", "2002"]);
    let footer = Footer::read(setup.written()).unwrap().unwrap();
    assert!(footer.inputs.contains_key("documents"));
}

/// Few rows fit into a request if their texts are long.
#[test]
fn requests_with_long_texts_hold_fewer_rows() {
    let setup = with_table(|texts| {
        for text in texts {
            *text = "x".repeat(60_000);
        }
    });
    setup.run(&texts_too()).unwrap();
    // 34 x 60 kB in a request of 2 MiB.
    assert_eq!(setup.server.calls("Insert"), 9);
    setup.server.change(|state| {
        let stored = state.collections.values_mut().next().unwrap();
        stored.rows.retain(|id, _| *id != 290);
        state.calls.clear();
        stored.written.clear();
    });
    setup.run(&texts_too()).unwrap();
    let again = setup.server.change(|state| {
        let stored = state.collections.values().next().unwrap();
        (stored.rows.len(), stored.written.len())
    });
    assert_eq!(again, (300, 5));
    assert_eq!(setup.server.calls("Upsert"), 1);
}

#[test]
fn tables_that_do_not_fit_are_refused_before_anything_is_stored() {
    let refused = |setup: &Setup| {
        let error = setup.run(&texts_too()).unwrap_err();
        let hint = error
            .hint()
            .unwrap_or_else(|| panic!("{error} has no hint"));
        assert_eq!(setup.server.change(|state| state.collections.len()), 0);
        format!("{error}\n{hint}")
    };
    let long = with_table(|texts| texts[7] = "ä".repeat(32_768));
    let said = refused(&long);
    assert!(
        said.contains(
            "row 7 of the column `text` has 65536 bytes, but a field of Milvus holds at most 65535"
        ) && said.contains("leave out `--store-texts`"),
        "{said}"
    );
    // One byte less fits.
    let fits = with_table(|texts| texts[7] = "ä".repeat(32_767) + "x");
    fits.run(&texts_too()).unwrap();
    let fewer = with_table(|texts| texts.truncate(299));
    let said = refused(&fewer);
    assert!(
        said.contains("299 texts do not belong to 300 vectors"),
        "{said}"
    );
    let none = Setup::of(50);
    let said = refused(&none);
    assert!(
        said.contains("there is no documents.parquet") && said.contains("--documents FILE"),
        "{said}"
    );
}
