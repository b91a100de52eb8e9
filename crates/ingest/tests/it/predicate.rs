//! `--where`: which rows a condition keeps, or why it is refused, by the types of the columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, LargeStringArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use ingest::formats::Kind;
use ingest::table::{Column, Table};
use ingest::types::infer_type;

use crate::where_checks::{self, null_words};
use crate::{Case, values};

/// Words of a delimited file as a column with its type.
fn typed(name: &str, cells: &[&str]) -> ArrayRef {
    let cells = cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell));
    infer_type(
        name,
        cells.collect::<LargeStringArray>(),
        Kind::Words,
        &null_words(),
    )
    .values
}

/// Six rows with a column of each type.
fn table() -> Table {
    let words = |name: &'static str, cells: [&str; 6]| (name, typed(name, &cells));
    let at = words(
        "at",
        [
            "2024-12-31 23:59:59",
            "2025-01-01 00:00",
            "2025-03-01 12:30:00.5",
            "",
            "2025-03-31 00:00",
            "2026-01-01 08:00",
        ],
    );
    let fine = [Some(1_i64), Some(2), None, Some(1_001), Some(2_000), None];
    let fine: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter(fine));
    let coarse: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, 0, 0, 1, 2, 0]));
    let price = [
        Some(0.5),
        Some(1.5),
        Some(f64::NAN),
        Some(2.0),
        None,
        Some(-1.0),
    ];
    let price: ArrayRef = Arc::new(Float64Array::from_iter(price));
    let amount = Decimal128Array::from(vec![12, 150, 10, 200, 325, 0]);
    let amount = amount.with_precision_and_scale(10, 2).expect("they fit");
    let values = [
        words("n", ["1", "2", "3", "10", "", "5"]),
        ("price", price),
        ("amount", Arc::new(amount)),
        words("flag", ["true", "false", "true", "", "false", "true"]),
        words(
            "day",
            [
                "2024-12-31",
                "2025-01-01",
                "2025-03-01",
                "",
                "2025-03-31",
                "2026-01-01",
            ],
        ),
        at,
        words(
            "zoned",
            [
                "2024-12-31T23:30:00Z",
                "2025-01-01T01:00:00+02:00",
                "2025-03-01T12:00:00Z",
                "",
                "2025-03-31T00:00:00Z",
                "2026-01-01T00:00:00Z",
            ],
        ),
        ("fine", fine),
        ("coarse", coarse),
        words("zip", ["01067", "80331", "01069", "10117", "", "99084"]),
        words("mixed", ["5", "10", "unknown", "7", "", "NaN"]),
        words(
            "when",
            [
                "2025-01-05",
                "2024-02-01",
                "spring 2025",
                "",
                "2025-02-30",
                "2025-12-01",
            ],
        ),
        words(
            "Odd Name",
            ["Harbor ice", "harbor", "100%", "a_b", "", "Ice"],
        ),
    ];
    let mut columns: Vec<Column> = values
        .into_iter()
        .map(|(name, values)| Column {
            name: name.to_owned(),
            values,
            kind: Kind::Words,
        })
        .collect();
    columns.push(Column {
        name: "empty".to_owned(),
        values: new_null_array(&DataType::LargeUtf8, 6),
        kind: Kind::Empty,
    });
    Table {
        columns,
        source_row: (0..6).collect(),
    }
}

fn keeps(cases: &[(&str, &[usize])]) {
    where_checks::keeps(&table(), cases);
}

fn refuses(cases: &[(&str, &[&str])]) {
    where_checks::refuses(&table(), cases);
}

