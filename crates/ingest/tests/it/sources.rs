//! Where rows come from: many files, patterns, compressed files; and how they are fingerprinted.

use std::io::Write;

use ingest::Ingest;
use stage::{Files, NoLocal, Stage};

use crate::{Case, columns, values};

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_and_zstd_are_known_by_how_they_begin() {
    let content = "text,n\na,1\nb,2\nc,3\n";
    let zstd = zstd::stream::encode_all(content.as_bytes(), 1).unwrap();
    let two = [gzip("text,n\na,1\n"), gzip("b,2\nc,3\n")].concat();
    for (name, bytes) in [
        ("a.csv.gz", gzip(content)),
        ("a.csv.zst", zstd.clone()),
        ("a.csv", gzip(content)),
        ("b.csv.gz", two),
    ] {
        assert_eq!(Case::new(name, bytes).texts(), ["a", "b", "c"], "{name}");
    }
    for (name, bytes) in [("a.csv.gz", gzip(content)), ("a.csv.zst", zstd)] {
        let (error, hint) = Case::new(name, &bytes[..bytes.len() - 6]).fails();
        assert!(
            error.contains("damaged or cut short") && !hint.is_empty(),
            "{error}"
        );
    }
}

#[test]
fn rows_of_many_files_are_numbered_on() {
    let case = Case::new("a.csv", "text,n\na,1\nb,2\n")
        .and("b.csv", "text,n\n,3\nc,4\n")
        .and("c.jsonl", "{\"n\": 5, \"text\": \"d\"}\n");
    let (report, documents) = case.read();
    assert_eq!(documents.source_row, [0, 1, 3, 4]);
    assert_eq!(
        (report.sources, report.rows, report.without_text_rows),
        (3, 5, vec![2])
    );
    assert_eq!(values(&documents, "n"), ["1", "2", "4", "5"]);
}

#[test]
fn a_pattern_stands_for_its_files_in_order() {
    let mut case = Case::new("b.csv", "text\nb\n")
        .and("a.csv", "text\na\n")
        .and("c.csv", "text\nc\n")
        .and("d.txt", "d");
    case.sources = vec![case.path("*.csv").display().to_string()];
    assert_eq!(case.texts(), ["a", "b", "c"]);
    case.sources = vec![case.path("*.tsv").display().to_string()];
    assert!(case.run().unwrap_err().to_string().contains("no file fits"));
}

#[test]
fn columns_of_many_files_are_joined_by_name() {
    let case = Case::new("a.csv", "text,n,m\na,1,1\nb,2,2\n").and("b.csv", "late,text,m\n7,c,x\n");
    let (_, documents) = case.read();
    assert_eq!(
        columns(&documents),
        ["n (Int64)", "m (Utf8)", "late (Int64)"]
    );
    assert_eq!(values(&documents, "n"), ["1", "2", ""]);
    assert_eq!(values(&documents, "late"), ["", "", "7"]);
    assert!(case.said("lacks columns") && case.said("earlier sources lack"));
}

#[test]
fn the_fingerprint_is_of_the_contents_alone() {
    let print = |names: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        let sources = names.iter().map(|(name, content)| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.display().to_string()
        });
        let files = Files::default().with_sources(sources.collect());
        Ingest::fingerprints(&files, &ingest::Options::default(), &NoLocal {}).unwrap()["source"]
            .clone()
    };
    assert_eq!(print(&[("a.csv", "x")]), print(&[("b.csv", "x")]));
    assert_eq!(print(&[("a.csv", "x")]), artifacts::sha256_of(b"x"));
    assert_ne!(
        print(&[("a.csv", "x"), ("b.csv", "y")]),
        print(&[("a.csv", "y"), ("b.csv", "x")])
    );
    assert_ne!(
        print(&[("a.csv", "xy")]),
        print(&[("a.csv", "x"), ("b.csv", "y")])
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_and_the_footer_says_where_from() {
    let content = "title,description,n\na,x,1\nb,,2\na,x,3\n,,4\nd,y,5\n";
    let bytes = |name: &str| {
        let case = Case::new(name, content).with(|o| o.dedup = true);
        case.run().unwrap();
        (
            std::fs::read(case.path("documents.parquet")).unwrap(),
            std::fs::read(case.path("duplicates.parquet")).unwrap(),
        )
    };
    assert_eq!(bytes("a.csv"), bytes("b.csv"));
    let (_, documents) = Case::new("a.csv", content).read();
    let footer = documents.footer.as_ref().unwrap();
    assert_eq!(
        footer.inputs["source"],
        artifacts::sha256_of(content.as_bytes())
    );
    assert_eq!(footer.facts["without_text"], 1);
    assert_eq!(footer.options["on_bad_row"], "error");
}
