//! From vectors to checked and measured neighbors, without files.

use exact_knn::{Knn, Points};
use stage::{Progress, Seed};

use crate::backend::{BackendOutput, Task};
use crate::backends::open;
use crate::graph_stats::graph_stats;
use crate::invalid_rows::{self, Isolation};
use crate::recall::Sample;
use crate::size::Size;
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
    let points = Points::new(&values, d)?;
    let n = points.n();
    let faults = isolation
        .as_ref()
        .map(|isolation| isolation.faults)
        .unwrap_or_default();
    if faults.total() > 0 {
        progress.warn(&faults.to_string());
    }
    let others = n.saturating_sub(1);
    if others == 0 {
        return Err(Error::TooFewRows { n, faults });
    }
    let k = options.k.min(others);
    if k < options.k {
        progress.warn(&format!(
            "k is {k}, not {}: each row has only {others} other rows",
            options.k
        ));
    }
    let size = Size { n, d, k };
    let estimated_bytes =
        memory::check_limit(local.memory_limit, options.backend, size, 0, options)?;
    exact_knn::check(points, options.metric)
        .map_err(|fault| with_original_row(fault, isolation.as_ref()))?;

    let backend = open(options.backend)?;
    let task = Task {
        points,
        metric: options.metric,
        k,
        seed,
        options,
        local,
        fingerprint,
        progress,
    };
    let BackendOutput {
        mut knn,
        certified,
        filled,
        sample,
        facts,
        notes,
    } = backend.neighbors(&task)?;
    let sample = match sample {
        None if options.sample_size(certified) > 0 => {
            let size = options.sample_size(certified);
            Some(Sample::draw(
                points,
                options.metric,
                k,
                size,
                seed,
                progress,
            )?)
        }
        sample => sample,
    };
    let recall = sample.map(|sample| sample.recall(points, options.metric, &knn));
    // The vectors are no longer needed, and writing the file needs memory.
    drop(values);
    // Excludes the isolated rows, which would distort all statistics.
    let graph = graph_stats(&knn, options.metric);
    if let Some(isolation) = isolation {
        isolation.restore(options.metric, &mut knn);
    }
    let report = Report {
        rows,
        dimensions: d,
        k,
        metric: options.metric,
        backend: backend.name(),
        certified,
        reproducible: backend.reproducible(options),
        filled,
        isolated: faults.total(),
        not_finite: faults.not_finite,
        recall,
        graph,
        engine: facts,
        estimated_bytes,
    };
    for note in &notes {
        progress.note(note);
    }
    if let Some(saturated @ 1..) = report.graph.saturated_by_duplicates {
        progress.warn(&format!(
            "{saturated} rows list nothing but copies of themselves: collapse duplicates (`ingest --dedup`) or raise --k"
        ));
    }
    Ok((knn, report))
}

/// Replaces the index of a row among the valid rows by its row number in the file.
fn with_original_row(error: exact_knn::Error, isolation: Option<&Isolation>) -> exact_knn::Error {
    let Some(isolation) = isolation else {
        return error;
    };
    match error {
        exact_knn::Error::NotFinite { row, column, value } => exact_knn::Error::NotFinite {
            row: isolation.kept[row] as usize,
            column,
            value,
        },
        exact_knn::Error::TooLong {
            row,
            length,
            metric,
        } => exact_knn::Error::TooLong {
            row: isolation.kept[row] as usize,
            length,
            metric,
        },
        other => other,
    }
}
