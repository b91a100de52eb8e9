//! CPU time and peak memory of a process.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Time and memory of a step. CPU time and memory are known on Linux only; the memory of a custom command is that of its process
/// without children, sampled twenty times a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// CPU seconds of all cores, user and system.
    pub cpu_seconds: Option<f64>,
    /// Peak resident memory, in bytes.
    pub peak_memory: Option<u64>,
}

impl Usage {
    /// The usage of this process since `began`, which should be its start.
    pub fn of_this_process(began: Instant) -> Self {
        Self {
            seconds: began.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds(0),
            peak_memory: peak_memory("self"),
        }
    }

    /// CPU seconds of all finished child processes.
    pub fn cpu_of_children() -> Option<f64> {
        cpu_seconds(2)
    }

    /// Peak memory of process `id` so far; `None` once it has ended.
    pub fn peak_memory_of(id: u32) -> Option<u64> {
        peak_memory(&id.to_string())
    }
}

/// User and system time, `after` fields behind those of this process.
fn cpu_seconds(after: usize) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may contain spaces; user and system time are fields 14 and 15,
    // those of children 16 and 17.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at + after)?.parse::<u64>().ok();
    let ticks = ticks(11)? + ticks(12)?;
    // Linux shows these clocks in hundredths of a second on every platform.
    Some(ticks as f64 / 100.0)
}

fn peak_memory(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
