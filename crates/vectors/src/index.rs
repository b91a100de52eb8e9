//! Rows made ready for search; several questions can be asked of one.

use crate::lists::{Reduced, distances};
use crate::outside::{self, Edge, Outside};
use crate::plain::{self, Rows};
use crate::points::check_rows;
use crate::shortcut::{self, Leaves};
use crate::space::{FEWEST, Space, Tally};
use crate::{
    Error, Kernel, Knn, Margin, Metric, Points, Search, SearchReport, Watch, all_pairs, check,
    estimate, queries,
};

/// Rows made ready for search under one metric.
#[derive(Debug)]
pub struct Index<'a> {
    rows: Rows<'a>,
    /// The rows that may be found, ascending.
    members: Vec<u32>,
    /// The order in which the caller named the members, where that was not ascending.
    named: Option<Vec<u32>>,
    /// What screening needs; `None` where it would not pay or could not work.
    space: Option<Space>,
}

impl<'a> Index<'a> {
    /// Checks all rows and makes them ready.
    ///
    /// # Errors
    ///
    /// What [`check`] says of the rows; [`Error::UnknownKernel`], [`Error::KernelMissing`].
    pub fn new(points: Points<'a>, metric: Metric, search: &Search) -> Result<Self, Error> {
        let kernel = Kernel::choose(search.kernel)?;
        check(points, metric)?;
        let members = (0..points.n() as u32).collect();
        Ok(Self::ready(
            points,
            metric,
            members,
            None,
            kernel,
            search.margin,
        ))
    }

    /// [`Index::new`], but screening however few rows there are: for tests of screening itself.
    ///
    /// # Errors
    ///
    /// As [`Index::new`].
    #[doc(hidden)]
    pub fn screened(points: Points<'a>, metric: Metric, search: &Search) -> Result<Self, Error> {
        let mut index = Self::new(points, metric, search)?;
        index.space = Space::new(&index.rows, &index.members);
        Ok(index)
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
        let kernel = Kernel::choose(search.kernel)?;
        let sorted = ascending(members, points.n())?;
        check_rows(points, &sorted, metric)?;
        let named = (sorted != members).then(|| members.to_vec());
        Ok(Self::ready(
            points,
            metric,
            sorted,
            named,
            kernel,
            search.margin,
        ))
    }

    /// The same rows, to be searched with the guaranteed margin from now on: a step chosen for the fast one costs time,
    /// never an answer.
    #[must_use]
    pub fn guaranteed(mut self) -> Self {
        self.rows.margin = Margin::Guaranteed;
        self
    }

    fn ready(
        points: Points<'a>,
        metric: Metric,
        members: Vec<u32>,
        named: Option<Vec<u32>>,
        kernel: Kernel,
        margin: Margin,
    ) -> Self {
        let rows = Rows::new(points, metric, &members, kernel, margin);
        let space = if members.len() < FEWEST {
            None
        } else {
            Space::new(&rows, &members)
        };
        Index {
            rows,
            members,
            named,
            space,
        }
    }

    /// The `k` nearest neighbors of every row (of every member, in the order they were named in).
    ///
    /// # Errors
    ///
    /// [`Error::K`], [`Error::Cancelled`].
    pub fn knn(&self, k: usize, watch: Watch<'_>) -> Result<(Knn, SearchReport), Error> {
        let asked = self.named.as_ref().unwrap_or(&self.members);
        let Some(space) = &self.space else {
            return self.knn_of(asked, k, watch);
        };
        self.allows(k)?;
        let ((mut ids, mut reduced), report) =
            self.certified(space, asked.len(), k, |margin, tally| {
                all_pairs::all_pairs(
                    &self.rows,
                    space,
                    &space.bounds(&self.rows, margin),
                    k,
                    tally,
                    watch,
                )
            })?;
        let mut places = self.places(&space.table.order);
        all_pairs::rearrange(&mut ids, &mut reduced, &mut places, k);
        let distances = distances(reduced, self.rows.metric);
        Ok((Knn { k, ids, distances }, report))
    }

    /// The `k` nearest neighbors of the rows `queries`; one row of the answer for each query.
    ///
    /// # Errors
    ///
    /// [`Error::K`], [`Error::NoSuchRow`], [`Error::Cancelled`], and for queries that are not among the members what
    /// [`check`] says of them.
    pub fn knn_of(
        &self,
        queries: &[u32],
        k: usize,
        watch: Watch<'_>,
    ) -> Result<(Knn, SearchReport), Error> {
        self.allows(k)?;
        self.known(queries)?;
        let mut ids = vec![0; queries.len() * k];
        let Some(space) = &self.space else {
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
            return Ok((
                Knn { k, ids, distances },
                self.plain_report(queries.len(), k),
            ));
        };
        let mut reduced = vec![Reduced::FREE; queries.len() * k];
        let ((), report) = self.certified(space, queries.len(), k, |margin, tally| {
            let bounds = space.bounds(&self.rows, margin);
            queries::nearest(
                &self.rows,
                space,
                &bounds,
                queries,
                k,
                &mut ids,
                &mut reduced,
                tally,
                watch,
            )
        })?;
        let distances = distances(reduced, self.rows.metric);
        Ok((Knn { k, ids, distances }, report))
    }

