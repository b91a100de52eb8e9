//! The collection of these vectors and this index: its name, and whether it exists.
//!
//! The name is a hash of everything that determines the content, so that a collection is either that of this search or of
//! another one. The description says the same in words, and tells our collections from those of others.

use milvus_client::{Client, Collection};

use super::index::Index;
use super::{Error, REQUEST};
use crate::backend::Task;

/// The beginning of the names of our collections.
pub const PREFIX: &str = "skerry_";

/// Hexadecimal digits of the hash in a name.
const HASH: usize = 24;

/// The beginning of their descriptions.
const OURS: &str = "Skerry: ";

/// The collection of a search.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rows: usize,
    pub(super) dimensions: usize,
    /// Rows per request of inserts.
    pub(super) batch: usize,
}

impl Target {
    pub(super) fn new(task: &Task<'_>, index: &Index) -> Self {
        let (rows, dimensions) = (task.vectors.n(), task.vectors.d());
        let description = format!(
            "{OURS}{rows} vectors of {dimensions} values; embeddings {}; index {} {} {}",
            task.fingerprint,
            index.kind.name(),
            index.metric,
            index.construction
        );
        Self {
            name: name_of(&description),
            description,
            rows,
            dimensions,
            batch: (REQUEST / (4 * dimensions + 16)).clamp(1, 5000),
        }
    }

    fn collection(&self) -> Collection {
        Collection {
            name: self.name.clone(),
            description: self.description.clone(),
            dimensions: self.dimensions,
            columns: Vec::new(),
        }
    }
}

/// The name of the collection with this description.
pub fn name_of(description: &str) -> String {
    let hash = artifacts::sha256_of(description.as_bytes());
    format!("{PREFIX}{}", &hash[..HASH])
}

/// Whether a collection was made by Skerry: its name is that of its description. Milvus Lite 3 forgets descriptions; there,
/// the form of the name tells.
pub fn is_ours(collection: &Collection) -> bool {
    let Some(hash) = collection.name.strip_prefix(PREFIX) else {
        return false;
    };
    if collection.description.is_empty() {
        return hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    collection.description.starts_with(OURS) && collection.name == name_of(&collection.description)
}

/// Whether the collection was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// It was created, and is empty.
    Created,
    /// It was there, and may lack rows.
    Found,
}

/// Finds the collection, or creates it. One of this name that is not ours is never touched.
pub(super) fn open(client: &Client, target: &Target) -> Result<Opened, Error> {
    let Some(found) = client.describe(&target.name)? else {
        client.create(&target.collection())?;
        return Ok(Opened::Created);
    };
    let expected = target.collection();
    let difference = if !is_ours(&found) {
        Some("it has another description".to_owned())
    } else if found.dimensions != expected.dimensions {
        Some(format!(
            "its vectors have {} values instead of {}",
            found.dimensions, expected.dimensions
        ))
    } else if found.columns != expected.columns {
        Some(format!("it has the fields {}", found.columns.join(", ")))
    } else {
        None
    };
    match difference {
        None => Ok(Opened::Found),
        Some(difference) => Err(Error::Foreign {
            address: client.address().to_owned(),
            name: target.name.clone(),
            difference,
        }),
    }
}