#[test]
fn dates_are_compared_with_dates() {
    keeps(&[
        ("day >= '2025-03-01'", &[2, 4, 5]),
        ("'2025-03-01' <= day", &[2, 4, 5]),
        ("day < '2025-03-01'", &[0, 1]),
        ("day > '2025-03-01'", &[4, 5]),
        ("day <= '2025-03-01'", &[0, 1, 2]),
        ("day = '2025-03-01'", &[2]),
        ("day <> '2025-03-01'", &[0, 1, 4, 5]),
        ("day != '2025-03-01'", &[0, 1, 4, 5]),
        ("day BETWEEN '2025-01-01' AND '2025-03-31'", &[1, 2, 4]),
        ("day NOT BETWEEN '2025-01-01' AND '2025-03-31'", &[0, 5]),
        ("day IN ('2025-03-01', '2026-01-01')", &[2, 5]),
        ("day NOT IN ('2025-03-01', '2026-01-01')", &[0, 1, 4]),
        ("day IN (DATE '2025-03-01')", &[2]),
        ("day IS DISTINCT FROM '2025-03-01'", &[0, 1, 3, 4, 5]),
        ("day IS NOT DISTINCT FROM '2025-03-01'", &[2]),
        ("day IS DISTINCT FROM NULL", &[0, 1, 2, 4, 5]),
        ("day IS NULL", &[3]),
        ("day >= DATE '2025-03-01'", &[2, 4, 5]),
        ("day >= CAST('2025-03-01' AS DATE)", &[2, 4, 5]),
        ("NOT day >= '2025-03-01'", &[0, 1]),
        ("EXTRACT(YEAR FROM day) >= 2025", &[1, 2, 4, 5]),
        ("EXTRACT(MONTH FROM day) IN (3, 12)", &[0, 2, 4]),
        ("CAST(day AS VARCHAR) LIKE '2025-03-%'", &[2, 4]),
        ("STRFTIME(day, '%Y') = '2025'", &[1, 2, 4]),
        ("day > at", &[]),
        ("day <= at", &[0, 1, 2, 4, 5]),
        ("COALESCE(day, '2025-06-01') > '2025-05-01'", &[3, 5]),
        ("CASE WHEN day > '2025-02-01' THEN n ELSE 0 END = 3", &[2]),
        ("CASE day WHEN '2025-03-01' THEN TRUE ELSE FALSE END", &[2]),
        ("day + INTERVAL '1 day' = '2025-01-01'", &[0]),
        ("day - INTERVAL '1 month' >= '2025-02-01'", &[2, 4, 5]),
        (
            "day - CAST('2025-01-01' AS DATE) > INTERVAL '60 days'",
            &[4, 5],
        ),
    ]);
    refuses(&[
        (
            "day >= 2025",
            &[
                "`day` is a date",
                "2025 is a number",
                "`>=`",
                "day >= '2025-01-01'",
                "EXTRACT(YEAR FROM day) >= 2025",
            ],
        ),
        ("day < 2025", &["day < '2025-01-01'"]),
        ("2025 <= day", &["'2025-01-01' <= day"]),
        ("day = 2025", &["EXTRACT(YEAR FROM day) = 2025"]),
        ("day <> 2025", &["2025 is a number"]),
        ("day > 20250301", &["day > '2025-01-31'"]),
        ("day >= 2025.5", &["is a number"]),
        ("day > -1", &["-1 is a number"]),
        ("day BETWEEN 2024 AND 2025", &["2024 is a number"]),
        ("day BETWEEN '2024-01-01' AND 2025", &["2025 is a number"]),
        ("day IN (2025)", &["2025 is a number", "EXTRACT"]),
        ("day NOT IN (2024, 2025)", &["is a number"]),
        ("day IS DISTINCT FROM 2025", &["is a number"]),
        ("day = n", &["column `n` is a number"]),
        ("day = price", &["column `price` is a number"]),
        ("day = flag", &["column `flag` is a truth value"]),
        ("day > TRUE", &["TRUE is a truth value"]),
        ("day >= '2025'", &["'2025' is not a date", "'2025-01-31'"]),
        ("day >= '2025-03'", &["'2025-03' is not a date"]),
        ("day >= '03/01/2025'", &["is not a date"]),
        ("day >= '2025-02-30'", &["'2025-02-30' is not a date"]),
        ("day >= DATE '2025-02-30'", &["'2025-02-30' is not a date"]),
        ("day IN ('2025-02-30')", &["'2025-02-30' is not a date"]),
        ("day >= CAST('2025-02-30' AS DATE)", &["is not a date"]),
        ("CAST(at AS DATE) = '2025-02-30'", &["is not a date"]),
        ("day >= '2025-03-01 12:00'", &["is not a date"]),
        ("day >= ''", &["'' is not a date"]),
        ("day LIKE '2025%'", &["`day` is a date", "LIKE"]),
        ("day ILIKE '2025%'", &["`day` is a date"]),
        ("day NOT LIKE '2025%'", &["`day` is a date"]),
        ("day = NULL", &["day IS NULL"]),
        ("day <> NULL", &["day IS NOT NULL"]),
        ("day IN ('2025-03-01', NULL)", &["NULL", "OR day IS NULL"]),
        ("day NOT IN ('2025-03-01', NULL)", &["NULL"]),
        ("CAST(day AS BIGINT) >= 2025", &["EXTRACT(YEAR FROM day)"]),
        (
            "CAST(n AS DATE) >= '2025-01-01'",
            &["column `n` is a number"],
        ),
        ("day > 20000 AND n > 1", &["20000 is a number"]),
        ("COALESCE(day >= 2025, FALSE)", &["2025 is a number"]),
        (
            "CASE WHEN day > 2025 THEN TRUE ELSE FALSE END",
            &["is a number"],
        ),
        ("CASE day WHEN 2025 THEN TRUE END", &["is a number"]),
        ("COALESCE(day, 0) > 1", &["0 is a number"]),
        ("GREATEST(day, 2025) = day", &["2025 is a number"]),
        ("NULLIF(day, 2025) IS NULL", &["2025 is a number"]),
        ("day + 30 > '2025-01-01'", &["day + INTERVAL '30 days'"]),
        ("day - 1 > '2025-01-01'", &["INTERVAL"]),
        (
            "day - DATE '2025-01-01' > 30",
            &["interval", "INTERVAL '30 days'"],
        ),
        ("day > INTERVAL '1 day'", &["an interval"]),
        ("LENGTH(day) = 10", &["`day` is a date"]),
        ("ABS(day) > 5", &["`day` is a date"]),
        ("SUM(day) > 5", &["`day` is a date"]),
        ("day = MAX(day)", &["MAX", "all rows"]),
        ("day", &["not a truth value"]),
        ("NOT day", &["`day` is a date"]),
        ("day AND flag", &["`day` is a date"]),
        ("day >= 'Odd Name'", &["is not a date"]),
        ("day > \"Odd Name\"", &["column `Odd Name` is text"]),
    ]);
}

