//! Milvus: the rows are stored in a collection of a server, which searches them. A server can be a cluster, or Milvus Lite on
//! a file.
//!
//! 1. [`server`]: connect, or start Milvus Lite.
//! 2. `collection`: find the collection of these vectors and this index by its name, or create it.
//! 3. `insert`: insert the rows that it lacks, two requests at a time, and build the index. With `--store-texts` the columns of
//!    the table are inserted as `fields`.
//! 4. `scan`: search all rows in batches, two requests at a time.
//!
//! `nearest` searches the collection of a finished run, for `skerry store search`.
//!
//! Rows are read from the file of the embeddings, batch by batch, for inserting, for searching and for the distances: only the
//! ids in the server's answers are used, re-ranked by our own distances in `f64`. No matrix of all rows is held, and none is
//! read back. The answers of approximate indexes differ from server to server, so the result is not reproducible.

mod collection;
mod error;
mod fields;
mod index;
mod insert;
pub mod lite_package;
mod nearest;
mod scan;
pub mod server;

use serde_json::{Map, json};

use self::collection::Target;
pub use self::collection::{PREFIX, is_ours, name_of};
pub use self::error::Error;
use self::index::Index;
pub use self::nearest::{Found, Stored};
use self::scan::Scan;
use self::server::Server;
use crate::backend::{Backend, BackendOutput, Task};
use crate::refine::fill_short_rows;
use crate::size::Size;
use crate::{Local, Options, vectors};

/// Bytes of the vectors in a search: far below the 64 MiB that a server accepts.
const REQUEST: usize = 8 << 20;

/// Requests under way at a time: one is answered while the other is sent.
const IN_FLIGHT: usize = 2;

/// The most neighbors per row: a server gives 16,384 answers, of which one may be the row itself.
const MAX_K: usize = 16_383;

/// Checks the settings before anything is read. The address is checked with every backend: one that holds a password must not
/// be written to the settings file of a run.
///
/// # Errors
///
/// [`Error::NoServer`], [`Error::Client`], [`crate::Error::Option`].
pub fn check(options: &Options, local: &Local) -> Result<(), crate::Error> {
    if let Some(uri) = &local.uri
        && !milvus_client::lite::is_file(uri)
    {
        milvus_client::Settings::new(uri).map_err(Error::from)?;
    }
    if options.backend != crate::BackendKind::Milvus {
        return Ok(());
    }
    if options.k > MAX_K {
        return Err(crate::Error::Option {
            option: "--k",
            value: options.k.to_string(),
            expected: "at most 16383 with the backend milvus",
        });
    }
    index::given(options)?;
    if local.uri.is_none() {
        return Err(Error::NoServer.into());
    }
    Ok(())
}

/// A collection of Milvus.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milvus;

impl Backend for Milvus {
    fn name(&self) -> &'static str {
        "milvus"
    }

    fn exact(&self) -> bool {
        false
    }

    fn reproducible(&self, _: &Options) -> bool {
        false
    }

    fn streams(&self) -> bool {
        true
    }

    fn memory(&self, size: Size, _: &Options) -> u64 {
        // Rows under way, in up to three forms: values, message, buffer of the connection; then a batch of the exact search
        // of the sample, which is quantized. Besides, the threads and buffers of the client.
        let requests = (IN_FLIGHT + 1) as u64 * 3 * REQUEST as u64;
        let scan = (vectors::batch_rows(size.d) as u64).saturating_mul(8 * size.d as u64 + 64);
        let answers = (scan::BATCH as u64).saturating_mul(64 * (size.k as u64 + 1));
        size.result()
            .saturating_add(requests)
            .saturating_add(scan)
            .saturating_add(answers)
            .saturating_add(24 << 20)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, crate::Error> {
        let index = Index::new(task.options, task.metric, task.vectors.n(), task.k)?;
        // The table is checked before the server is asked.
        let target = Target::new(task, &index)?;
        let server = Server::open(task.local)?;
        let version = server.version()?;
        let opened = collection::open(&server.client, &target)?;
        let inserted = insert::fill(&server.client, &target, &index, opened, task)?;
        let Scan {
            mut knn,
            selves,
            difference,
        } = scan::search_all(&server.client, &target, &index, &version, task)?;
        insert::check_count(&server.client, &target, "after the search")?;
        let filled = fill_short_rows(task, &mut knn)?;
        let mut facts = Map::new();
        facts.insert("collection".to_owned(), target.name.clone().into());
        facts.insert("server".to_owned(), version.into());
        facts.insert("index".to_owned(), index.describe().into());
        facts.insert(
            "rows_inserted".to_owned(),
            json!({"now": inserted, "before": target.rows as u64 - inserted}),
        );
        facts.insert("rows_that_found_themselves".to_owned(), selves.into());
        facts.insert(
            "largest_difference_of_distances".to_owned(),
            difference.into(),
        );
        if task.local.drop && !task.local.keep {
            let dropped = server.client.drop_collection(&target.name);
            dropped.map_err(Error::from)?;
            facts.insert("dropped".to_owned(), true.into());
        }
        Ok(BackendOutput {
            knn,
            certified: false,
            filled,
            sample: None,
            facts,
            notes: Vec::new(),
        })
    }
}
