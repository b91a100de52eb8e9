//! What cannot be read: the fact with file and line, and the remedy.

use ingest::formats::{Format, OnBadRow};
use ingest::{Ingest, Options};
use stage::{NoLocal, Stage as _};

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
fn row_errors_name_file_line_and_remedy() {
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
fn encoding_errors_name_the_line() {
    let case = Case::new("a.csv", b"text,n\na,1\ncaf\xe9,2\n");
    check(&case, &["a.csv, line 3", "0xe9"], "--encoding");
    let case = Case::new("a.csv", "text\na\n").with(|o| o.encoding = "klingon".to_owned());
    check(&case, &["klingon is unknown"], "latin1");
    let wide: Vec<u8> = "text,n\na,1\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(&Case::new("a.csv", wide), &["not text"], "utf-16le");
    let case = Case::new("a.csv", b"text,n\n\x93\x8c,1\n\x8b\xff,2\n")
        .with(|o| o.encoding = "shift_jis".to_owned());
    check(
        &case,
        &["a.csv, line 3", "0x8b is not valid Shift_JIS"],
        "--on-bad-row skip",
    );
    let broken = b"\xff\xfet\0e\0x\0t\0\n\0\0\xd8\n\0".to_vec();
    check(
        &Case::new("a.csv", broken),
        &["a.csv, line 2", "not valid UTF-16LE"],
        "--encoding",
    );
}

#[test]
fn a_delimiter_that_splits_nothing_is_refused_if_another_splits_all_records() {
    let content = "title,n\na,1\nb,2\nc,3\n";
    let case = Case::new("a.csv", content).with(|o| o.delimiter = Some(";".to_owned()));
    check(
        &case,
        &["a.csv is one column", "';'", "2 columns", "','"],
        "--delimiter ','",
    );
    let texts = "title\na, b\nc\nd\n";
    let case = Case::new("a.csv", texts).with(|o| o.delimiter = Some(";".to_owned()));
    assert_eq!(case.texts(), ["a, b", "c", "d"]);
}

#[test]
fn too_low_a_limit_is_refused_before_anything_is_read() {
    for (option, change) in [
        (
            "--limit",
            (|o, n| o.limit = Some(n)) as fn(&mut Options, usize),
        ),
        ("--sample", |o, n| o.sample = Some(n)),
    ] {
        for n in [0, 2] {
            let mut options = Options::default();
            change(&mut options, n);
            let error = Ingest::check(&options, &NoLocal {}).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{option} {n} ")));
        }
    }
}

#[test]
fn rows_with_encoding_faults_are_skipped_on_request() {
    let mut bytes = b"\xff\xfe".to_vec();
    for unit in "text,n\na,1\nb".encode_utf16() {
        bytes.extend(unit.to_le_bytes());
    }
    bytes.extend([0x00, 0xd8]);
    for unit in ",2\nc,3\nd,4\n".encode_utf16() {
        bytes.extend(unit.to_le_bytes());
    }
    let skip = |o: &mut Options| o.on_bad_row = OnBadRow::Skip;
    let (report, documents) = Case::new("a.csv", bytes).with(skip).read();
    assert_eq!(documents.source_row, [0, 2, 3]);
    assert_eq!((report.bad, report.bad_rows), (1, vec![1]));
}

#[test]
fn a_nul_byte_is_reported_by_line() {
    let content = "text,n\na,1\nb\0b,2\nc,3\nd,4\ne,5\n";
    let case = Case::new("a.csv", content);
    check(&case, &["a.csv, line 3", "NUL"], "--encoding lossy");
    let lossy = case.with(|o| o.encoding = "lossy".to_owned());
    assert_eq!(lossy.texts(), ["a", "b\u{fffd}b", "c", "d", "e"]);
    let skip = Case::new("a.csv", content).with(|o| o.on_bad_row = OnBadRow::Skip);
    assert_eq!(skip.texts(), ["a", "c", "d", "e"]);
}

#[test]
fn rows_that_are_not_utf_8_are_skipped_on_request() {
    let sources: [(&str, &[u8]); 4] = [
        ("a.csv", b"\xef\xbb\xbftext,n\na,1\ncaf\xe9,2\nb,3\n\"c\nc\",4\n"),
        (
            "a.jsonl",
            b"{\"text\": \"a\"}\n{\"text\": \"caf\xe9\"}\n{\"text\": \"b\"}\n{\"text\": \"c\\nc\"}\n",
        ),
        (
            "a.json",
            b"[{\"text\": \"a\"}, {\"text\": \"caf\xe9\"}, {\"text\": \"b\"}, {\"text\": \"c\\nc\"}]",
        ),
        ("a.txt", b"a\ncaf\xe9\nb\nc\n"),
    ];
    for (name, bytes) in sources {
        check(&Case::new(name, bytes), &["0xe9"], "--on-bad-row skip");
        let case = Case::new(name, bytes).with(|o| o.on_bad_row = OnBadRow::Skip);
        let (report, documents) = case.read();
        assert_eq!(documents.source_row, [0, 2, 3], "{name}");
        assert_eq!((report.bad, report.bad_rows), (1, vec![1]), "{name}");
        assert_eq!((documents.text(0), documents.text(1)), ("a", "b"), "{name}");
    }
}

#[test]
fn json_that_is_not_a_table_is_described() {
    let case = Case::new("a.json", "{\"n\": 1, \"data\": [{\"text\": \"a\"}]}");
    check(
        &case,
        &["an object instead of an array of objects"],
        "jq '.data'",
    );
    let case = Case::new("a.json", "title,n\na,1\n");
    check(&case, &["not JSON", "title,n"], "--format");
    let case = Case::new("a.jsonl", "title,n\na,1\n");
    check(&case, &["line 1", "title,n"], "--format");
}

#[test]
fn empty_files_are_refused() {
    check(
        &Case::new("a.csv", "title,n\n,1\nnan,2\n,3\n"),
        &["no text", "title"],
        "file is complete",
    );
    check(
        &Case::new("a.csv", ""),
        &["a.csv is empty"],
        "file is complete",
    );
    check(
        &Case::new("a.csv", "\u{feff}\n \n"),
        &["a.csv is empty"],
        "file is complete",
    );
    check(
        &Case::new("a.csv", "title,n\n"),
        &["title, n", "no rows"],
        "--no-header",
    );
    check(
        &Case::new("a.parquet", ""),
        &["a.parquet is empty"],
        "file is complete",
    );
    check(
        &Case::new("a.jsonl", "\n"),
        &["a.jsonl is empty"],
        "file is complete",
    );
}

#[test]
fn unknown_columns_are_reported_with_the_existing_ones() {
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
fn invalid_options_are_refused_before_anything_is_read() {
    let refused = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        Ingest::check(&options, &NoLocal {}).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|o| o.template = Some("{title".to_owned())));
    assert!(refused(|o| o.delimiter = Some(";;".to_owned())));
    assert!(refused(|o| {
        o.text = vec!["title".to_owned()];
        o.template = Some("{title}".to_owned());
    }));
}

