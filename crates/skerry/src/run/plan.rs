//! The plan of a run: flags override the settings file, which overrides the recipe, which overrides the defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use embed::setup::SetUpModel;
use stage::cli::SETTINGS_FILE;
use stage::{External, Failure, Reach, Trust, boundary};
use toml::{Table, Value};

use super::consent::{Consent, check_files};
use crate::arguments::{Given, flag_names, given};
use crate::settings::{Preset, RunTable, Step, StepTable, page};
use crate::stages::absolute;

/// The plan of a run.
pub(super) struct Plan {
    pub(super) preset: Preset,
    pub(super) seed: u64,
    /// Sources: files, glob patterns, or `-`.
    pub(super) input: Vec<String>,
    /// The steps with all settings.
    pub(super) steps: Vec<Step>,
    /// Settings that reach outside the run and were given by the user, now or in an earlier command.
    pub(super) vouched: Vec<External>,
    /// Those allowed only by a flag of this command.
    pub(super) allowed: Vec<External>,
    /// The equivalent settings file.
    page: String,
    /// Whether it continues with the settings of the last run.
    last: bool,
}

impl Plan {
    /// The plan of this command line for the run in `dir`, whose settings file is used if no input is given.
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
                "give a file: `skerry run news.csv` (see `skerry run --help`)",
            ));
        }
        if last && input.iter().any(|source| source == "-") {
            return Err(Failure::usage(
                "the last run read standard input, which is no longer available",
                "pipe it in again: `... | skerry run -`",
            ));
        }
        let by_flag = matches.value_source("preset") == Some(ValueSource::CommandLine);
        let flag = matches
            .get_one::<Preset>("preset")
            .copied()
            .expect("it has a default");
        let preset = run.preset.filter(|_| !by_flag).unwrap_or(flag);
        let seed = matches.get_one::<u64>("seed").copied();
        let seed = seed.or(run.seed).unwrap_or(stage::DEFAULT_SEED);
        // Another recipe has other steps: only the input of the last run is used.
        let other_recipe = last && run.preset.is_some_and(|kept| kept != preset);
        let mut tables = preset.steps(file.as_ref().filter(|_| !other_recipe))?;
        let own = preset.steps(None)?;
        let of_file: Vec<Table> = tables.iter().map(|step| step.table.clone()).collect();
        apply_sets(matches, &mut tables)?;
        let mut consent = Consent::new(Trust::of(matches, dir));
        let mut steps = Vec::new();
        for (table, of_file) in tables.into_iter().zip(&of_file) {
            // The second step of a stage keeps the settings of its recipe, or of the file if it is not in the recipe.
            let of_recipe = own.iter().find(|own| own.name == table.name);
            let fixed = of_recipe.map_or(of_file, |own| &own.table);
            let second = table.name != table.stage.name();
            let flags = given(matches, table.stage, second.then_some(fixed));
            let table = without_model(table, of_recipe, &flags);
            let mut step = resolve(table, &flags, &input)?;
            for external in step.external() {
                let key = external.key.as_str();
                let now =
                    flags.iter().any(|flag| flag.key == key) || is_set(matches, &step.name, key);
                let of_run = last && !now && of_file.contains_key(key);
                consent.decide(external, of_run, &mut step.untrusted);
            }
            steps.push(step);
        }
        let mut readers: Vec<&mut Step> = steps
            .iter_mut()
            .filter(|step| step.stage.takes_sources())
            .collect();
        // A custom command may accept values that are not paths.
        let paths = readers.iter().any(|reader| reader.command.is_none());
        for source in input.iter_mut().filter(|source| *source != "-") {
            if paths {
                *source = absolute(source)?;
            }
            for reader in &mut readers {
                // A command may do anything with the words that it is given.
                let reach = match reader.command {
                    Some(_) => Reach::Code,
                    None => Reach::File,
                };
                let external = External::setting(&reader.name, "input", source.clone(), reach);
                consent.decide(external, input_of_run, &mut reader.untrusted);
            }
        }
        let page = page(preset, seed, &input, &steps);
        without_embedding(&mut steps);
        if matches.get_flag("preview") {
            preview(&mut steps)?;
        }
        check_files(dir, &mut steps, &mut consent)?;
        check(dir, &steps, &input)?;
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

    /// Checks that the sources exist. If the last run is continued, they may be missing, because their documents exist.
    pub(super) fn find_input(&self) -> Result<(), Failure> {
        let ours = |step: &Step| step.stage.takes_sources() && step.command.is_none();
        if self.last || !self.steps.iter().any(ours) {
            return Ok(());
        }
        ingest::source::find(&self.input).map_err(|error| Failure::of(&error))
    }

    /// The models of the set-up that steps use; the default one comes with ONNX Runtime.
    pub(super) fn set_up_models(&self) -> Vec<SetUpModel> {
        let embeds = self.steps.iter().filter(|step| {
            step.stage.name() == "embed"
                && step.command.is_none()
                && step.value("endpoint").is_none()
                && step
                    .value("encoder")
                    .is_some_and(|encoder| encoder != "hash")
        });
        let mut models: Vec<SetUpModel> = embeds
            .filter_map(|step| {
                let model = step.value("model").and_then(serde_json::Value::as_str);
                embed::set_up_model(model).or_else(|| {
                    let library = step.value("onnxruntime");
                    library.is_none().then_some(SetUpModel::Default)
                })
            })
            .collect();
        models.dedup();
        models
    }

    /// The equivalent settings file.
    pub(super) fn page(&self) -> &str {
        &self.page
    }
}

