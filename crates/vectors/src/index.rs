//! Rows made ready for search; several questions can be asked of one.

use rayon::prelude::*;

use crate::nearest::Candidate;
use crate::outside::{Edge, Outside};
use crate::plain::{self, Rows};
use crate::points::check_rows;
use crate::shortcut::Leaves;
use crate::{
    Error, Kernel, Knn, Margin, Metric, Points, Search, SearchReport, Watch, check, estimate,
};

/// Rows made ready for search under one metric.
#[derive(Debug)]
pub struct Index<'a> {
    rows: Rows<'a>,
    /// The rows that may be found, ascending.
    members: Vec<u32>,
    /// The order in which the caller named the members, where that was not ascending.
    named: Option<Vec<u32>>,
    margin: Margin,
}

impl<'a> Index<'a> {
    /// Checks all rows and makes them ready.
    ///
    /// # Errors
    ///
    /// What [`check`] says of the rows; [`Error::KernelMissing`].
    pub fn new(points: Points<'a>, metric: Metric, search: &Search) -> Result<Self, Error> {
        check(points, metric)?;
        let members = (0..points.n() as u32).collect();
        Ok(Index {
            rows: Rows::new(points, metric),
            members,
            named: None,
            margin: search.margin,
        })
    }

    /// Checks the rows `members` and makes them ready; no other row is read or found.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::NamedTwice`], and as [`Index::new`].
    pub fn of_members(
        points: Points<'a>,
        members: &[u32],
        metric: Metric,
        search: &Search,
    ) -> Result<Self, Error> {
        let sorted = ascending(members, points.n())?;
        check_rows(points, &sorted, metric)?;
        let named = (sorted != members).then(|| members.to_vec());
        Ok(Index {
            rows: Rows::new(points, metric),
            members: sorted,
            named,
            margin: search.margin,
        })
    }

    /// The `k` nearest neighbors of every row (of every member, in the order they were named in).
    ///
    /// # Errors
    ///
    /// [`Error::K`], [`Error::Cancelled`].
    pub fn knn(&self, k: usize, watch: Watch<'_>) -> Result<(Knn, SearchReport), Error> {
        self.knn_of(self.named.as_ref().unwrap_or(&self.members), k, watch)
    }

    /// The `k` nearest neighbors of the rows `queries`; one row of the answer for each query.
    ///
    /// # Errors
    ///
    /// [`Error::K`], [`Error::NoSuchRow`], [`Error::Cancelled`].
    pub fn knn_of(
        &self,
        queries: &[u32],
        k: usize,
        watch: Watch<'_>,
    ) -> Result<(Knn, SearchReport), Error> {
        let others = self.members.len().saturating_sub(1);
        if k == 0 || k > others {
            return Err(Error::K { k, others });
        }
        known(queries, self.rows.points.n())?;
        let mut ids = vec![0; queries.len() * k];
        let mut distances = vec![0.0; queries.len() * k];
        plain::nearest(
            &self.rows,
            queries,
            &self.members,
            k,
            &mut ids,
            &mut distances,
            watch,
        )?;
        Ok((Knn { k, ids, distances }, self.report(queries.len(), k)))
    }

    /// For each query the first edge (in the order of [`Edge::order`]) to a row of another group whose weight is at
    /// most the query's bound, or `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::NoSuchRow`], [`Error::Cancelled`].
    pub fn nearest_outside(
        &self,
        ask: &Outside<'_>,
        watch: Watch<'_>,
    ) -> Result<(Vec<Option<Edge>>, SearchReport), Error> {
        self.fits(ask)?;
        let edges = ask
            .queries
            .par_iter()
            .zip(ask.bound)
            .map(|(&i, &bound)| {
                let mut best: Option<Candidate> = None;
                for &j in &self.members {
                    if ask.group[i as usize] == ask.group[j as usize] {
                        continue;
                    }
                    let core = ask
                        .core
                        .map_or(0.0, |core| core[i as usize].max(core[j as usize]));
                    let plain = self.rows.distance(i as usize, j as usize);
                    let weight = if ask.core.is_some() {
                        plain.max(core)
                    } else {
                        plain
                    };
                    let found = Candidate {
                        distance: weight,
                        id: j,
                    };
                    if weight <= bound && best.is_none_or(|best| found.order(&best).is_lt()) {
                        best = Some(found);
                    }
                }
                if watch(1) {
                    Ok(best.map(|best| Edge::of(i, best)))
                } else {
                    Err(Error::Cancelled)
                }
            })
            .collect::<Result<_, _>>()?;
        Ok((edges, self.report(ask.queries.len(), 1)))
    }

