//! Lists of numbers on the command line and in settings files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Numbers in ascending order, written as the list `5,10,20` or as `5:500:25` (from, to, number of steps of equal ratio).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TextOrNumber", into = "String")]
pub struct Range {
    text: String,
    values: Vec<usize>,
}

/// The text is not a valid range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a list of numbers: write `5,10,20`, or `5:500:25` for 25 sizes from 5 to 500"
)]
pub struct RangeError {
    text: String,
}

impl Range {
    /// The distinct numbers, ascending.
    pub fn values(&self) -> &[usize] {
        &self.values
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let fault = || RangeError {
            text: text.to_owned(),
        };
        let mut values = Vec::new();
        for part in text.split(',').map(str::trim) {
            let numbers: Vec<usize> = part
                .split(':')
                .map(|number| number.trim().parse().map_err(|_| fault()))
                .collect::<Result<_, _>>()?;
            match numbers[..] {
                [value] => values.push(value),
                [from, to, count] if from >= 1 && from <= to && (1..=10_000).contains(&count) => {
                    let ratio = to as f64 / from as f64;
                    let last = (count - 1).max(1) as f64;
                    values.extend(
                        (0..count).map(|at| {
                            (from as f64 * ratio.powf(at as f64 / last)).round() as usize
                        }),
                    );
                }
                _ => return Err(fault()),
            }
        }
        values.sort_unstable();
        values.dedup();
        Ok(Self {
            text: text.to_owned(),
            values,
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The form in a settings file: text, or a single number.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Number(usize),
    Text(String),
}

impl TryFrom<TextOrNumber> for Range {
    type Error = RangeError;

    fn try_from(written: TextOrNumber) -> Result<Self, RangeError> {
        match written {
            TextOrNumber::Number(number) => number.to_string().parse(),
            TextOrNumber::Text(text) => text.parse(),
        }
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.text
    }
}
