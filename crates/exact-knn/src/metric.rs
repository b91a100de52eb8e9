//! Distance metrics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// A distance metric. Under each, a smaller distance is nearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// `1 - cos(a, b)`, from 0 to 2. Rows need not be of unit length; a row of zeros is an error.
    #[default]
    Cosine,
    /// The Euclidean distance `|a - b|`, 0 or more: not squared, unlike in Faiss.
    L2,
    /// `1 - <a, b>`, which may be negative. It is no metric in the mathematical sense: a row need not be its own nearest
    /// neighbor, and the triangle inequality does not hold.
    #[serde(rename = "ip")]
    InnerProduct,
}

impl Metric {
    /// Converts a [reduced distance](crate::reduced_distance) to the distance that is reported.
    pub fn distance(self, reduced: f64) -> f32 {
        match self {
            Metric::Cosine => reduced as f32,
            Metric::L2 => (2.0 * reduced).sqrt() as f32,
            Metric::InnerProduct => (1.0 + reduced) as f32,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Metric::Cosine => "cosine",
            Metric::L2 => "l2",
            Metric::InnerProduct => "ip",
        })
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "cosine" => Ok(Metric::Cosine),
            "l2" => Ok(Metric::L2),
            "ip" => Ok(Metric::InnerProduct),
            _ => Err(Error::UnknownMetric {
                name: name.to_owned(),
            }),
        }
    }
}
