//! Names of flags in messages: a run calls some flags of a stage otherwise, because two stages have the same name for a setting.

use std::borrow::Cow;

use clap::ArgMatches;

/// The flag by which a run tells its steps the names of its own flags, as `stage=run`.
pub const FLAG_NAME: &str = "flag-name";

/// The flags of a stage whose names in a run are others, each with that name, both without dashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagNames(Vec<(String, String)>);

impl FlagNames {
    /// From pairs of the name in the stage and the name in the run.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// From the command line of a step.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let given = matches.get_many::<String>("flag_name").unwrap_or_default();
        let pairs = given.filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .collect(),
        )
    }

    /// The pairs as arguments of [`FLAG_NAME`].
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        self.0
            .iter()
            .map(|(from, to)| format!("--{FLAG_NAME}={from}={to}"))
    }

    /// The message with the names of the run.
    pub fn apply<'a>(&self, message: &'a str) -> Cow<'a, str> {
        let mut message = Cow::Borrowed(message);
        for (from, to) in &self.0 {
            let flag = format!("--{from}");
            if message.contains(&flag) {
                message = Cow::Owned(replaced(&message, &flag, &format!("--{to}")));
            }
        }
        message
    }
}

/// `text` with the flag `from` called `to`; longer flags that begin with `from` stay.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let part_of_flag = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut result = String::with_capacity(text.len() + to.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let after = &rest[at + from.len()..];
        let whole = !after.starts_with(part_of_flag) && !rest[..at].ends_with(part_of_flag);
        result.push_str(&rest[..at]);
        result.push_str(if whole { to } else { from });
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_flags_get_the_name_of_the_run() {
        let names = FlagNames::new(vec![("engine".into(), "cluster-engine".into())]);
        assert_eq!(
            names.apply("omit `--engine`, or --engine=skerry; --engine-x and --where-engine stay"),
            "omit `--cluster-engine`, or --cluster-engine=skerry; --engine-x and --where-engine stay"
        );
        assert_eq!(
            names.apply("the engine --cluster-engine"),
            "the engine --cluster-engine"
        );
    }
}
