//! The list of all files: what `docs/artifacts.md` is generated from.

use std::fmt::Write as _;

use crate::contract::{Artifact, Column};
use crate::facts::Fact;
use crate::tables::{
    ClusterInfo, Clusters, CondensedTree, Documents, Duplicates, Embeddings, Labels, Map,
    Membership, Mst, Neighbors, Predictions, Projection, SingleLinkage, StaticProjection,
    StaticTokens, Sweep, Topics,
};

/// The declaration of a Parquet file.
#[derive(Debug, Clone, Copy)]
pub struct TableInfo {
    /// Kind of the file, as its footer gives it.
    pub kind: &'static str,
    /// Version of its columns.
    pub version: u32,
    /// Standard name in a run directory.
    pub file: &'static str,
    /// The stage or the subcommand of `skerry` that writes it.
    pub writer: &'static str,
    /// Content, in half a sentence.
    pub about: &'static str,
    /// Columns, in order.
    pub columns: &'static [Column],
    /// Facts in its footer.
    pub facts: &'static [Fact],
}

impl TableInfo {
    const fn of<A: Artifact>() -> Self {
        Self {
            kind: A::KIND,
            version: A::VERSION,
            file: A::FILE,
            writer: A::WRITER,
            about: A::ABOUT,
            columns: A::COLUMNS,
            facts: A::FACTS,
        }
    }
}

/// Every Parquet file that a stage or a subcommand of `skerry` writes, in the order of the pipeline.
pub const TABLES: &[TableInfo] = &[
    TableInfo::of::<Documents>(),
    TableInfo::of::<Duplicates>(),
    TableInfo::of::<Embeddings>(),
    TableInfo::of::<StaticTokens>(),
    TableInfo::of::<StaticProjection>(),
    TableInfo::of::<Neighbors>(),
    TableInfo::of::<Clusters>(),
    TableInfo::of::<ClusterInfo>(),
    TableInfo::of::<CondensedTree>(),
    TableInfo::of::<SingleLinkage>(),
    TableInfo::of::<Mst>(),
    TableInfo::of::<Membership>(),
    TableInfo::of::<Sweep>(),
    TableInfo::of::<Predictions>(),
    TableInfo::of::<Projection>(),
    TableInfo::of::<Topics>(),
    TableInfo::of::<Labels>(),
    TableInfo::of::<Map<'_>>(),
];

/// The other files in a run directory: name, writer, content.
pub const OTHER_FILES: &[(&str, &str, &str)] = &[
    ("pipeline.toml", "skerry run", "every setting of the run"),
    (
        "manifest.json",
        "skerry run",
        "log of the run: options, seed, versions, SHA-256, rows, time and memory of each step",
    ),
    (
        "map.html",
        "viz",
        "the map as one page that needs no network",
    ),
    ("map.svg", "viz", "the map as an SVG picture"),
    ("map.png", "viz", "the map as a PNG picture"),
    ("figure.json", "viz", "the map as a Plotly figure"),
    (
        "sweep.svg",
        "skerry sweep",
        "the cluster counts of a sweep as an SVG picture",
    ),
];

/// The columns or facts of a table in Markdown: name, type, meaning.
fn rows(page: &mut String, first: &str, rows: impl Iterator<Item = [String; 3]>) {
    let _ = write!(page, "| {first} | type | meaning |\n|---|---|---|\n");
    for [name, kind, about] in rows {
        let about = about.trim();
        let about = about.strip_suffix('.').unwrap_or(about);
        let _ = writeln!(page, "| {name} | {kind} | {about} |");
    }
}

fn section(page: &mut String, at: usize) {
    let table = &TABLES[at];
    let _ = write!(
        page,
        "\n## {}\n\nKind `{}`, version {}, written by `{}`: {}.\n\n",
        table.file, table.kind, table.version, table.writer, table.about
    );
    let column = |column: &Column| {
        let null = if column.nullable { " or null" } else { "" };
        let kind = format!("{}{null}", column.kind);
        [column.name.to_owned(), kind, column.about.to_owned()]
    };
    rows(page, "column", table.columns.iter().map(column));
    if table.facts.is_empty() {
        return;
    }
    let names = |facts: &'static [Fact]| facts.iter().map(|fact| fact.name);
    let before = TABLES[..at]
        .iter()
        .find(|other| names(other.facts).eq(names(table.facts)));
    if let Some(other) = before {
        let _ = write!(page, "\nFacts as in {}.\n", other.file);
        return;
    }
    page.push_str("\nFacts in the footer:\n\n");
    let fact = |fact: &Fact| [fact.name, fact.kind, fact.about].map(str::to_owned);
    rows(page, "fact", table.facts.iter().map(fact));
}

/// The text of `docs/artifacts.md`.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for at in 0..TABLES.len() {
        section(&mut page, at);
    }
    page.push_str("\n## Other files\n\n| file | written by | content |\n|---|---|---|\n");
    for (file, writer, about) in OTHER_FILES {
        let _ = writeln!(page, "| {file} | `{writer}` | {about} |");
    }
    page
}

const INTRODUCTION: &str = "\
# Files of a run

Generated from `crates/artifacts`; a test keeps it up to date (`UPDATE_DOCS=1 cargo test --release -p artifacts` writes it).

Stages communicate only through these files. Row order is identity: `id` counts from 0 in every per-document file. Each
file has a footer, one JSON object under the key `skerry` of the Parquet metadata: kind, version, producer, options,
seed, metric, the SHA-256 of each input that was read and of what those were made from, and facts, which its readers
need beside the columns. A fact that does not apply, or that an older file does not have, is absent. A footer holds no
path, time, thread count or machine: files are compared byte by byte.

A file without a footer is read by the names and types of its columns: any integer or float width that fits, `List` for
`FixedSizeList` if all lists have the same length, `utf8` for `large_utf8` and the other way round. Files are written
whole or not at all.

Between its pages and its metadata a file holds a CRC-32 of each 64 KiB and of the metadata; everything that is read is
checked against them. Other readers follow the offsets of the metadata and skip them. A file that another program has
rewritten has none, and is read unchecked, except for the checksums that Parquet may have in its pages.
";
