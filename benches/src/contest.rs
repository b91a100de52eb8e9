//! The contestants of a comparison, read from a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A comparison of programs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contest {
    /// The contestants; the first is the baseline.
    pub contestant: Vec<Contestant>,
}

/// A program to measure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contestant {
    /// Name in the table.
    pub name: String,
    /// Program and arguments, with `{placeholders}`.
    pub command: Vec<String>,
    /// Values of `{step}`: the command runs once for each, in order, and their usage is summed; once if there are none.
    #[serde(default)]
    pub steps: Vec<String>,
    /// Environment variables to set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Maximum number of rows; larger inputs are skipped, which the table shows.
    pub at_most: Option<usize>,
    /// Minimum number of rows; smaller inputs are skipped.
    pub at_least: Option<usize>,
    /// Runs only if `--only` gives its full name.
    #[serde(default)]
    pub on_request: bool,
}

impl Contest {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("{} is not a valid comparison", path.display()))
    }

    /// The contestants selected by `only`: by part of the name or, for optional ones, by full name; without `only`, the default
    /// ones.
    pub fn chosen(&self, only: &[String]) -> Result<Vec<&Contestant>> {
        let wanted = |one: &&Contestant| {
            let part = |name: &String| !one.on_request && one.name.contains(name.as_str());
            only.is_empty() && !one.on_request
                || only.iter().any(|name| *name == one.name || part(name))
        };
        let chosen: Vec<_> = self.contestant.iter().filter(wanted).collect();
        if chosen.is_empty() {
            let names: Vec<_> = self
                .contestant
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            bail!(
                "there is no contestant {}; the contestants are: {}",
                only.join(" or "),
                names.join(", ")
            );
        }
        Ok(chosen)
    }
}

impl Contestant {
    /// Whether it accepts an input of `n` rows.
    pub fn takes(&self, n: usize) -> bool {
        self.at_most.is_none_or(|most| n <= most) && self.at_least.is_none_or(|least| n >= least)
    }

    /// The commands of one run with their placeholders filled.
    pub fn commands(&self, places: &BTreeMap<&str, String>) -> Result<Vec<Vec<String>>> {
        let filled = |places: &BTreeMap<&str, String>| {
            self.command.iter().map(|part| fill(part, places)).collect()
        };
        if self.steps.is_empty() {
            return Ok(vec![filled(places)?]);
        }
        self.steps
            .iter()
            .map(|step| {
                let mut places = places.clone();
                places.insert("step", step.clone());
                filled(&places)
            })
            .collect()
    }
}

/// Replaces `{name}` by its value.
fn fill(text: &str, places: &BTreeMap<&str, String>) -> Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in places {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    match filled.find('{') {
        Some(at) => bail!("{text:?} has an unknown placeholder: {}", &filled[at..]),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_all_replaced() {
        let places = BTreeMap::from([("k", "5".to_owned())]);
        assert_eq!(fill("--k={k}", &places).ok().as_deref(), Some("--k=5"));
        assert!(fill("{input}", &places).is_err());
    }

    #[test]
    fn a_command_runs_once_for_each_step() {
        let mut one = Contestant {
            command: vec!["x".to_owned(), "{k}".to_owned()],
            ..Contestant::default()
        };
        let places = BTreeMap::from([("k", "5".to_owned())]);
        assert_eq!(one.commands(&places).expect("filled"), [["x", "5"]]);
        one.command.push("{step}".to_owned());
        assert!(one.commands(&places).is_err());
        one.steps = vec!["a".to_owned(), "b".to_owned()];
        let commands = one.commands(&places).expect("filled");
        assert_eq!(commands, [["x", "5", "a"], ["x", "5", "b"]]);
    }

    #[test]
    fn size_limits_of_tools_apply() {
        let contest: Contest = toml::from_str(
            "[[contestant]]\nname = 'a'\ncommand = ['x']\nat_most = 10\n[[contestant]]\nname = 'a b'\ncommand = ['y']\non_request = true\n",
        )
        .expect("a contest");
        assert!(contest.contestant[0].takes(10) && !contest.contestant[0].takes(11));
        assert_eq!(contest.chosen(&[]).expect("one").len(), 1);
        // Part of a name is enough for those that run anyway, the others want their own.
        let names = |only: &str| -> Vec<String> {
            let chosen = contest.chosen(&[only.to_owned()]).expect("one");
            chosen.iter().map(|one| one.name.clone()).collect()
        };
        assert_eq!(names("a"), ["a"]);
        assert_eq!(names("a b"), ["a b"]);
        assert!(contest.chosen(&["z".to_owned()]).is_err());
    }
}
