//! `--where` by the rules of SQL: nulls, numbers of every width, dates in other forms, what a condition cannot hold.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float16Array, Float32Array, Float64Array, Int64Array,
    LargeStringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::DataType;
use ingest::formats::Kind;
use ingest::table::{Column, Table};

use crate::where_checks::{keeps, refuses};

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let rows = columns[0].1.len();
    let column = |(name, values): (&str, ArrayRef)| Column {
        name: name.to_owned(),
        values,
        kind: Kind::Typed,
    };
    Table {
        columns: columns.into_iter().map(column).collect(),
        source_row: (0..rows as i64).collect(),
    }
}

fn texts(cells: &[&str]) -> ArrayRef {
    let cells = cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell));
    Arc::new(cells.collect::<LargeStringArray>())
}

#[test]
fn nulls_are_neither_true_nor_false() {
    let table = table(vec![
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        (
            "n",
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
        ),
        (
            "other",
            Arc::new(Int64Array::from(vec![Some(1), None, None])),
        ),
    ]);
    keeps(
        &table,
        &[
            ("flag IS TRUE", &[0]),
            ("flag IS NOT TRUE", &[1, 2]),
            ("flag IS FALSE", &[1]),
            ("flag IS NOT FALSE", &[0, 2]),
            ("flag IS UNKNOWN", &[2]),
            ("flag IS NOT UNKNOWN", &[0, 1]),
            ("NOT flag IS TRUE", &[1, 2]),
            ("n > 1 IS NOT TRUE", &[0, 1]),
            ("(n > 1) IS UNKNOWN", &[1]),
            ("NULL IS NOT TRUE", &[0, 1, 2]),
            ("n IS DISTINCT FROM other", &[2]),
            ("n IS NOT DISTINCT FROM other", &[0, 1]),
            ("n IS NOT DISTINCT FROM NULL", &[1]),
            ("NOT n IS DISTINCT FROM 1", &[0]),
            ("n <=> other", &[0, 1]),
            // Three-valued logic.
            ("flag OR n = 3", &[0, 2]),
            ("flag AND n = 1", &[0]),
            ("NOT (flag AND n = 3)", &[0, 1]),
            ("(flag OR TRUE)", &[0, 1, 2]),
            ("(flag AND FALSE) IS NOT UNKNOWN", &[0, 1, 2]),
            ("flag XOR (n = 3)", &[0]),
            ("n NOT IN (1)", &[2]),
            ("(n IN (1)) IS UNKNOWN", &[1]),
            ("n NOT BETWEEN 2 AND 3", &[0]),
            ("CASE WHEN flag THEN FALSE ELSE TRUE END", &[1, 2]),
            ("NULLIF(n, 3) IS NULL", &[1, 2]),
            ("GREATEST(n, other) = 3", &[2]),
            ("LEAST(other, 2) = 2", &[1, 2]),
            ("n || 'x' IS NULL", &[1]),
            ("CONCAT(n, 'x') = 'x'", &[1]),
        ],
    );
}

#[test]
fn floats_equal_the_literals_that_they_were_written_from() {
    let wide: ArrayRef = Arc::new(Float64Array::from(vec![0.1, 0.5, f64::NAN, -0.0]));
    let half = arrow::compute::cast(&wide, &DataType::Float16).unwrap();
    let half: ArrayRef = Arc::new(
        half.as_any()
            .downcast_ref::<Float16Array>()
            .unwrap()
            .clone(),
    );
    let table = table(vec![
        (
            "score",
            Arc::new(Float32Array::from(vec![0.1, 0.5, f32::NAN, -0.0])),
        ),
        ("half", half),
        ("wide", wide),
    ]);
    keeps(
        &table,
        &[
            ("score = 0.1", &[0]),
            ("score >= 0.1", &[0, 1]),
            ("score <= 0.1", &[0, 3]),
            ("score > 0.1", &[1]),
            ("score IN (0.1, 0.7)", &[0]),
            ("score BETWEEN 0.1 AND 0.1", &[0]),
            ("score * 2 = 0.2", &[0]),
            ("half = 0.1", &[0]),
            ("half >= 0.1", &[0, 1]),
            ("wide = 0.1", &[0]),
            ("ABS(score) = 0.1", &[0]),
            ("COALESCE(score, 0.7) = 0.7", &[2]),
            // Between columns nothing is rounded.
            ("score = wide", &[1, 3]),
            ("score > wide", &[0]),
            // Not a number is no value, and there is one zero.
            ("score IS NULL", &[2]),
            ("half IS NULL", &[2]),
            ("score = 0 AND half = 0 AND wide = 0.0", &[3]),
            ("CAST('nan' AS DOUBLE) IS NULL", &[0, 1, 2, 3]),
            ("SQRT(wide - 0.2) IS NULL", &[0, 2, 3]),
        ],
    );
}

