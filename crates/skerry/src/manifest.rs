//! The log of a run, which a stage run alone keeps up too.

pub(crate) use stage::{Manifest, Record};

pub(crate) const FILE: &str = Manifest::FILE;
