//! Runs programs and measures time and memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Resource usage of one run of a program, measured by the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU seconds of all cores, user and system.
    pub cpu: f64,
    /// Wall-clock seconds.
    pub wall: f64,
    /// Peak resident memory, in bytes.
    pub peak: u64,
}

/// The usage of two runs, one after the other.
impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, next: Self) {
        self.cpu += next.cpu;
        self.wall += next.wall;
        self.peak = self.peak.max(next.peak);
    }
}

/// Runs `command` through `measure.py`, for at most `limit` CPU seconds, and returns its usage.
pub fn run(
    python: &Path,
    peers: &Path,
    limit: u64,
    command: &[String],
    env: &BTreeMap<String, String>,
) -> Result<Usage> {
    let output = Command::new(python)
        .arg(peers.join("measure.py"))
        .arg(limit.to_string())
        .args(command)
        .envs(env)
        .stdin(Stdio::null())
        .output()
        .context("cannot start Python")?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr);
        let last: Vec<_> = output.lines().rev().take(8).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        bail!("{} failed: {}", command.join(" "), last.join("\n"));
    }
    let output = String::from_utf8_lossy(&output.stdout);
    let line = output.lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("unexpected output of measure.py: {line:?}"))
}

/// The run with the median CPU time.
pub fn median(runs: &[Usage]) -> Option<Usage> {
    let mut runs = runs.to_vec();
    runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    runs.get(runs.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up() {
        let mut all = Usage::default();
        for (cpu, peak) in [(1.0, 5), (2.0, 3)] {
            all += Usage {
                cpu,
                wall: 2.0 * cpu,
                peak,
            };
        }
        let both = Usage {
            cpu: 3.0,
            wall: 6.0,
            peak: 5,
        };
        assert_eq!(all, both);
    }

    #[test]
    fn the_median_is_a_real_run() {
        let run = |cpu| Usage {
            cpu,
            wall: cpu,
            peak: 1,
        };
        assert_eq!(median(&[run(3.0), run(1.0), run(2.0)]), Some(run(2.0)));
        assert_eq!(median(&[run(3.0), run(1.0)]), Some(run(1.0)));
        assert_eq!(median(&[]), None);
    }
}
