//! From vectors to checked and measured neighbors, without writing files.

use artifacts::VectorFile;
use exact_knn::{Knn, Points};
use serde_json::{Map, Value};
use stage::{Progress, Seed};

use crate::backend::{BackendOutput, Table, Task};
use crate::backends::open;
use crate::graph_stats::graph_stats;
use crate::invalid_rows::{self, Isolation, with_row};
use crate::recall::{Recall, Sample};
use crate::size::Size;
use crate::vectors::Vectors;
use crate::{BadRows, Error, Local, Options, Report, memory};

/// The neighbors of all rows of `d` values, and their report. Rows that cannot be searched are removed from `values` in
/// place: there is no second matrix.
///
/// # Errors
///
/// [`Error::Search`] names a row that cannot be searched; [`Error::Memory`] before any work.
pub fn search(
    mut values: Vec<f32>,
    d: usize,
    fingerprint: &str,
    options: &Options,
    local: &Local,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<(Knn, Report), Error> {
    let rows = Points::new(&values, d)?.n();
    let isolation = match options.bad_rows {
        BadRows::Isolate => invalid_rows::isolate(&mut values, d, options.metric),
        BadRows::Refuse => None,
    };
    let search = Search {
        rows,
        isolation,
        fingerprint,
        table: None,
        options,
        local,
        seed,
        progress,
    };
    let points = Points::new(&values, d)?;
    let size = search.size(points.n(), d)?;
    exact_knn::check(points, options.metric).map_err(|fault| search.with_original_row(fault))?;
    let found = search.run(Vectors::Matrix(points), size)?;
    // The vectors are no longer needed, and writing the file needs memory.
    drop(values);
    Ok(search.finish(found, size))
}

/// Like [`search()`], for a backend that [streams](crate::Backend::streams): the vectors stay in their file. `table` is stored
/// with them.
///
/// # Errors
///
/// Those of [`search()`], and of reading the file.
pub fn search_file(
    file: &VectorFile,
    fingerprint: &str,
    table: Option<Table<'_>>,
    options: &Options,
    local: &Local,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<(Knn, Report), Error> {
    let all = Vectors::File { file, kept: None };
    let refuse = options.bad_rows == BadRows::Refuse;
    let isolation = invalid_rows::isolate_in_file(all, options.metric, refuse)?;
    let search = Search {
        rows: file.len(),
        isolation,
        fingerprint,
        table,
        options,
        local,
        seed,
        progress,
    };
    let kept = search.isolation.as_ref();
    let kept = kept.map(|isolation| &isolation.kept[..]);
    let vectors = Vectors::File { file, kept };
    let size = search.size(vectors.n(), vectors.d())?;
    let found = search.run(vectors, size)?;
    Ok(search.finish(found, size))
}

/// A search of the rows that can be searched.
struct Search<'a> {
    /// Number of rows, with those that cannot be searched.
    rows: usize,
    isolation: Option<Isolation>,
    fingerprint: &'a str,
    table: Option<Table<'a>>,
    options: &'a Options,
    local: &'a Local,
    seed: Seed,
    progress: &'a dyn Progress,
}

/// The neighbors, measured.
struct Found {
    knn: Knn,
    certified: bool,
    filled: usize,
    recall: Option<Recall>,
    facts: Map<String, Value>,
    notes: Vec<String>,
    estimated_bytes: u64,
}

impl Search<'_> {
    /// The size of the search of `n` rows: k is at most the number of other rows.
    fn size(&self, n: usize, d: usize) -> Result<Size, Error> {
        let faults = self.isolation.as_ref().map(|isolation| isolation.faults);
        let faults = faults.unwrap_or_default();
        if faults.total() > 0 {
            self.progress.warn(&faults.to_string());
        }
        let others = n.saturating_sub(1);
        if others == 0 {
            return Err(Error::TooFewRows { n, faults });
        }
        let k = self.options.k.min(others);
        if k < self.options.k {
            self.progress.warn(&format!(
                "k is {k}, not {}: each row has only {others} other rows",
                self.options.k
            ));
        }
        Ok(Size { n, d, k })
    }

    fn run(&self, vectors: Vectors<'_>, size: Size) -> Result<Found, Error> {
        let (options, seed, progress) = (self.options, self.seed, self.progress);
        let limit = self.local.memory_limit;
        let estimated_bytes = memory::check_limit(limit, options.backend, size, 0, options)?;
        let (metric, k) = (options.metric, size.k);
        let task = Task {
            vectors,
            metric,
            k,
            seed,
            options,
            local: self.local,
            fingerprint: self.fingerprint,
            table: self.table,
            progress,
        };
        let BackendOutput {
            knn,
            certified,
            filled,
            sample,
            facts,
            notes,
        } = open(options.backend)?.neighbors(&task)?;
        let sample = match (sample, options.sample_size(certified)) {
            (None, drawn @ 1..) => Some(Sample::draw(vectors, metric, k, drawn, seed, progress)?),
            (sample, _) => sample,
        };
        let recall = sample.map(|sample| sample.recall(vectors, metric, &knn));
        Ok(Found {
            knn,
            certified,
            filled,
            recall: recall.transpose()?,
            facts,
            notes,
            estimated_bytes,
        })
    }

    fn finish(self, found: Found, size: Size) -> (Knn, Report) {
        let (options, progress) = (self.options, self.progress);
        let mut knn = found.knn;
        // Excludes the isolated rows, which would distort all statistics.
        let graph = graph_stats(&knn, options.metric);
        let mut faults = invalid_rows::InvalidRows::default();
        if let Some(isolation) = self.isolation {
            faults = isolation.faults;
            isolation.restore(options.metric, &mut knn);
        }
        let backend = open(options.backend).expect("it has found the neighbors");
        let report = Report {
            rows: self.rows,
            dimensions: size.d,
            k: size.k,
            metric: options.metric,
            backend: backend.name(),
            certified: found.certified,
            reproducible: backend.reproducible(options),
            filled: found.filled,
            isolated: faults.total(),
            not_finite: faults.not_finite,
            recall: found.recall,
            graph,
            engine: found.facts,
            estimated_bytes: found.estimated_bytes,
        };
        for note in &found.notes {
            progress.note(note);
        }
        if let Some(saturated @ 1..) = report.graph.saturated_by_duplicates {
            progress.warn(&format!(
                "{saturated} rows list nothing but copies of themselves: collapse duplicates (`ingest --dedup`) or raise --k"
            ));
        }
        (knn, report)
    }

    /// Replaces the index of a row among the valid rows by its row number in the file.
    fn with_original_row(&self, fault: exact_knn::Error) -> exact_knn::Error {
        match &self.isolation {
            None => fault,
            Some(isolation) => with_row(fault, |row| isolation.kept[row] as usize),
        }
    }
}
