//! CSV and similar formats: values and types that are read.

use ingest::formats::{OnBadRow, Quote};

use crate::{Case, columns, values};

const THREE: &str = "title,description,year\nOne,first,2001\nTwo,second,2002\nThree,third,2003\n";

#[test]
fn title_and_description_are_found_and_joined_by_a_newline() {
    let case = Case::new("a.csv", THREE);
    let (report, documents) = case.read();
    assert_eq!(documents.text(0), "One\nfirst");
    assert_eq!(documents.source_row, [0, 1, 2]);
    assert_eq!(
        columns(&documents),
        ["title (Utf8)", "description (Utf8)", "year (Int64)"]
    );
    assert_eq!((report.rows, report.documents), (3, 3));
    assert!(case.reports("title and description"));
}

#[test]
fn a_single_text_column_is_not_stored_twice() {
    let (report, documents) = Case::new("a.csv", THREE).text(&["title"]).read();
    assert_eq!(documents.text(2), "Three");
    assert_eq!(columns(&documents), ["description (Utf8)", "year (Int64)"]);
    assert_eq!(report.text, ["title"]);
}

#[test]
fn a_template_composes_the_text() {
    let case = Case::new("a.csv", THREE)
        .with(|o| o.template = Some("{title} ({year}): {description}".to_owned()));
    assert_eq!(case.texts()[1], "Two (2002): second");
}

#[test]
fn empty_fields_are_omitted_and_rows_without_text_left_out() {
    let case = Case::new(
        "a.csv",
        "title,description\nOne,\n,second\n,\nNaN,nan\n\"  \",x\nSix,NULL\n",
    );
    let (report, documents) = case.read();
    let texts: Vec<&str> = (0..documents.len()).map(|id| documents.text(id)).collect();
    assert_eq!(texts, ["One", "second", "x", "Six"]);
    assert_eq!(documents.source_row, [0, 1, 4, 5]);
    assert_eq!(
        (report.without_text, report.without_text_rows),
        (2, vec![2, 3])
    );
    assert_eq!(report.null_words, 3);
}

#[test]
fn null_words_can_be_set() {
    let case = Case::new("a.csv", "text\nnan\nNone\n-\nword\nother\n")
        .with(|o| o.null_values = vec!["-".to_owned()]);
    assert_eq!(case.texts(), ["nan", "None", "word", "other"]);
}

#[test]
fn quoted_fields_may_contain_delimiters_quotes_and_newlines() {
    let case = Case::new(
        "a.csv",
        "title,n\r\n\"a, \"\"b\"\"\r\nc\",1\r\n\"\",2\r\nplain \"quoted\" word,3\r\nlast,4\r\n\"end\",5",
    );
    let (report, documents) = case.read();
    assert_eq!(documents.text(0), "a, \"b\"\r\nc");
    assert_eq!(documents.text(1), "plain \"quoted\" word");
    assert_eq!(documents.text(3), "end");
    assert_eq!(documents.source_row, [0, 2, 3, 4]);
    assert_eq!(report.without_text_rows, [1]);
    assert_eq!(values(&documents, "n"), ["1", "3", "4", "5"]);
}

#[test]
fn quotes_are_escaped_by_doubling_by_backslash_or_not_at_all() {
    let backslash = Case::new(
        "a.csv",
        "title,n\n\"say \\\"no\\\" \\\\ \\d\",1\nb,2\nc,3\n",
    )
    .with(|o| o.quote = Quote::Backslash);
    assert_eq!(backslash.texts()[0], "say \"no\" \\ \\d");
    let none =
        Case::new("a.csv", "title,n\n\"Foo\" said,1\n\"b,2\nc,3\n").with(|o| o.quote = Quote::None);
    assert_eq!(none.texts(), ["\"Foo\" said", "\"b", "c"]);
}

#[test]
fn the_delimiter_is_detected_and_reported() {
    for (name, delimiter) in [
        ("a.csv", ";"),
        ("b.csv", "\t"),
        ("c.csv", "|"),
        ("d.tsv", ","),
        ("e.txt.csv", ";"),
    ] {
        let case = Case::new(name, THREE.replace(',', delimiter));
        assert_eq!(case.texts()[0], "One\nfirst", "{name}");
        assert!(case.reports("separated by"), "{name}");
    }
    let plain = Case::new("a.tsv", THREE.replace(',', "\t"));
    assert_eq!(plain.texts()[0], "One\nfirst");
    assert!(!plain.reports("separated by"));
    let given =
        Case::new("a.csv", THREE.replace(',', "#")).with(|o| o.delimiter = Some("#".to_owned()));
    assert_eq!(given.texts()[0], "One\nfirst");
}

#[test]
fn a_semicolon_in_a_text_is_not_a_delimiter() {
    let case = Case::new("a.csv", "text\na; b\nc; d\ne; f\n");
    assert_eq!(case.texts(), ["a; b", "c; d", "e; f"]);
    let case = Case::new("a.csv", "text,n\na; b,1\nc; d,2\ne; f,3\n");
    assert_eq!(case.texts(), ["a; b", "c; d", "e; f"]);
}

#[test]
fn byte_order_marks_and_line_endings_of_other_systems_are_accepted() {
    assert_eq!(
        Case::new("a.csv", format!("\u{feff}{THREE}")).texts()[0],
        "One\nfirst"
    );
    assert_eq!(
        Case::new("a.csv", THREE.replace('\n', "\r\n")).texts()[2],
        "Three\nthird"
    );
    assert_eq!(
        Case::new("a.csv", THREE.replace('\n', "\r")).texts()[2],
        "Three\nthird"
    );
    assert_eq!(Case::new("a.csv", THREE.trim_end()).texts().len(), 3);
}