#[test]
fn times_are_compared_with_times_zone_by_zone() {
    keeps(&[
        ("at >= '2025-03-01'", &[2, 4, 5]),
        ("at >= '2025-03-01 12:30'", &[2, 4, 5]),
        ("at > '2025-03-01T12:30:00.5'", &[4, 5]),
        ("at = '2025-03-01 12:30:00.500000'", &[2]),
        ("at = '2025-01-01'", &[1]),
        ("at BETWEEN '2025-01-01' AND '2025-03-31'", &[1, 2, 4]),
        ("at IN ('2025-01-01', '2025-03-01 12:30:00.5')", &[1, 2]),
        ("at >= TIMESTAMP '2025-03-01 12:30:00'", &[2, 4, 5]),
        ("CAST(at AS DATE) = '2025-03-01'", &[2]),
        ("CAST(at AS DATE) IN ('2025-03-01')", &[2]),
        ("EXTRACT(HOUR FROM at) = 12", &[2]),
        ("CAST(at AS TIME) >= '12:30'", &[0, 2]),
        ("zoned >= '2025-03-01T12:00:00Z'", &[2, 4, 5]),
        ("zoned = '2025-01-01T00:30:00+01:00'", &[0]),
        ("zoned = '2024-12-31T18:00:00-05:00'", &[1]),
        ("zoned < '2025-01-01'", &[0, 1]),
        ("zoned BETWEEN '2025-01-01' AND '2025-03-31'", &[2, 4]),
        (
            "zoned IN ('2025-03-01T12:00:00Z', '2026-01-01T02:00:00+02:00')",
            &[2, 5],
        ),
        ("zoned NOT IN ('2025-03-01T12:00:00Z')", &[0, 1, 4, 5]),
        ("EXTRACT(YEAR FROM zoned) = 2024", &[0, 1]),
        ("CAST(zoned AS TIMESTAMP) < at", &[0, 1, 2, 5]),
        // No unit is cut off.
        ("fine = '1970-01-01T00:00:00.000000001'", &[0]),
        ("fine > '1970-01-01T00:00:00.000001'", &[3, 4]),
        ("fine = coarse", &[4]),
        ("coarse < fine", &[0, 1, 3]),
        ("fine IN ('1970-01-01T00:00:00.000002')", &[4]),
    ]);
    refuses(&[
        (
            "at >= 2025",
            &["column `at` is a date with a time", "EXTRACT"],
        ),
        (
            "zoned >= 2025",
            &["column `zoned` is a date with a time in UTC"],
        ),
        (
            "at >= '2025-03-01T12:00:00Z'",
            &["not a date with a time and no time zone"],
        ),
        ("at >= 'yesterday'", &["'yesterday' is not a date"]),
        ("at >= '2025-03-01 25:00'", &["is not a date"]),
        ("at = '2025-03-01 12:00:00.0000001'", &["is not a date"]),
        (
            "zoned >= '2025-03-01 12:00 CET'",
            &["not a date with a time"],
        ),
        ("zoned > at", &["CAST(zoned AS TIMESTAMP)"]),
        ("zoned > day", &["CAST(zoned AS TIMESTAMP)"]),
        ("CAST(at AS TIME) >= 12", &["a time of day", "'09:30:00'"]),
        (
            "CAST(at AS TIME) >= 'noon'",
            &["'noon' is not a time of day"],
        ),
        ("CAST(at AS BIGINT) > 5", &["EXTRACT"]),
        ("at LIKE '2025%'", &["LIKE"]),
    ]);
}

