//! `projection.parquet`: the position of each document on the map.

use crate::ProjectionFacts;
use crate::declare::table;

table! {
    /// The position of each document on the map.
    Projection: "projection", version 1, by "project",
    "the position of each document; a layout of more than two components is a file of kind embeddings",
    facts ProjectionFacts;
    id optional of x: "Document";
    {
        /// Position, to the right.
        x: Vec<f32>,
        /// Position, upwards.
        y: Vec<f32>,
        /// Share of the true neighbors that are also neighbors on the map.
        preserved: Option<Vec<f32>>,
    }
}
