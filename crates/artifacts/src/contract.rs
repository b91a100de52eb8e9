//! Declarations of files and columns.

use crate::facts::Fact;

/// A file of the contract.
pub trait Artifact {
    /// Kind of the file, as its footer gives it.
    const KIND: &'static str;
    /// Version of the columns, raised by incompatible changes.
    const VERSION: u32;
    /// Standard name in a run directory.
    const FILE: &'static str;
    /// The stage or the subcommand of `skerry` that writes it.
    const WRITER: &'static str;
    /// Content, in half a sentence.
    const ABOUT: &'static str;
    /// Columns, in order.
    const COLUMNS: &'static [Column];
    /// Facts in its footer.
    const FACTS: &'static [Fact] = &[];
}

/// A column of a file.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Type, as Arrow names it.
    pub kind: &'static str,
    /// Whether values may be null.
    pub nullable: bool,
    /// Meaning.
    pub about: &'static str,
}

impl Column {
    /// The row numbers.
    pub const ID: Self = Self::new(
        "id",
        "int64",
        "Row number, 0, 1, 2 ...: row order is identity in every file.",
    );
    /// The other columns of the source.
    pub const OTHERS: Self = Self::new(
        "...",
        "any",
        "Other columns of the source; one with a name of Skerry's becomes `source_<name>`.",
    );

    pub(crate) const fn new(name: &'static str, kind: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            about,
        }
    }
}
