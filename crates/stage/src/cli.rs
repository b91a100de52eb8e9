//! The command line that all stages share.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, value_parser};
use serde_json::{Map, Value};

use crate::{
    BoundaryError, DEFAULT_SEED, External, FLAG_NAME, Failure, Files, FlagNames, Manifest,
    Progress, Reach, Seed, Stage, Terminal, Trust, Untrusted, Usage, boundary, config, lineage,
    printable, printable_json, say, trust,
};

/// The heading of a stage's settings in its help.
pub const SETTINGS: &str = "Settings";

/// The largest seed: TOML integers are signed.
pub const MAX_SEED: u64 = i64::MAX as u64;

/// The flag by which a run passes known hashes to its steps.
pub const INPUT_HASH: &str = "input-hash";

/// The name of the settings file in a run directory.
pub const SETTINGS_FILE: &str = "pipeline.toml";

/// The `main` function of a stage's program.
pub fn main<S: Stage>() -> ExitCode {
    let name = format!("skerry-{}", S::NAME);
    let matches = command::<S>(&name)
        .version(env!("CARGO_PKG_VERSION"))
        .get_matches();
    execute::<S>(&matches)
}

/// The command line of stage `S`, under the name `name`.
pub fn command<S: Stage>(name: &str) -> Command {
    let (about, long_about) = match S::ABOUT.split_once("\n\n") {
        Some((about, _)) => (about, Some(S::ABOUT)),
        None => (S::ABOUT, None),
    };
    let mut command = Command::new(name.to_owned())
        .allow_negative_numbers(true)
        .arg_required_else_help(true);
    if let Some(help) = S::SOURCES {
        command = command.arg(
            Arg::new("sources")
                .value_name("INPUT")
                .num_args(1..)
                .help(help),
        );
    }
    command = command.next_help_heading(SETTINGS);
    // The doc comments of the structs are for programmers.
    command = S::Local::augment_args(S::Options::augment_args(command))
        .about(about)
        .long_about(long_about)
        .mut_args(|arg| {
            let brief = arg.is_positional() || S::SHORT_HELP.contains(&arg.get_id().as_str());
            arg.hide_short_help(!brief)
        })
        .after_help("`--help` lists all flags.")
        .after_long_help("");
    command = command.next_help_heading("Files").arg(
        Arg::new("run_dir")
            .long("run")
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .help("Read and write the files of this run directory, under their standard names"),
    );
    for (files, verb) in [(S::INPUTS, "Read"), (S::OUTPUTS, "Write")] {
        for file in files {
            let need = if file.required { "" } else { " (optional)" };
            command = command.arg(
                Arg::new(flag_id(file.name))
                    .long(file.flag())
                    .hide_short_help(true)
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help(format!(
                        "{verb} {}{need} [in DIR: {}]",
                        file.help, file.file
                    )),
            );
        }
    }
    let command = common(command);
    let [commands, external] = trust::flags();
    if S::EXTERNAL.iter().any(|(_, reach)| *reach == Reach::Code) {
        command.arg(commands).arg(external)
    } else {
        command.arg(external)
    }
}

/// The flags that mean the same in every stage.
fn common(command: Command) -> Command {
    command
        .next_help_heading("Common")
        .arg(
            Arg::new("config_file")
                .hide_short_help(true)
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Read settings from this pipeline.toml; flags override it [default: that of the run directory]"),
        )
        .arg(Arg::new("step_name").hide_short_help(true).long("step").value_name("NAME").help("Name of the step: its table in the settings file [default: the name of the stage]"))
        .arg(
            Arg::new("seed_value")
                .long("seed")
                .value_name("N")
                .value_parser(value_parser!(u64).range(..=MAX_SEED))
                .help(format!("Seed of all random numbers [default: that of the settings file, else {DEFAULT_SEED}]")),
        )
        .arg(threads())
        .arg(
            Arg::new("allow_mismatch")
                .hide_short_help(true)
                .long(lineage::ALLOW)
                .action(ArgAction::SetTrue)
                .help("Accept inputs that do not belong together, with a warning")
                .long_help("Accept inputs that do not belong together, with a warning\n\nWithout this flag, inputs that were made from other files than those given, or that have changed since the run wrote them, are refused."),
        )
        .arg(
            Arg::new("input_hash")
                .long(INPUT_HASH)
                .value_name("NAME=SHA256")
                .action(ArgAction::Append)
                .hide(true)
                .help("SHA-256 of an input, which is not read again for it"),
        )
        .arg(
            Arg::new("flag_name")
                .long(FLAG_NAME)
                .value_name("STAGE=RUN")
                .action(ArgAction::Append)
                .hide(true)
                .help("Name in a run of a flag of this stage, for messages"),
        )
        .arg(json_flag())
        .arg(quiet_flag())
        .arg(Arg::new("be_verbose").long("verbose").short('v').action(ArgAction::SetTrue).help("Print the effective settings first"))
}

