//! Settings: from flags, else from `pipeline.toml`, else defaults.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{DEFAULT_SEED, Hint, Stage};

/// An error in the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It points outside the run directory.
    #[error(transparent)]
    Boundary(#[from] crate::BoundaryError),
    /// A path is not UTF-8, which settings files and JSON require.
    #[error("a path of `[{step}]` is not UTF-8")]
    NotUtf8 {
        /// The table.
        step: String,
    },
    /// It is not valid TOML.
    #[error("{}, line {line}: not valid TOML: {fault}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The fault.
        fault: String,
    },
    /// A table has an unknown key.
    #[error("`[{step}]` has no setting `{key}`")]
    UnknownKey {
        /// The table.
        step: String,
        /// The key.
        key: String,
        /// The known keys.
        known: String,
    },
    /// A number is not finite.
    #[error("{setting} is {value}, not a finite number")]
    NotFinite {
        /// The flag, or the key and its table.
        setting: String,
        /// The given value.
        value: String,
    },
    /// An invalid seed.
    #[error(
        "`seed` of `[run]` is {value}, not a whole number from 0 to {}",
        crate::cli::MAX_SEED
    )]
    Seed {
        /// The given value.
        value: String,
    },
    /// The settings file does not have the step.
    #[error("there is no step `{step}`")]
    UnknownStep {
        /// The given value.
        step: String,
        /// The steps of the settings file, if there is one.
        known: Option<String>,
    },
    /// A value does not fit.
    #[error("a setting of `[{step}]` is invalid: `{setting}`")]
    Value {
        /// The table.
        step: String,
        /// The key and its value, as in the file.
        setting: String,
        /// The cause.
        source: serde_json::Error,
    },
}

impl Hint for ConfigError {
    fn is_usage(&self) -> bool {
        match self {
            Self::Boundary(error) => error.is_usage(),
            _ => true,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => {
                Some("check the path; `skerry config` prints a file to start from".to_owned())
            }
            Self::Boundary(error) => error.hint(),
            Self::NotUtf8 { .. } => Some("use a path or a link whose name is UTF-8".to_owned()),
            Self::UnknownKey { known, .. } => Some(format!("the settings are: {known}")),
            Self::NotFinite { .. } => {
                Some("give a finite number, or omit it for the default".to_owned())
            }
            Self::Seed { .. } => Some("give such a number, or omit it for the default".to_owned()),
            Self::UnknownStep { known: None, .. } => Some(
                "give the settings file that has it with `--config FILE`, or omit `--step`"
                    .to_owned(),
            ),
            Self::UnknownStep {
                known: Some(known), ..
            } => Some(format!("the settings file has: {known}")),
            Self::Syntax { .. } | Self::Value { .. } => {
                Some("`skerry config` prints every setting with its meaning".to_owned())
            }
        }
    }
}

/// Keys of a step's table that are used by the run, not by the stage.
pub const STEP_KEYS: [&str; 3] = ["stage", "command", "files"];

/// Reads a settings file such as `pipeline.toml`.
pub fn read_settings(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = crate::files::read_text(path).map_err(|source| ConfigError::Io {
        path: path.to_owned(),
        source,
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        ConfigError::Syntax {
            path: path.to_owned(),
            line: 1 + before.unwrap_or_default().matches('\n').count(),
            fault: error.message().lines().collect::<Vec<_>>().join(", "),
        }
    })
}

/// The table of a settings file that is not a step.
const RUN: &str = "run";

/// The seed in a settings file, else [`DEFAULT_SEED`].
pub fn seed(table: Option<&toml::Table>) -> Result<u64, ConfigError> {
    let given = table
        .and_then(|table| table.get(RUN))
        .and_then(|run| run.get("seed"));
    let Some(given) = given else {
        return Ok(DEFAULT_SEED);
    };
    given
        .as_integer()
        .and_then(|seed| u64::try_from(seed).ok())
        .ok_or_else(|| ConfigError::Seed {
            value: given.to_string(),
        })
}

/// Rejects a step without a table in the settings file, which would silently use defaults.
pub fn check_step(step: &str, table: Option<&toml::Table>) -> Result<(), ConfigError> {
    let known = table.map(|table| {
        let tables = table.iter().filter(|(_, value)| value.is_table());
        let names = tables.map(|(name, _)| name.as_str());
        names.filter(|name| *name != RUN).collect::<Vec<_>>()
    });
    if known.as_ref().is_some_and(|known| known.contains(&step)) {
        return Ok(());
    }
    Err(ConfigError::UnknownStep {
        step: step.to_owned(),
        known: known.map(|known| known.join(", ")),
    })
}

