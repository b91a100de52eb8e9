//! Points prepared for exact search.

use crate::all_pairs::{all_pairs, permute_lists};
use crate::boruvka::{self, BoruvkaQuery};
use crate::points::check_rows;
use crate::prepared_points::PreparedPoints;
use crate::progress::ProgressCallback;
use crate::quantized_index::{MIN_ROWS, QuantizedIndex};
use crate::scratch::SearchContext;
use crate::stats::{PairCounter, SearchStats};
use crate::top_k::{ReducedDistance, distances};
use crate::undercutting_edges::{self, DendrogramOrder};
use crate::validate::{check_ids, check_lengths, sorted_distinct};
use crate::{Edge, Error, Kernel, Knn, Metric, Points, brute_force, check, queries};

/// The `k` nearest neighbors of every row, exactly: [`Index::new`] and [`Index::knn`].
///
/// # Errors
///
/// Those of [`Index::new`] and [`Index::knn`].
pub fn knn(
    points: Points<'_>,
    metric: Metric,
    k: usize,
    progress: ProgressCallback<'_>,
) -> Result<(Knn, SearchStats), Error> {
    Index::new(points, metric)?.knn(k, progress)
}

/// Points prepared for exact search under one metric.
///
/// Memory besides the points: about `d + d / 16 + 40` bytes per row.
#[derive(Debug)]
pub struct Index<'a> {
    rows: PreparedPoints<'a>,
    /// The rows that can be found, ascending.
    members: Vec<u32>,
    /// The members in the order of the caller, where that is not ascending.
    caller_order: Option<Vec<u32>>,
    /// `None` where quantization does not pay or int8 cannot represent the rows: then every search is by brute force.
    quantized: Option<QuantizedIndex>,
}

impl<'a> Index<'a> {
    /// Checks and prepares all rows, with the kernel that the environment variable `SKERRY_KERNEL` names, else the fastest
    /// of this machine.
    ///
    /// # Errors
    ///
    /// Those of [`check`]; [`Error::UnknownKernel`] and [`Error::KernelMissing`].
    pub fn new(points: Points<'a>, metric: Metric) -> Result<Self, Error> {
        Self::of_all(points, metric, Kernel::choose(None)?)
    }

    /// [`Index::new`] with a given kernel.
    ///
    /// # Errors
    ///
    /// Those of [`check`]; [`Error::KernelMissing`].
    pub fn with_kernel(points: Points<'a>, metric: Metric, kernel: Kernel) -> Result<Self, Error> {
        Self::of_all(points, metric, Kernel::choose(Some(kernel))?)
    }

    fn of_all(points: Points<'a>, metric: Metric, kernel: Kernel) -> Result<Self, Error> {
        check(points, metric)?;
        let members = (0..points.n() as u32).collect();
        Ok(Self::prepare(points, metric, members, None, kernel))
    }

    /// Checks and prepares the rows `members`; no other row is read or found.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::RepeatedRow`], and those of [`Index::new`].
    pub fn of_members(points: Points<'a>, members: &[u32], metric: Metric) -> Result<Self, Error> {
        let kernel = Kernel::choose(None)?;
        let sorted = sorted_distinct(members, points.n())?;
        check_rows(points, &sorted, metric)?;
        let caller_order = (sorted != members).then(|| members.to_vec());
        Ok(Self::prepare(points, metric, sorted, caller_order, kernel))
    }

    fn prepare(
        points: Points<'a>,
        metric: Metric,
        members: Vec<u32>,
        caller_order: Option<Vec<u32>>,
        kernel: Kernel,
    ) -> Self {
        let rows = PreparedPoints::new(points, metric, &members, kernel);
        let quantized = if members.len() < MIN_ROWS {
            None
        } else {
            QuantizedIndex::new(&rows, &members)
        };
        Index {
            rows,
            members,
            caller_order,
            quantized,
        }
    }

    /// The same index, quantized however few rows there are: for tests of the quantized search.
    #[doc(hidden)]
    #[must_use]
    pub fn quantized(mut self) -> Self {
        self.quantized = QuantizedIndex::new(&self.rows, &self.members);
        self
    }

    /// The `k` nearest neighbors of every row; of an index of members, in the order in which the caller passed them.
    ///
    /// # Errors
    ///
    /// [`Error::K`] unless `1 <= k < n`, with `n` the number of members.
    pub fn knn(
        &self,
        k: usize,
        progress: ProgressCallback<'_>,
    ) -> Result<(Knn, SearchStats), Error> {
        let queries = self.caller_order.as_ref().unwrap_or(&self.members);
        let Some(index) = &self.quantized else {
            return self.knn_of(queries, k, progress);
        };
        self.check_k(k)?;
        let reranked = PairCounter::default();
        let context = self.context(index, &reranked);
        let (mut ids, mut reduced) = all_pairs(&context, k, progress);
        let mut places = self.places(&index.codes.order);
        permute_lists(&mut ids, &mut reduced, &mut places, k);
        let distances = distances(reduced, self.rows.metric);
        let stats = self.stats(queries.len(), &reranked);
        Ok((Knn { k, ids, distances }, stats))
    }