#[test]
fn large_numbers_and_decimals_are_exact() {
    let decimals = Decimal128Array::from(vec![10, 30, 900_719_925_474_099_300]);
    let table = table(vec![
        (
            "n",
            Arc::new(Int64Array::from(vec![
                9_007_199_254_740_992,
                9_007_199_254_740_993,
                i64::MAX,
            ])),
        ),
        (
            "u",
            Arc::new(UInt64Array::from(vec![0, u64::MAX - 1, u64::MAX])),
        ),
        (
            "f",
            Arc::new(Float64Array::from(vec![
                9_007_199_254_740_992.0,
                9_007_199_254_740_992.0,
                2.5,
            ])),
        ),
        (
            "d",
            Arc::new(decimals.with_precision_and_scale(20, 2).unwrap()),
        ),
    ]);
    keeps(
        &table,
        &[
            ("n = f", &[0]),
            ("n > f", &[1, 2]),
            ("f = 9007199254740993", &[]),
            ("f < 9007199254740993", &[0, 1, 2]),
            ("n = 9007199254740993", &[1]),
            ("n = 9007199254740993.0", &[1]),
            ("n > 9007199254740992.5", &[1, 2]),
            ("n IN (9007199254740993)", &[1]),
            ("n > 2.5 AND f > 2", &[0, 1, 2]),
            ("u = 18446744073709551615", &[2]),
            ("u > 18446744073709551614", &[2]),
            ("u > 9223372036854775807", &[1, 2]),
            ("u < n", &[0]),
            ("d = 0.1", &[0]),
            ("d + 0.2 = 0.3", &[0]),
            ("d * 3 = 0.3", &[0]),
            ("d = 9007199254740993", &[2]),
            ("d = 0.101", &[]),
            ("d < 0.101", &[0]),
            ("d IN (0.1, 0.3)", &[0, 1]),
            ("ROUND(d) = 0", &[0, 1]),
            ("CAST(d AS BIGINT) = 9007199254740993", &[2]),
        ],
    );
    refuses(
        &table,
        &[
            ("n + 1 > 0", &["row 2", "too large"]),
            (
                "CAST(u AS BIGINT) > 0",
                &["18446744073709551614", "TRY_CAST"],
            ),
            ("CAST(f AS DECIMAL(5, 0)) > 0", &["row 0"]),
        ],
    );
}