/// The step of `table` with `flags`. A map without a title gets the name of its input.
fn resolve(table: StepTable, flags: &[Given], input: &[String]) -> Result<Step, Failure> {
    const TITLE: &str = "title";
    let words = |but: &str| -> Vec<OsString> {
        let flags = flags.iter().filter(|flag| flag.key != but);
        flags.flat_map(|flag| flag.words.iter().cloned()).collect()
    };
    let step = table.clone().resolve(&words(""))?;
    let title = step.value(TITLE).and_then(serde_json::Value::as_str);
    match name_of(input) {
        Some(name) if title.is_some_and(|title| title.trim().is_empty()) => {
            let mut table = table;
            table.table.insert(TITLE.to_owned(), Value::String(name));
            table.resolve(&words(TITLE))
        }
        _ => Ok(step),
    }
}

/// The step of `table` without the model of its recipe, if an endpoint takes its place.
fn without_model(
    mut table: StepTable,
    of_recipe: Option<&StepTable>,
    flags: &[Given],
) -> StepTable {
    let (model, endpoint) = ("model", "endpoint");
    let by_endpoint =
        table.table.contains_key(endpoint) || flags.iter().any(|flag| flag.key == endpoint);
    let recipes = of_recipe.and_then(|recipe| recipe.table.get(model));
    if by_endpoint && recipes.is_some() && table.table.get(model) == recipes {
        table.table.remove(model);
    }
    table
}

/// The steps of the settings file `kept` of the run in `dir`, for inspection only: no setting that reaches outside is trusted.
pub(crate) fn kept_steps(dir: &Path, kept: &Path) -> Result<Vec<Step>, Failure> {
    let file = stage::read_settings(kept)?;
    let run = RunTable::of(Some(&file))?;
    let mut steps = Vec::new();
    for table in run.preset.unwrap_or_default().steps(Some(&file))? {
        let mut step = table.resolve(&[])?;
        step.untrusted = step.external();
        steps.push(step);
    }
    without_embedding(&mut steps);
    check_files(dir, &mut steps, &mut Consent::new(Trust::none(dir)))?;
    Ok(steps)
}

/// Removes the step embed if the source has vectors.
fn without_embedding(steps: &mut Vec<Step>) {
    if steps
        .iter()
        .any(|step| step.stage.name() == "ingest" && step.value("vectors").is_some())
    {
        steps.retain(|step| step.stage.name() != "embed");
    }
}

/// Makes the embeddings of this run a preview. The settings file has been composed and does not know of it.
fn preview(steps: &mut [Step]) -> Result<(), Failure> {
    let is_embed = |step: &&mut Step| step.stage.name() == "embed" && step.command.is_none();
    let mut embeds = steps.iter_mut().filter(is_embed).peekable();
    if embeds.peek().is_none() {
        return Err(Failure::usage(
            "--preview has no effect: no step of this run embeds texts",
            "omit it: the vectors come from the source or from a command",
        ));
    }
    for step in embeds {
        step.override_now(&["--encoder=static"])?;
    }
    Ok(())
}