#[test]
fn numbers_are_compared_with_numbers() {
    keeps(&[
        ("n >= 3", &[2, 3, 5]),
        ("n = 2.0", &[1]),
        ("n > 2.5", &[2, 3, 5]),
        ("n BETWEEN 2 AND 5", &[1, 2, 5]),
        ("n IN (1, 10)", &[0, 3]),
        ("n NOT IN (1, 10)", &[1, 2, 5]),
        ("n > price", &[0, 1, 3, 5]),
        ("n <> -1", &[0, 1, 2, 3, 5]),
        ("-n < -4", &[3, 5]),
        ("n % 2 = 0 AND n / 4 > 1", &[3]),
        ("n & 1 = 1", &[0, 2, 5]),
        ("ABS(price) = 1", &[5]),
        ("ROUND(price, 0) = 2", &[1, 3]),
        ("amount = 0.12", &[0]),
        ("amount IN (0.12, 2.0)", &[0, 3]),
        ("amount IN (0.123, 0.1)", &[2]),
        ("amount > 0.1", &[0, 1, 3, 4]),
        // Not a number is no value.
        ("price > 0", &[0, 1, 3]),
        ("price <> 2", &[0, 1, 5]),
        ("price IS NULL", &[2, 4]),
        ("n IS NULL", &[4]),
        ("n IS DISTINCT FROM 1", &[1, 2, 3, 4, 5]),
        ("CAST(n AS VARCHAR) LIKE '1%'", &[0, 3]),
        ("CAST(n AS VARCHAR) || 'x' = '10x'", &[3]),
        ("n || '' = '10'", &[3]),
    ]);
    refuses(&[
        (
            "n = '5'",
            &["column `n` is a number", "'5' is text", "n = 5"],
        ),
        ("n > '5'", &["n > 5"]),
        ("'5' < n", &["5 < n"]),
        (
            "n IN ('1', '10')",
            &["column `n` is a number", "'1' is text"],
        ),
        ("n NOT IN ('1')", &["is text"]),
        ("n BETWEEN '1' AND '5'", &["is text"]),
        ("n = 'five'", &["'five' is text"]),
        ("n IS DISTINCT FROM '5'", &["is text"]),
        ("n = TRUE", &["TRUE is a truth value"]),
        ("n IS TRUE", &["is a truth value"]),
        ("n = flag", &["column `flag` is a truth value"]),
        ("n = zip", &["column `zip` is text"]),
        ("n = NULL", &["n IS NULL"]),
        ("n > NULL", &["n IS NULL"]),
        ("NULL <> n", &["n IS NOT NULL"]),
        ("n IN (1, NULL)", &["NULL"]),
        (
            "n LIKE '1%'",
            &["column `n` is a number", "CAST(n AS VARCHAR)"],
        ),
        ("n LIKE '1'", &["column `n` is a number"]),
        ("n ~ '1'", &["column `n` is a number"]),
        ("LENGTH(n) = 1", &["column `n` is a number"]),
        ("UPPER(n) = '1'", &["column `n` is a number"]),
        ("SUBSTR(n, 1, 1) = '1'", &["column `n` is a number"]),
        ("STARTS_WITH(n, '1')", &["column `n` is a number"]),
        ("REPLACE(n, '1', '2') = '2'", &["column `n` is a number"]),
        ("STARTS_WITH(zip, 1)", &["1 is a number"]),
        ("EXTRACT(YEAR FROM n) = 2025", &["column `n` is a number"]),
        ("n + '1' = 2", &["'1' is text"]),
        ("n + flag = 2", &["column `flag` is a truth value"]),
        ("n AND flag", &["n <> 0"]),
        ("n > AVG(n)", &["AVG", "all rows"]),
        ("COUNT(*) > 5", &["COUNT", "all rows"]),
        ("NOT n", &["n <> 0"]),
        ("n", &["not a truth value"]),
        (
            "CASE WHEN flag THEN n ELSE 'none' END = 'none'",
            &["'none' is text"],
        ),
        ("CASE WHEN n THEN TRUE END", &["n <> 0"]),
        ("COALESCE(n, 'none') = 'none'", &["'none' is text"]),
        ("CASE n WHEN '1' THEN TRUE END", &["'1' is text"]),
        ("CAST(n AS VARCHAR) = 5", &["5 is a number"]),
        ("N = 5", &["no column `N`", "did you mean `n`"]),
    ]);
}

