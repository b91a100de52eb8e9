//! Reads a file of vectors into one matrix.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use artifacts::Embeddings;
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::arena::Usage;
use crate::harness::{Common, Environment, Score, lay_out, peers};

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows; each gives two parts of the table: a file as Skerry writes it, and a compressed one as others do.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Number of dimensions.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Common options; 5 rounds by default.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of Skerry's contestant.
#[derive(Clone, Debug, clap::Args)]
pub struct Matrix {
    /// The file of vectors.
    pub input: PathBuf,
    /// File for the result.
    pub output: PathBuf,
}

/// The result of a contestant: the shape, and the sum of the last row as evidence that it was read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct MatrixSummary {
    n: usize,
    d: usize,
    last: f64,
}

/// `None` for a contestant that only starts.
impl Score for Option<MatrixSummary> {
    const TITLES: &'static [&'static str] = &["values read"];

    fn cells(&self, _: &Usage) -> Vec<String> {
        vec![self.map_or_else(|| "-".to_owned(), |seen| (seen.n * seen.d).to_string())]
    }
}

impl MatrixSummary {
    fn of(vectors: &Embeddings) -> Self {
        let n = vectors.len();
        Self {
            n,
            d: vectors.dim(),
            last: vectors.row(n - 1).iter().copied().map(f64::from).sum(),
        }
    }
}

/// Skerry's contestant: reads the file as every stage does.
pub fn matrix(files: &Matrix) -> Result<()> {
    let seen = MatrixSummary::of(&Embeddings::read(&files.input)?.value);
    std::fs::write(&files.output, serde_json::to_string(&seen)?)
        .with_context(|| format!("cannot write {}", files.output.display()))
}

/// Runs the comparison and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("read.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare(&options.common, 5)?;
    environment.program("bench")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let plain = environment.vectors(rows, options.dimensions)?;
        for (form, input) in [
            ("plain", plain.clone()),
            ("zstd", packed(&environment, &plain)?),
        ] {
            let expected = MatrixSummary::of(&Embeddings::read(&input)?.value);
            let output = input.with_extension("seen.json");
            let places = BTreeMap::from([
                ("input", input.display().to_string()),
                ("output", output.display().to_string()),
            ]);
            let name = format!("{rows}x{} {form}", options.dimensions);
            let entries = environment.compete("read", &name, chosen.iter().copied(), |one| {
                let usage = environment.measure(one, &places)?;
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

/// The result of the contestant, checked against the expected one.
fn seen(output: &Path, expected: &MatrixSummary) -> Result<Option<MatrixSummary>> {
    if !output.exists() {
        return Ok(None);
    }
    let written = std::fs::read_to_string(output)?;
    std::fs::remove_file(output)?;
    let seen: MatrixSummary =
        serde_json::from_str(&written).context("the contestant wrote no result")?;
    ensure!(
        (seen.n, seen.d) == (expected.n, expected.d) && (seen.last - expected.last).abs() < 1e-6,
        "the result is {seen:?}, expected {expected:?}"
    );
    Ok(Some(seen))
}

/// The vectors as other programs write them by default; written once.
fn packed(environment: &Environment, plain: &Path) -> Result<PathBuf> {
    let to = plain.with_extension("zstd.parquet");
    if !to.exists() {
        let files = [plain, &to].map(|path| path.display().to_string());
        environment.script("read.py", &["packed", &files[0], &files[1]])?;
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_readings_are_not_zero() {
        let vectors = Embeddings::new(2, vec![1.0, 2.0, 3.0, 4.0]);
        let expected = MatrixSummary::of(&vectors);
        assert_eq!((expected.n, expected.d, expected.last), (2, 2, 7.0));
        let path = std::env::temp_dir().join(format!("seen_{}.json", std::process::id()));
        assert_eq!(seen(&path, &expected).expect("nothing"), None);
        let say = |seen: &MatrixSummary| {
            let text = serde_json::to_string(seen).expect("plain data");
            std::fs::write(&path, text).expect("written");
        };
        say(&expected);
        assert_eq!(seen(&path, &expected).expect("read"), Some(expected));
        say(&MatrixSummary {
            last: 6.0,
            ..expected
        });
        assert!(seen(&path, &expected).is_err());
    }
}