#[test]
fn division_is_that_of_postgresql() {
    let table = table(vec![
        ("n", Arc::new(Int64Array::from(vec![7, -7, 0]))),
        ("f", Arc::new(Float64Array::from(vec![2.0, 4.0, 0.0]))),
    ]);
    keeps(
        &table,
        &[
            ("n / 2 = 3", &[0]),
            ("n / 2 = -3", &[1]),
            ("n % 2 = -1", &[1]),
            ("MOD(n, 2) = 1", &[0]),
            ("n / 2.0 = 3.5", &[0]),
            ("n // 2 = -3", &[1]),
            // What is not reached is not computed.
            ("n <> 0 AND 14 / n = 2", &[0]),
            ("n = 0 OR 14 / n = 2", &[0, 2]),
            ("CASE WHEN n = 0 THEN TRUE ELSE 14 / n = 2 END", &[0, 2]),
            ("COALESCE(NULLIF(n, 0) > 0, TRUE)", &[0, 2]),
            ("14 / NULLIF(n, 0) = 2", &[0]),
        ],
    );
    refuses(
        &table,
        &[
            (
                "14 / n = 2",
                &["row 2 of the source", "14 is divided by zero", "CASE WHEN"],
            ),
            ("14 % n = 2", &["row 2", "divided by zero"]),
            ("1 / f > 0", &["row 2", "divided by zero"]),
            ("n > 1 / 0", &["divided by zero"]),
        ],
    );
}

#[test]
fn dates_in_other_forms_are_not_ordered_by_letters() {
    let table = table(vec![
        ("eu", texts(&["31/12/2024", "01/02/2025", "", "nan"])),
        ("us", texts(&["12/31/2024", "2/1/2025", "", "n/a"])),
        ("iso", texts(&["2024-12-31", "2025-2-1", "", ""])),
        ("word", texts(&["31 Dec 2024", "1 Feb 2025", "", ""])),
        ("name", texts(&["Ann", "bob", "", ""])),
    ]);
    keeps(
        &table,
        &[
            ("eu = '31/12/2024'", &[0]),
            ("eu LIKE '%/2025'", &[1]),
            ("eu IN ('01/02/2025')", &[1]),
            ("CAST(eu AS VARCHAR) > '1'", &[0, 3]),
            ("name > 'a'", &[1]),
            ("STRPTIME(word, '%d %b %Y') > '2024-12-31'", &[1]),
        ],
    );
    refuses(
        &table,
        &[
            (
                "eu >= '01/01/2025'",
                &[
                    "column `eu` is text",
                    "\"31/12/2024\" in row 0",
                    "letter by letter",
                    "DATE(eu, '%d/%m/%Y') >= '2025-01-31'",
                ],
            ),
            ("'01/01/2025' < eu", &["\"31/12/2024\" in row 0"]),
            ("eu BETWEEN '01/01/2025' AND '31/12/2025'", &["row 0"]),
            ("us < '1/1/2025'", &["\"12/31/2024\" in row 0"]),
            ("iso >= '2025-1-1'", &["\"2025-2-1\" in row 1"]),
            (
                "iso >= '2025-01-01'",
                &["\"2025-2-1\" in row 1", "TRY_CAST"],
            ),
            ("eu >= '2025-01-01'", &["\"31/12/2024\" in row 0"]),
            ("eu > '2025'", &["\"31/12/2024\" in row 0"]),
            ("word > '1 Jan 2025'", &["\"31 Dec 2024\" in row 0"]),
            ("eu < us", &["\"31/12/2024\" in row 0", "column us"]),
            (
                "DATE(us, '%d/%m/%Y') > '2025-01-01'",
                &[
                    "row 0",
                    "\"12/31/2024\" is not a date in the format '%d/%m/%Y'",
                ],
            ),
        ],
    );
}

