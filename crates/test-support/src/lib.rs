//! What the tests of several crates share: where their files are, random values, and naive oracles in `f64`.
//!
//! Every crate may have it as a dev-dependency. It depends on nothing itself, so that an oracle here shares no code with
//! what it checks.

mod agreement;
mod files;
mod oracle;
mod random;

pub use agreement::adjusted_rand_index;
pub use files::{SKIPPED, data, shared, skip};
pub use oracle::{cosine_distance, euclidean, inner_product_distance, mst_weights, nearest};
pub use random::{noise, uniform};
