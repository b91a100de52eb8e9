//! `--dry-run`: which steps would run, and why.

use std::process::ExitCode;

use serde_json::json;
use stage::{Manifest, Reach};

use super::selection::Selection;
use super::staleness::{Staleness, Verdict};
use crate::settings::Step;

/// What `step` would send to which address, and whether that needs consent.
fn sends(step: &Step) -> String {
    let addresses = step.external().into_iter();
    let addresses = addresses.filter(|external| external.reach == Reach::Network);
    addresses
        .map(|external| {
            let untrusted = step.untrusted.contains(&external);
            let consent = if untrusted {
                format!(", which needs `{}`", external.reach.flag())
            } else {
                String::new()
            };
            format!(
                "; it sends {} to {}{consent}",
                step.stage.sends(),
                external.value
            )
        })
        .collect()
}

/// The verdict on each step, as a table or as JSON.
pub(super) fn report(
    run: &Staleness<'_>,
    selection: &[Selection],
    manifest: &Manifest,
    json: bool,
) -> ExitCode {
    let mut verdicts = Vec::new();
    let mut rerun: Vec<String> = Vec::new();
    for (step, &selection) in run.steps.iter().zip(selection) {
        let before = run.reads_from(step, &rerun);
        let (runs, text) = match (run.verdict(step, selection, manifest), before) {
            (Verdict::Leave, _) => (false, "left as it is".to_owned()),
            (Verdict::Run(reason), _) => (true, format!("would run: {reason}")),
            (_, Some(before)) => (true, format!("would run if {before} changes its output")),
            (Verdict::Keep, None) => (false, "is up to date".to_owned()),
            (Verdict::KeepUnchecked(why), None) => (false, format!("would be kept, though {why}")),
        };
        let text = if runs {
            rerun.push(step.name.clone());
            text + &sends(step)
        } else {
            text
        };
        verdicts.push((&step.name, text));
    }
    if json {
        let steps: Vec<_> = verdicts
            .iter()
            .map(|(step, verdict)| json!({ "step": step, "verdict": verdict }))
            .collect();
        return stage::cli::print_json(&json!({ "steps": steps }).to_string());
    }
    let lines: Vec<String> = verdicts
        .iter()
        .map(|(step, verdict)| stage::one_line(&format!("{step:>12}  {verdict}")))
        .collect();
    stage::cli::print(&lines.join("\n"))
}