/// The settings file to use, and whether it is that of the last run: the one of `--config`, or without an input the one in the
/// run directory.
fn settings_file(matches: &ArgMatches, kept: &Path) -> Result<(Option<Table>, bool), Failure> {
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        return Ok((Some(stage::read_settings(path)?), false));
    }
    if matches.contains_id("input") || matches.contains_id("default-input") || !kept.exists() {
        return Ok((None, false));
    }
    Ok((Some(stage::read_settings(kept)?), true))
}

/// Whether `--set` gives the setting `key` of `step`.
fn is_set(matches: &ArgMatches, step: &str, key: &str) -> bool {
    let mut sets = matches.get_many::<String>("set").into_iter().flatten();
    sets.any(|set| set.split('=').next() == Some(&format!("{step}.{key}")))
}

/// The folded name of a file of the run, and where its path leads.
type Place = (String, PathBuf);

/// Checks that the steps fit together, before any of them starts.
fn check(dir: &Path, steps: &[Step], input: &[String]) -> Result<(), Failure> {
    // By name as the strictest file system compares it, since a run may be carried to one that ignores case, and by where
    // links inside the run lead.
    let place = |name: &str| (boundary::folded(name), stage::place(&dir.join(name)));
    let same = |one: &Place, other: &Place| one.0 == other.0 || one.1 == other.1;
    let mut written: Vec<(Place, &str)> = Vec::new();
    for step in steps {
        // A step with untrusted settings is rejected before it runs; its files elsewhere are not accessed.
        if step.untrusted.is_empty() {
            let in_run = |failure: Failure| failure.with_flag_names(&flag_names(step.stage));
            step.settings.check().map_err(in_run)?;
        }
        let writes = step.settings.writes();
        for file in step.stage.outputs() {
            if !writes.contains(&file.name) {
                continue;
            }
            let path = step.file_name(file);
            let target = place(path);
            let written_to = std::path::absolute(dir.join(path)).unwrap_or_default();
            let source = input.iter().find(|source| {
                stage::place(Path::new(source)) == target.1
                    || glob::Pattern::new(source).is_ok_and(|pattern| {
                        pattern.matches_path(&written_to) || pattern.matches_path(&target.1)
                    })
            });
            if let Some(source) = source {
                return Err(Failure::usage(
                    format_args!(
                        "the step `{}` would write {path} over its source {source}",
                        step.name
                    ),
                    format_args!(
                        "change the file of `{}` in `[{}]`, or use another run directory",
                        file.name, step.name
                    ),
                ));
            }
            let table = Path::new(file.file).extension() == Some("parquet".as_ref());
            if table && Path::new(path).extension() != Some("parquet".as_ref()) {
                return Err(Failure::usage(
                    format_args!(
                        "`files` of `[{}]` calls the table `{}` {path}",
                        step.name, file.name
                    ),
                    "give the name of a table the extension .parquet",
                ));
            }
            let mut inputs = step.stage.inputs().iter();
            if let Some(input) = inputs.find(|input| same(&place(step.file_name(input)), &target)) {
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
            if let Some((_, other)) = written.iter().find(|(taken, _)| same(taken, &target)) {
                return Err(Failure::usage(
                    format_args!("the steps `{other}` and `{}` both write {path}", step.name),
                    format_args!(
                        "give one of them another file: `files = {{ {} = \"...\" }}` in `[{}]`",
                        file.name, step.name
                    ),
                ));
            }
            written.push((target, &step.name));
        }
        // A map has two dimensions.
        let components = step.value("components").and_then(serde_json::Value::as_u64);
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
                "for the space of the clusters use `--set reduce.components=10`",
            ));
        }
    }
    Ok(())
}

/// The title of the map of these inputs: the name of the only file, without extensions.
fn name_of(input: &[String]) -> Option<String> {
    let [only] = input else { return None };
    let name = Path::new(only).file_name()?.to_str()?;
    let stem = name.split('.').find(|part| !part.is_empty())?;
    let plain = only != "-" && !only.contains(['*', '?', '[']);
    plain.then(|| stem.replace('_', " "))
}