/// `--threads N`.
pub fn threads() -> Arg {
    Arg::new("thread_count")
        .long("threads")
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..))
        .help("Number of threads; it does not change the results [default: all processors]")
}

/// The value of `--threads`.
pub fn threads_of(matches: &ArgMatches) -> Option<usize> {
    matches
        .get_one::<u16>("thread_count")
        .copied()
        .map(usize::from)
}

/// `--json`.
pub fn json_flag() -> Arg {
    Arg::new("json_report")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print the report as one JSON object")
}

/// `--quiet`.
pub fn quiet_flag() -> Arg {
    Arg::new("be_quiet")
        .long("quiet")
        .short('q')
        .action(ArgAction::SetTrue)
        .help("Print only warnings, errors and the final report")
}

/// Runs stage `S` with the arguments in `matches`, and prints its report.
pub fn execute<S: Stage>(matches: &ArgMatches) -> ExitCode {
    let names = FlagNames::of(matches);
    run::<S>(matches, &names).unwrap_or_else(|failure| failure.with_flag_names(&names).report())
}

fn run<S: Stage>(matches: &ArgMatches, names: &FlagNames) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let step = matches
        .get_one::<String>("step_name")
        .map_or(S::NAME, String::as_str);
    let terminal = Terminal::new(step, matches.get_flag("be_quiet")).with_flag_names(names);
    let table = settings_file(matches, &terminal)?;
    let table = table.as_ref();
    let seed = matches.get_one::<u64>("seed_value").copied();
    let seed = Seed(seed.map_or_else(|| config::seed(table), Ok)?);
    if step != S::NAME {
        config::check_step(step, table)?;
    }
    let table = |step: &str| table?.get(step)?.as_table();
    let of_step = if step == S::NAME { S::FILES_OF } else { step };
    let files = files::<S>(matches, step, table(of_step))?;
    let own = config::with_base::<S>(table(of_step), table(step));
    check_trust::<S>(matches, step, &own)?;
    let (options, local) = config::settings::<S>(step, Some(&own), Some(matches))?;
    S::check(&options, &local).map_err(|error| Failure::of(&error).into_usage())?;
    let files = files.without(S::unread(&options));
    use_threads(matches)?;
    if matches.get_flag("be_verbose") {
        for (key, value) in config::settings_of::<S>(&options, &local) {
            terminal.note(&format!("{key} = {value}"));
        }
    }
    let run = matches.get_one::<PathBuf>("run_dir");
    let made = run.is_some_and(|run| !run.exists());
    let lock = run.map(|run| claim(run)).transpose()?;
    let alone = run.filter(|_| matches!(lock, Some(Some(_))));
    let mut log = alone.and_then(|run| lineage::Log::read(run, &terminal));
    let allowed = matches.get_flag("allow_mismatch");
    let result = lineage::check::<S>(&files, log.as_ref(), allowed, &terminal).and_then(|()| {
        S::run(&files, &options, &local, seed, &terminal).map_err(|error| Failure::of(&error))
    });
    terminal.end();
    if made
        && result.is_err()
        && let Some(Some(lock)) = lock
    {
        lock.remove_directory();
    }
    let report = result?;
    let usage = Usage::of_this_process(began);
    if let Some(log) = &mut log {
        let reported = json::<S>(&report, &terminal).into();
        let settings = (&options, &local, seed);
        log.record::<S>(&files, settings, (reported, usage), &terminal);
    }
    if matches.get_flag("json_report") {
        let mut object = json::<S>(&report, &terminal);
        let usage = serde_json::to_value(usage).expect("usage is plain data");
        object.insert("usage".to_owned(), usage);
        return Ok(print_json(&Value::Object(object).to_string()));
    }
    Ok(print(&report.to_string()))
}

