//! Lists the tests that were skipped on this machine. A skipped test returns early and passes, so the runner does not count it;
//! `test_support::skip` records it instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::root;

/// The environment variable that names the file to which skipped tests append a line (`test_support::SKIPPED`).
pub(crate) const VARIABLE: &str = "SKERRY_SKIPPED";

/// Empties the record and returns its path.
pub(crate) fn begin() -> Result<PathBuf> {
    let folder = root().join("target").join("ci");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("skipped.txt");
    std::fs::write(&path, "").with_context(|| path.display().to_string())?;
    Ok(path)
}

/// The number of skipped tests, their names, and the reasons.
pub(crate) fn summary(record: &Path) -> Result<String> {
    let lines = std::fs::read_to_string(record).with_context(|| record.display().to_string())?;
    Ok(summary_of(&lines))
}

fn summary_of(lines: &str) -> String {
    // A test may record several reasons.
    let mut reasons = BTreeMap::new();
    for line in lines.lines() {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().unwrap_or("?");
        let (package, test, reason) = (part(), part(), part());
        reasons.entry((package, test)).or_insert(reason);
    }
    let mut text = match reasons.len() {
        0 => "no test was skipped".to_owned(),
        1 => "1 test was skipped:".to_owned(),
        count => format!("{count} tests were skipped:"),
    };
    for ((package, test), reason) in reasons {
        text += &format!("\n  {package} {test}: {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::summary_of;

    #[test]
    fn every_skipped_test_is_counted_once() {
        assert_eq!(summary_of(""), "no test was skipped");
        assert_eq!(
            summary_of("embed\ta::b\t../shared/x is absent\n"),
            "1 test was skipped:\n  embed a::b: ../shared/x is absent"
        );
        assert_eq!(
            summary_of("embed\tb\tno x\ncluster\tb\tno z\nembed\tb\tno y\n"),
            "2 tests were skipped:\n  cluster b: no z\n  embed b: no x"
        );
    }
}
