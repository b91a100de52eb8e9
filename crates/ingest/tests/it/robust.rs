//! Whatever the bytes, the answer is documents or an error with a remedy, never a panic.

use std::fmt::Write as _;

use ingest::formats::{Format, OnBadRow, Quote};
use proptest::prelude::*;

use crate::Case;

/// Runs a case; an error must have its remedy.
fn answers(case: &Case) {
    if let Err(error) = case.run() {
        assert!(stage::Hint::hint(&error).is_some(), "{error} has no remedy");
        assert!(!error.to_string().is_empty());
    }
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![
        Format::Csv,
        Format::Tsv,
        Format::Jsonl,
        Format::Json,
        Format::Parquet,
        Format::Arrow,
        Format::Lines,
    ])
}

fn quote() -> impl Strategy<Value = Quote> {
    prop::sample::select(vec![Quote::Double, Quote::Backslash, Quote::None])
}

fn encoding() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["utf-8", "lossy", "latin1", "utf-16le", "gb18030"])
}

/// Letters that matter to a parser, and some that do not.
fn letters() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            '"', ',', '\n', '\r', ';', '\t', '\\', 'a', 'é', ' ', '{', '}', '[', ']', ':', '1',
        ]),
        0..120,
    )
    .prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), format in format(), encoding in encoding()) {
        answers(&Case::new("a", bytes).with(|o| (o.format, o.encoding) = (Some(format), encoding.to_owned())));
    }

    #[test]
    fn random_letters_do_not_panic(text in letters(), format in format(), quote in quote(), skip: bool, no_header: bool, dedup: bool) {
        answers(&Case::new("a", text).with(|o| {
            (o.format, o.quote, o.no_header, o.dedup, o.decode_entities) = (Some(format), quote, no_header, dedup, true);
            o.on_bad_row = if skip { OnBadRow::Skip } else { OnBadRow::Error };
        }));
    }

    /// What a careful writer writes comes back as it was.
    #[test]
    fn quoted_fields_round_trip(cells in prop::collection::vec((letters(), letters()), 3..8), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let field = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut content = format!("text,other{end}");
        for (text, other) in &cells {
            let _ = write!(content, "{},{}{end}", field(&format!("x{text}")), field(other));
        }
        let case = Case::new("a.csv", content).with(|o| o.template = Some("{text}".to_owned()));
        let expected: Vec<String> = cells.iter().map(|(text, _)| format!("x{text}")).collect();
        prop_assert_eq!(case.texts(), expected);
    }
}

/// Good files of the binary formats, to be spoiled.
fn binary_files() -> Vec<(&'static str, Vec<u8>)> {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, ListArray, RecordBatch, StringArray};
    use arrow::datatypes::Float32Type;
    use arrow::ipc::writer::{FileWriter, StreamWriter};
    use parquet::arrow::ArrowWriter;

    let text: ArrayRef = Arc::new(StringArray::from(vec!["one", "two", "three"]));
    let lists = (0..3).map(|_| Some(vec![Some(0.5), Some(1.5)]));
    let v: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    let batch = RecordBatch::try_from_iter(vec![("text", text), ("v", v)]).unwrap();
    let (mut parquet, mut arrow, mut stream) = (Vec::new(), Vec::new(), Vec::new());
    let mut writer = ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut writer = FileWriter::try_new(&mut arrow, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder
            .write_all(b"text,n\none,1\ntwo,2\nthree,3\n")
            .unwrap();
        encoder.finish().unwrap()
    };
    vec![
        ("a.parquet", parquet),
        ("a.arrow", arrow),
        ("b.arrows", stream),
        ("a.csv.gz", gzip),
    ]
}

#[test]
fn truncated_files_do_not_panic() {
    for (name, bytes) in binary_files() {
        for length in (0..bytes.len()).step_by(7) {
            answers(&Case::new(name, &bytes[..length]));
        }
    }
}

#[test]
fn corrupted_files_do_not_panic() {
    let mut stream = stage::Seed(3).stream("spoil", 0);
    for (name, bytes) in binary_files() {
        for _ in 0..150 {
            let mut spoiled = bytes.clone();
            let at = stream.below(spoiled.len());
            spoiled[at] ^= 1 << stream.below(8);
            answers(&Case::new(name, spoiled));
        }
    }
}