/// The directory of a run, created if necessary, and its lock.
fn claim(run: &Path) -> Result<Option<crate::RunLock>, Failure> {
    boundary::create_directory(run)?;
    Ok(crate::lock::of_stage(run)?)
}

/// The report with the notes and warnings.
fn json<S: Stage>(report: &S::Report, terminal: &Terminal) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("stage".to_owned(), S::NAME.into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(report) {
        object.extend(fields);
    }
    let (notes, warnings) = terminal.messages();
    object.insert("notes".to_owned(), notes.into());
    object.insert("warnings".to_owned(), warnings.into());
    object
}

/// Prints a text report to standard output, with control characters escaped. A closed pipe is not an error.
pub fn print(text: &str) -> ExitCode {
    print_json(&printable(text))
}

/// Prints JSON to standard output, with terminal control characters as JSON escapes.
pub fn print_json(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", printable_json(text.trim_end())).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let hint = "check that standard output can be written";
            Failure::work("cannot write the report", hint)
                .because(error)
                .report()
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Sets the size of the thread pool by `--threads`.
pub fn use_threads(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(threads) = threads_of(matches) else {
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| {
            let fact = format_args!("cannot start {threads} threads");
            Failure::work(fact, "choose fewer with `--threads`").because(error)
        })
}

/// The settings of stage `S` in the settings file of the run directory `--run`, for a command that is no stage. Settings that reach
/// outside the run need consent, as in a run, unless a flag or a variable of the same name replaces them: then they are as in
/// the file, and the caller has to replace them.
///
/// # Errors
///
/// [`Untrusted`], and those of reading the file.
pub fn settings_of_run<S: Stage>(
    matches: &ArgMatches,
    step: &str,
) -> Result<(S::Options, S::Local), Failure> {
    let table = kept_settings(matches)?
        .map(|path| config::read_settings(&path))
        .transpose()?;
    let own = table.as_ref().and_then(|table| table.get(step)?.as_table());
    let own = own.cloned().unwrap_or_default();
    check_trust::<S>(matches, step, &own)?;
    Ok(config::settings::<S>(step, Some(&own), None)?)
}

/// The settings file of `--config`, else the one in the run directory.
fn settings_file(
    matches: &ArgMatches,
    terminal: &Terminal,
) -> Result<Option<toml::Table>, config::ConfigError> {
    let path = match matches.get_one::<PathBuf>("config_file") {
        Some(named) => Some(named.clone()),
        None => kept_settings(matches)?,
    };
    if !matches.contains_id("config_file")
        && let Some(path) = &path
    {
        terminal.note(&format!("settings of {}", path.display()));
    }
    path.map(|path| config::read_settings(&path)).transpose()
}

/// The settings file in the directory of the run, if there is one.
fn kept_settings(matches: &ArgMatches) -> Result<Option<PathBuf>, BoundaryError> {
    let Some(run) = matches.get_one::<PathBuf>("run_dir") else {
        return Ok(None);
    };
    boundary::check_directory(run)?;
    let path = boundary::own_file(run, SETTINGS_FILE)?;
    Ok(path.exists().then_some(path))
}

/// Checks that the settings file in the run directory may use the programs, files and addresses outside that it names. Values
/// given by flags or by a file of `--config` are trusted.
fn check_trust<S: Stage>(
    matches: &ArgMatches,
    step: &str,
    table: &toml::Table,
) -> Result<(), Untrusted> {
    let (Some(run), false) = (
        matches.get_one::<PathBuf>("run_dir"),
        matches.try_contains_id("config_file").unwrap_or(false),
    ) else {
        return Ok(());
    };
    let trust = Trust::of(matches, run);
    let mut externals = Vec::new();
    for &(key, reach) in S::EXTERNAL {
        let Some(value) = table.get(key).filter(|_| !config::is_given(matches, key)) else {
            continue;
        };
        let text = value.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| value.to_string());
        let external = External::setting(step, key, text, reach);
        if !trust.covers(&external) {
            externals.push(external);
        } else if trust.allowed(&external) {
            say(&format!("allowed: {external}"));
        }
    }
    if externals.is_empty() {
        return Ok(());
    }
    Err(Untrusted {
        settings: run.join(SETTINGS_FILE),
        externals,
    })
}

/// The id of a file's flag, which must not collide with an option of the same name.
fn flag_id(name: &str) -> String {
    format!("file:{name}")
}

