//! The knn crate.