    /// For each group that has a query, the first edge (in the order of [`Edge::order`]) from one of its queries to a
    /// row of another group, within the query's bound. One entry for each group, ascending by the number of the group;
    /// groups without such an edge have no entry. Cheaper than [`Index::nearest_outside`], since what one query finds
    /// bounds the rest of its group.
    ///
    /// # Errors
    ///
    /// As [`Index::nearest_outside`].
    pub fn lightest_outside(
        &self,
        ask: &Outside<'_>,
        watch: Watch<'_>,
    ) -> Result<(Vec<(u32, Edge)>, SearchReport), Error> {
        let (edges, report) = self.nearest_outside(ask, watch)?;
        let mut edges: Vec<(u32, Edge)> = edges
            .into_iter()
            .flatten()
            .map(|edge| (ask.group[edge.from as usize], edge))
            .collect();
        edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.order(&b.1)));
        edges.dedup_by_key(|entry| entry.0);
        Ok((edges, report))
    }

    /// All pairs of rows whose weight (mutual reachability, or plain distance) is less than the heaviest edge between
    /// them in the spanning tree `leaves`, ordered by [`Edge::order`]; `from` is the smaller id. With the edges of the
    /// tree they contain a minimum spanning tree of all pairs.
    ///
    /// Cost: one pass over half of all pairs, like [`Index::knn`].
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::NoSuchRow`], [`Error::NamedTwice`], [`Error::Cancelled`].
    pub fn shortcuts(
        &self,
        leaves: &Leaves<'_>,
        watch: Watch<'_>,
    ) -> Result<(Vec<Edge>, SearchReport), Error> {
        let n = self.rows.points.n();
        let lengths = [
            ("leaves", leaves.order.len(), n),
            ("heights", leaves.height.len(), n.saturating_sub(1)),
            ("core distances", leaves.core.map_or(n, <[f32]>::len), n),
        ];
        fitting(&lengths)?;
        ascending(leaves.order, n)?;
        let mut edges = (0..n)
            .into_par_iter()
            .map(|p| {
                let i = leaves.order[p];
                let mut highest = f32::NEG_INFINITY;
                let mut lighter = Vec::new();
                for q in p + 1..n {
                    highest = highest.max(leaves.height[q - 1]);
                    let j = leaves.order[q];
                    let core = leaves.core.map_or(f32::NEG_INFINITY, |core| {
                        core[i as usize].max(core[j as usize])
                    });
                    let weight = self.rows.distance(i as usize, j as usize).max(core);
                    if weight < highest {
                        lighter.push(Edge {
                            from: i.min(j),
                            to: i.max(j),
                            weight,
                        });
                    }
                }
                if watch(1) {
                    Ok(lighter)
                } else {
                    Err(Error::Cancelled)
                }
            })
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        edges.par_sort_unstable_by(Edge::order);
        Ok((edges, self.report(n, 1)))
    }

    fn fits(&self, ask: &Outside<'_>) -> Result<(), Error> {
        let n = self.rows.points.n();
        let lengths = [
            ("groups", ask.group.len(), n),
            ("core distances", ask.core.map_or(n, <[f32]>::len), n),
            ("bounds", ask.bound.len(), ask.queries.len()),
        ];
        fitting(&lengths)?;
        known(ask.queries, n)
    }

    fn report(&self, queries: usize, k: usize) -> SearchReport {
        SearchReport {
            kernel: Kernel::Portable,
            margin: self.margin,
            certified: true,
            rows: queries as u64,
            reranked: queries as u64 * self.members.len() as u64,
            fallen_back: queries as u64,
            estimated_bytes: estimate(self.rows.points.n(), self.rows.points.d(), k),
        }
    }
}

/// Whether all of `ids` are below `n`.
fn known(ids: &[u32], n: usize) -> Result<(), Error> {
    match ids.iter().find(|&&id| id as usize >= n) {
        Some(&id) => Err(Error::NoSuchRow {
            row: id as usize,
            n,
        }),
        None => Ok(()),
    }
}

/// `ids` in ascending order, if each is below `n` and stands once.
fn ascending(ids: &[u32], n: usize) -> Result<Vec<u32>, Error> {
    known(ids, n)?;
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::NamedTwice {
            row: pair[0] as usize,
        }),
        None => Ok(sorted),
    }
}

/// Whether each list has the length that belongs to it.
fn fitting(lengths: &[(&'static str, usize, usize)]) -> Result<(), Error> {
    match lengths
        .iter()
        .find(|(_, found, expected)| found != expected)
    {
        Some(&(what, found, expected)) => Err(Error::Length {
            what,
            found,
            expected,
        }),
        None => Ok(()),
    }
}
