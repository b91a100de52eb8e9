//! Selection of steps: `--from`, `--only`, `--force`.

use clap::ArgMatches;
use stage::Failure;

use crate::settings::Step;

/// Whether a step is considered in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Its outputs are used unchecked.
    Leave,
    /// It runs if stale.
    Check,
    /// It runs, for this reason.
    Force(&'static str),
}

/// The selection of each step.
pub(super) fn select(matches: &ArgMatches, steps: &[Step]) -> Result<Vec<Selection>, Failure> {
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    let position = |flag: &str| -> Result<Option<usize>, Failure> {
        let Some(name) = matches.get_one::<String>(flag) else {
            return Ok(None);
        };
        let found = names.iter().position(|step| step == name);
        found.map(Some).ok_or_else(|| {
            Failure::usage(
                format_args!("`--{flag} {name}`: there is no such step"),
                format_args!("the steps are {}", names.join(", ")),
            )
        })
    };
    let (from, only) = (position("from")?, position("only")?);
    let force = matches.get_flag("force");
    Ok((0..steps.len())
        .map(|at| of_step(at, from, only, force))
        .collect())
}

fn of_step(at: usize, from: Option<usize>, only: Option<usize>, force: bool) -> Selection {
    match (from, only) {
        (_, Some(only)) if at == only => Selection::Force("selected with --only"),
        (_, Some(_)) => Selection::Leave,
        (Some(from), _) if at < from => Selection::Leave,
        (Some(from), _) if at == from => Selection::Force("selected with --from"),
        _ if force => Selection::Force("selected with --force"),
        _ => Selection::Check,
    }
}

#[cfg(test)]
mod tests {
    use super::Selection::{Check, Force, Leave};
    use super::*;

    #[test]
    fn from_only_and_force_select_steps() {
        let all = |from, only, force| [0, 1, 2].map(|at| of_step(at, from, only, force));
        assert_eq!(all(None, None, false), [Check; 3]);
        assert_eq!(all(None, None, true), [Force("selected with --force"); 3]);
        let only = Force("selected with --only");
        assert_eq!(all(None, Some(1), true), [Leave, only, Leave]);
        let from = Force("selected with --from");
        assert_eq!(all(Some(1), None, false), [Leave, from, Check]);
    }
}