#[test]
fn blank_lines_are_not_rows() {
    let (report, documents) = Case::new("a.csv", "\ntext,n\n\na,1\n\n\nb,2\nc,3\n\n").read();
    assert_eq!(documents.source_row, [0, 1, 2]);
    assert_eq!(report.blank_lines, 5);
}

#[test]
fn encodings_are_given_detected_or_repaired_on_request() {
    let latin = b"title,n\ncaf\xe9,1\nb,2\nc,3\n";
    assert_eq!(
        Case::new("a.csv", latin)
            .with(|o| o.encoding = "latin1".to_owned())
            .texts()[0],
        "café"
    );
    let case = Case::new("a.csv", latin).with(|o| o.encoding = "lossy".to_owned());
    let (report, documents) = case.read();
    assert_eq!(
        (documents.text(0), report.replaced_bytes),
        ("caf\u{fffd}", 1)
    );
    let mut wide = vec![0xff, 0xfe];
    wide.extend(THREE.encode_utf16().flat_map(u16::to_le_bytes));
    let case = Case::new("a.csv", &wide);
    assert_eq!(case.texts()[0], "One\nfirst");
    assert!(case.reports("UTF-16LE"));
    let unmarked = Case::new("a.csv", &wide[2..]).with(|o| o.encoding = "utf-16le".to_owned());
    assert_eq!(unmarked.texts()[0], "One\nfirst");
}

#[test]
fn types_are_inferred_from_all_rows() {
    let case = Case::new(
        "a.csv",
        "title,n,f,b,d,t,zip,id,mixed,empty\n\
         a,1,1,true,2024-01-31,2024-01-31T10:00:00Z,01067,2503.11720,1,\n\
         b,,nan,False,,2024-01-31 12:00:00+01:00,80331,2503.1,x,\n\
         c,3,2.5,,2024-02-29,,,7,,\n",
    );
    let (_, documents) = case.read();
    assert_eq!(
        columns(&documents),
        [
            "n (Int64)",
            "f (Float64)",
            "b (Boolean)",
            "d (Date32)",
            "t (Timestamp(µs, \"+00:00\"))",
            "zip (Utf8)",
            "source_id (Utf8)",
            "mixed (Utf8)",
            "empty (Utf8)"
        ]
    );
    assert_eq!(values(&documents, "f"), ["1.0", "", "2.5"]);
    assert_eq!(
        values(&documents, "t"),
        ["2024-01-31T10:00:00Z", "2024-01-31T11:00:00Z", ""]
    );
    assert_eq!(
        values(&documents, "source_id"),
        ["2503.11720", "2503.1", "7"]
    );
}

#[test]
fn reserved_and_duplicate_names_are_changed_and_reported() {
    let case = Case::new(
        "a.csv",
        "title,label,x,cluster_l0,source_label,title,\na,1,2,3,4,5,6\nb,1,2,3,4,5,6\nc,1,2,3,4,5,6\n",
    );
    let (report, documents) = case.text(&["title"]).read();
    let names: Vec<String> = documents
        .columns
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        names,
        [
            "source_label_2",
            "source_x",
            "source_cluster_l0",
            "source_label",
            "title_2",
            "column_7"
        ]
    );
    assert_eq!(report.renamed.len(), 5);
}

#[test]
fn bad_rows_are_skipped_on_request_counted_and_listed() {
    let content = "title,n\na,1\nb\nc,3,3\n\"d\" x,4\ne,5\n\"f,6\ng,7\n";
    let case = Case::new("a.csv", content).with(|o| o.on_bad_row = OnBadRow::Skip);
    let (report, documents) = case.read();
    assert_eq!(case.texts(), ["a", "e", "g"]);
    assert_eq!(
        (report.rows, report.bad, report.bad_rows),
        (7, 4, vec![1, 2, 3, 5])
    );
    assert_eq!(documents.source_row, [0, 4, 6]);
}

#[test]
fn a_file_without_a_header_and_a_file_of_lines() {
    let case = Case::new("a.csv", "a,1\nb,2\nc,3\n").with(|o| o.no_header = true);
    assert_eq!(case.texts(), ["a", "b", "c"]);
    assert!(case.reports("column_1"));
    let (report, documents) = Case::new("a.txt", "one, two\n\nthree; four\n\"five\n").read();
    assert_eq!(documents.text(2), "\"five");
    assert_eq!(
        (documents.source_row.clone(), report.without_text_rows),
        (vec![0, 2, 3], vec![1])
    );
}

#[test]
fn a_single_column_is_read() {
    assert_eq!(
        Case::new("a.csv", "whatever\none\ntwo\nthree\n").texts(),
        ["one", "two", "three"]
    );
    assert_eq!(
        Case::new("a.csv", "\"text\"\n\"a, b\"\n\"c\"\n\"\"\nd\n").texts(),
        ["a, b", "c", "d"]
    );
}

#[test]
fn very_long_cells_are_read() {
    let long = "many words ".repeat(1_000_000);
    let case = Case::new("a.csv", format!("text,n\n\"{long}\",1\nb,2\nc,3\n"));
    assert_eq!(case.texts()[0].len(), long.len());
}

#[test]
fn entities_are_decoded_only_on_request() {
    let content = "text,n\nisn #39;t &lt;b&gt;,1\nb &amp; c,2\nd,3\n";
    assert_eq!(
        Case::new("a.csv", content).texts()[0],
        "isn #39;t &lt;b&gt;"
    );
    let case = Case::new("a.csv", content).with(|o| o.decode_entities = true);
    let (report, documents) = case.read();
    assert_eq!(
        (documents.text(0), documents.text(1), report.decoded),
        ("isn't <b>", "b & c", 2)
    );
}
