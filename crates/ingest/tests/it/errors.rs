//! What cannot be read: the fact with file and line, and the remedy.

use ingest::formats::Format;

use crate::Case;

/// The words of the error and of its hint.
fn check(case: &Case, fact: &[&str], remedy: &str) {
    let (error, hint) = case.fails();
    for words in fact {
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }
    assert!(hint.contains(remedy), "{hint:?} does not say {remedy:?}");
}

#[test]
fn rows_name_file_line_and_remedy() {
    let check =
        |content: &str, fact: &[&str], remedy| check(&Case::new("a.csv", content), fact, remedy);
    check(
        "text,n\na,1\n\"b\nb\",2\nc\n",
        &["a.csv, line 5", "1 field where the first line has 2"],
        "--on-bad-row skip",
    );
    check(
        "text,n\na,1\nb,2,3\n",
        &["a.csv, line 3", "3 fields"],
        "--delimiter",
    );
    check(
        "text,n\na,1\n\"b,2\nc,3\n",
        &["a.csv, line 3", "never closed"],
        "--quote none",
    );
    check(
        "text,n\na,1\n\"b\" c,2\n",
        &["a.csv, line 3", "after its closing quote"],
        "double the quotes",
    );
    check(
        "text,n\na,1\n\"b \\\"c\\\" d\",2\n",
        &["a.csv, line 3"],
        "--quote backslash",
    );
    check("text\na\nb, c\n", &["a.csv, line 3"], "--format lines");
}

#[test]
fn encodings_name_the_line() {
    let case = Case::new("a.csv", b"text,n\na,1\ncaf\xe9,2\n");
    check(&case, &["a.csv, line 3", "0xe9"], "--encoding");
    let case = Case::new("a.csv", "text\na\n").with(|o| o.encoding = "klingon".to_owned());
    check(&case, &["klingon is not known"], "latin1");
    let wide: Vec<u8> = "text,n\na,1\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(&Case::new("a.csv", wide), &["no text"], "utf-16le");
}

#[test]
fn files_that_hold_nothing_say_so() {
    check(
        &Case::new("a.csv", ""),
        &["a.csv is empty"],
        "written whole",
    );
    check(
        &Case::new("a.csv", "\u{feff}\n \n"),
        &["a.csv is empty"],
        "written whole",
    );
    check(
        &Case::new("a.csv", "title,n\n"),
        &["title, n", "no rows"],
        "--no-header",
    );
    check(
        &Case::new("a.parquet", ""),
        &["a.parquet is empty"],
        "written whole",
    );
    check(
        &Case::new("a.jsonl", "\n"),
        &["a.jsonl is empty"],
        "written whole",
    );
}

#[test]
fn names_that_are_not_there_are_answered_with_those_that_are() {
    let content = "title,description\na,x\nb,y\nc,z\n";
    check(
        &Case::new("a.csv", content).text(&["tittle"]),
        &["`tittle`", "title, description"],
        "--text title",
    );
    check(
        &Case::new("a.csv", content).text(&["author"]),
        &["`author`", "title, description"],
        "--text",
    );
    let template = Case::new("a.csv", content).with(|o| o.template = Some("{Title}".to_owned()));
    check(&template, &["`Title`"], "--template title");
    check(
        &Case::new("a.csv", content).with(|o| o.columns = vec!["n".to_owned()]),
        &["`n`"],
        "--columns",
    );
    check(
        &Case::new("a.csv", "p,q\na,x\nb,y\nc,z\n"),
        &["p, q"],
        "--text COLUMN",
    );
    check(
        &Case::new("a.csv", content).with(|o| o.template = Some("{title".to_owned())),
        &["not closed"],
        "braces",
    );
    let both = Case::new("a.csv", content)
        .text(&["title"])
        .with(|o| o.template = Some("{title}".to_owned()));
    check(&both, &["both given"], "one of them");
}

#[test]
fn too_few_documents_stop_here() {
    check(
        &Case::new("a.csv", "text\na\nb\n"),
        &["2 of 2 rows", "needs 3"],
        "--text",
    );
    check(
        &Case::new("a.csv", "text,n\na,1\n,2\nnan,3\nb,4\n"),
        &["2 of 4 rows"],
        "no text",
    );
    check(
        &Case::new("a.csv", "text\na\nb\nc\n").with(|o| o.limit = Some(2)),
        &["2 of 3 rows"],
        "--limit",
    );
    check(
        &Case::new("a.csv", "text\na\na\na\n").with(|o| o.dedup = true),
        &["1 of 3 rows"],
        "--text",
    );
}

#[test]
fn wrong_formats_are_named() {
    check(
        &Case::new("a.csv", b"PAR1\x15\x00"),
        &["like a Parquet file"],
        "--format parquet",
    );
    check(
        &Case::new("a.csv", b"PK\x03\x04rest"),
        &["a ZIP archive"],
        "as CSV",
    );
    check(
        &Case::new("a.dat", "text\na\n"),
        &["format of", "not known"],
        "--format",
    );
    check(
        &Case::new("a.parquet", "text\na\n"),
        &["not a readable Parquet file"],
        "--format",
    );
    check(
        &Case::new("a.arrow", "text\na\n"),
        &["not a readable Arrow IPC file"],
        "--format",
    );
    let given = Case::new("a.dat", "text\na\nb\nc\n").with(|o| o.format = Some(Format::Csv));
    assert_eq!(given.texts(), ["a", "b", "c"]);
    let odd = Case::new("a.csv", "text\na\n").with(|o| o.delimiter = Some(";;".to_owned()));
    check(&odd, &["\";;\""], "tab");
}

#[test]
fn sources_that_are_none_are_named() {
    let mut case = Case::new("a.csv", "text\na\n");
    case.sources = vec![case.dir.path().display().to_string()];
    check(&case, &["is a directory"], "*.csv");
    case.sources = vec![case.path("missing.csv").display().to_string()];
    check(&case, &["cannot read", "missing.csv"], "check the name");
    case.sources = Vec::new();
    check(&case, &["no source"], "name a file");
    case.sources = vec!["-".to_owned(), "-".to_owned()];
    check(&case, &["twice"], "once");
}