#[test]
fn too_few_documents_are_refused() {
    check(
        &Case::new("a.csv", "text\na\nb\n"),
        &["2 of 2 rows", "needs at least 3"],
        "--text",
    );
    check(
        &Case::new("a.csv", "text,n\na,1\n,2\nnan,3\nb,4\n"),
        &["2 of 4 rows"],
        "no text",
    );
    check(
        &Case::new("a.csv", "text\na\nb\nc\n").with(|o| o.limit = Some(2)),
        &["--limit 2", "needs at least 3"],
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
        &["format of", "is unknown"],
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
fn invalid_sources_are_named() {
    let mut case = Case::new("a.csv", "text\na\n");
    case.sources = vec![case.dir.path().display().to_string()];
    check(&case, &["is a directory"], "*.csv");
    case.sources = vec![case.path("missing.csv").display().to_string()];
    check(&case, &["cannot read", "missing.csv"], "check the name");
    case.sources = Vec::new();
    check(&case, &["no source"], "give a file");
    case.sources = vec!["-".to_owned(), "-".to_owned()];
    check(&case, &["twice"], "once");
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_unread() {
    let mut case = Case::new("unused", "");
    let fifo = case.path("fifo.csv");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    let socket = case.path("socket.csv");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let pipes = [socket, "/dev/null".into(), fifo];
    let there = if made.is_ok_and(|status| status.success()) {
        &pipes[..]
    } else {
        &pipes[..2]
    };
    for pipe in there {
        case.sources = vec![pipe.display().to_string()];
        case.options.format = Some(Format::Csv);
        check(&case, &["not a regular file", "only once"], "skerry run -");
    }
}

#[test]
fn names_with_commas_and_long_lists_of_names_are_shown() {
    let content = "\"the, title\",n\na,1\nb,2\nc,3\n";
    check(
        &Case::new("a.csv", content).text(&["the", " title"]),
        &["`the`", "the, title"],
        "--text '\"the, title\"'",
    );
    let case = Case::new("a.csv", content).text(&["the, title"]);
    assert_eq!(case.texts(), ["a", "b", "c"]);
    let wide: Vec<String> = (0..5_000).map(|i| format!("c{i}")).collect();
    let row = "1,".repeat(4_999) + "1\n";
    let wide = format!("{}\n{}", wide.join(","), row.repeat(3));
    let (error, _) = Case::new("a.csv", wide).fails();
    assert!(
        error.len() < 200 && error.contains("and 4988 more"),
        "{error}"
    );
}

#[test]
fn strings_in_double_quotes_get_a_hint_about_quotes() {
    let case = Case::new("a.csv", "text,lang\na,en\nb,en\nc,de\n")
        .with(|o| o.r#where = Some("lang = \"en\"".to_owned()));
    check(&case, &["`en`"], "single quotes");
}

#[test]
fn the_hint_for_missing_vectors_works() {
    let content = "text,v\na,\"[1, 2]\"\nb,\nc,\"[1, 2]\"\nd,\"[3, 4]\"\n";
    let case = Case::new("a.csv", content).with(|o| o.vectors = Some("v".to_owned()));
    check(&case, &["row 1", "no vector"], "'\"v\" IS NOT NULL'");
    let case = case.with(|o| o.r#where = Some("\"v\" IS NOT NULL".to_owned()));
    assert_eq!(case.texts(), ["a", "c", "d"]);
    let case = Case::new("a.csv", content.replace("b,", "b,\"[1, NaN]\""))
        .with(|o| o.vectors = Some("v".to_owned()));
    let (error, hint) = case.fails();
    assert!(
        error.contains("not a finite") && !hint.contains("IS NOT NULL"),
        "{error} {hint}"
    );
}
