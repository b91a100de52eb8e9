//! The list of files and columns: what `docs/artifacts.md` is made from.

use std::fmt::Write as _;

/// A file of the contract.
pub trait Artifact {
    /// The word in the footer.
    const KIND: &'static str;
    /// Raised when the columns change in a way that readers must know of.
    const VERSION: u32;
    /// The standard name in a run directory.
    const FILE: &'static str;
    /// What it holds, in half a sentence.
    const ABOUT: &'static str;
    /// Its columns, in order.
    const COLUMNS: &'static [Column];
}

/// A column of a file.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type, in Arrow's words.
    pub kind: &'static str,
    /// What it says.
    pub about: &'static str,
}

impl Column {
    pub(crate) const fn new(name: &'static str, kind: &'static str, about: &'static str) -> Self {
        Self { name, kind, about }
    }
}

fn section<A: Artifact>(page: &mut String) {
    let _ = write!(
        page,
        "\n## {}\n\nKind `{}`, version {}: {}.\n\n",
        A::FILE,
        A::KIND,
        A::VERSION,
        A::ABOUT
    );
    page.push_str("| column | type | meaning |\n|---|---|---|\n");
    for column in A::COLUMNS {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            column.name, column.kind, column.about
        );
    }
}

/// The text of `docs/artifacts.md`.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    section::<crate::Documents>(&mut page);
    section::<crate::Duplicates>(&mut page);
    section::<crate::Embeddings>(&mut page);
    section::<crate::Neighbors>(&mut page);
    section::<crate::Clusters>(&mut page);
    section::<crate::ClusterInfo>(&mut page);
    section::<crate::CondensedTree>(&mut page);
    section::<crate::SingleLinkage>(&mut page);
    section::<crate::Mst>(&mut page);
    section::<crate::Membership>(&mut page);
    section::<crate::Sweep>(&mut page);
    section::<crate::Predictions>(&mut page);
    section::<crate::Projection>(&mut page);
    section::<crate::Topics>(&mut page);
    section::<crate::Labels>(&mut page);
    section::<crate::Map>(&mut page);
    page
}

const INTRODUCTION: &str = "\
# Files of a run

Generated from `crates/artifacts`; a test keeps it true (`UPDATE_DOCS=1 cargo test --release -p artifacts` writes it).

Stages meet only in these files. Row order is identity: `id` counts from 0 in every per-document file. Each file
explains itself by a footer, one JSON object under the key `skerry` of the Parquet metadata: kind, version, producer,
options, seed, metric, the SHA-256 of each input that was read and of what those were made from, and facts (recall,
counts, what is certified). A footer holds no path, time, thread count or machine: files are compared byte by byte. A
file without a footer is taken by its columns and types: any integer or float width that fits, `List` for
`FixedSizeList` where the lengths agree, `utf8` for `large_utf8` and the other way round. Files are written whole or not
at all.

Between its pages and its metadata a file holds a CRC-32 of each 64 KiB and of the metadata; whatever is read of it is
checked against them. Other readers follow the offsets of the metadata and never see them; a file that another program
has written anew has none, and is read unchecked, but for the checksums that Parquet may have in its pages.

Beside them a run directory holds `pipeline.toml` (every setting), `manifest.json` (a log: options, seed, versions,
SHA-256, rows, time and memory of each step) and what the map is looked at with: `map.html`, `map.svg`, `map.png`,
`figure.json`.
";