#[test]
fn texts_are_compared_with_texts() {
    keeps(&[
        ("zip = '01067'", &[0]),
        ("zip >= '01000' AND zip < '02000'", &[0, 2]),
        ("zip IN ('01067', '99084')", &[0, 5]),
        ("zip LIKE '01%'", &[0, 2]),
        ("CAST(zip AS BIGINT) < 2000", &[0, 2]),
        ("\"Odd Name\" = 'harbor'", &[1]),
        ("\"Odd Name\" ILIKE 'harbor%'", &[0, 1]),
        ("LOWER(\"Odd Name\") LIKE '%ice'", &[0, 5]),
        ("\"Odd Name\" > 'b'", &[1]),
        ("\"Odd Name\" IS NULL", &[4]),
        ("LENGTH(\"Odd Name\") > 5", &[0, 1]),
        ("STRPOS(\"Odd Name\", 'ice') > 0", &[0]),
        ("mixed = '10'", &[1]),
        ("mixed <> '10'", &[0, 2, 3, 5]),
        ("TRY_CAST(mixed AS DOUBLE) > 5", &[1, 3]),
        ("CAST(mixed AS VARCHAR) > '5'", &[2, 3, 5]),
        ("TRY_CAST(\"when\" AS DATE) >= '2025-01-01'", &[0, 5]),
        // As the remedy below spells it.
        ("TRY_CAST(when AS DATE) >= '2025-01-01'", &[0, 5]),
        ("TRY_CAST(\"when\" AS DATE) IS NULL", &[2, 3, 4]),
        ("\"when\" = '2024-02-01'", &[1]),
        ("empty IS NULL", &[0, 1, 2, 3, 4, 5]),
        ("empty = 'x'", &[]),
    ]);
    refuses(&[
        (
            "zip = 1067",
            &[
                "column `zip` is text",
                "1067 is a number",
                "zip = '1067'",
                "TRY_CAST(zip AS DOUBLE) = 1067",
            ],
        ),
        ("zip > 1067", &["column `zip` is text"]),
        ("zip IN (1067)", &["column `zip` is text"]),
        ("zip BETWEEN 1 AND 2", &["column `zip` is text"]),
        (
            "mixed > 5",
            &[
                "column `mixed` is text",
                "\"unknown\" in row 2",
                "TRY_CAST(mixed AS DOUBLE) > 5",
            ],
        ),
        (
            "mixed > '5'",
            &[
                "letter by letter",
                "\"unknown\" in row 2",
                "TRY_CAST(mixed AS DOUBLE) > 5",
            ],
        ),
        ("'5' < mixed", &["letter by letter"]),
        ("mixed BETWEEN '5' AND '9'", &["letter by letter"]),
        (
            "\"when\" >= '2025-01-01'",
            &[
                "\"spring 2025\" in row 2",
                "TRY_CAST(when AS DATE) >= '2025-01-01'",
            ],
        ),
        ("\"when\" >= DATE '2025-01-01'", &["TRY_CAST(when AS DATE)"]),
        (
            "CAST(\"when\" AS DATE) > '2025-01-01'",
            &["spring 2025", "TRY_CAST"],
        ),
        ("CAST(mixed AS BIGINT) > 5", &["unknown"]),
        ("zip = TRUE", &["zip = 'true'"]),
        ("zip IS TRUE", &["is a truth value"]),
        ("zip AND flag", &["column `zip` is text"]),
        ("NOT zip", &["column `zip` is text"]),
        ("zip + 1 = 2", &["column `zip` is text"]),
        ("zip = NULL", &["zip IS NULL"]),
        ("ABS(zip) = 1", &["column `zip` is text"]),
        ("ROUND(zip, 1) = 1", &["column `zip` is text"]),
        ("AVG(zip) > 1", &["column `zip` is text"]),
        (
            "EXTRACT(YEAR FROM \"when\") = 2025",
            &["TRY_CAST(when AS DATE)"],
        ),
        ("empty > 5", &["column `empty` is text and has no values"]),
        ("zip = \"01067\"", &["no column `01067`", "single quotes"]),
        ("Zip = '01067'", &["no column `Zip`", "zip"]),
    ]);
}

