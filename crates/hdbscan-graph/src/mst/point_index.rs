//! The points of the graph, ready for exact search.

use exact_knn::{Index, Metric, Points};

/// A search index over the points of the graph, for edges that are in no list.
#[derive(Debug)]
pub struct PointIndex<'a> {
    points: Points<'a>,
    metric: Metric,
    /// The index of the points with a direction.
    pub index: Index<'a>,
    /// The others, ascending: rows of zeros under the cosine metric.
    pub isolated: Vec<u32>,
}

impl<'a> PointIndex<'a> {
    /// Builds the index. Takes one pass over the values.
    pub fn new(points: Points<'a>, metric: Metric) -> Result<Self, exact_knn::Error> {
        let zero = |i: &u32| points.row(*i as usize).iter().all(|&x| x == 0.0);
        let (isolated, members): (Vec<u32>, Vec<u32>) =
            (0..points.n() as u32).partition(|i| metric == Metric::Cosine && zero(i));
        let index = if isolated.is_empty() {
            Index::new(points, metric)?
        } else {
            Index::of_members(points, &members, metric)?
        };
        Ok(Self {
            points,
            metric,
            index,
            isolated,
        })
    }

    /// An index of some of the points.
    pub(super) fn of_members(&self, members: &[u32]) -> Result<Index<'a>, exact_knn::Error> {
        Index::of_members(self.points, members, self.metric)
    }
}
