//! `skerry run`: from a table of texts to a map.

mod flags;
mod guard;
mod pipeline;
mod plan;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::ArgMatches;
use stage::Hashes;
use stage::cli::SETTINGS_FILE;

pub(crate) use self::flags::command;
use self::pipeline::Pipeline;
use self::plan::Plan;
use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::step::Context;
use crate::summary;

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let dir: &PathBuf = matches.get_one("out").expect("it has a default");
    let plan = Plan::new(matches, &dir.join(SETTINGS_FILE))?;
    std::fs::create_dir_all(dir).map_err(Failure::io("create the directory", dir))?;
    let _lock = guard::lock(dir)?;
    // What killed writers left half done: no one else is at work here.
    artifacts::remove_litter(dir, ".");
    let dry = matches.get_flag("dry-run");
    // A dry run leaves the settings of the last run alone.
    let settings = dir.join(if dry {
        ".pipeline.toml.tmp"
    } else {
        SETTINGS_FILE
    });
    artifacts::write_bytes(&settings, plan.page().as_bytes())?;
    let read = guard::spool(&plan.input, dir)?;
    let pipeline = Pipeline {
        matches,
        steps: &plan.steps,
        context: Context {
            dir,
            config: &settings,
            seed: plan.seed,
            threads: matches
                .get_one::<u16>("threads")
                .map(|&threads| usize::from(threads)),
            quiet: matches.get_flag("quiet"),
            input: &read,
        },
        hashes: Hashes::default(),
    };
    let mut manifest = Manifest::read(dir);
    if dry {
        let outcome = pipeline.dry_run(&manifest);
        artifacts::remove_litter(dir, ".");
        return outcome;
    }
    env!("CARGO_PKG_VERSION").clone_into(&mut manifest.skerry);
    plan.preset.name().clone_into(&mut manifest.preset);
    (manifest.seed, manifest.input) = (plan.seed, plan.input.clone());
    let records = pipeline.go(&mut manifest)?;
    artifacts::remove_litter(dir, ".");
    if matches.get_flag("json") {
        return Ok(stage::cli::print(
            &serde_json::to_string(&manifest).expect("a manifest is plain data"),
        ));
    }
    Ok(stage::cli::print(&summary::text(
        dir,
        &records,
        began.elapsed(),
    )))
}
