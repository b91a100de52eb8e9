//! `skerry verify`: checks that a run is complete and its files are unchanged. It reads only the run directory, neither sources
//! nor models, and runs nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;
use stage::cli::SETTINGS_FILE;
use stage::{BoundaryError, Failure, Hashes, Manifest, boundary};

use crate::run::{Context, Staleness, kept_steps};
use crate::settings::Step;

const FILE: &str = Manifest::FILE;

pub(crate) fn command() -> Command {
    Command::new("verify")
        .about("Check that a run is complete and its files are unchanged")
        .after_help("The hashes of all files are recomputed. The exit status is 1 if a file is missing or changed, if a step has not run, or if the last run stopped before its end. Stale steps are listed: the next run would repeat them.")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("runs/latest")
                .help("Run directory"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the results as one JSON object"),
        )
}

/// The verdict on a file or a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Its hash is that of the log.
    Ok,
    /// It is not in the log.
    Unknown,
    /// The next run would repeat the step.
    Stale,
    /// Changed since it was written.
    Changed,
    /// Missing.
    Missing,
    /// The last run stopped at this step.
    Unfinished,
    /// Its name, or a symbolic link, leads out of the run directory.
    Outside,
}

impl Verdict {
    /// Name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unfinished => "unfinished",
            Self::Outside => "outside",
        }
    }

    /// Name in text: faults in capitals.
    fn text(self) -> String {
        let name = self.name();
        if matches!(self, Self::Ok | Self::Unknown | Self::Stale) {
            name.to_owned()
        } else {
            name.to_uppercase()
        }
    }
}

/// The verdict on one file.
struct File {
    verdict: Verdict,
    name: String,
    step: String,
}

/// A problem of one step.
struct Finding {
    step: String,
    verdict: Verdict,
    reason: String,
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("dir").expect("it has a default");
    boundary::check_directory(dir)?;
    if !dir.exists() {
        return Err(Failure::usage(
            format_args!("there is no directory {}", dir.display()),
            "give the directory of a run",
        ));
    }
    boundary::own_file(dir, FILE)?;
    let manifest = Manifest::read(dir).map_err(|why| {
        Failure::work(
            format_args!("{} cannot be read", dir.join(FILE).display()),
            format_args!(
                "write the files again with `skerry run --out {}`",
                dir.display()
            ),
        )
        .because(why)
    })?;
    let settings = boundary::own_file(dir, SETTINGS_FILE)?;
    let steps = if settings.exists() {
        Some(kept_steps(dir, &settings)?)
    } else {
        None
    };
    if manifest.steps.is_empty() && steps.is_none() {
        let fact = format!(
            "{} has neither a {FILE} with steps in it nor a {SETTINGS_FILE}",
            dir.display()
        );
        return Err(Failure::usage(fact, "give the directory of a run"));
    }
    let mut files = logged(dir, &manifest);
    let mut findings = Vec::new();
    if manifest.steps.is_empty() {
        findings.push(Finding {
            step: FILE.to_owned(),
            verdict: Verdict::Missing,
            reason: "without it the files cannot be checked".to_owned(),
        });
    }
    if let Some(step) = &manifest.unfinished {
        findings.push(Finding {
            step: step.clone(),
            verdict: Verdict::Unfinished,
            reason: "the last run stopped at this step, or is still in progress".to_owned(),
        });
    }
    match &steps {
        Some(steps) => {
            let context = Context {
                dir,
                config: &settings,
                seed: manifest.seed,
                threads: None,
                quiet: true,
                input: &[],
                flags: None,
            };
            unfinished(&context, steps, &manifest, &mut files, &mut findings);
            let run = Staleness {
                steps,
                context,
                hashes: Hashes::default(),
                unread: Some("files outside the run are not read"),
                same_input: true,
                build: stage::build_id(),
            };
            let whole = |step: &Step| {
                !findings.iter().any(|finding| finding.step == step.name)
                    && !files
                        .iter()
                        .any(|file| file.step == step.name && file.verdict != Verdict::Ok)
            };
            let stale = run.stale(&manifest, &|step| step.command.is_none() && whole(step));
            findings.extend(stale.into_iter().map(|(step, reason)| Finding {
                step,
                verdict: Verdict::Stale,
                reason,
            }));
        }
        None => findings.push(Finding {
            step: SETTINGS_FILE.to_owned(),
            verdict: Verdict::Missing,
            reason: "without it the steps of the run are unknown".to_owned(),
        }),
    }
    // Files of `skerry sweep` and `skerry predict` are in no log, but hold checksums of their own. Whether others are
    // undamaged is not known.
    for name in tables(dir) {
        if !files.iter().any(|known| known.name == name) {
            let mut declared = artifacts::TABLES.iter();
            let declared =
                declared.find(|table| table.file == name && table.writer.starts_with("skerry "));
            files.push(match declared {
                Some(table) => File {
                    verdict: match boundary::inside(dir, &name) {
                        Ok(path) => by_itself(&path, table.kind),
                        Err(_) => Verdict::Outside,
                    },
                    step: table.writer.to_owned(),
                    name,
                },
                None => File {
                    verdict: Verdict::Unknown,
                    name,
                    step: "no step of the run".to_owned(),
                },
            });
        }
    }
    let status = report(matches, &files, &findings);
    conclude(dir, &files, &findings).map(|()| status)
}

