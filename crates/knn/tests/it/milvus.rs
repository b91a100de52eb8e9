//! The backend milvus against a server of this process, and its faults: no wrong file is ever written, the message says what
//! happened and what to do, and the next run goes on.

use artifacts::{Embeddings, Footer, Neighbors};
use exact_knn::Metric;
use knn::{BackendKind, BadRows, Error, Knn, Local, MilvusIndex, Options, Report, Token};
use stage::{Files, Hint, Seed, Silent, Stage};

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
        assert!(setup.server.calls("Insert") == 2 && setup.server.calls("Search") == 6);
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
