//! What a run is to do: flags before the settings file, the file before the recipe, the recipe before the defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, ValueEnum};
use stage::cli::SETTINGS_FILE;
use stage::{BoundaryError, External, Reach, Trust, boundary};
use toml::{Table, Value};

use super::flags::given;
use crate::config;
use crate::failure::Failure;
use crate::recipe::{Preset, Step};

/// Everything that decides what a run does.
pub(super) struct Plan {
    pub(super) preset: Preset,
    pub(super) seed: u64,
    /// What is read: files, patterns, or `-`.
    pub(super) input: Vec<String>,
    /// The steps, their settings complete.
    pub(super) steps: Vec<Step>,
    /// What reaches outside the run and may be used: given by the user, now or before.
    pub(super) vouched: Vec<External>,
    /// Those of them that only a flag of this command allows.
    pub(super) allowed: Vec<External>,
    /// The settings file that says the same.
    page: String,
    /// Whether it goes on with the settings of the last run.
    last: bool,
}

impl Plan {
    /// The plan of this command line for the run in `dir`, whose settings file is taken where no input is named.
    pub(super) fn new(matches: &ArgMatches, dir: &Path) -> Result<Self, Failure> {
        boundary::check_directory(dir)?;
        let (file, last) = settings_file(matches, &boundary::own_file(dir, SETTINGS_FILE)?)?;
        let run = RunTable::of(file.as_ref())?;
        let mut input: Vec<String> = matches
            .get_many("input")
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let input_of_run = last && input.is_empty();
        if input.is_empty() {
            input = run.input;
        }
        if input.is_empty() {
            input = matches
                .get_many("default-input")
                .into_iter()
                .flatten()
                .cloned()
                .collect();
        }
        if input.is_empty() {
            return Err(Failure::usage(
                "there is nothing to read",
                "name a file: `skerry run news.csv` (`skerry run --help` says what else there is)",
            ));
        }
        if last && input.iter().any(|source| source == "-") {
            return Err(Failure::usage(
                "the last run read standard input, which is not there any more",
                "pipe it in again and name it: `... | skerry run -`",
            ));
        }
        let said = matches.value_source("preset") == Some(ValueSource::CommandLine);
        let flag = matches
            .get_one::<Preset>("preset")
            .copied()
            .expect("it has a default");
        let preset = run.preset.filter(|_| !said).unwrap_or(flag);
        let seed = matches.get_one::<u64>("seed").copied();
        let seed = seed.or(run.seed).unwrap_or(stage::DEFAULT_SEED);
        // Another recipe has other steps: of the last run it takes no more than the input.
        let other_recipe = last && run.preset.is_some_and(|kept| kept != preset);
        let mut steps = preset.steps(file.as_ref().filter(|_| !other_recipe))?;
        let own = preset.steps(None)?;
        let of_file: Vec<Table> = steps.iter().map(|step| step.table.clone()).collect();
        apply_sets(matches, &mut steps)?;
        let mut consent = Consent::new(Trust::of(matches, dir));
        for (step, of_file) in steps.iter_mut().zip(&of_file) {
            // A stage's second step keeps what its recipe sets, or the file where the recipe does not know it.
            let of_recipe = own.iter().find(|own| own.name == step.name);
            let fixed = of_recipe.map_or(of_file, |own| &own.table);
            let second = step.name != step.stage.name();
            let flags = given(matches, step.stage, second.then_some(fixed));
            step.resolve(&flags)?;
            for external in step.external() {
                let key = external.key.as_str();
                let now = is_given(&flags, key) || is_set(matches, &step.name, key);
                let of_run = last && !now && of_file.contains_key(key);
                consent.decide(external, of_run, &mut step.untrusted);
            }
            if let (Some(Value::String(title)), Some(name)) =
                (step.table.get_mut("title"), name_of(&input))
                && title.trim().is_empty()
            {
                *title = name;
                step.resolve(&[])?;
            }
        }
        let mut readers: Vec<&mut Step> = steps
            .iter_mut()
            .filter(|step| step.stage.takes_sources())
            .collect();
        // Another program may take what is no path.
        let paths = readers.iter().any(|reader| reader.command.is_none());
        for source in input.iter_mut().filter(|source| *source != "-") {
            if paths {
                *source = absolute(source)?;
            }
            for reader in &mut readers {
                let external = External {
                    step: reader.name.clone(),
                    key: "input".to_owned(),
                    value: source.clone(),
                    reach: Reach::File,
                };
                consent.decide(external, input_of_run, &mut reader.untrusted);
            }
        }
        let page = config::page(preset, seed, &input, &steps);
        without_embedding(&mut steps);
        check_files(dir, &mut steps, &mut consent)?;
        check(&steps)?;
        Ok(Self {
            preset,
            seed,
            input,
            steps,
            vouched: consent.vouched,
            allowed: consent.allowed,
            page,
            last,
        })
    }

