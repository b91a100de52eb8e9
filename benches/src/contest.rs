//! Who competes, read from a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A contest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contest {
    /// The contestants; the first one is the one that the others are compared with.
    pub contestant: Vec<Contestant>,
}

/// A program that does the work.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contestant {
    /// What the table calls it.
    pub name: String,
    /// Program and arguments, with `{places}` to fill in.
    pub command: Vec<String>,
    /// The command runs once for each of these, in order, with `{step}` filled; once if there are none. What a run takes is
    /// their sum.
    #[serde(default)]
    pub steps: Vec<String>,
    /// Environment variables to set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Inputs with more rows than this are left out, and the table says so.
    pub at_most: Option<usize>,
    /// Inputs with fewer rows than this are left out.
    pub at_least: Option<usize>,
    /// Runs only when `--only` gives its full name.
    #[serde(default)]
    pub on_request: bool,
}

impl Contest {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a contest", path.display()))
    }

    /// Those that run by default, or of these the ones whose name contains one of `only`, and those that it names in full.
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
                "nobody is called {}; there are: {}",
                only.join(" or "),
                names.join(", ")
            );
        }
        Ok(chosen)
    }
}

impl Contestant {
    /// Whether it takes an input of `n` rows.
    pub fn takes(&self, n: usize) -> bool {
        self.at_most.is_none_or(|most| n <= most) && self.at_least.is_none_or(|least| n >= least)
    }

    /// The commands of one run with their places filled.
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
        Some(at) => bail!("{text:?} has a place that nothing fills: {}", &filled[at..]),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_none_is_forgotten() {
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
    fn contestants_know_their_range() {
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
