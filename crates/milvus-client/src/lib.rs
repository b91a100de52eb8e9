//! A small blocking client for Milvus: a dozen calls that create, fill, index and search a collection of vectors.
//!
//! ```no_run
//! use milvus_client::{Client, Collection, Rows, Search, Settings, Write};
//!
//! let client = Client::connect(&Settings::new("http://127.0.0.1:19530")?)?;
//! client.create(&Collection {
//!     name: "points".to_owned(),
//!     description: String::new(),
//!     dimensions: 2,
//!     fields: Vec::new(),
//! })?;
//! let rows = Rows { ids: vec![0, 1], vectors: vec![0.0, 1.0, 1.0, 0.0], columns: Vec::new() };
//! client.write("points", rows, Write::Insert)?;
//! client.create_index("points", "FLAT", "L2", "{}")?;
//! client.load("points")?;
//! let found = client.search(Search {
//!     collection: "points".to_owned(),
//!     queries: vec![0.0, 0.9],
//!     dimensions: 2,
//!     limit: 1,
//!     metric: "L2",
//!     parameters: "{}".to_owned(),
//!     columns: Vec::new(),
//! })?;
//! assert_eq!(found.ids, [0]);
//! # Ok::<(), milvus_client::Error>(())
//! ```
//!
//! # Shapes, units and order
//!
//! Vectors are row-major matrices of `f32`; ids are `i64`. Answers come nearest first, and may include the row itself or be
//! fewer than asked for. Scores are those of Milvus: **squared** distances under `L2`, similarities under `COSINE` and `IP`
//! ([`Hits::scores`]).
//!
//! # Deadlines and repetitions
//!
//! Every call has the deadline of [`Settings::deadline`]. A call that the server cannot answer (a broken connection, a server
//! that is busy or restarts) is repeated up to seven times within 16 seconds if repeating does no harm; an insert is repeated
//! as an upsert, so that no row is there twice. The first connection is not repeated.
//!
//! # Cost
//!
//! A batch of vectors is in memory up to three times while it is sent. Messages may have 256 MiB in either direction; a server
//! accepts 64 MiB unless it is configured otherwise. Two requests at a time ([`Client::start_write`],
//! [`Client::start_search`]) keep a server busy.
//!
//! # Sources
//!
//! The protocol: milvus-io/milvus-proto. Tested with Milvus Lite 2.5.1 and 3.2.2 and Milvus 2.3.5.

mod call;
mod client;
mod collection;
mod error;
pub mod lite;
#[doc(hidden)]
pub mod proto;
mod search;
mod settings;

pub use client::{Client, Pending, Write};
pub use collection::{Collection, Column, Field, IndexState, Kind, MAX_TEXT, Rows, Values};
pub use error::Error;
pub use lite::Lite;
pub use search::{Hits, Search};
pub use settings::{Settings, Token};