    /// Whether what is to be read is there. Where the last run goes on, its source may be gone: what was made of it is
    /// still there.
    pub(super) fn find_input(&self) -> Result<(), Failure> {
        let ours = |step: &Step| step.stage.takes_sources() && step.command.is_none();
        if self.last || !self.steps.iter().any(ours) {
            return Ok(());
        }
        ingest::source::find(&self.input).map_err(|error| Failure::of(&error))
    }

    /// Whether a step embeds with the model of the cache.
    pub(super) fn needs_default_model(&self) -> bool {
        self.steps.iter().any(|step| {
            let value = |key: &str| step.table.get(key).and_then(Value::as_str);
            step.stage.name() == "embed"
                && step.command.is_none()
                && value("encoder") == Some("onnx")
                && (value("model").is_none() || value("onnxruntime").is_none())
        })
    }

    /// The text of the settings file that says the same as this plan.
    pub(super) fn page(&self) -> &str {
        &self.page
    }
}

/// The steps of the settings file `kept` of the run in `dir`, to be looked at and not to be run: nothing that
/// reaches outside is trusted.
pub(crate) fn kept_steps(dir: &Path, kept: &Path) -> Result<Vec<Step>, Failure> {
    let file = stage::read_settings(kept)?;
    let run = RunTable::of(Some(&file))?;
    let mut steps = run.preset.unwrap_or_default().steps(Some(&file))?;
    for step in &mut steps {
        step.resolve(&[])?;
        step.untrusted = step.external();
    }
    without_embedding(&mut steps);
    check_files(dir, &mut steps, &mut Consent::new(Trust::none(dir)))?;
    Ok(steps)
}

/// Vectors that the table brings along are as good as embedded ones.
fn without_embedding(steps: &mut Vec<Step>) {
    if steps
        .iter()
        .any(|step| step.stage.name() == "ingest" && step.table.contains_key("vectors"))
    {
        steps.retain(|step| step.stage.name() != "embed");
    }
}

/// The settings file to go by, and whether it is that of the last run: the one that was named, else, where no input is
/// named either, the one that the last run kept.
fn settings_file(matches: &ArgMatches, kept: &Path) -> Result<(Option<Table>, bool), Failure> {
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        return Ok((Some(stage::read_settings(path)?), false));
    }
    if matches.contains_id("input") || matches.contains_id("default-input") || !kept.exists() {
        return Ok((None, false));
    }
    Ok((Some(stage::read_settings(kept)?), true))
}

/// `path` as a run keeps it (see [`stage::absolute`]).
pub(crate) fn absolute(path: &str) -> Result<String, Failure> {
    stage::absolute(path).map_err(Failure::io("find", Path::new(path)))
}