#[test]
fn moments_of_every_zone_are_compared_in_utc() {
    use arrow::array::RecordBatch;
    let mut case = crate::Case::new("unused", "");
    for zone in [
        "+05:30",
        "-05",
        "+02",
        "Z",
        "UTC",
        "Europe/Berlin",
        "+00:00",
    ] {
        for parquet in [false, true] {
            let at = TimestampMicrosecondArray::from(vec![0, 1_000_000, 2_000_000, 3_000_000]);
            let title = arrow::array::StringArray::from(vec!["a", "b", "c", "d"]);
            let batch = RecordBatch::try_from_iter(vec![
                ("title", Arc::new(title) as ArrayRef),
                ("at", Arc::new(at.with_timezone(zone))),
            ])
            .unwrap();
            let path = case.path(if parquet { "a.parquet" } else { "a.arrow" });
            let file = std::fs::File::create(&path).unwrap();
            if parquet {
                let mut writer =
                    parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
            } else {
                let mut writer =
                    arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
                writer.write(&batch).unwrap();
                writer.finish().unwrap();
            }
            case.sources = vec![path.display().to_string()];
            for condition in [
                "at >= '1970-01-01T00:00:01Z'",
                "at >= '1970-01-01T05:30:01+05:30'",
                "at > '1970-01-01'",
                "at >= CAST('1970-01-01 00:00:01' AS TIMESTAMP WITH TIME ZONE)",
                "EXTRACT(SECOND FROM at) >= 1",
            ] {
                case.options.r#where = Some(condition.to_owned());
                assert_eq!(case.texts(), ["b", "c", "d"], "{zone}, {condition}");
            }
        }
    }
}

#[test]
fn patterns_and_functions_of_texts() {
    let table = table(vec![
        ("t", texts(&["100%", "a_b", "A\\b", "harbor\nice", ""])),
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
    ]);
    keeps(
        &table,
        &[
            ("t LIKE '100!%' ESCAPE '!'", &[0]),
            ("t LIKE '%!_%' ESCAPE '!'", &[1]),
            ("t LIKE 'A\\b'", &[2]),
            ("t ILIKE 'a\\_'", &[2]),
            ("t LIKE 'a_b'", &[1]),
            ("t LIKE 'harbor%'", &[3]),
            ("t NOT LIKE '%b%'", &[0]),
            ("t ~ '^[a-z]'", &[1, 3]),
            ("t ~* '^a'", &[1, 2]),
            ("t !~ '^[a-z]'", &[0, 2]),
            ("REGEXP_LIKE(t, '^A', 'i')", &[1, 2]),
            ("LENGTH(t) = 3", &[1, 2]),
            ("UPPER(t) = 'A_B'", &[1]),
            ("SUBSTR(t, 2, 1) = '_'", &[1]),
            ("SUBSTRING(t FROM 2 FOR 1) = '_'", &[1]),
            ("SUBSTR(t, 0, 2) = 'a'", &[1]),
            ("TRIM('  x ') = 'x'", &[0, 1, 2, 3, 4]),
            ("TRIM(BOTH '%' FROM t) = '100'", &[0]),
            ("RTRIM(t, '%') = '100'", &[0]),
            ("LEFT(t, 2) = '10' AND RIGHT(t, 1) = '%'", &[0]),
            ("POSITION('_' IN t) = 2", &[1]),
            ("REPLACE(t, '_', '-') = 'a-b'", &[1]),
            ("t || n = 'a_b2'", &[1]),
            ("LPAD(CAST(n AS VARCHAR), 2, '0') = '03'", &[2]),
            ("SPLIT_PART(t, '_', 2) = 'b'", &[1]),
            ("COALESCE(t, 'none') = 'none'", &[4]),
            ("INITCAP(t) = 'A_B'", &[1]),
            ("n IN (1, 2.0, 2.5)", &[0, 1]),
            ("ABS(n - 3) = 2", &[0, 4]),
            ("ROUND(n / 2.0) = 2", &[2, 3, 4]),
            ("FLOOR(n / 2.0) = 2 AND CEIL(n / 2.0) = 3", &[4]),
            ("POWER(n, 2) = 9", &[2]),
            ("IF(n > 4, TRUE, FALSE)", &[4]),
            ("n::VARCHAR = '4'", &[3]),
        ],
    );
    refuses(
        &table,
        &[
            ("t LIKE 'a' ESCAPE '!!'", &["one character"]),
            ("t ~ '('", &["not a valid regular expression"]),
            ("LENGTH(t, 1) = 2", &["LENGTH", "one value"]),
            ("LENGHT(t) = 2", &["no function LENGHT", "LENGTH"]),
            ("t IN ('a', 1)", &["1 is a number"]),
            ("n IN (1, 'a')", &["'a' is text"]),
            ("t IN (n)", &["only literals"]),
        ],
    );
}

