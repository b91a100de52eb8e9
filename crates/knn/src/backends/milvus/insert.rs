//! Filling the collection: only the rows that it lacks are sent, and it is complete when the server counts all of them.
//!
//! The ids are the row numbers of the file. Rows are found missing by counting ranges of ids, halving those that are
//! incomplete: a run that was interrupted continues where it stopped, and rows that somebody deleted are inserted again.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use milvus_client::{Client, Pending, Rows, Write};
use stage::Progress;

use super::collection::{Opened, Target};
use super::index::Index;
use super::{Error, IN_FLIGHT};
use crate::backend::Task;

/// When rows are counted first.
pub(super) const INSERTED: &str = "after inserting";

/// The wait between two questions for the state of the index.
const POLL: Duration = Duration::from_millis(100);

/// Inserts the rows that the collection lacks, builds the index and loads the collection. Returns the number of rows that
/// were inserted.
pub(super) fn fill(
    client: &Client,
    target: &Target<'_>,
    index: &Index,
    opened: Opened,
    task: &Task<'_>,
) -> Result<u64, crate::Error> {
    let n = target.rows;
    let missing = match opened {
        Opened::Created => batches(target, task),
        Opened::Found => {
            // Only a collection that is indexed and loaded can be counted.
            build_index(client, target, index, task)?;
            load(client, target, task)?;
            missing(client, target, task)?
        }
    };
    if opened == Opened::Found && missing.is_empty() {
        task.progress
            .note(&format!("the collection {} is complete", target.name));
        return Ok(0);
    }
    let how = match opened {
        Opened::Created => Write::Insert,
        // Some rows of a batch may be there.
        Opened::Found => Write::Upsert,
    };
    let rows = missing.iter().map(|range| range.len() as u64).sum();
    if opened == Opened::Found {
        task.progress.note(&format!(
            "the collection {} has {} of {n} rows",
            target.name,
            n as u64 - rows
        ));
    }
    insert(client, target, &missing, how, task)?;
    client.flush(&target.name).map_err(Error::from)?;
    build_index(client, target, index, task)?;
    load(client, target, task)?;
    check_count(client, target, INSERTED)?;
    Ok(rows)
}

/// All rows, in ranges for one request each.
fn batches(target: &Target<'_>, task: &Task<'_>) -> Vec<Range<usize>> {
    target.batches(0..target.rows, |row| task.vectors.id(row))
}

fn insert(
    client: &Client,
    target: &Target<'_>,
    missing: &[Range<usize>],
    how: Write,
    task: &Task<'_>,
) -> Result<(), crate::Error> {
    let vectors = task.vectors;
    let total = missing.iter().map(|range| range.len() as u64).sum();
    task.progress.begin("inserting rows", Some(total), "rows");
    let mut under_way: VecDeque<(u64, Pending<()>)> = VecDeque::new();
    let finish = |(rows, pending): (u64, Pending<()>)| -> Result<(), crate::Error> {
        pending.wait().map_err(Error::from)?;
        task.progress.advance(rows);
        Ok(())
    };
    for range in missing {
        if under_way.len() == IN_FLIGHT
            && let Some(oldest) = under_way.pop_front()
        {
            finish(oldest)?;
        }
        let mut values = vec![0.0; range.len() * target.dimensions];
        vectors.read(range.start, &mut values)?;
        let ids: Vec<i64> = range.clone().map(|row| vectors.id(row).into()).collect();
        let rows = Rows {
            columns: target.fields.values(&ids),
            ids,
            vectors: values,
        };
        let pending = client.start_write(&target.name, rows, how);
        under_way.push_back((range.len() as u64, pending));
    }
    for pending in under_way {
        finish(pending)?;
    }
    task.progress.end();
    Ok(())
}

/// The batches that lack rows.
fn missing(
    client: &Client,
    target: &Target<'_>,
    task: &Task<'_>,
) -> Result<Vec<Range<usize>>, Error> {
    let n = target.rows;
    let found = client.count(&target.name, "")?;
    if found == n as u64 {
        return Ok(Vec::new());
    }
    if found > n as u64 {
        check_rows(client, &target.name, n, "before inserting")?;
    }
    if found == 0 {
        return Ok(batches(target, task));
    }
    task.progress
        .begin("finding missing rows", Some(n as u64), "rows");
    let mut incomplete = Vec::new();
    // Ranges of whole batches, the first on top.
    let mut open = vec![batches(target, task)];
    while let Some(mut ranges) = open.pop() {
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
            continue;
        };
        let (from, to) = (first.start, last.end);
        let filter = format!(
            "id >= {} and id <= {}",
            task.vectors.id(from),
            task.vectors.id(to - 1)
        );
        let found = client.count(&target.name, &filter)?;
        if found == (to - from) as u64 || found == 0 || ranges.len() == 1 {
            if found != (to - from) as u64 {
                incomplete.extend(ranges);
            }
            task.progress.advance((to - from) as u64);
            continue;
        }
        let half = ranges.split_off(ranges.len() / 2);
        open.push(half);
        open.push(ranges);
    }
    task.progress.end();
    Ok(incomplete)
}