/// Whether `flags`, words of a command line, give the setting `key`.
fn is_given(flags: &[OsString], key: &str) -> bool {
    let flag = format!("--{}", key.replace('_', "-"));
    flags.iter().any(|word| {
        let word = word.to_string_lossy();
        word.strip_prefix(&flag)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Whether `--set` gives the setting `key` of `step`.
fn is_set(matches: &ArgMatches, step: &str, key: &str) -> bool {
    let mut sets = matches.get_many::<String>("set").into_iter().flatten();
    sets.any(|set| set.split('=').next() == Some(&format!("{step}.{key}")))
}

/// The table `[run]` of a settings file.
#[derive(Default)]
struct RunTable {
    preset: Option<Preset>,
    seed: Option<u64>,
    input: Vec<String>,
}

impl RunTable {
    /// Reads it; what is unknown or of the wrong kind is an error.
    fn of(file: Option<&Table>) -> Result<Self, Failure> {
        let mut found = Self::default();
        let Some(run) = file.and_then(|file| file.get("run")) else {
            return Ok(found);
        };
        let misfit = |key: &str, value: &Value, hint: &str| {
            Failure::usage(
                format_args!("`{key} = {value}` in `[run]` does not fit"),
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
                    let hint = "give a whole number from 0 on";
                    found.seed = Some(seed.ok_or_else(|| misfit(key, value, hint))?);
                }
                "input" => {
                    let input = value.clone().try_into::<Vec<String>>();
                    found.input = input.map_err(|_| misfit(key, value, "give a list of texts"))?;
                }
                // Read with the recipe.
                "steps" => {}
                _ => {
                    return Err(Failure::usage(
                        format_args!("`[run]` has no setting `{key}`"),
                        "it may be one of: preset, seed, input, steps; threads are a flag",
                    ));
                }
            }
        }
        Ok(found)
    }
}

/// Decides which of the settings that reach outside the run may be used.
struct Consent {
    trust: Trust,
    /// Given by the user, now or before.
    vouched: Vec<External>,
    /// Those of them that only a flag of this command allows.
    allowed: Vec<External>,
}

impl Consent {
    fn new(trust: Trust) -> Self {
        Self {
            trust,
            vouched: Vec::new(),
            allowed: Vec::new(),
        }
    }

    /// Takes `external`, or adds it to `untrusted`. What does not come from the run directory, `of_run`, the user has given.
    fn decide(&mut self, external: External, of_run: bool, untrusted: &mut Vec<External>) {
        if of_run && !self.trust.covers(&external) {
            untrusted.push(external);
            return;
        }
        if of_run && self.trust.allowed(&external) {
            self.allowed.push(external.clone());
        }
        self.vouched.push(external);
    }
}

/// Checks that all files of the run lie inside its directory. Inputs that a link leads elsewhere need consent.
fn check_files(dir: &Path, steps: &mut [Step], consent: &mut Consent) -> Result<(), Failure> {
    let mut made: Vec<String> = Vec::new();
    for step in steps {
        for (_, name) in &step.files {
            if let Err(error @ BoundaryError::Name { .. }) = boundary::inside(dir, name) {
                return Err(Failure::of(&error).into_usage());
            }
        }
        for file in step.stage.inputs() {
            let name = step.file_name(file).to_owned();
            if made.contains(&name) {
                continue;
            }
            match boundary::inside(dir, &name) {
                Err(BoundaryError::Outside { target, .. }) => {
                    let external = External::file(&step.name, file.name, &target);
                    consent.decide(external, true, &mut step.untrusted);
                }
                found => drop(found?),
            }
        }
        // Also what these settings do not make: it may be there from before, and is looked at.
        for file in step.stage.outputs() {
            let name = step.file_name(file).to_owned();
            boundary::inside(dir, &name)?;
            made.push(name);
        }
    }
    Ok(())
}

/// Whether the steps can work together, before any of them starts.
fn check(steps: &[Step]) -> Result<(), Failure> {
    let mut written: Vec<(String, &str)> = Vec::new();
    for step in steps {
        // A step that needs what is not trusted is refused before it runs; its files elsewhere are not looked for.
        if step.untrusted.is_empty() {
            step.stage.check(&step.name, &step.table)?;
        }
        let writes = step.stage.writes(&step.name, &step.table)?;
        for file in step.stage.outputs() {
            if !writes.contains(&file.name) {
                continue;
            }
            let path = step.file_name(file).to_owned();
            // By the strictest file system: a run may be carried to one that ignores case.
            let same = |taken: &str| boundary::folded(taken) == boundary::folded(&path);
            let mut inputs = step.stage.inputs().iter();
            if let Some(input) = inputs.find(|input| same(step.file_name(input))) {
                return Err(Failure::usage(
                    format_args!(
                        "the step `{}` reads {path} as `{}` and would write it as `{}`",
                        step.name, input.name, file.name
                    ),
                    format_args!(
                        "give it another file: `files = {{ {} = \"...\" }}` in `[{}]`",
                        file.name, step.name
                    ),
                ));
            }
            if let Some((_, other)) = written.iter().find(|(taken, _)| same(taken)) {
                return Err(Failure::usage(
                    format_args!("the steps `{other}` and `{}` both write {path}", step.name),
                    format_args!(
                        "give one of them another file: `files = {{ {} = \"...\" }}` in `[{}]`",
                        file.name, step.name
                    ),
                ));
            }
            written.push((path, &step.name));
        }
        // Only a map is drawn, and a map is flat.
        let components = step.table.get("components").and_then(Value::as_integer);
        let drawn = |step: &Step| step.stage.name() == "viz";
        let renamed = step.files.iter().any(|(name, _)| *name == "projection");
        if let Some(components) = components.filter(|&c| c != 2)
            && !renamed
            && steps.iter().any(drawn)
        {
            return Err(Failure::usage(
                format_args!(
                    "`components = {components}` in `[{}]`: a map has 2",
                    step.name
                ),
                "the space that clusters are found in has its own: `--set reduce.components=10`",
            ));
        }
    }
    Ok(())
}

/// What the map of these inputs is called: the name of the only file, without what says how it is written.
fn name_of(input: &[String]) -> Option<String> {
    let [only] = input else { return None };
    let name = Path::new(only).file_name()?.to_str()?;
    let stem = name.split('.').find(|part| !part.is_empty())?;
    let plain = only != "-" && !only.contains(['*', '?', '[']);
    plain.then(|| stem.replace('_', " "))
}

fn apply_sets(matches: &ArgMatches, steps: &mut [Step]) -> Result<(), Failure> {
    for set in matches.get_many::<String>("set").into_iter().flatten() {
        let parts = set
            .split_once('=')
            .and_then(|(path, value)| Some((path.split_once('.')?, value)));
        let Some(((name, key), value)) = parts else {
            return Err(Failure::usage(
                format_args!("`--set {set}` is not of the form STEP.KEY=VALUE"),
                "for instance `--set knn.k=30`",
            ));
        };
        let known = steps
            .iter()
            .map(|step| step.name.clone())
            .collect::<Vec<_>>()
            .join(", ");
        let Some(step) = steps.iter_mut().find(|step| step.name == name) else {
            return Err(Failure::usage(
                format_args!("`--set {set}`: there is no step `{name}`"),
                format_args!("the steps are {known}"),
            ));
        };
        if stage::STEP_KEYS.contains(&key) {
            return Err(Failure::usage(
                format_args!("`--set {set}`: `{key}` is no setting of a stage"),
                "it belongs into a settings file: `skerry config > pipeline.toml`, then `--config pipeline.toml`",
            ));
        }
        // A word that is no TOML value is text.
        let parsed = format!("v = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("v"));
        step.table.insert(
            key.to_owned(),
            parsed.unwrap_or_else(|| Value::String(value.to_owned())),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_map_is_called_as_its_only_file() {
        let name = |input: &[&str]| {
            name_of(
                &input
                    .iter()
                    .map(|&path| path.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            name(&["data/news_2026.csv.gz"]).as_deref(),
            Some("news 2026")
        );
        assert_eq!(name(&[".hidden.csv"]).as_deref(), Some("hidden"));
        for unnamed in [&["-"][..], &["a.csv", "b.csv"], &["logs/*.csv"]] {
            assert_eq!(name(unnamed), None, "{unnamed:?}");
        }
    }
}
