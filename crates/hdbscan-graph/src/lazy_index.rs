//! The search index over the points, built when it is first needed.
//!
//! A connected neighbor graph holds all that its tree needs. Only where it does not are the points read and indexed, which
//! takes longer than all the rest.

use std::cell::OnceCell;
use std::fmt;

use exact_knn::{Metric, Points};

use crate::error::{Error, Need};
use crate::mst::PointIndex;

/// A source of points and their metric, with the index over them once it was needed. `E` is the error of the source.
pub struct LazyIndex<'p, E = Error> {
    load: Box<Load<'p, E>>,
    index: OnceCell<PointIndex<'p>>,
}

type Load<'p, E> = dyn Fn(Need) -> Result<(Points<'p>, Metric), E> + 'p;

impl<'p, E: From<Error>> LazyIndex<'p, E> {
    /// An index over the points that `load` returns; it is called at most once, and only if the points are needed.
    pub fn new(load: impl Fn(Need) -> Result<(Points<'p>, Metric), E> + 'p) -> Self {
        Self {
            load: Box::new(load),
            index: OnceCell::new(),
        }
    }

    /// The index; built on the first call.
    pub(crate) fn get(&self, need: Need) -> Result<&PointIndex<'p>, E> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let (points, metric) = (self.load)(need)?;
        let index = PointIndex::new(points, metric).map_err(Error::from)?;
        Ok(self.index.get_or_init(|| index))
    }
}

impl<'p> LazyIndex<'p> {
    /// An index over `points`, the points of the graph, whose distances are those of `metric`.
    pub fn of_points(points: Points<'p>, metric: Metric) -> Self {
        Self::new(move |_| Ok((points, metric)))
    }

    /// No points: where they are needed, [`Error::NoPoints`] is returned.
    pub fn without_points() -> Self {
        Self::new(|need| Err(Error::NoPoints { need }))
    }
}

impl<E> fmt::Debug for LazyIndex<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyIndex")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