    /// For each group that has a query, the first edge (in the order of [`Edge::order`]) from one of its queries to a
    /// row of another group, within the query's bound. One entry for each group, ascending by the number of the group;
    /// groups without such an edge have no entry. What one query finds bounds the rest of its group.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::NoSuchRow`], [`Error::Cancelled`].
    pub fn lightest_outside(
        &self,
        ask: &Outside<'_>,
        watch: Watch<'_>,
    ) -> Result<(Vec<(u32, Edge)>, SearchReport), Error> {
        self.fits(ask)?;
        let (found, report) = match &self.space {
            None => {
                let found = outside::plainly(&self.rows, &self.members, ask, watch)?;
                (found, self.plain_report(ask.queries.len(), 1))
            }
            Some(space) => self.certified(space, ask.queries.len(), 1, |margin, tally| {
                let bounds = space.bounds(&self.rows, margin);
                outside::screened(&self.rows, space, &bounds, ask, tally, watch)
            })?,
        };
        let mut edges: Vec<(u32, Edge)> = ask
            .queries
            .iter()
            .zip(found)
            .filter_map(|(&i, found)| found.map(|found| (ask.group[i as usize], found)))
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
        let n = self.members.len();
        let lengths = [
            ("leaves", leaves.order.len(), n),
            ("heights", leaves.height.len(), n.saturating_sub(1)),
            (
                "core distances",
                leaves.core.map_or(self.rows.points.n(), <[f32]>::len),
                self.rows.points.n(),
            ),
        ];
        fitting(&lengths)?;
        let sorted = ascending(leaves.order, self.rows.points.n())?;
        if let Some((&stranger, _)) = sorted.iter().zip(&self.members).find(|(a, b)| a != b) {
            return Err(Error::NoSuchRow {
                row: stranger as usize,
                n,
            });
        }
        match &self.space {
            None => Ok((
                shortcut::plainly(&self.rows, leaves, watch)?,
                self.plain_report(n, 1),
            )),
            Some(space) => self.certified(space, n, 1, |margin, tally| {
                let bounds = space.bounds(&self.rows, margin);
                shortcut::screened(&self.rows, space, &bounds, leaves, tally, watch)
            }),
        }
    }

    /// Runs a search with the margin asked for, and again with the guaranteed one if the errors that it met leave doubt.
    fn certified<T>(
        &self,
        space: &Space,
        queries: usize,
        k: usize,
        mut search: impl FnMut(Margin, &Tally) -> Result<T, Error>,
    ) -> Result<(T, SearchReport), Error> {
        let tally = Tally::default();
        let mut found = search(self.rows.margin, &tally)?;
        let mut report = SearchReport {
            kernel: space.coding.kernel,
            margin: self.rows.margin,
            certified: self.rows.margin == Margin::Guaranteed,
            rows: queries as u64,
            reranked: tally.measured(),
            fallen_back: space.table.hopeless(),
            estimated_bytes: estimate(self.members.len(), self.rows.points.d(), k),
        };
        if self.rows.margin == Margin::Fast && tally.doubtful() {
            // The memory of the first answer is wanted for the second.
            drop(found);
            let tally = Tally::default();
            found = search(Margin::Guaranteed, &tally)?;
            report.certified = true;
            report.reranked += tally.measured();
            report.fallen_back = queries as u64;
        }
        Ok((found, report))
    }

    /// The place in the answer of each row of `order`.
    fn places(&self, order: &[u32]) -> Vec<u32> {
        let of = |id: &u32| self.members.partition_point(|member| member < id);
        let Some(named) = &self.named else {
            return order.iter().map(|id| of(id) as u32).collect();
        };
        let mut places = vec![0; named.len()];
        for (id, place) in named.iter().zip(0..) {
            places[of(id)] = place;
        }
        order.iter().map(|id| places[of(id)]).collect()
    }

    fn allows(&self, k: usize) -> Result<(), Error> {
        let others = self.members.len().saturating_sub(1);
        if k == 0 || k > others {
            Err(Error::K { k, others })
        } else {
            Ok(())
        }
    }

    /// Whether `queries` are rows, and such as can be measured.
    fn known(&self, queries: &[u32]) -> Result<(), Error> {
        known(queries, self.rows.points.n())?;
        if self.members.len() < self.rows.points.n() {
            check_rows(self.rows.points, queries, self.rows.metric)?;
        }
        Ok(())
    }

    fn fits(&self, ask: &Outside<'_>) -> Result<(), Error> {
        let n = self.rows.points.n();
        fitting(&[
            ("groups", ask.group.len(), n),
            ("core distances", ask.core.map_or(n, <[f32]>::len), n),
            ("bounds", ask.bound.len(), ask.queries.len()),
        ])?;
        self.known(ask.queries)
    }

    /// The report of a search that measured every pair.
    fn plain_report(&self, queries: usize, k: usize) -> SearchReport {
        SearchReport {
            kernel: self.rows.kernel,
            margin: self.rows.margin,
            certified: true,
            rows: queries as u64,
            reranked: queries as u64 * self.members.len() as u64,
            fallen_back: queries as u64,
            estimated_bytes: estimate(self.members.len(), self.rows.points.d(), k),
        }
    }
}

/// Whether all of `ids` are below `n`.
pub(crate) fn known(ids: &[u32], n: usize) -> Result<(), Error> {
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
pub(crate) fn fitting(lengths: &[(&'static str, usize, usize)]) -> Result<(), Error> {
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
