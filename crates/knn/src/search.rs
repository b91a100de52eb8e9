//! From vectors to a checked, measured answer: everything between the files.

use stage::{Progress, Seed};
use vectors::Points;

use crate::isolate::{self, Packed};
use crate::memory::{self, Size};
use crate::recall::Sample;
use crate::shape::shape;
use crate::{Error, Local, Options, Report, Task, ZeroRows, open};

/// Rows searched again where the answer is not proven and nobody says how many.
const RECALL_SAMPLE: usize = 1000;

/// k ids and distances a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// Ids, nearest first.
    pub ids: Vec<u32>,
    /// Distances.
    pub distances: Vec<f32>,
}

/// The neighbors of all `points`, and what can be said of them.
///
/// # Errors
///
/// [`Error::Search`] names the row where the vectors are at fault; [`Error::Memory`] before any work.
pub fn search(
    points: Points<'_>,
    fingerprint: &str,
    options: &Options,
    local: &Local,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<(Lists, Report), Error> {
    let (n, d) = (points.n(), points.d());
    let packed = match options.zero_rows {
        ZeroRows::Isolate => isolate::pack(points, options.metric),
        ZeroRows::Refuse => None,
    };
    let searched = match &packed {
        Some(packed) => Points::new(&packed.values, d)?,
        None => points,
    };
    if let Some(packed) = &packed {
        progress.warn(&format!(
            "{} rows of zeros are set apart",
            packed.isolated.len()
        ));
    }
    let others = searched.n().saturating_sub(1);
    if others == 0 {
        return Err(Error::TooFewRows { n: searched.n() });
    }
    let k = options.k.min(others);
    if k < options.k {
        progress.warn(&format!(
            "k is {k}, not {}: each row has only {others} others",
            options.k
        ));
    }
    let estimated_bytes = memory::keep_within(
        local.memory_limit,
        options.backend,
        Size { n, d, k },
        options,
    )?;
    vectors::check(searched, options.metric)
        .map_err(|fault| named_as_in_the_file(fault, packed.as_ref()))?;

    let backend = open(options.backend)?;
    let task = Task {
        points: searched,
        metric: options.metric,
        k,
        seed,
        options,
        local,
        fingerprint,
        progress,
    };
    let answer = backend.neighbors(&task)?;
    let sample = options
        .recall_sample
        .unwrap_or(if answer.certified { 0 } else { RECALL_SAMPLE });
    let recall = if sample > 0 {
        Some(
            Sample::draw(searched, options.metric, k, sample, seed, progress)?
                .recall(&answer.distances),
        )
    } else {
        None
    };
    let isolated = packed.as_ref().map_or(0, |packed| packed.isolated.len());
    let (ids, distances) = match &packed {
        Some(packed) => packed.unpack(k, &answer.ids, &answer.distances),
        None => (answer.ids, answer.distances),
    };
    let report = Report {
        rows: n,
        dimensions: d,
        k,
        metric: options.metric,
        backend: backend.name(),
        certified: answer.certified,
        reproducible: backend.reproducible(),
        filled: answer.filled,
        isolated,
        recall,
        shape: shape(&ids, &distances, k),
        engine: answer.facts,
        estimated_bytes,
        notes: answer.notes,
    };
    if report.shape.drowned > 0 {
        progress.warn(&format!(
            "{} rows list nothing but copies of themselves: collapse duplicates (`ingest --dedup`) or raise --k",
            report.shape.drowned
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
