//! JSON lines and JSON arrays.

use ingest::formats::OnBadRow;

use crate::{Case, columns, values};

#[test]
fn objects_are_rows_and_keys_columns_in_the_order_they_appear() {
    let lines = "{\"title\": \"One\", \"n\": 1, \"f\": 1.5, \"b\": true}\n\n{\"n\": 2, \"title\": \"Tw\\u00f6\", \"late\": \"2024-01-01\"}\n{\"title\": null, \"description\": \"x\", \"n\": null}\r\n";
    let array = format!(
        "[{}]",
        lines.trim().replace("\n\n", ",\n").replace("}\n{", "},\n{")
    );
    for case in [Case::new("a.jsonl", lines), Case::new("a.json", array)] {
        let (report, documents) = case.read();
        assert_eq!(case.texts(), ["One", "Twö", "x"]);
        assert_eq!(
            columns(&documents),
            [
                "title (Utf8)",
                "n (Int64)",
                "f (Float64)",
                "b (Boolean)",
                "late (Date32)",
                "description (Utf8)"
            ]
        );
        assert_eq!(values(&documents, "n"), ["1", "2", ""]);
        assert_eq!(report.rows, 3);
    }
}

#[test]
fn nested_values_stay_json_and_mixed_ones_text() {
    let case = Case::new(
        "a.jsonl",
        "{\"text\": \"a\", \"tags\": [\"x\", \"y\"], \"m\": 1, \"s\": \"7\"}\n{\"text\": \"b\", \"tags\": [], \"m\": \"two\", \"s\": \"8\"}\n{\"text\": \"c\", \"tags\": {\"k\": 1}, \"m\": true, \"s\": \"9\"}\n",
    );
    let (_, documents) = case.read();
    assert_eq!(
        values(&documents, "tags"),
        ["[\"x\", \"y\"]", "[]", "{\"k\": 1}"]
    );
    assert_eq!(values(&documents, "m"), ["1", "two", "true"]);
    assert_eq!(
        columns(&documents),
        ["tags (Utf8)", "m (Utf8)", "s (Utf8)"],
        "a string of digits is a string"
    );
}

#[test]
fn json_with_one_object_per_line_is_read_and_reported() {
    let case = Case::new(
        "a.json",
        "{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n",
    );
    assert_eq!(case.texts(), ["a", "b", "c"]);
    assert!(case.reports("JSON lines"));
}

#[test]
fn skipped_lines_add_no_column() {
    let case = Case::new(
        "a.jsonl",
        "{\"text\": \"a\", \"n\": 1}\n{\"text\": \"lost\", \"n\": \"\\ud800\"}\nnot json\n{\"text\": \"x\", \"text\": \"y\"}\n[1]\n{\"text\": \"b\", \"n\": 2}\n{\"text\": \"c\", \"n\": 3}\n",
    )
    .with(|o| o.on_bad_row = OnBadRow::Skip);
    let (report, documents) = case.read();
    assert_eq!(case.texts(), ["a", "b", "c"]);
    assert_eq!(values(&documents, "n"), ["1", "2", "3"]);
    assert_eq!((report.bad, report.bad_rows), (4, vec![1, 2, 3, 4]));
    assert_eq!(documents.source_row, [0, 5, 6]);
}

#[test]
fn json_faults_name_the_line() {
    let fails = |name: &str, content: &str| Case::new(name, content).fails();
    let (error, hint) = fails("a.jsonl", "{\"text\": \"a\"}\n{\"text\": NaN}\n");
    assert!(
        error.contains("line 2") && hint.contains("NaN"),
        "{error} {hint}"
    );
    let (error, _) = fails(
        "a.json",
        "[{\"text\": \"a\"},\n {\"text\": \"b\"},\n {\"text\": }]",
    );
    assert!(error.contains("line 3"), "{error}");
    let (error, _) = fails("a.json", "[{\"text\": \"a\"},\n\n 5]");
    assert!(
        error.contains("line 3") && error.contains("a number"),
        "{error}"
    );
    let (error, hint) = fails("a.json", "{\"title\": {\"0\": \"a\"},\n \"n\": {\"0\": 1}}");
    assert!(
        error.contains("an object") && hint.contains("records"),
        "{error} {hint}"
    );
    let (error, _) = fails("a.json", "[]");
    assert!(error.contains("no rows"), "{error}");
}

#[test]
fn a_skipped_row_adds_no_column() {
    let content = "{\"text\": \"a\"}\n{\"new\": 1, \"new\": 2, \"text\": \"b\"}\n{\"text\": \"c\"}\n{\"text\": \"d\"}\n";
    let case =
        Case::new("a.jsonl", content).with(|o| o.on_bad_row = ingest::formats::OnBadRow::Skip);
    let (report, documents) = case.read();
    assert_eq!(report.bad_rows, [1]);
    assert!(columns(&documents).is_empty());
    assert_eq!(case.texts(), ["a", "c", "d"]);
}

#[test]
fn rows_with_distinct_keys_are_refused_early() {
    let lines: String = (0..50_000)
        .map(|i| format!("{{\"text\": \"a\", \"key{i}\": 1}}\n"))
        .collect();
    for on_bad_row in [
        ingest::formats::OnBadRow::Error,
        ingest::formats::OnBadRow::Skip,
    ] {
        let case = Case::new("a.jsonl", &lines).with(|o| o.on_bad_row = on_bad_row);
        let (error, hint) = case.fails();
        assert!(
            error.contains("a.jsonl, line 4") && error.contains("different keys"),
            "{error}"
        );
        assert!(hint.contains("write them as values"), "{hint}");
    }
}
