//! Parquet and Arrow IPC.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, DurationMicrosecondArray,
    FixedSizeListArray, Float16Array, Float32Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Int64Type};
use parquet::arrow::ArrowWriter;

use crate::{Case, columns, values};

fn frame() -> RecordBatch {
    let lists = (0..4).map(|i| Some(vec![Some(i as f32), Some(0.5)]));
    let v = ListArray::from_iter_primitive::<Float32Type, _, _>(lists);
    RecordBatch::try_from_iter(vec![
        (
            "title",
            Arc::new(StringArray::from(vec!["one", "two", "three", "four"])) as ArrayRef,
        ),
        (
            "n",
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])),
        ),
        (
            "f",
            Arc::new(Float32Array::from(vec![1.5, f32::NAN, 0.25, 4.0])),
        ),
        ("v", Arc::new(v)),
    ])
    .unwrap()
}

fn parquet_file(case: &Case, name: &str, batch: &RecordBatch) {
    let file = File::create(case.path(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn arrow_file(case: &Case, name: &str, batch: &RecordBatch, stream: bool) {
    let file = File::create(case.path(name)).unwrap();
    if stream {
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
    } else {
        let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
    }
}

#[test]
fn parquet_and_arrow_give_the_same_table() {
    let mut case = Case::new("unused", "");
    parquet_file(&case, "a.parquet", &frame());
    arrow_file(&case, "a.arrow", &frame(), false);
    arrow_file(&case, "s.arrows", &frame(), true);
    let packed = zstd::stream::encode_all(File::open(case.path("a.parquet")).unwrap(), 1).unwrap();
    std::fs::write(case.path("a.parquet.zst"), packed).unwrap();
    for name in ["a.parquet", "a.arrow", "s.arrows", "a.parquet.zst"] {
        case.sources = vec![case.path(name).display().to_string()];
        case.options.vectors = None;
        let (report, documents) = case.read();
        assert_eq!(columns(&documents), ["n (Int64)", "f (Float64)"], "{name}");
        assert_eq!(values(&documents, "n"), ["1", "", "3", "4"]);
        assert_eq!(report.left_out, ["v"], "{name}");
        case.options.vectors = Some("v".to_owned());
        case.read();
        assert_eq!(
            case.embeddings().values(),
            [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 3.0, 0.5]
        );
    }
    case.options = ingest::Options {
        text: vec!["title".to_owned(), "n".to_owned(), "f".to_owned()],
        ..Default::default()
    };
    assert_eq!(
        case.texts(),
        ["one\n1\n1.5", "two", "three\n3\n0.25", "four\n4\n4"],
        "never the word nan"
    );
}

/// A column of each type that other programs write.
fn every_type() -> RecordBatch {
    let list = |values: [Option<Vec<Option<i64>>>; 3]| -> ArrayRef {
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(values))
    };
    let structs = StructArray::from(vec![(
        Arc::new(Field::new("k", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef,
    )]);
    let categories: DictionaryArray<Int32Type> = vec!["x", "y", "x"].into_iter().collect();
    let half: Vec<_> = [0.5_f32, 1.0, 2.0].iter().map(|&x| half(x)).collect();
    RecordBatch::try_from_iter(vec![
        (
            "title",
            Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
        ("i8", Arc::new(Int8Array::from(vec![1, -2, 3]))),
        ("i16", Arc::new(Int16Array::from(vec![1, -2, 3]))),
        ("u8", Arc::new(UInt8Array::from(vec![1, 2, 255]))),
        ("u16", Arc::new(UInt16Array::from(vec![1, 2, 3]))),
        ("u32", Arc::new(UInt32Array::from(vec![1, 2, 3]))),
        ("u64", Arc::new(UInt64Array::from(vec![1, 2, 3]))),
        ("u64big", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX]))),
        ("f16", Arc::new(Float16Array::from(half))),
        ("f32", Arc::new(Float32Array::from(vec![0.5, 1.0, 2.0]))),
        (
            "dec",
            Arc::new(
                Decimal128Array::from(vec![150, 250, 350])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
        (
            "large",
            Arc::new(LargeStringArray::from(vec!["p", "q", "r"])),
        ),
        ("view", Arc::new(StringViewArray::from(vec!["p", "q", "r"]))),
        (
            "time",
            Arc::new(Time64MicrosecondArray::from(vec![0, 1_000_000, 2])),
        ),
        (
            "when",
            Arc::new(
                TimestampMillisecondArray::from(vec![0, 1_000, 2_000])
                    .with_timezone("Europe/Berlin"),
            ),
        ),
        (
            "naive",
            Arc::new(TimestampMillisecondArray::from(vec![0, 1_000, 2_000])),
        ),
        (
            "ints",
            list([Some(vec![Some(1), Some(2)]), None, Some(vec![])]),
        ),
        ("struct", Arc::new(structs)),
        ("cat", Arc::new(categories)),
        (
            "words",
            Arc::new(BinaryArray::from(vec![b"p".as_slice(), b"q", b"r"])),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from(vec![b"\xff".as_slice(), b"q", b"r"])),
        ),
    ])
    .unwrap()
}

#[test]
fn every_common_type_is_read() {
    let batch = every_type();
    let mut case = Case::new("unused", "");
    for stream in [false, true] {
        arrow_file(&case, "a.arrow", &batch, stream);
        case.sources = vec![case.path("a.arrow").display().to_string()];
        let (report, documents) = case.read();
        assert_eq!(
            columns(&documents),
            [
                "i8 (Int64)",
                "i16 (Int64)",
                "u8 (Int64)",
                "u16 (Int64)",
                "u32 (Int64)",
                "u64 (Int64)",
                "u64big (Utf8)",
                "f16 (Float64)",
                "f32 (Float64)",
                "dec (Decimal128(10, 2))",
                "large (Utf8)",
                "view (Utf8)",
                "time (Utf8)",
                "when (Timestamp(µs, \"+00:00\"))",
                "naive (Timestamp(µs))",
                "ints (Utf8)",
                "struct (Utf8)",
                "cat (Utf8)",
                "words (Utf8)"
            ]
        );
        assert_eq!(values(&documents, "u64big")[2], "18446744073709551615");
        assert_eq!(values(&documents, "f16"), ["0.5", "1.0", "2.0"]);
        assert_eq!(values(&documents, "dec"), ["1.50", "2.50", "3.50"]);
        assert_eq!(values(&documents, "when")[1], "1970-01-01T00:00:01Z");
        assert_eq!(values(&documents, "ints"), ["[1,2]", "", "[]"]);
        assert_eq!(values(&documents, "struct")[0], "{\"k\":1}");
        assert_eq!(values(&documents, "cat"), ["x", "y", "x"]);
        assert_eq!(report.left_out, ["bytes"]);
        let converted: Vec<String> = report.converted.iter().map(ToString::to_string).collect();
        assert_eq!(
            converted,
            [
                "u64big (u64 as text)",
                "time (time as ISO 8601 text)",
                "when (datetime[ms, Europe/Berlin] as the same times in UTC)",
                "ints (list[i64] as JSON text)",
                "struct (struct[1] as JSON text)",
                "words (binary as text)",
            ]
        );
        assert!(case.reports("stored with another type than in the source: u64big (u64 as text)"));
    }
}

fn half(x: f32) -> <arrow::datatypes::Float16Type as arrow::datatypes::ArrowPrimitiveType>::Native {
    arrow::compute::cast(&Float32Array::from(vec![x]), &DataType::Float16)
        .unwrap()
        .as_any()
        .downcast_ref::<Float16Array>()
        .unwrap()
        .value(0)
}

#[test]
fn fixed_size_lists_are_vectors_and_faults_name_their_row() {
    let vectors = |middle: Option<Vec<Option<f32>>>| {
        let rows = vec![
            Some(vec![Some(1.0), Some(2.0)]),
            middle,
            Some(vec![Some(5.0), Some(6.0)]),
        ];
        let list = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows, 2);
        let title = StringArray::from(vec!["a", "b", "c"]);
        RecordBatch::try_from_iter(vec![
            ("title", Arc::new(title) as ArrayRef),
            ("v", Arc::new(list)),
        ])
        .unwrap()
    };
    let mut case = Case::new("unused", "").with(|o| o.vectors = Some("v".to_owned()));
    case.sources = vec![case.path("a.arrow").display().to_string()];
    for (middle, words) in [
        (Some(vec![Some(f32::NAN), Some(1.0)]), "not a finite"),
        (Some(vec![None, Some(1.0)]), "null"),
        (None, "no vector"),
    ] {
        arrow_file(&case, "a.arrow", &vectors(middle), false);
        let (error, _) = case.fails();
        assert!(
            error.contains("row 1 of the source") && error.contains(words),
            "{error}"
        );
    }
    arrow_file(
        &case,
        "a.arrow",
        &vectors(Some(vec![Some(3.0), Some(4.0)])),
        false,
    );
    case.read();
    assert_eq!(case.embeddings().values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn parquet_with_vectors_of_another_program_is_read() {
    let path = test_support::data("notebook/notebook.parquet");
    let mut case = Case::new("unused", "").with(|o| o.vectors = Some("embedding".to_owned()));
    case.sources = vec![path.display().to_string()];
    let (report, documents) = case.read();
    assert_eq!((documents.len(), report.dimensions), (2_000, Some(384)));
    let norm: f32 = case.embeddings().row(1_999).iter().map(|x| x * x).sum();
    assert!((norm - 1.0).abs() < 1e-4, "{norm}");
}

#[test]
fn decimals_and_timestamps_are_exact() {
    let title = || Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef;
    let decimals = Decimal128Array::from(vec![1_234_567_890_123_456_789_012, -1, 0])
        .with_precision_and_scale(30, 2)
        .unwrap();
    let batch = RecordBatch::try_from_iter(vec![
        ("title", title()),
        ("dec", Arc::new(decimals) as ArrayRef),
        (
            "ns",
            Arc::new(TimestampNanosecondArray::from(vec![1, 2, 1_000_000_003])),
        ),
        (
            "dur",
            Arc::new(DurationMicrosecondArray::from(vec![
                Some(93_600_500_000),
                None,
                Some(-5),
            ])),
        ),
    ])
    .unwrap();
    let mut case = Case::new("unused", "");
    arrow_file(&case, "a.arrow", &batch, false);
    case.sources = vec![case.path("a.arrow").display().to_string()];
    let (report, documents) = case.read();
    assert_eq!(
        values(&documents, "dec"),
        ["12345678901234567890.12", "-0.01", "0.00"]
    );
    assert_eq!(
        values(&documents, "ns"),
        [
            "1970-01-01T00:00:00.000000001",
            "1970-01-01T00:00:00.000000002",
            "1970-01-01T00:00:01.000000003"
        ]
    );
    assert_eq!(
        values(&documents, "dur"),
        ["P1DT2H0.5S", "", "-PT0.000005S"]
    );
    let converted: Vec<String> = report.converted.iter().map(ToString::to_string).collect();
    assert_eq!(converted, ["dur (duration[μs] as ISO 8601 text)"]);

    // Only kept columns are reported, and decimals can be compared.
    case.options.columns = vec!["dec".to_owned()];
    case.options.r#where = Some("dec < 1 OR dec > 5".to_owned());
    let (report, documents) = case.read();
    assert_eq!((report.converted.len(), documents.len()), (0, 3));

    // Moments of finer and coarser files meet in the finer unit.
    let coarse = RecordBatch::try_from_iter(vec![
        ("title", title()),
        (
            "ns",
            Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3])) as ArrayRef,
        ),
    ])
    .unwrap();
    arrow_file(&case, "b.arrow", &coarse, false);
    case.sources
        .push(case.path("b.arrow").display().to_string());
    case.options = ingest::Options::default();
    let (_, documents) = case.read();
    let moments = values(&documents, "ns");
    assert_eq!(moments[0], "1970-01-01T00:00:00.000000001");
    assert_eq!(moments[5], "1970-01-01T00:00:00.000003");
}
