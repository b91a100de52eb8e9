//! `skerry run`: from a table of texts to a map.

mod consent;
mod context;
mod dry_run;
mod executor;
mod plan;
mod process;
mod selection;
mod spool;
mod staleness;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::ArgMatches;
use stage::cli::SETTINGS_FILE;
use stage::{Failure, Hashes, Manifest, RunLock, boundary};

pub(crate) use self::context::Context;
use self::executor::Executor;
use self::plan::Plan;
pub(crate) use self::plan::kept_steps;
use self::process::Guard;
pub(crate) use self::staleness::Staleness;
use crate::interrupt::Interrupts;
use crate::{setup, summary};

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let dir: &PathBuf = matches.get_one("out").expect("it has a default");
    let plan = Plan::new(matches, dir)?;
    let settings = dir.join(SETTINGS_FILE);
    show_allowed(&plan);
    let selection = selection::select(matches, &plan.steps)?;
    plan.find_input()?;
    let planned = staleness(matches, &plan, &settings, &plan.input);
    let logged = boundary::own_file(dir, Manifest::FILE)?;
    if matches.get_flag("dry-run") {
        let json = matches.get_flag("json_report");
        for external in executor::needs_consent(&planned, &selection) {
            let flag = external.reach.flag();
            stage::say(&format!(
                "the run would be refused without `{flag}`: {external}"
            ));
        }
        return Ok(dry_run::report(&planned, &selection, &log(dir), json));
    }
    executor::check_trust(&planned, &selection)?;
    if matches.get_flag("setup") {
        for model in plan.set_up_models() {
            setup::download(model, matches)?;
        }
    }
    boundary::create_directory(dir)?;
    let lock = RunLock::take(dir)?;
    let mut written = planned.written();
    written.extend([settings.clone(), logged]);
    // Partial files of killed writers; the lock ensures that no other run is in progress.
    remove_partial_files(dir, &written);
    let clean_up = {
        let (dir, written) = (dir.clone(), written.clone());
        move || remove_partial_files(&dir, &written)
    };
    let interrupts =
        Interrupts::watch(clean_up).map_err(Failure::io("watch for signals in", dir))?;
    let outcome = spool::spool(&plan.input, dir).and_then(|read| {
        // Only now, so that the settings of the last run are kept if there is nothing to read.
        interrupts.uninterrupted(|| {
            artifacts::write_bytes(&settings, plan.page().as_bytes())?;
            remember(dir, &plan);
            Ok::<_, Failure>(())
        })?;
        let mut manifest = log(dir);
        let executor = Executor {
            run: Staleness {
                same_input: manifest.input == plan.input,
                ..staleness(matches, &plan, &settings, &read)
            },
            selection,
            verbose: matches.get_flag("verbose"),
        };
        let this_run = Manifest {
            skerry: env!("CARGO_PKG_VERSION").to_owned(),
            preset: plan.preset.name().to_owned(),
            seed: plan.seed,
            input: plan.input.clone(),
            ..Manifest::default()
        };
        let guard = Guard {
            lock: &lock,
            interrupts: &interrupts,
        };
        let records = executor.go(&mut manifest, this_run, &guard)?;
        Ok((manifest, records))
    });
    remove_partial_files(dir, &written);
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
        matches.get_flag("preview"),
    )))
}

/// Removes partial files that killed writers of the files `written` left in `dir`, and the copy of standard input.
pub(crate) fn remove_partial_files(dir: &Path, written: &[PathBuf]) {
    for path in written {
        artifacts::remove_stale_temp_files(path);
    }
    spool::remove(dir);
}

/// Prints the settings that are allowed only by a flag.
fn show_allowed(plan: &Plan) {
    for external in &plan.allowed {
        stage::say(&format!("allowed: {external}"));
    }
}

/// Remembers the settings given by the user for the run in `dir`.
fn remember(dir: &Path, plan: &Plan) {
    if let Err(error) = stage::trust::remember(dir, &plan.vouched) {
        stage::say(&format!(
            "warning: {error}: a later run needs its inputs, models and commands again"
        ));
    }
}

fn staleness<'a>(
    matches: &'a ArgMatches,
    plan: &'a Plan,
    settings: &'a Path,
    read: &'a [String],
) -> Staleness<'a> {
    Staleness {
        steps: &plan.steps,
        context: Context {
            dir: matches.get_one::<PathBuf>("out").expect("it has a default"),
            config: settings,
            seed: plan.seed,
            threads: stage::cli::threads_of(matches),
            quiet: matches.get_flag("be_quiet"),
            input: read,
            flags: Some(matches),
        },
        hashes: Hashes::default(),
        unread: None,
        same_input: false,
        build: stage::build_id(),
    }
}

/// The log of the last run; empty, with a warning, if it cannot be read.
fn log(dir: &Path) -> Manifest {
    Manifest::read(dir).unwrap_or_else(|why| {
        stage::say(&format!(
            "warning: {} cannot be read ({why}): the files cannot be checked, so every step runs again",
            dir.join(Manifest::FILE).display()
        ));
        Manifest::default()
    })
}
