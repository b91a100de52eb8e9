//! Errors of the backend, with remedies.

use std::path::PathBuf;

use stage::Hint;

/// Why a search with Milvus failed. No message contains a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server was given.
    #[error("the backend milvus needs a server")]
    NoServer,
    /// The client failed.
    #[error(transparent)]
    Client(#[from] milvus_client::Error),
    /// There is no cache, where Milvus Lite would be.
    #[error(transparent)]
    NoCache(#[from] stage::NoCache),
    /// Milvus Lite is not installed.
    #[error("Milvus Lite, which {uri} needs, is not installed")]
    NotInstalled {
        /// The file of the user.
        uri: String,
    },
    /// Milvus Lite does not exist for this platform.
    #[error("Milvus Lite, which {uri} needs, does not exist for {platform}")]
    NoLite {
        /// The file of the user.
        uri: String,
        /// The platform.
        platform: String,
    },
    /// The file cannot be that of Milvus Lite.
    #[error("Milvus Lite cannot use {}: {fault}", file.display())]
    LiteFile {
        /// The file of the user.
        file: PathBuf,
        /// Why not.
        fault: String,
    },
    /// The server has no such database.
    #[error("Milvus at {address} has no database {name}; it has {known}")]
    NoDatabase {
        /// Host and port.
        address: String,
        /// The database.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// A collection of somebody else has our name, or was changed.
    #[error("the collection {name} of Milvus at {address} is not as Skerry made it: {difference}")]
    Foreign {
        /// Host and port.
        address: String,
        /// The collection.
        name: String,
        /// The difference.
        difference: String,
    },
    /// The server refuses the index.
    #[error("Milvus at {address} does not build the index {index}: {message}")]
    Index {
        /// Host and port.
        address: String,
        /// The index.
        index: String,
        /// The message of the server.
        message: String,
    },
    /// Building the index or loading the collection makes no progress.
    #[error("Milvus at {address} made no progress in {seconds} s with {work}: {done} of {total}")]
    Stuck {
        /// Host and port.
        address: String,
        /// What it was to do.
        work: String,
        /// How far it came.
        done: u64,
        /// How far it should come.
        total: u64,
        /// The time that it was given.
        seconds: u64,
    },
    /// The number of rows is wrong.
    #[error(
        "the collection {name} of Milvus at {address} has {found} rows {when}, expected {expected}"
    )]
    Rows {
        /// Host and port.
        address: String,
        /// The collection.
        name: String,
        /// When they were counted.
        when: &'static str,
        /// Their number.
        found: u64,
        /// The expected number.
        expected: u64,
    },
    /// A text is longer than a field may be.
    #[error(
        "row {row} of the column `{column}` has {bytes} bytes, but a field of Milvus holds at most {}",
        milvus_client::MAX_TEXT
    )]
    TooLong {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// The length.
        bytes: usize,
    },
    /// The table has more columns than a collection can have.
    #[error(
        "the table has {columns} columns, but a collection of Milvus holds at most {most} besides ids and vectors"
    )]
    TooManyFields {
        /// The number of columns.
        columns: usize,
        /// The largest number.
        most: usize,
    },
    /// The collection of a run is not on the server.
    #[error("Milvus at {address} has no collection {name}")]
    NotStored {
        /// Host and port.
        address: String,
        /// The collection.
        name: String,
    },
    /// The footer of neighbors is not that of a search with Milvus.
    #[error("{} was not written by the backend milvus", path.display())]
    OtherBackend {
        /// The file.
        path: PathBuf,
    },
    /// An answer holds a distance that our own vectors do not have.
    #[error(
        "Milvus at {address} gives {found} as the distance of rows {row} and {neighbor} in the collection {name}, but it is {expected}"
    )]
    Distance {
        /// Host and port.
        address: String,
        /// The collection.
        name: String,
        /// The row.
        row: u32,
        /// Its neighbor.
        neighbor: u32,
        /// The distance according to the server.
        found: f32,
        /// The distance.
        expected: f32,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoServer => {
                "give its address with `--uri http://HOST:19530` or MILVUS_URI, or a file for Milvus Lite: `--uri milvus.db`"
                    .to_owned()
            }
            Self::Client(milvus_client::Error::Refused { message, .. })
                if ["no space", "disk is full"].iter().any(|part| message.to_lowercase().contains(part)) =>
            {
                "free space on the disk of the server; the same command continues with what is stored".to_owned()
            }
            // What Milvus Lite says for any failure of its database.
            Self::Client(milvus_client::Error::Refused { message, .. })
                if message.contains("Unexpected error in RPC handling") =>
            {
                "Milvus Lite gives no reason: check that the disk of its file has space; what it has stored is kept".to_owned()
            }
            Self::Client(milvus_client::Error::Refused { .. }) => {
                "see the documentation of the server for this message; what it has stored is kept".to_owned()
            }
            Self::Client(milvus_client::Error::Lite { .. }) => {
                "close other programs that use this file, or give another one; `skerry setup --milvus-lite` repairs a damaged installation".to_owned()
            }
            Self::Client(milvus_client::Error::Deadline { .. }) => {
                "allow more time with `--deadline SECONDS`; the same command continues with what is stored".to_owned()
            }
            Self::Client(error) => return error.hint(),
            Self::NoCache(error) => return error.hint(),
            Self::NotInstalled { .. } => {
                "install it with `skerry setup --milvus-lite`, or give the address of a server".to_owned()
            }
            Self::NoLite { .. } => "give the address of a server: `--uri http://HOST:19530`".to_owned(),
            Self::LiteFile { .. } => "give another file with `--uri FILE.db`, which Milvus Lite creates, or wait until no other run uses this one".to_owned(),
            Self::NoDatabase { .. } => "create it, or choose another `--database`".to_owned(),
            Self::Foreign { name, .. } => format!(
                "nothing was changed; rename or drop {name} with the program that made it, or choose another `--database`"
            ),
            Self::Index { .. } => {
                "choose another `--milvus-index` or other `--index-parameters`: FLAT works on every server".to_owned()
            }
            Self::Stuck { .. } => {
                "allow more time with `--deadline SECONDS`, choose another `--milvus-index`, or see the log of the server"
                    .to_owned()
            }
            Self::TooLong { .. } => {
                "shorten the text, leave the column out with `--columns`, or leave out `--store-texts`".to_owned()
            }
            Self::TooManyFields { .. } => {
                "choose columns with `--columns`, or leave out `--store-texts`".to_owned()
            }
            Self::NotStored { .. } => {
                "store it with `skerry knn --run DIR --backend milvus`, or give the server that has it with `--uri`".to_owned()
            }
            Self::OtherBackend { .. } => {
                "store the vectors first: `skerry knn --run DIR --backend milvus --uri milvus.db`".to_owned()
            }
            Self::Rows { name, when: super::nearest::NOW, .. } => format!(
                "a run was interrupted, or another program writes to {name}: `skerry knn --run DIR` inserts what is missing"
            ),
            // Milvus Lite 2.5 accepts rows that do not fit on its disk, and loses them.
            Self::Rows { when: super::insert::INSERTED, found, expected, .. } if found < expected => {
                "the server has lost rows: see whether its disk is full; the same command inserts what is missing".to_owned()
            }
            Self::Rows { name, found, expected, .. } if found < expected => format!(
                "another program deleted rows of {name}; the same command inserts what is missing and searches again"
            ),
            Self::Rows { name, .. } | Self::Distance { name, .. } => format!(
                "another program writes to {name}: drop it with `skerry store drop {name}`, and run the same command again"
            ),
        })
    }
}