/// The files of the log, each compared with its hash. The log is untrusted: a name outside the directory is not followed.
fn logged(dir: &Path, manifest: &Manifest) -> Vec<File> {
    let mut files = Vec::new();
    for record in &manifest.steps {
        for (name, written) in &record.outputs {
            let verdict = match boundary::inside(dir, name) {
                Err(_) => Verdict::Outside,
                Ok(path) => match artifacts::sha256(&path) {
                    Ok(found) if found == *written => Verdict::Ok,
                    Ok(_) => Verdict::Changed,
                    Err(_) if path.exists() => Verdict::Changed,
                    Err(_) => Verdict::Missing,
                },
            };
            files.push(File {
                verdict,
                name: name.clone(),
                step: record.step.clone(),
            });
        }
    }
    files
}

/// Adds the steps of the recipe that have not run, and their missing files.
fn unfinished(
    context: &Context<'_>,
    steps: &[Step],
    manifest: &Manifest,
    files: &mut Vec<File>,
    findings: &mut Vec<Finding>,
) {
    for step in steps {
        if manifest.record(&step.name).is_none() {
            findings.push(Finding {
                step: step.name.clone(),
                verdict: Verdict::Missing,
                reason: "it has not run".to_owned(),
            });
        }
        let writes = step.settings.writes();
        for path in context.outputs_of(step, &writes) {
            let name = path.strip_prefix(context.dir).unwrap_or(&path);
            let name = name.to_string_lossy().into_owned();
            if !files.iter().any(|file| file.name == name) {
                files.push(File {
                    verdict: match (path.exists(), step.command.is_some()) {
                        (false, _) => Verdict::Missing,
                        (true, true) => Verdict::Unknown,
                        // The next run writes files again that are not in the log.
                        (true, false) => Verdict::Changed,
                    },
                    name,
                    step: step.name.clone(),
                });
            }
        }
    }
}

fn report(matches: &ArgMatches, files: &[File], findings: &[Finding]) -> ExitCode {
    let text = if matches.get_flag("json") {
        let files_json = files.iter().map(
            |file| json!({ "file": file.name, "step": file.step, "verdict": file.verdict.name() }),
        );
        let steps_json = findings.iter().map(|finding| {
            json!({
                "step": finding.step,
                "verdict": finding.verdict.name(),
                "reason": finding.reason,
            })
        });
        json!({
            "files": files_json.collect::<Vec<_>>(),
            "steps": steps_json.collect::<Vec<_>>(),
            "faults": faults(files),
            "complete": complete(files, findings),
        })
        .to_string()
    } else {
        let files = files
            .iter()
            .map(|file| format!("{:8} {}  ({})", file.verdict.text(), file.name, file.step));
        let findings = findings.iter().map(|finding| {
            format!(
                "{:8} {}: {}",
                finding.verdict.text(),
                finding.step,
                finding.reason
            )
        });
        let lines = files.chain(findings).map(|line| stage::one_line(&line));
        lines.collect::<Vec<_>>().join("\n")
    };
    stage::cli::print(&text)
}

fn complete(files: &[File], findings: &[Finding]) -> bool {
    faults(files) == 0
        && findings
            .iter()
            .all(|finding| finding.verdict == Verdict::Stale)
}

fn faults(files: &[File]) -> usize {
    let fine = |file: &&File| file.verdict != Verdict::Ok && file.verdict != Verdict::Unknown;
    files.iter().filter(fine).count()
}

/// The verdict on the whole run.
fn conclude(run: &Path, files: &[File], findings: &[Finding]) -> Result<(), Failure> {
    let names = |verdict: Verdict| -> Vec<String> {
        let found = findings.iter().filter(|finding| finding.verdict == verdict);
        found
            .map(|finding| stage::one_line(&finding.step))
            .collect()
    };
    let dir = run.display();
    let mut outside = files.iter().filter(|file| file.verdict == Verdict::Outside);
    if let Some((file, error)) = outside.find_map(|file| {
        let error = boundary::inside(run, &file.name).err()?;
        Some((file, error))
    }) {
        return Err(match error {
            BoundaryError::Name { .. } => Failure::work(
                format_args!(
                    "the {FILE} of {dir} names a file outside the run: {}",
                    stage::one_line(&file.name)
                ),
                "the directory was not written by this program: do not trust it",
            ),
            // A link may have been put there since.
            error => Failure::of(&error),
        });
    }
    let stopped = names(Verdict::Unfinished);
    if !stopped.is_empty() {
        return Err(Failure::work(
            format_args!(
                "the run {dir} is unfinished: the last run stopped at {}",
                stopped.join(", ")
            ),
            format_args!("complete it with `skerry run --out {dir}`"),
        ));
    }
    let missing = names(Verdict::Missing);
    if !missing.is_empty() {
        return Err(Failure::work(
            format_args!(
                "the run {dir} is unfinished: {} missing",
                missing.join(", ")
            ),
            format_args!("complete it with `skerry run --out {dir}`"),
        ));
    }
    let faults = faults(files);
    if faults > 0 {
        let files = match faults {
            1 => format!("1 file of {dir} is not as the last run left it"),
            _ => format!("{faults} files of {dir} are not as the last run left them"),
        };
        return Err(Failure::work(
            format_args!("{files}: damaged, missing, or written since by a stage run alone"),
            format_args!("write them again with `skerry run --out {dir}`"),
        ));
    }
    Ok(())
}

/// What the file at `path`, which is in no log, tells of itself: undamaged only if it is of this kind and all its bytes
/// pass its checksums.
fn by_itself(path: &Path, kind: &str) -> Verdict {
    let of_kind = matches!(artifacts::Footer::read(path), Ok(Some(footer)) if footer.kind == kind);
    match artifacts::verify(path) {
        Ok(true) if of_kind => Verdict::Ok,
        Ok(false) if of_kind => Verdict::Unknown,
        _ => Verdict::Changed,
    }
}

/// The Parquet files in `dir`, by name.
fn tables(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".parquet"))
        .collect();
    names.sort();
    names
}