/// Requests the index, unless it is there, and waits until it is built.
fn build_index(
    client: &Client,
    target: &Target<'_>,
    index: &Index,
    task: &Task<'_>,
) -> Result<(), Error> {
    let kind = index.kind.name();
    let failed = |message: String| Error::Index {
        address: client.address().to_owned(),
        index: kind.to_owned(),
        message,
    };
    match client.index(&target.name)? {
        None => {
            let created =
                client.create_index(&target.name, kind, index.metric, &index.construction);
            created.map_err(|error| match error {
                milvus_client::Error::Refused { message, .. } => failed(message),
                other => other.into(),
            })?;
        }
        Some(found) => {
            let differs = |found: &str, expected: &str| !found.is_empty() && found != expected;
            if differs(&found.kind, kind) || differs(&found.metric, index.metric) {
                return Err(Error::Foreign {
                    address: client.address().to_owned(),
                    name: target.name.clone(),
                    difference: format!(
                        "its index is {} {} instead of {kind} {}",
                        found.kind, found.metric, index.metric
                    ),
                });
            }
        }
    }
    let total = target.rows as u64;
    task.progress
        .begin("building the index", Some(total), "rows");
    let mut watch = Watch::new(task.local.deadline);
    loop {
        let Some(state) = client.index(&target.name)? else {
            return Err(failed("it has vanished".to_owned()));
        };
        if let Some(message) = state.failure {
            return Err(failed(message));
        }
        if state.finished {
            break;
        }
        if let Some(seconds) = watch.stuck(state.indexed) {
            return Err(Error::Stuck {
                address: client.address().to_owned(),
                work: format!("the index {kind}"),
                done: state.indexed,
                total: state.total,
                seconds,
            });
        }
        std::thread::sleep(POLL);
    }
    task.progress.end();
    Ok(())
}

/// Loads the collection, and waits until it is loaded.
fn load(client: &Client, target: &Target<'_>, task: &Task<'_>) -> Result<(), Error> {
    load_named(client, &target.name, task.local.deadline, task.progress)
}

/// Loads a collection. `deadline`: seconds without progress.
pub(super) fn load_named(
    client: &Client,
    name: &str,
    deadline: u64,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.begin("loading the collection", Some(100), "percent");
    client.load(name)?;
    let mut watch = Watch::new(deadline);
    loop {
        let loaded = u64::from(client.loaded(name)?);
        if loaded == 100 {
            break;
        }
        if let Some(seconds) = watch.stuck(loaded) {
            return Err(Error::Stuck {
                address: client.address().to_owned(),
                work: "loading the collection (percent)".to_owned(),
                done: loaded,
                total: 100,
                seconds,
            });
        }
        std::thread::sleep(POLL);
    }
    progress.end();
    Ok(())
}

/// Checks that the collection has all rows and no others.
pub(super) fn check_count(
    client: &Client,
    target: &Target<'_>,
    when: &'static str,
) -> Result<(), Error> {
    check_rows(client, &target.name, target.rows, when)
}

/// Checks that the collection `name` has `rows` rows.
pub(super) fn check_rows(
    client: &Client,
    name: &str,
    rows: usize,
    when: &'static str,
) -> Result<(), Error> {
    let (found, expected) = (client.count(name, "")?, rows as u64);
    if found == expected {
        return Ok(());
    }
    Err(Error::Rows {
        address: client.address().to_owned(),
        name: name.to_owned(),
        when,
        found,
        expected,
    })
}

/// The time since work last made progress.
struct Watch {
    deadline: Duration,
    done: u64,
    since: Instant,
}

impl Watch {
    fn new(seconds: u64) -> Self {
        Self {
            deadline: Duration::from_secs(seconds),
            done: 0,
            since: Instant::now(),
        }
    }

    /// The seconds without progress, if they are too many.
    fn stuck(&mut self, done: u64) -> Option<u64> {
        if done > self.done {
            (self.done, self.since) = (done, Instant::now());
        }
        let elapsed = self.since.elapsed();
        (elapsed > self.deadline).then_some(elapsed.as_secs())
    }
}
