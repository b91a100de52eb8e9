//! Vectors in the source: lists of numbers, or text such as `[0.1, 0.2]`.

use arrow::array::{Array as _, ArrayRef, AsArray, Float32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type};

use crate::convert::strings;
use crate::formats::Kind;

/// Vectors, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Number of dimensions.
    pub d: usize,
    /// The values.
    pub values: Vec<f32>,
}

/// Why a column has no valid vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The column has another type.
    NoVectors,
    /// A vector is missing, has another length than the first, or a value that is not finite.
    Row {
        /// Index among the requested rows.
        place: usize,
        /// The fault.
        fault: String,
    },
    /// The values cannot be converted.
    Numbers(String),
}

/// The fault of a row without a vector.
pub const ABSENT: &str = "there is no vector";

/// Whether a column of strings holds vectors, by its first value.
pub fn spells_vectors(values: &ArrayRef) -> bool {
    const MIN_DIMENSIONS: usize = 16;
    strings(values)
        .and_then(|strings| strings.iter().flatten().next())
        .is_some_and(|cell| {
            let mut vector = Vec::new();
            cell.starts_with('[')
                && spelled(cell, &mut vector).is_ok()
                && vector.len() >= MIN_DIMENSIONS
        })
}

/// The vectors of `rows`.
pub fn gather(values: &ArrayRef, kind: Kind, rows: &[u32]) -> Result<Vectors, Fault> {
    if let Some(strings) = strings(values).filter(|_| kind != Kind::Vectors) {
        return collect(rows.iter().map(|&row| {
            let row = row as usize;
            (!strings.is_null(row)).then(|| Cell::Text(strings.value(row)))
        }));
    }
    // Start and end of the values of a row.
    let (numbers, bounds): (&ArrayRef, Bounds<'_>) = match values.data_type() {
        DataType::LargeList(_) => {
            let list = values.as_list::<i64>();
            let offsets = list.value_offsets();
            let bounds = |row: usize| (offsets[row] as usize, offsets[row + 1] as usize);
            (list.values(), Box::new(bounds))
        }
        &DataType::FixedSizeList(_, length) => {
            let list = values.as_fixed_size_list();
            let length = length as usize;
            let bounds = move |row: usize| (row * length, (row + 1) * length);
            (list.values(), Box::new(bounds))
        }
        _ => return Err(Fault::NoVectors),
    };
    let numbers =
        cast(numbers, &DataType::Float32).map_err(|error| Fault::Numbers(error.to_string()))?;
    let numbers = numbers.as_primitive::<Float32Type>();
    collect(rows.iter().map(|&row| {
        let (start, end) = bounds(row as usize);
        (!values.is_null(row as usize)).then(|| Cell::List(numbers.slice(start, end - start)))
    }))
}

/// Returns the start and end of the values of a row.
type Bounds<'a> = Box<dyn Fn(usize) -> (usize, usize) + 'a>;

enum Cell<'a> {
    Text(&'a str),
    List(Float32Array),
}

fn collect<'a>(cells: impl Iterator<Item = Option<Cell<'a>>>) -> Result<Vectors, Fault> {
    let (mut d, mut values) = (0, Vec::new());
    for (place, cell) in cells.enumerate() {
        let fail = |fault: String| Fault::Row { place, fault };
        let before = values.len();
        match cell {
            None => return Err(fail(ABSENT.to_owned())),
            Some(Cell::Text(text)) => spelled(text, &mut values).map_err(fail)?,
            Some(Cell::List(list)) => listed(&list, &mut values).map_err(fail)?,
        }
        let found = values.len() - before;
        if place == 0 {
            d = found;
        }
        if found == 0 {
            return Err(fail("the vector is empty".to_owned()));
        }
        if found != d {
            return Err(fail(format!(
                "the vector has {found} values, but the first one has {d}"
            )));
        }
        if let Some(at) = values[before..].iter().position(|value| !value.is_finite()) {
            return Err(fail(format!(
                "value {at} of the vector is {}, which is not a finite 32-bit number",
                values[before + at]
            )));
        }
    }
    Ok(Vectors { d, values })
}

fn listed(list: &Float32Array, values: &mut Vec<f32>) -> Result<(), String> {
    if list.null_count() > 0 {
        return Err("a value of the vector is null".to_owned());
    }
    values.extend_from_slice(list.values());
    Ok(())
}

/// Parses `[0.1, 0.2]`, or `[0.1 0.2]` as printed by `NumPy`.
fn spelled(text: &str, values: &mut Vec<f32>) -> Result<(), String> {
    let inner = text
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let inner = inner.ok_or("the cell is not a list of numbers in brackets")?;
    for number in inner
        .split([',', ' ', '\n', '\r', '\t'])
        .filter(|number| !number.is_empty())
    {
        values.push(number.parse().map_err(|_| {
            let short: String = number.chars().take(20).collect();
            format!("{short:?} is not a number")
        })?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, LargeStringArray};

    use super::*;

    fn texts(cells: &[Option<&str>]) -> ArrayRef {
        Arc::new(cells.iter().copied().collect::<LargeStringArray>())
    }

    #[test]
    fn vectors_written_as_text_are_read() {
        let series = texts(&[Some("[1, 2.5]"), Some("[-1e-3\n 4]"), None]);
        let found = gather(&series, Kind::Words, &[1, 0]);
        assert_eq!(
            found,
            Ok(Vectors {
                d: 2,
                values: vec![-1e-3, 4.0, 1.0, 2.5]
            })
        );
        assert!(matches!(
            gather(&series, Kind::Words, &[0, 2]),
            Err(Fault::Row { place: 1, .. })
        ));
        for wrong in ["", "[]", "1, 2", "[1, x]", "[1, NaN]", "[1, 1e60]", "[1]"] {
            let series = texts(&[Some("[1, 2]"), Some(wrong)]);
            assert!(
                matches!(
                    gather(&series, Kind::Words, &[0, 1]),
                    Err(Fault::Row { place: 1, .. })
                ),
                "{wrong}"
            );
        }
    }

    #[test]
    fn single_numbers_are_not_vectors() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        assert_eq!(gather(&numbers, Kind::Typed, &[0]), Err(Fault::NoVectors));
    }
}
