//! What `skerry run` says of the rows that are not on the map.

use std::path::Path;

use pipeline_tests::{run, succeed, write_texts};
use serde_json::Value;

const WORDS: [&str; 8] = [
    "run",
    "more.csv",
    "--encoder",
    "hash",
    "--preset",
    "direct",
    "--out",
    "out",
];

/// The small texts and eight rows that are not all taken: two without a text, three copies of an earlier text, one with a
/// field too many, and two that the condition of [`SOME`] leaves out.
fn write_more(dir: &Path) {
    let texts = write_texts(dir);
    let mut csv = std::fs::read_to_string(texts).expect("it reads");
    let first = csv.lines().nth(1).expect("there are rows").to_owned();
    csv += ",,harbor,240\n ,,oven,241\n";
    for _ in 0..3 {
        csv += &format!("{first}\n");
    }
    csv += "ferry,\"too much\",harbor,243,5\n";
    csv += "ferry late,\"tugboat\",harbor,9001\nferry early,\"quay\",harbor,9002\n";
    std::fs::write(dir.join("more.csv"), csv).expect("it can be written");
}

const SOME: [&str; 4] = ["--on-bad-row", "skip", "--where", "number < 9000"];

fn summary(dir: &Path, more: &[&str]) -> String {
    let words: Vec<&str> = WORDS.iter().chain(more).copied().collect();
    succeed(dir, "skerry", &words)
}

fn assert_lines(summary: &str, expected: &[&str]) {
    let found: Vec<&str> = summary
        .lines()
        .filter(|line| {
            ["read ", "left out", "repeated"]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .collect();
    assert_eq!(found, expected, "{summary}");
}

/// The facts of the page's section on the texts.
fn on_the_page(dir: &Path) -> Vec<(String, String)> {
    let page = std::fs::read_to_string(dir.join("out/map.html")).expect("it reads");
    let place = page.find("\"about\":").expect("the page has its facts") + "\"about\":".len();
    let mut values = serde_json::Deserializer::from_str(&page[place..]).into_iter::<Value>();
    let about = values.next().expect("a value").expect("it is JSON");
    let sections = about.as_array().expect("sections");
    let texts = sections.iter().find(|section| section["title"] == "Texts");
    let facts = texts.expect("a section on the texts")["facts"].clone();
    serde_json::from_value(facts).expect("pairs")
}

#[test]
fn the_summary_and_the_page_show_omitted_rows_by_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    write_more(dir.path());
    let expected = [
        "read      248 rows, 243 kept",
        "left out  1 as unreadable",
        "left out  2 by --where",
        "left out  2 for lack of a text",
        "repeated  3 kept with the text of an earlier row (--dedup collapses them)",
    ];
    assert_lines(&summary(dir.path(), &SOME), &expected);
    let shown = on_the_page(dir.path());
    for (name, value) in [
        ("Rows read", "248"),
        ("Rows kept", "243"),
        ("Left out as unreadable", "1"),
        ("Left out by --where", "2"),
        ("Left out for lack of a text", "2"),
        ("Kept, with the text of an earlier row", "3"),
    ] {
        let fact = (name.to_owned(), value.to_owned());
        assert!(shown.contains(&fact), "{fact:?} is not among {shown:?}");
    }
    // A run that keeps all that is there says the same.
    let again = summary(dir.path(), &SOME);
    assert!(again.contains("kept"), "{again}");
    assert_lines(&again, &expected);
    let only: Vec<&str> = SOME.iter().chain(&["--only", "label"]).copied().collect();
    assert_lines(&summary(dir.path(), &only), &expected);

    let more: Vec<&str> = SOME
        .iter()
        .chain(&["--dedup", "--limit", "200"])
        .copied()
        .collect();
    assert_lines(
        &summary(dir.path(), &more),
        &[
            "read      248 rows, 200 kept",
            "left out  1 as unreadable",
            "left out  2 by --where",
            "left out  2 for lack of a text",
            "left out  40 by --sample or --limit",
            "left out  3 as duplicates by --dedup",
        ],
    );
    let shown = on_the_page(dir.path());
    assert!(
        shown.contains(&(
            "Left out as duplicates by --dedup".to_owned(),
            "3".to_owned()
        )),
        "{shown:?}"
    );
}

#[test]
fn no_omitted_rows_and_unknown_counts_are_distinguished() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let mut words = WORDS;
    words[1] = "texts.csv";
    assert_lines(
        &succeed(dir.path(), "skerry", &words),
        &["read      240 rows, 240 kept"],
    );
    // Another program may not count.
    std::fs::write(
        dir.path().join("my.toml"),
        "[ingest]\ncommand = \"cp foreign.parquet {documents}\"\n",
    )
    .expect("it can be written");
    let foreign = artifacts::Documents::read(&dir.path().join("out/documents.parquet"));
    let footer = artifacts::Footer::new("other 1", Value::Null, 42);
    let path = dir.path().join("foreign.parquet");
    foreign
        .expect("it reads")
        .write(&path, &footer)
        .expect("it can be written");
    let summary = summary_of(dir.path(), &["--config", "my.toml", "texts.csv"]);
    assert_lines(
        &summary,
        &["read      unknown: documents.parquet does not record the counts of rows"],
    );
}

fn summary_of(dir: &Path, more: &[&str]) -> String {
    let words: Vec<&str> = ["run", "--encoder", "hash", "--preset", "direct"]
        .iter()
        .chain(more)
        .chain(&["--out", "other"])
        .copied()
        .collect();
    succeed(dir, "skerry", &words)
}

#[test]
fn a_date_compared_with_a_number_is_refused_with_a_hint() {
    let dir = tempfile::tempdir().expect("a directory");
    let texts = write_texts(dir.path());
    let csv = std::fs::read_to_string(texts).expect("it reads");
    let dated: String = csv
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("{line},date\n"),
            at => format!("{line},2025-0{}-01\n", 1 + at % 6),
        })
        .collect();
    std::fs::write(dir.path().join("more.csv"), dated).expect("it can be written");
    let words = |condition: &'static str| -> Vec<&str> {
        WORDS
            .iter()
            .chain(&["--where", condition])
            .copied()
            .collect()
    };
    for condition in ["date >= 2025", "date < 2025"] {
        let output = run(dir.path(), "skerry", &words(condition));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("column `date` is a date") && errors.contains("'2025-01-01'"),
            "{errors}"
        );
    }
    let output = run(dir.path(), "skerry", &words("date >= '2025-03-01'"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    for notice in ["Deprecat", "polars", "Warning"] {
        assert!(!errors.contains(notice), "{errors}");
    }
    assert_lines(
        &String::from_utf8_lossy(&output.stdout),
        &["read      240 rows, 160 kept", "left out  80 by --where"],
    );
}
