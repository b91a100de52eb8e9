//! The columns of a table in four types that every database has: truth values, integers, floats and texts.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::array::{LargeStringArray, LargeStringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{Documents, Error};

/// A column in one of four types.
#[derive(Debug, Clone)]
pub struct ScalarColumn {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Scalars,
    /// Number of missing values, which are empty texts here.
    pub missing: usize,
}

/// The values of a column, one per row, none of them missing.
#[derive(Debug, Clone)]
pub enum Scalars {
    /// Truth values.
    Boolean(BooleanArray),
    /// Integers.
    Integer(Int64Array),
    /// Finite floats.
    Float(Float64Array),
    /// Texts.
    Text(LargeStringArray),
}

impl Scalars {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column as texts if one of its values is missing, infinite, NaN, or does not fit in 64 bits, or if it has another
    /// type: dates in ISO 8601, lists and structures as Arrow displays them.
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let kind = array.data_type();
        if array.null_count() == 0 {
            match kind {
                DataType::Boolean => return Ok(Self::Boolean(array.as_boolean().clone())),
                kind if kind.is_integer() => {
                    // Fails for integers beyond 2^63.
                    if let Ok(values) = cast_with_options(array, &DataType::Int64, &strict) {
                        return Ok(Self::Integer(values.as_primitive::<Int64Type>().clone()));
                    }
                }
                kind if kind.is_floating() => {
                    let values = cast_with_options(array, &DataType::Float64, &strict)?;
                    let values = values.as_primitive::<Float64Type>();
                    if values.values().iter().all(|value| value.is_finite()) {
                        return Ok(Self::Float(values.clone()));
                    }
                }
                DataType::LargeUtf8 => return Ok(Self::Text(array.as_string::<i64>().clone())),
                _ => {}
            }
        }
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
        let mut texts = LargeStringBuilder::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                texts.append_value("");
            } else {
                texts.append_value(formatter.value(row).try_to_string()?);
            }
        }
        Ok(Self::Text(texts.finish()))
    }
}

impl Documents {
    /// The text, under the name `text`, and the other columns of the source. `path` is the file of the table.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if a column cannot be displayed.
    pub fn scalars(&self, path: &Path) -> Result<Vec<ScalarColumn>, Error> {
        let text = ScalarColumn {
            name: "text".to_owned(),
            values: Scalars::Text(self.text.clone()),
            missing: 0,
        };
        let mut columns = vec![text];
        let schema = self.columns.schema();
        for (field, array) in schema.fields().iter().zip(self.columns.columns()) {
            let values = Scalars::of(array).map_err(|error| {
                let fault = format!("column `{}` cannot be stored: {error}", field.name());
                Error::shape(path, fault)
            })?;
            columns.push(ScalarColumn {
                name: field.name().clone(),
                values,
                missing: array.null_count(),
            });
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float32Array, Int32Array, StringArray, UInt64Array};

    use super::*;

    fn texts(array: impl Array + 'static) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        match Scalars::of(&array).expect("it converts") {
            Scalars::Text(texts) => texts
                .iter()
                .map(|text| text.expect("none").into())
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_keep_their_type_if_all_values_fit() {
        let of = |array: ArrayRef| Scalars::of(&array).expect("it converts");
        let Scalars::Integer(values) = of(Arc::new(Int32Array::from(vec![3, -4]))) else {
            panic!("no integers");
        };
        assert_eq!(values.values()[..], [3, -4]);
        let Scalars::Float(values) = of(Arc::new(Float32Array::from(vec![0.5, 2.0]))) else {
            panic!("no floats");
        };
        assert_eq!(values.values()[..], [0.5, 2.0]);
        assert!(matches!(
            of(Arc::new(BooleanArray::from(vec![true, false]))),
            Scalars::Boolean(_)
        ));
    }

    #[test]
    fn what_no_number_holds_is_text() {
        let missing = Int32Array::from(vec![Some(3), None]);
        assert_eq!(texts(missing), ["3", ""]);
        let large = UInt64Array::from(vec![1, u64::MAX]);
        assert_eq!(texts(large), ["1", "18446744073709551615"]);
        let infinite = Float32Array::from(vec![0.5, f32::INFINITY]);
        assert_eq!(texts(infinite), ["0.5", "inf"]);
        let dates = Date32Array::from(vec![0, 20_000]);
        assert_eq!(texts(dates), ["1970-01-01", "2024-10-04"]);
        let short = StringArray::from(vec![Some("ä"), None]);
        assert_eq!(texts(short), ["ä", ""]);
    }
}
