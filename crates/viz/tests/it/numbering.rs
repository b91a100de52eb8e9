//! A foreign file may number its clusters as it likes.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::fixture::{draw, footer, text, topics, write};

#[test]
fn numbers_with_gaps_are_drawn_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let cluster = [2_147_483_647, 5, 5, -1, 5, 70_000];
    write(dir, &cluster);
    topics(
        dir,
        &footer(),
        &[(5, 3, "ferries"), (2_147_483_647, 1, "huts")],
    );
    let report = draw(dir).unwrap();
    assert_eq!((report.topics, report.noise), (3, 1));
    let page = text(dir, "map.html");
    for name in ["\"ferries\"", "\"huts\"", "\"Topic 70000\""] {
        assert!(page.contains(name), "{name} is missing");
    }
    // The table keeps the numbers.
    let file = std::fs::File::open(dir.join("map.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let table = reader.build().unwrap().next().unwrap().unwrap();
    let kept = table["cluster"].as_primitive::<Int32Type>();
    assert_eq!(**kept.values(), cluster);
    let names = table["label"].as_string::<i32>();
    let names: Vec<&str> = names.iter().flatten().collect();
    assert_eq!(
        names,
        ["huts", "ferries", "ferries", "", "ferries", "Topic 70000"]
    );
}
