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
fn gzip_and_zstd_are_recognized_by_their_first_bytes() {
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
            error.contains("damaged or truncated") && !hint.is_empty(),
            "{error}"
        );
    }
}

#[test]
fn rows_are_numbered_across_files() {
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
fn a_pattern_expands_to_its_files_in_order() {
    let mut case = Case::new("b.csv", "text\nb\n")
        .and("a.csv", "text\na\n")
        .and("c.csv", "text\nc\n")
        .and("d.txt", "d");
    case.sources = vec![case.path("*.csv").display().to_string()];
    assert_eq!(case.texts(), ["a", "b", "c"]);
    case.sources = vec![case.path("*.tsv").display().to_string()];
    assert!(
        case.run()
            .unwrap_err()
            .to_string()
            .contains("no file matches")
    );
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
    assert!(case.reports("lacks columns") && case.reports("earlier sources lack"));
}

#[test]
fn patterns_skip_hidden_files_and_no_file_is_read_twice() {
    let mut case = Case::new("a.csv", "text\na\nb\nc\n").and(".hidden.csv", "text\nd\n");
    let pattern = case.path("*.csv").display().to_string();
    case.sources = vec![pattern.clone()];
    assert_eq!(case.texts(), ["a", "b", "c"]);
    case.sources = vec![case.path("a.csv").display().to_string(), pattern];
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains("a.csv is given twice"), "{error}");
}

#[test]
fn the_format_is_part_of_the_fingerprint() {
    // The same bytes: a table, or a text a line.
    let prints = |name: &str, given| {
        let case = Case::new(name, "text\na\nb\nc\n");
        let files = Files::default().with_sources(case.sources.clone());
        let options = ingest::Options {
            format: given,
            ..ingest::Options::default()
        };
        Ingest::fingerprints(&files, &options, &NoLocal {}).unwrap()
    };
    assert_ne!(prints("a.csv", None), prints("a.txt", None));
    assert_eq!(prints("a.csv", None)["format"], "csv");
    let given = Some(ingest::formats::Format::Csv);
    assert_eq!(prints("a.csv", given), prints("a.txt", given));
    // Of several the order counts too.
    let of_two = |names: [&str; 2]| {
        let case = Case::new(names[0], "a\n").and(names[1], "a\n");
        let files = Files::default().with_sources(case.sources.clone());
        let options = ingest::Options::default();
        Ingest::fingerprints(&files, &options, &NoLocal {}).unwrap()["format"].clone()
    };
    assert_eq!(of_two(["a.csv", "b.csv"]), "csv");
    assert_eq!(of_two(["a.csv", "b.txt"]), "csv,lines");
    assert_eq!(of_two(["b.txt", "a.csv"]), "lines,csv");
}

// What the files are called decides nothing but their format, which stands beside it.
#[test]
fn the_fingerprint_depends_only_on_the_contents() {
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
fn the_same_input_gives_the_same_bytes_and_the_footer_records_the_source() {
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
    let intake = footer.facts::<artifacts::DocumentsFacts>().intake;
    assert_eq!(intake.unwrap().without_text, 1);
    assert_eq!(footer.options["on_bad_row"], "error");
}

#[test]
fn progress_is_reported_in_bytes() {
    let content = "text,n\n".to_owned() + &"some text,1\n".repeat(5_000);
    let case = Case::new("a.csv", &content).and("b.txt", "x\ny\n");
    case.run().unwrap();
    let advances = case.recorder.advances();
    assert_eq!(advances.iter().sum::<u64>(), content.len() as u64 + 4);
    assert!(advances.len() > 100, "{} parts", advances.len());
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_not_an_error() {
    let case = Case::new("a.csv", "text,n\na,1\nb,2\nc,3\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_skerry-ingest"))
        .args(&case.sources)
        .arg("--run")
        .arg(case.dir.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    assert!(case.path("documents.parquet").exists());
}
