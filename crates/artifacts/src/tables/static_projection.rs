//! `static_projection.parquet`: the projection of the static encoder.

use crate::declare::table;

table! {
    /// The projection of the vectors of tokens onto principal components.
    StaticProjection: "static_projection", version 1, by "embed",
    "the projection of the vectors of tokens (with `--encoder static`): mean and loadings of each dimension of the model";
    id required of mean: "Dimension of the model, 0, 1, 2 ...";
    {
        /// Mean, which is subtracted from the vector of a token.
        mean: Vec<f32>,
        /// Loading on each component, scaled by the variance of the component.
        loadings: Vec<Vec<f32>>,
    }
}