fn apply_sets(matches: &ArgMatches, steps: &mut [StepTable]) -> Result<(), Failure> {
    for set in matches.get_many::<String>("set").into_iter().flatten() {
        let parts = set
            .split_once('=')
            .and_then(|(path, value)| Some((path.split_once('.')?, value)));
        let Some(((name, key), value)) = parts else {
            return Err(Failure::usage(
                format_args!("`--set {set}` is not of the form STEP.KEY=VALUE"),
                "for example `--set knn.k=30`",
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
                format_args!("`--set {set}`: `{key}` is not a setting of a stage"),
                "put it into a settings file: `skerry config > pipeline.toml`, then `--config pipeline.toml`",
            ));
        }
        // A value that is not valid TOML is text.
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
    use serde_json::{Value, json};

    use super::{Plan, SetUpModel, name_of};

    /// The plan of a command line in an empty directory, with a settings file.
    fn plan(words: &[&str], settings: &str) -> Plan {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("settings.toml");
        std::fs::write(&file, settings).expect("it can be written");
        let out = dir.path().join("out");
        let path = |path: &std::path::Path| path.display().to_string();
        let (file, out) = (path(&file), path(&out));
        let fixed = ["run", "news.csv", "--config", &file, "--out", &out];
        let words = fixed.iter().chain(words);
        let matches = crate::arguments::command().try_get_matches_from(words);
        let matches = matches.expect("the command line is right");
        Plan::new(&matches, std::path::Path::new(&out))
            .unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    fn value(plan: &Plan, step: &str, key: &str) -> Option<Value> {
        let mut steps = plan.steps.iter();
        let step = steps
            .find(|found| found.name == step)
            .expect("it is a step");
        step.value(key).cloned()
    }

    #[test]
    fn flags_override_the_file_the_file_the_recipe_and_the_recipe_the_defaults() {
        let none = plan(&[], "");
        assert_eq!(value(&none, "reduce", "components"), Some(json!(5)));
        assert_eq!(value(&none, "project", "components"), Some(json!(2)));
        let file = plan(&[], "[reduce]\ncomponents = 8\n[knn]\nk = 21\n");
        assert_eq!(value(&file, "reduce", "components"), Some(json!(8)));
        assert_eq!(value(&file, "knn", "k"), Some(json!(21)));
        let flag = plan(&["--k", "22"], "[knn]\nk = 21\n");
        assert_eq!(value(&flag, "knn", "k"), Some(json!(22)));
    }

    #[test]
    fn a_flag_applies_to_both_steps_of_a_stage_but_not_to_recipe_settings() {
        let found = plan(&["--k", "22", "--metric", "ip"], "");
        assert_eq!(value(&found, "knn", "k"), Some(json!(22)));
        assert_eq!(value(&found, "reduced_knn", "k"), Some(json!(22)));
        assert_eq!(value(&found, "knn", "metric"), Some(json!("ip")));
        assert_eq!(value(&found, "reduced_knn", "metric"), Some(json!("l2")));
        let set = plan(&["--k", "22", "--set", "reduced_knn.metric=ip"], "");
        assert_eq!(value(&set, "knn", "metric"), Some(json!("cosine")));
        assert_eq!(value(&set, "reduced_knn", "metric"), Some(json!("ip")));
    }

    #[test]
    fn the_notebook_has_its_model_unless_another_is_given() {
        let model = |words: &[&str], settings: &str| {
            let words = [&["--preset", "notebook"], words].concat();
            value(&plan(&words, settings), "embed", "model")
        };
        assert_eq!(model(&[], ""), Some(json!("BAAI/bge-m3")));
        let small = "intfloat/multilingual-e5-small";
        assert_eq!(model(&["--model", small], ""), Some(json!(small)));
        let of_file = format!("[embed]\nmodel = \"{small}\"\n");
        assert_eq!(model(&[], &of_file), Some(json!(small)));
        let default = plan(&["--preset", "notebook", "--model", "all-MiniLM-L6-v2"], "");
        assert_eq!(default.set_up_models(), [SetUpModel::Default]);
        assert_eq!(value(&plan(&[], ""), "embed", "model"), None);
    }

    #[test]
    fn a_map_without_a_title_is_named_after_its_file() {
        assert_eq!(value(&plan(&[], ""), "viz", "title"), Some(json!("news")));
        let named = plan(&["--title", "Mine"], "");
        assert_eq!(value(&named, "viz", "title"), Some(json!("Mine")));
        let blank = plan(&["--title", " "], "[viz]\ntitle = \"x\"\n");
        assert_eq!(value(&blank, "viz", "title"), Some(json!("news")));
    }

    #[test]
    fn the_title_is_the_name_of_the_only_file() {
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