#[test]
fn a_long_chain_is_refused_and_a_long_list_is_not() {
    let table = table(vec![("n", Arc::new(Int64Array::from(vec![1, 2])))]);
    let chain = |terms: usize| format!("n = 0{}", " + 1".repeat(terms));
    keeps(&table, &[(&chain(2), &[1]), (&chain(400), &[])]);
    refuses(
        &table,
        &[(&chain(50_000), &["50001 operators", "AND and OR"])],
    );
    let list: Vec<String> = (2..20_000).map(|n| n.to_string()).collect();
    keeps(&table, &[(&format!("n IN ({})", list.join(", ")), &[1])]);
}

#[test]
fn unsupported_sql_is_named_in_words() {
    let table = table(vec![
        ("name", texts(&["a", "b"])),
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
    ]);
    refuses(
        &table,
        &[
            ("n = MAX(n)", &["MAX", "all rows"]),
            ("n > AVG(n)", &["AVG", "all rows"]),
            ("COUNT(*) > 1", &["COUNT", "all rows"]),
            ("SUM(n) OVER () > 1", &["window", "SUM"]),
            (
                "ROW_NUMBER() OVER (ORDER BY n) = 1",
                &["window", "ROW_NUMBER"],
            ),
            ("n = (SELECT 1)", &["a query in parentheses"]),
            ("n IN (SELECT n FROM self)", &["a query in parentheses"]),
            ("EXISTS (SELECT 1)", &["EXISTS"]),
            ("name SIMILAR TO 'a|b'", &["SIMILAR TO", "~ '"]),
            ("name COLLATE \"C\" = 'a'", &["COLLATE"]),
            ("n = ANY(ARRAY[1, 2])", &["ANY", "IN (1, 2)"]),
            ("name[1] = 'a'", &["part of a value"]),
            ("(n, name) = (1, 'a')", &["list of values"]),
            ("n AT TIME ZONE 'UTC' = 1", &["AT TIME ZONE"]),
            ("n -> 'a' = 1", &["`->`"]),
            ("n = $1", &["$1"]),
            ("name <> NULL", &["`<>` with NULL"]),
            ("name != NULL", &["`<>` with NULL"]),
            ("name > NULL", &["`>` with NULL"]),
            ("NULL = name", &["`=` with NULL", "name IS NULL"]),
            ("CASE name WHEN NULL THEN TRUE END", &["with NULL"]),
            ("other.n = 1", &["no column `other.n`"]),
            ("n = 1 GROUP BY n", &["GROUP"]),
            ("n = 1; DROP TABLE x", &["`;`"]),
            ("n =", &["its end"]),
            ("n = 'a", &["nterminated"]),
            ("CAST(name AS VARCHAR(2)) = 'a'", &["SUBSTR"]),
            ("CAST(n AS POINT) = 1", &["not supported"]),
            (
                "EXTRACT(TIMEZONE FROM DATE '2025-01-01') = 1",
                &["not a part"],
            ),
            ("n & 1.5 = 1", &["whole numbers"]),
        ],
    );
    let deep = format!("{}n = 1{}", "(".repeat(5_000), ")".repeat(5_000));
    refuses(&table, &[(&deep, &["nested too deeply"])]);
    let long = vec!["n = 1"; 5_000].join(" OR ");
    keeps(&table, &[(&long, &[0])]);
}

#[cfg(not(feature = "polars"))]
#[test]
fn an_engine_that_is_not_in_this_build_is_refused() {
    let case = crate::Case::new("a.csv", "text\na\nb\nc\n")
        .with(|o| o.where_engine = ingest::condition::Engine::Polars);
    let (error, hint) = case.fails();
    assert!(
        error == "this build does not have the Polars engine"
            && hint.contains("rebuild with --features polars"),
        "{error} {hint}"
    );
}
