//! The table `[run]` of a settings file.

use clap::ValueEnum as _;
use stage::Failure;
use toml::{Table, Value};

use super::Preset;

/// The settings in `[run]`, except the names of the steps, which are read with the recipe.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RunTable {
    pub(crate) preset: Option<Preset>,
    pub(crate) seed: Option<u64>,
    /// Files, glob patterns, or `-`.
    pub(crate) input: Vec<String>,
}

impl RunTable {
    /// Reads the table from the settings file `file`; unknown keys and wrong types are errors.
    pub(crate) fn of(file: Option<&Table>) -> Result<Self, Failure> {
        let mut found = Self::default();
        let Some(run) = file.and_then(|file| file.get("run")) else {
            return Ok(found);
        };
        let misfit = |key: &str, value: &Value, hint: &str| {
            Failure::usage(
                format_args!("`{key} = {value}` in `[run]` is invalid"),
                hint,
            )
        };
        let Some(run) = run.as_table() else {
            return Err(Failure::usage(
                "`run` is not a table",
                "write it as `[run]`",
            ));
        };
        for (key, value) in run {
            match key.as_str() {
                "preset" => {
                    let preset = value
                        .as_str()
                        .and_then(|name| Preset::from_str(name, false).ok());
                    let hint = "use \"topics\", \"direct\" or \"notebook\"";
                    found.preset = Some(preset.ok_or_else(|| misfit(key, value, hint))?);
                }
                "seed" => {
                    let seed = value.as_integer().and_then(|seed| u64::try_from(seed).ok());
                    let hint = "give a whole number, at least 0";
                    found.seed = Some(seed.ok_or_else(|| misfit(key, value, hint))?);
                }
                "input" => {
                    let input = value.clone().try_into::<Vec<String>>();
                    found.input = input.map_err(|_| misfit(key, value, "give a list of texts"))?;
                }
                "steps" => {}
                _ => {
                    return Err(Failure::usage(
                        format_args!("`[run]` has no setting `{key}`"),
                        "the settings are: preset, seed, input, steps; the number of threads is a flag",
                    ));
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RunTable, Failure> {
        RunTable::of(Some(&text.parse().expect("it is TOML")))
    }

    #[test]
    fn unknown_keys_are_refused() {
        let found = read(
            "[run]\npreset = \"direct\"\nseed = 7\ninput = [\"a.csv\", \"-\"]\nsteps = [\"knn\"]\n",
        );
        let expected = RunTable {
            preset: Some(Preset::Direct),
            seed: Some(7),
            input: vec!["a.csv".to_owned(), "-".to_owned()],
        };
        assert_eq!(found.expect("it is right"), expected);
        assert_eq!(
            read("[knn]\nk = 3\n").expect("it is right"),
            RunTable::default()
        );
        for wrong in [
            "run = 1",
            "[run]\nseed = -1",
            "[run]\nseed = 1.0",
            "[run]\npreset = \"Direct\"",
            "[run]\ninput = \"a.csv\"",
            "[run]\nthreads = 2",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
