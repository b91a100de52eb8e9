//! Reading: from a file of vectors to one matrix in memory.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use artifacts::Embeddings;
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::harness::{Common, Ground, Score, lay_out, peers};

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows, two table parts each: as our files are written, and compressed as others write them.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Values a row.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// What every contest takes; 5 rounds if it says nothing.
    #[command(flatten)]
    pub common: Common,
}

/// What our side of the contest reads and where it says what it saw.
#[derive(Clone, Debug, clap::Args)]
pub struct Matrix {
    /// The file of vectors.
    pub input: PathBuf,
    /// Where to say it.
    pub output: PathBuf,
}

/// What a contestant saw: its shape, and the sum of its last row, which says that it was read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    n: usize,
    d: usize,
    last: f64,
}

/// Nothing, from who only started.
impl Score for Option<Seen> {
    const TITLES: &'static [&'static str] = &["values read"];

    fn cells(&self) -> Vec<String> {
        vec![self.map_or_else(|| "-".to_owned(), |seen| (seen.n * seen.d).to_string())]
    }
}

impl Seen {
    fn of(vectors: &Embeddings) -> Self {
        let n = vectors.len();
        Self {
            n,
            d: vectors.dim(),
            last: vectors.row(n - 1).iter().copied().map(f64::from).sum(),
        }
    }
}

/// Our side: reads the file as every stage does.
pub fn matrix(files: &Matrix) -> Result<()> {
    let seen = Seen::of(&Embeddings::read(&files.input)?.value);
    std::fs::write(&files.output, serde_json::to_string(&seen)?)
        .with_context(|| format!("cannot write {}", files.output.display()))
}

/// Runs the contest and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("read.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let ground = Ground::prepare(&options.common, 5)?;
    ground.program("bench")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let plain = ground.vectors(rows, options.dimensions)?;
        for (form, input) in [("plain", plain.clone()), ("zstd", packed(&ground, &plain)?)] {
            let expected = Seen::of(&Embeddings::read(&input)?.value);
            let output = input.with_extension("seen.json");
            let places = BTreeMap::from([
                ("input", input.display().to_string()),
                ("output", output.display().to_string()),
            ]);
            let name = format!("{rows}x{} {form}", options.dimensions);
            let entries = ground.compete("read", &name, chosen.iter().copied(), |one| {
                let usage = ground.measure(one, &places)?;
                Ok((usage, seen(&output, &expected)?))
            })?;
            let cells = [rows.to_string(), options.dimensions.to_string()];
            parts.push(([&cells[..], &[form.to_owned()]].concat(), entries));
        }
    }
    write!(
        std::io::stdout(),
        "{}",
        lay_out(&["n", "d", "file"], &parts)
    )?;
    Ok(())
}

/// What the contestant saw, which must be what is there.
fn seen(output: &Path, expected: &Seen) -> Result<Option<Seen>> {
    if !output.exists() {
        return Ok(None);
    }
    let said = std::fs::read_to_string(output)?;
    std::fs::remove_file(output)?;
    let seen: Seen = serde_json::from_str(&said).context("it did not say what it saw")?;
    ensure!(
        (seen.n, seen.d) == (expected.n, expected.d) && (seen.last - expected.last).abs() < 1e-6,
        "it saw {seen:?}, there is {expected:?}"
    );
    Ok(Some(seen))
}

/// The vectors as other programs write them by default; made once.
fn packed(ground: &Ground, plain: &Path) -> Result<PathBuf> {
    let to = plain.with_extension("zstd.parquet");
    if !to.exists() {
        let files = [plain, &to].map(|path| path.display().to_string());
        ground.script("read.py", &["packed", &files[0], &files[1]])?;
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_no_reading() {
        let vectors = Embeddings::new(2, vec![1.0, 2.0, 3.0, 4.0]);
        let expected = Seen::of(&vectors);
        assert_eq!((expected.n, expected.d, expected.last), (2, 2, 7.0));
        let path = std::env::temp_dir().join(format!("seen_{}.json", std::process::id()));
        assert_eq!(seen(&path, &expected).expect("nothing"), None);
        let say = |seen: &Seen| {
            let text = serde_json::to_string(seen).expect("plain data");
            std::fs::write(&path, text).expect("written");
        };
        say(&expected);
        assert_eq!(seen(&path, &expected).expect("read"), Some(expected));
        say(&Seen {
            last: 6.0,
            ..expected
        });
        assert!(seen(&path, &expected).is_err());
    }
}