/// The files: from flags, else from `table`, else with their standard names in the run directory.
fn files<S: Stage>(
    matches: &ArgMatches,
    step: &str,
    table: Option<&toml::Table>,
) -> Result<Files, Failure> {
    let renamed = |name: &str| table?.get("files")?.get(name)?.as_str();
    let run = matches.get_one::<PathBuf>("run_dir");
    let mut files = Files::default();
    if S::SOURCES.is_some() {
        files = files.with_sources(
            matches
                .get_many::<String>("sources")
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        );
    }
    for file in S::INPUTS.iter().chain(S::OUTPUTS) {
        let path = matches.get_one::<PathBuf>(&flag_id(file.name)).cloned();
        let named = path.is_some();
        let standard = renamed(file.name).unwrap_or(file.file);
        let is_input = S::INPUTS.iter().any(|input| input.name == file.name);
        let within = |run: &PathBuf| match boundary::inside(run, standard) {
            // A link to a file outside may be read if that is allowed, but never written to.
            Err(BoundaryError::Outside { path, target, .. }) if is_input => {
                let external = External::file(step, file.name, &target);
                if Trust::of(matches, run).covers(&external) {
                    return Ok(path);
                }
                Err(Failure::from(Untrusted {
                    settings: run.clone(),
                    externals: vec![external],
                }))
            }
            found => Ok(found?),
        };
        let path = match (path, run) {
            (None, Some(run)) => Some(within(run)?),
            (path, _) => path,
        };
        if let Some(path) = path {
            if is_input && (named || file.required) && !path.exists() {
                return Err(match run.filter(|run| !named && !run.exists()) {
                    Some(run) => no_directory(run),
                    None => missing(file, &path),
                });
            }
            if !is_input {
                artifacts::check_target(&path)?;
                if let Some(run) = run.filter(|run| named && is_source(run, &path)) {
                    return Err(Failure::usage(
                        format_args!(
                            "`--{}` would write over {}, a source of the run {}",
                            file.flag(),
                            path.display(),
                            run.display()
                        ),
                        "give another file",
                    ));
                }
            }
            files = files.with(file.name, path);
        } else if file.required && is_input {
            let hint = format!(
                "give `--{} FILE`, or `--run DIR` with {} in it",
                file.flag(),
                file.file
            );
            let fact = format_args!("no file with the {} is given", file.name);
            return Err(Failure::usage(fact, hint));
        }
    }
    if S::OUTPUTS
        .iter()
        .all(|file| files.output(file.name).is_none())
    {
        let first = S::OUTPUTS
            .first()
            .map_or_else(String::new, crate::File::flag);
        let hint = format_args!("give `--run DIR`, or `--{first} FILE`");
        return Err(Failure::usage("nothing would be written", hint));
    }
    for known in matches
        .get_many::<String>("input_hash")
        .into_iter()
        .flatten()
    {
        // Known only to the run that started this step.
        let known = known.split_once('=').filter(|_| crate::lock::in_a_run());
        if let Some((name, hash)) = known
            && hash.len() == 64
            && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
            && S::INPUTS.iter().any(|input| input.name == name)
        {
            files = files.with_hash(name, hash);
        }
    }
    if let Some((file, other)) = files.collision(S::INPUTS, S::OUTPUTS) {
        let path = files.output(file.name).unwrap_or_else(|| Path::new(""));
        let (path, output, other) = (path.display(), file.flag(), other.flag());
        return Err(Failure::usage(
            format_args!("{path} is both the output `--{output}` and `--{other}`"),
            "give one of them another name",
        ));
    }
    Ok(files)
}

/// Whether `path` is a file that the run in `run` was made from, by its log.
fn is_source(run: &Path, path: &Path) -> bool {
    let sources = Manifest::read(run).unwrap_or_default().input;
    let place = crate::place(path);
    sources
        .iter()
        .any(|source| source != "-" && crate::place(Path::new(source)) == place)
}

fn no_directory(run: &Path) -> Failure {
    Failure::usage(
        format_args!("there is no directory {} (`--run`)", run.display()),
        "check the path: this stage reads files that other stages have written there",
    )
}

fn missing(file: &crate::File, path: &Path) -> Failure {
    Failure::usage(
        format_args!("there is no file {} (`--{}`)", path.display(), file.flag()),
        "check the path, or run the stage that writes it",
    )
}
