//! Shared test code: paths of test files, random values, and naive oracles in `f64`.
//!
//! Every crate may use it as a dev-dependency. It has no dependencies, so that an oracle shares no code with the code under
//! test.

mod agreement;
mod files;
mod oracle;
mod random;

pub use agreement::adjusted_rand_index;
pub use files::{SKIPPED, data, shared, skip};
pub use oracle::{cosine_distance, euclidean, inner_product_distance, mst_weights, nearest};
pub use random::{noise, uniform};