    /// The `k` nearest neighbors of the rows `queries`, which need not be members, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::K`], [`Error::NoSuchRow`], and for queries that are no members those of [`check`].
    pub fn knn_of(
        &self,
        queries: &[u32],
        k: usize,
        progress: ProgressCallback<'_>,
    ) -> Result<(Knn, SearchStats), Error> {
        self.check_k(k)?;
        self.check_queries(queries)?;
        let mut ids = vec![0; queries.len() * k];
        let mut reduced = vec![ReducedDistance::EMPTY; queries.len() * k];
        let reranked = PairCounter::default();
        match &self.quantized {
            None => brute_force::search(
                &self.rows,
                queries,
                &self.members,
                k,
                &mut ids,
                &mut reduced,
                progress,
            ),
            Some(index) => {
                let context = self.context(index, &reranked);
                queries::search(&context, queries, k, &mut ids, &mut reduced, progress);
            }
        }
        let distances = distances(reduced, self.rows.metric);
        let stats = self.stats(queries.len(), &reranked);
        Ok((Knn { k, ids, distances }, stats))
    }

    /// For each component that has a query, the first edge (by [`Edge::order`]) from one of its queries to a row of
    /// another component, within the bound of the query. The entries are ascending by component; components without such
    /// an edge have none. What one query finds bounds the search of the others in its component.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::NoSuchRow`], and for queries that are no members those of [`check`].
    pub fn nearest_in_other_component(
        &self,
        query: &BoruvkaQuery<'_>,
        progress: ProgressCallback<'_>,
    ) -> Result<(Vec<(u32, Edge)>, SearchStats), Error> {
        let n = self.rows.points.n();
        check_lengths(&[
            ("components", query.component.len(), n),
            ("core distances", query.core.map_or(n, <[f32]>::len), n),
            ("bounds", query.bound.len(), query.queries.len()),
        ])?;
        self.check_queries(query.queries)?;
        let reranked = PairCounter::default();
        let found = match &self.quantized {
            None => boruvka::brute_force(&self.rows, &self.members, query, progress),
            Some(index) => boruvka::quantized(&self.context(index, &reranked), query, progress),
        };
        let mut edges: Vec<(u32, Edge)> = query
            .queries
            .iter()
            .zip(found)
            .filter_map(|(&i, found)| found.map(|edge| (query.component[i as usize], edge)))
            .collect();
        edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.order(&b.1)));
        edges.dedup_by_key(|entry| entry.0);
        Ok((edges, self.stats(query.queries.len(), &reranked)))
    }

    /// All pairs of rows that undercut a spanning tree: their weight (mutual reachability, or distance) is less than that
    /// of the heaviest edge on the path between them in the tree. The edges are in the order of [`Edge::order`]; `from` is
    /// the smaller id. With the edges of the tree they contain a minimum spanning tree of all pairs.
    ///
    /// Cost: one pass over half of all pairs, like [`Index::knn`].
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::NoSuchRow`], [`Error::RepeatedRow`].
    pub fn undercutting_edges(
        &self,
        tree: &DendrogramOrder<'_>,
        progress: ProgressCallback<'_>,
    ) -> Result<(Vec<Edge>, SearchStats), Error> {
        let (n, rows) = (self.members.len(), self.rows.points.n());
        check_lengths(&[
            ("leaves", tree.order.len(), n),
            ("heights", tree.height.len(), n.saturating_sub(1)),
            ("core distances", tree.core.map_or(rows, <[f32]>::len), rows),
        ])?;
        let sorted = sorted_distinct(tree.order, rows)?;
        if let Some((&row, _)) = sorted.iter().zip(&self.members).find(|(a, b)| a != b) {
            return Err(Error::NoSuchRow {
                row: row as usize,
                n,
            });
        }
        let reranked = PairCounter::default();
        let edges = match &self.quantized {
            None => undercutting_edges::brute_force(&self.rows, tree, progress),
            Some(index) => {
                undercutting_edges::quantized(&self.context(index, &reranked), tree, progress)
            }
        };
        Ok((edges, self.stats(n, &reranked)))
    }

    fn context<'s>(
        &'s self,
        index: &'s QuantizedIndex,
        reranked: &'s PairCounter,
    ) -> SearchContext<'s> {
        SearchContext {
            rows: &self.rows,
            index,
            reranked,
        }
    }

    /// The statistics of a search for `queries` rows.
    fn stats(&self, queries: usize, reranked: &PairCounter) -> SearchStats {
        let queries = queries as u64;
        let (reranked, brute_force) = match &self.quantized {
            None => (queries * self.members.len() as u64, queries),
            Some(index) => (reranked.total(), index.codes.unquantizable_rows()),
        };
        SearchStats {
            kernel: self.rows.kernel,
            queries,
            reranked,
            brute_force,
        }
    }

    /// The place in the result of each row of `order`.
    fn places(&self, order: &[u32]) -> Vec<u32> {
        let of = |id: &u32| self.members.partition_point(|member| member < id);
        let Some(caller_order) = &self.caller_order else {
            return order.iter().map(|id| of(id) as u32).collect();
        };
        let mut places = vec![0; caller_order.len()];
        for (id, place) in caller_order.iter().zip(0..) {
            places[of(id)] = place;
        }
        order.iter().map(|id| places[of(id)]).collect()
    }

    fn check_k(&self, k: usize) -> Result<(), Error> {
        let others = self.members.len().saturating_sub(1);
        if k == 0 || k > others {
            Err(Error::K { k, others })
        } else {
            Ok(())
        }
    }

    /// Checks that `queries` are rows, and that those that may be no members can be searched.
    fn check_queries(&self, queries: &[u32]) -> Result<(), Error> {
        check_ids(queries, self.rows.points.n())?;
        if self.members.len() < self.rows.points.n() {
            check_rows(self.rows.points, queries, self.rows.metric)?;
        }
        Ok(())
    }
}
