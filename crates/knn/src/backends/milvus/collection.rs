//! The collection of these vectors and this index: its name, and whether it exists.
//!
//! The name is a hash of everything that determines the content, so that a collection is either that of this search or of
//! another one. The description says the same in words, and tells our collections from those of others.

use std::ops::Range;

use milvus_client::{Client, Collection};

use super::Error;
use super::fields::Fields;
use super::index::Index;
use crate::backend::Task;

/// The beginning of the names of our collections.
pub const PREFIX: &str = "skerry_";

/// Hexadecimal digits of the hash in a name.
const HASH: usize = 24;

/// The most rows per request of inserts.
const BATCH: usize = 2000;

/// The bytes of a request of inserts. On 20,000 x 384, Milvus Lite 2.5.1 takes 5,300 rows per second in requests of 1.5 MB, and 90 in
/// requests of 7.7 MB; other servers are as fast with small requests as with large ones.
const INSERT: usize = 2 << 20;

/// The beginning of their descriptions.
const OURS: &str = "Skerry: ";

/// The collection of a search.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rows: usize,
    pub(super) dimensions: usize,
    /// The table that is stored with the vectors.
    pub(super) fields: Fields<'a>,
}

/// What determines the content of a collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    /// Number of vectors.
    pub(super) rows: usize,
    /// Values per vector.
    pub(super) dimensions: usize,
    /// SHA-256 of their file.
    pub(super) embeddings: &'a str,
    /// SHA-256 of the table that is stored with them, if one is.
    pub(super) table: Option<&'a str>,
}

impl Content<'_> {
    /// The description of the collection with the index `index`.
    pub(super) fn describe(&self, index: &Index) -> String {
        let mut text = format!(
            "{OURS}{} vectors of {} values; embeddings {}; index {} {} {}",
            self.rows,
            self.dimensions,
            self.embeddings,
            index.kind.name(),
            index.metric,
            index.construction
        );
        if let Some(table) = self.table {
            text += &format!("; texts {table}");
        }
        text
    }
}

impl<'a> Target<'a> {
    pub(super) fn new(task: &Task<'a>, index: &Index) -> Result<Self, Error> {
        let content = Content {
            rows: task.vectors.n(),
            dimensions: task.vectors.d(),
            embeddings: task.fingerprint,
            table: task.table.map(|table| table.fingerprint),
        };
        let fields = task.table.map(|table| Fields::of(table, task.progress));
        let description = content.describe(index);
        Ok(Self {
            name: name_of(&description),
            description,
            rows: content.rows,
            dimensions: content.dimensions,
            fields: fields.transpose()?.unwrap_or_default(),
        })
    }

    /// Ranges of `rows`, each for one request, given the ids of rows.
    pub(super) fn batches(
        &self,
        rows: Range<usize>,
        id: impl Fn(usize) -> u32,
    ) -> Vec<Range<usize>> {
        let mut batches = Vec::new();
        let (mut first, mut bytes) = (rows.start, 0);
        for row in rows.clone() {
            let more = 4 * self.dimensions + 16 + self.fields.bytes(id(row));
            if row > first && (bytes + more > INSERT || row - first == BATCH) {
                batches.push(first..row);
                (first, bytes) = (row, 0);
            }
            bytes += more;
        }
        if first < rows.end {
            batches.push(first..rows.end);
        }
        batches
    }

    fn collection(&self) -> Collection {
        Collection {
            name: self.name.clone(),
            description: self.description.clone(),
            dimensions: self.dimensions,
            fields: self.fields.schema().to_vec(),
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
pub(super) fn open(client: &Client, target: &Target<'_>) -> Result<Opened, Error> {
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
    } else if found.fields != expected.fields {
        let names: Vec<&str> = found
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        Some(format!("its further fields are {}", list(&names)))
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

fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
