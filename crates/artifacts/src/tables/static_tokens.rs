//! `static_tokens.parquet`: the weights of the static encoder.

use crate::declare::table;

table! {
    /// The weight of each token of the static encoder.
    StaticTokens: "static_tokens", version 1, by "embed",
    "the weight of each token of the vocabulary (with `--encoder static`)";
    id required of weight: "Token of the vocabulary of the model, 0, 1, 2 ...";
    {
        /// Number of distinct texts that have the token.
        documents: Vec<i64>,
        /// Inverse document frequency, ln((1 + texts) / (1 + documents)) + 1.
        weight: Vec<f32>,
    }
}
