//! `skerry run`: from a table of texts to a map.

mod flags;
mod pipeline;
mod plan;
mod spool;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::ArgMatches;
use stage::cli::SETTINGS_FILE;
use stage::{Hashes, RunLock, boundary};

pub(crate) use self::flags::command;
pub(crate) use self::pipeline::Pipeline;
use self::plan::Plan;
pub(crate) use self::plan::{absolute, kept_steps};
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::manifest::{FILE, Manifest};
use crate::step::{Context, Guard};
use crate::{setup, summary};

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let dir: &PathBuf = matches.get_one("out").expect("it has a default");
    let plan = Plan::new(matches, dir)?;
    let settings = dir.join(SETTINGS_FILE);
    show_allowed(&plan);
    let planned = pipeline(matches, &plan, &settings, &plan.input);
    planned.choices()?;
    plan.find_input()?;
    let logged = boundary::own_file(dir, FILE)?;
    if matches.get_flag("dry-run") {
        return planned.dry_run(&log(dir));
    }
    planned.check_trust()?;
    if matches.get_flag("setup") && plan.needs_default_model() {
        setup::bring(matches)?;
    }
    boundary::create_directory(dir)?;
    let lock = RunLock::take(dir)?;
    let mut written = planned.written();
    written.extend([settings.clone(), logged]);
    // What killed writers left half done: no one else is at work here.
    clear(dir, &written);
    let interrupts = Interrupts::watch(dir.clone(), written.clone())
        .map_err(Failure::io("watch for signals in", dir))?;
    let outcome = spool::spool(&plan.input, dir).and_then(|read| {
        // Only now: the settings of the last run stay as they are where there is nothing to read.
        artifacts::write_bytes(&settings, plan.page().as_bytes())?;
        remember(dir, &plan);
        let mut manifest = log(dir);
        let pipeline = Pipeline {
            same_input: manifest.input == plan.input,
            ..pipeline(matches, &plan, &settings, &read)
        };
        env!("CARGO_PKG_VERSION").clone_into(&mut manifest.skerry);
        plan.preset.name().clone_into(&mut manifest.preset);
        (manifest.seed, manifest.input) = (plan.seed, plan.input.clone());
        let guard = Guard {
            lock: &lock,
            interrupts: &interrupts,
        };
        let records = pipeline.go(&mut manifest, &guard)?;
        Ok((manifest, records))
    });
    clear(dir, &written);
    let (manifest, records) = outcome?;
    if matches.get_flag("json_report") {
        return Ok(stage::cli::print_json(
            &serde_json::to_string(&manifest).expect("a manifest is plain data"),
        ));
    }
    Ok(stage::cli::print(&summary::text(
        dir,
        &|stage, file| planned.output(stage, file),
        &records,
        began.elapsed(),
    )))
}

/// Removes what killed writers of the files `written` left in `dir`, and the copy of standard input.
pub(crate) fn clear(dir: &Path, written: &[PathBuf]) {
    for path in written {
        artifacts::remove_stale_temp_files(path);
    }
    spool::remove(dir);
}

/// Shows what reaches outside the run only because a flag allows it.
fn show_allowed(plan: &Plan) {
    for external in &plan.allowed {
        stage::say(&format!("allowed: {external}"));
    }
}

/// Remembers what the user gave for the run in `dir`.
fn remember(dir: &Path, plan: &Plan) {
    if let Err(error) = stage::trust::remember(dir, &plan.vouched) {
        stage::say(&format!(
            "warning: {error}: a later run has to be given its inputs, models and commands again"
        ));
    }
}

fn pipeline<'a>(
    matches: &'a ArgMatches,
    plan: &'a Plan,
    settings: &'a Path,
    read: &'a [String],
) -> Pipeline<'a> {
    Pipeline {
        matches,
        steps: &plan.steps,
        context: Context {
            dir: matches.get_one::<PathBuf>("out").expect("it has a default"),
            config: settings,
            seed: plan.seed,
            threads: stage::cli::threads_of(matches),
            quiet: matches.get_flag("be_quiet"),
            input: read,
        },
        hashes: Hashes::default(),
        unread: None,
        same_input: false,
    }
}

/// The log of the last run; an empty one, with a word about it, where it cannot be read.
fn log(dir: &Path) -> Manifest {
    Manifest::read(dir).unwrap_or_else(|why| {
        stage::say(&format!(
            "warning: {} cannot be read ({why}): nothing tells whether the files are whole, and every step runs again",
            dir.join(FILE).display()
        ));
        Manifest::default()
    })
}
