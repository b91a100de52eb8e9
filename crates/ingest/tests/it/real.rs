//! The files that are measured with, where they are there.

use test_support::shared;

use crate::{Case, columns};

fn read(name: &str, rows: usize) -> Option<(Case, ingest::Report)> {
    let path = shared(&format!("data/{name}"))?;
    let mut case = Case::new("unused", "");
    case.sources = vec![path.display().to_string()];
    let (report, _) = case.read();
    assert_eq!(
        (
            report.rows,
            report.documents,
            report.bad,
            report.without_text
        ),
        (rows, rows, 0, 0),
        "{name}"
    );
    Some((case, report))
}

#[test]
fn real_files_are_read_with_default_options() {
    for (name, rows) in [
        ("agnews_test_7600.csv", 7_600),
        ("googlenews_ts.csv", 11_109),
    ] {
        let Some((_, report)) = read(name, rows) else {
            return;
        };
        assert_eq!(report.text, ["title", "description"]);
    }
    let Some((_, report)) = read("searchsnippets12k.csv", 12_340) else {
        return;
    };
    assert_eq!(report.text, ["title"]);
    let Some((case, _)) = read("sib200_10lang.csv", 10_040) else {
        return;
    };
    let (_, documents) = case.read();
    assert_eq!(
        columns(&documents),
        ["source_id (Int64)", "source_label (Utf8)", "lang (Utf8)"]
    );
}

#[test]
fn a_large_compressed_file_keeps_identifiers_and_dates() {
    let Some((case, _)) = read("arxiv_112k_short.csv.gz", 112_782) else {
        return;
    };
    let (_, documents) = case.read();
    assert_eq!(
        columns(&documents),
        [
            "source_id (Utf8)",
            "date (Date32)",
            "title (Utf8)",
            "description (Utf8)",
            "source_label (Utf8)"
        ]
    );
}