#[test]
fn truth_values_are_conditions() {
    keeps(&[
        ("flag", &[0, 2, 5]),
        ("NOT flag", &[1, 4]),
        ("NOT CAST(n - 1 AS BOOLEAN)", &[0]),
        ("flag = TRUE", &[0, 2, 5]),
        ("flag IS TRUE", &[0, 2, 5]),
        ("flag IS FALSE", &[1, 4]),
        ("flag <> true", &[1, 4]),
        ("flag IN (TRUE)", &[0, 2, 5]),
        ("flag IS NULL OR flag", &[0, 2, 3, 5]),
        ("flag = (n > 2)", &[1, 2, 5]),
        ("COALESCE(flag, FALSE) = FALSE", &[1, 3, 4]),
        ("TRUE", &[0, 1, 2, 3, 4, 5]),
    ]);
    refuses(&[
        (
            "flag = 1",
            &[
                "column `flag` is a truth value",
                "1 is a number",
                "flag or NOT flag",
            ],
        ),
        ("flag = 0", &["NOT flag"]),
        ("flag = 'true'", &["'true' is text", "TRUE"]),
        ("flag IN (1)", &["1 is a number"]),
        ("flag = NULL", &["flag IS NULL"]),
        ("flag IS DISTINCT FROM 1", &["is a number"]),
        ("flag LIKE 't%'", &["a truth value"]),
        ("NULL", &["not a truth value"]),
    ]);
}

#[test]
fn a_filter_by_date_keeps_the_rows_of_those_days() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/headlines.csv");
    let content = std::fs::read(path).expect("the sample is part of the repository");
    let case = Case::new("headlines.csv", content);
    let (report, all) = case.read();
    assert_eq!((report.rows, report.documents), (660, 660));
    let days = values(&all, "date");
    let expected = days.iter().filter(|day| day.as_str() >= "2025-03-01");
    let expected = expected.count();
    assert!((100..560).contains(&expected), "{expected}");
    let case = case.with(|o| o.r#where = Some("date >= '2025-03-01'".to_owned()));
    let (report, kept) = case.read();
    assert_eq!((kept.len(), report.filtered), (expected, 660 - expected));
    assert!(
        values(&kept, "date")
            .iter()
            .all(|day| day.as_str() >= "2025-03-01")
    );
    let between = "date BETWEEN '2025-03-01' AND '2025-03-31'";
    let case = case.with(|o| o.r#where = Some(between.to_owned()));
    let (_, kept) = case.read();
    assert!(
        values(&kept, "date")
            .iter()
            .all(|day| day.starts_with("2025-03-"))
    );
    for condition in ["date >= 2025", "date < 2025"] {
        std::fs::remove_file(case.path("documents.parquet")).ok();
        let case = Case::new("headlines.csv", std::fs::read(path).expect("it is there"))
            .with(|o| o.r#where = Some(condition.to_owned()));
        let (error, hint) = case.fails();
        assert!(
            error.contains("column `date` is a date") && hint.contains("'2025-01-01'"),
            "{error} {hint}"
        );
    }
}