/// The first number in `value` that is not finite. JSON cannot represent these and would treat them as missing.
fn not_finite(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Float(number) => Some(*number).filter(|number| !number.is_finite()),
        toml::Value::Array(values) => values.iter().find_map(not_finite),
        toml::Value::Table(table) => table.values().find_map(not_finite),
        _ => None,
    }
}

/// The settings of stage `S` from its table in a settings file, under the name `step`, and from flags.
pub fn settings<S: Stage>(
    step: &str,
    table: Option<&toml::Table>,
    flags: Option<&ArgMatches>,
) -> Result<(S::Options, S::Local), ConfigError> {
    let (options, option_keys) = merge::<S::Options>(step, table, flags)?;
    let (mut local, local_keys) = merge::<S::Local>(step, table, flags)?;
    if let Some(flags) = flags {
        S::take_secrets(&mut local, flags);
    }
    if let Some(table) = table {
        let known: Vec<&str> = option_keys
            .iter()
            .chain(&local_keys)
            .map(String::as_str)
            .collect();
        if let Some(key) = table
            .keys()
            .find(|key| !known.contains(&key.as_str()) && !STEP_KEYS.contains(&key.as_str()))
        {
            return Err(ConfigError::UnknownKey {
                step: step.to_owned(),
                key: key.clone(),
                known: known.join(", "),
            });
        }
    }
    Ok((options, local))
}

/// The table of stage `S`, with values of the same names in the table of another step as defaults.
pub(crate) fn with_base<S: Stage>(
    base: Option<&toml::Table>,
    own: Option<&toml::Table>,
) -> toml::Table {
    let known = settings_of::<S>(&S::Options::default(), &S::Local::default());
    let mut table = toml::Table::new();
    for (key, _) in known {
        if let Some(value) = base.and_then(|base| base.get(&key)) {
            table.insert(key, value.clone());
        }
    }
    table.extend(own.cloned().unwrap_or_default());
    table
}

/// All settings of `S` with their values, options first, as in `pipeline.toml`.
pub fn settings_of<S: Stage>(options: &S::Options, local: &S::Local) -> Vec<(String, Value)> {
    object(options).into_iter().chain(object(local)).collect()
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value).expect("settings are plain data") {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Whether `key` was given as a flag or an environment variable.
pub(crate) fn is_given(flags: &ArgMatches, key: &str) -> bool {
    flags.try_contains_id(key).unwrap_or(false)
        && matches!(
            flags.value_source(key),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
}

fn merge<T: clap::Args + Serialize + DeserializeOwned + Default>(
    step: &str,
    table: Option<&toml::Table>,
    flags: Option<&ArgMatches>,
) -> Result<(T, Vec<String>), ConfigError> {
    let misfit = |setting, source| ConfigError::Value {
        step: step.to_owned(),
        setting,
        source,
    };
    let mut values = object(&T::default());
    let keys: Vec<String> = values.keys().cloned().collect();
    if let Some(table) = table {
        for key in &keys {
            if let Some(value) = table.get(key) {
                if let Some(number) = not_finite(value) {
                    return Err(ConfigError::NotFinite {
                        setting: format!("`{key}` of `[{step}]`"),
                        value: number.to_string(),
                    });
                }
                let read = serde_json::to_value(value)
                    .map_err(|source| misfit(format!("{key} = {value}"), source))?;
                values.insert(key.clone(), read);
            }
        }
    }
    if let Some(flags) = flags {
        let given = serde_json::to_value(
            T::from_arg_matches(flags).expect("the command line was parsed with these arguments"),
        )
        .map_err(|_| ConfigError::NotUtf8 {
            step: step.to_owned(),
        })?;
        for key in &keys {
            if is_given(flags, key)
                && let Some(value) = given.get(key)
            {
                if value.is_null() {
                    let raw = flags.get_raw(key).and_then(|mut raw| raw.next_back());
                    return Err(ConfigError::NotFinite {
                        setting: format!("`--{}`", key.replace('_', "-")),
                        value: raw.unwrap_or_default().to_string_lossy().into_owned(),
                    });
                }
                values.insert(key.clone(), value.clone());
            }
        }
    }
    let settings = serde_json::from_value(Value::Object(values.clone())).map_err(|source| {
        // One by one, so that the message names the setting that does not fit.
        let wrong = values.iter().find(|(key, value)| {
            let mut one = object(&T::default());
            one.insert((*key).clone(), (*value).clone());
            serde_json::from_value::<T>(Value::Object(one)).is_err()
        });
        let setting = wrong.map_or_else(String::new, |(key, value)| format!("{key} = {value}"));
        misfit(setting, source)
    })?;
    Ok((settings, keys))
}
