//! From vectors to a checked, measured answer: everything between the files.

use stage::{Progress, Seed};
use vectors::Points;

use crate::isolate::{self, Packed};
use crate::memory::{self, Size};
use crate::recall::Sample;
use crate::shape::shape;
use crate::{Answer, BadRows, Error, Local, Options, Report, Task, open};

/// k ids and distances a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// Ids, nearest first.
    pub ids: Vec<u32>,
    /// Distances.
    pub distances: Vec<f32>,
}

/// The neighbors of all rows of `d` values, and what can be said of them. Rows that are set apart are taken out of
/// `values` where they lie: no second matrix is made.
///
/// # Errors
///
/// [`Error::Search`] names the row where the vectors are at fault; [`Error::Memory`] before any work.
pub fn search(
    mut values: Vec<f32>,
    d: usize,
    fingerprint: &str,
    options: &Options,
    local: &Local,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<(Lists, Report), Error> {
    let rows = Points::new(&values, d)?.n();
    let packed = match options.bad_rows {
        BadRows::Isolate => isolate::pack(&mut values, d, options.metric),
        BadRows::Refuse => None,
    };
    let points = Points::new(&values, d)?;
    let n = points.n();
    let faults = packed
        .as_ref()
        .map(|packed| packed.faults)
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
            "k is {k}, not {}: each row has only {others} others",
            options.k
        ));
    }
    let size = Size { n, d, k };
    let estimated_bytes =
        memory::keep_within(local.memory_limit, options.backend, size, 0, options)?;
    vectors::check(points, options.metric)
        .map_err(|fault| named_as_in_the_file(fault, packed.as_ref()))?;

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
    let Answer {
        mut ids,
        mut distances,
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
        there => there,
    };
    let recall = sample.map(|sample| sample.recall(points, options.metric, &ids, &distances));
    // The vectors are not needed any more, the file wants memory to be written.
    drop(values);
    // Of the rows that were searched: those set apart would pass for hubs, parts and rows that nobody lists.
    let shape = shape(&ids, &distances, options.metric, k);
    if let Some(packed) = packed {
        packed.unpack(options.metric, k, &mut ids, &mut distances);
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
        shape,
        engine: facts,
        estimated_bytes,
    };
    for note in &notes {
        progress.note(note);
    }
    if let Some(drowned @ 1..) = report.shape.drowned {
        progress.warn(&format!(
            "{drowned} rows list nothing but copies of themselves: collapse duplicates (`ingest --dedup`) or raise --k"
        ));
    }
    Ok((Lists { ids, distances }, report))
}

/// Rows of a packed matrix have other numbers than in the file.
fn named_as_in_the_file(error: vectors::Error, packed: Option<&Packed>) -> vectors::Error {
    let Some(packed) = packed else { return error };
    match error {
        vectors::Error::NotFinite { row, column, value } => vectors::Error::NotFinite {
            row: packed.kept[row] as usize,
            column,
            value,
        },
        vectors::Error::TooLong {
            row,
            length,
            metric,
        } => vectors::Error::TooLong {
            row: packed.kept[row] as usize,
            length,
            metric,
        },
        other => other,
    }
}
