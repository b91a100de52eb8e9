//! The summary at the end of a run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use artifacts::{Artifact, Clusters, Documents, DocumentsFacts, EmbeddingsFacts, Footer};
use stage::{Record, thousands};

/// The table of steps, and the key figures; `output` returns an output file of a stage, and a preview of this run `only_now` is not in the settings.
pub(crate) fn text(
    dir: &Path,
    output: &dyn Fn(&str, &str) -> Option<PathBuf>,
    records: &[Record],
    elapsed: Duration,
    only_now: bool,
) -> String {
    let mut text = format!(
        "{:<12} {:>8} {:>10} {:>10} {:>12}\n",
        "step", "", "seconds", "CPU s", "peak memory"
    );
    for record in records {
        if record.status != "done" {
            let _ = writeln!(
                text,
                "{:<12} {:>8} {:>10} {:>10} {:>12}",
                record.step, record.status, "-", "-", "-"
            );
            continue;
        }
        let cpu = record
            .usage
            .cpu_seconds
            .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2}"));
        let memory = record
            .usage
            .peak_memory
            .map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let _ = writeln!(
            text,
            "{:<12} {:>8} {:>10.2} {:>10} {:>12}",
            record.step, record.status, record.usage.seconds, cpu, memory
        );
    }
    let _ = writeln!(text);
    let stale: Vec<&str> = records
        .iter()
        .filter(|record| record.status == "stale")
        .map(|record| record.step.as_str())
        .collect();
    if !stale.is_empty() {
        let _ = writeln!(
            text,
            "stale     {}: update them with `skerry run --out {}`",
            stale.join(", "),
            dir.display()
        );
    }
    let is_current = |stage: &str| {
        !records
            .iter()
            .any(|record| record.stage == stage && record.status == "stale")
    };
    if let Some(documents) = output("ingest", "documents").filter(|_| is_current("ingest")) {
        text += &rows(&documents);
    }
    if let Some(path) = output("cluster", "clusters").filter(|_| is_current("cluster"))
        && let Ok(clusters) = Clusters::read(&path)
    {
        let noise = clusters
            .cluster
            .iter()
            .filter(|&&cluster| cluster < 0)
            .count();
        let _ = writeln!(text, "rows      {}", clusters.len());
        let _ = writeln!(text, "clusters  {}", clusters.count());
        let share = 100.0 * noise as f64 / clusters.len().max(1) as f64;
        let _ = writeln!(text, "noise     {noise} ({share:.1} %)");
    }
    let facts = output("embed", "embeddings").and_then(|path| Footer::read(&path).ok().flatten());
    let facts = facts.map(|footer| footer.facts::<EmbeddingsFacts>());
    if facts.is_some_and(|facts| facts.preview == Some(true)) {
        let _ = writeln!(
            text,
            "preview   of static vectors: `skerry run --out {}{}` goes on to those of the model",
            dir.display(),
            if only_now { "" } else { " --encoder onnx" }
        );
    }
    let _ = writeln!(text, "time      {:.1} s", elapsed.as_secs_f64());
    let peak = records
        .iter()
        .filter(|record| record.status == "done")
        .filter_map(|record| record.usage.peak_memory)
        .max();
    if let Some(peak) = peak {
        let _ = writeln!(text, "memory    {} MiB peak", peak >> 20);
    }
    if let Some(map) = output("viz", "html").filter(|_| is_current("viz")) {
        let _ = writeln!(text, "map       {}", map.display());
    }
    let warnings: Vec<String> = records
        .iter()
        .flat_map(|record| {
            let warnings = record
                .report
                .get("warnings")
                .and_then(serde_json::Value::as_array);
            warnings.into_iter().flatten().filter_map(|line| {
                let line = format!("  {}: {}", record.step, line.as_str()?);
                Some(stage::one_line(&line))
            })
        })
        .collect();
    if !warnings.is_empty() {
        let _ = writeln!(text, "\nwarnings\n{}", warnings.join("\n"));
    }
    text
}

/// The counts of the rows of the source, from the footer of `documents`, so that they are available if ingest was kept too.
fn rows(documents: &Path) -> String {
    let Ok(footer) = Footer::read(documents) else {
        return String::new();
    };
    let Some(intake) = footer.and_then(|footer| footer.facts::<DocumentsFacts>().intake) else {
        return format!(
            "read      unknown: {} does not record the counts of rows\n",
            Documents::FILE
        );
    };
    let mut text = format!(
        "read      {} rows, {} kept\n",
        thousands(intake.rows),
        thousands(intake.documents)
    );
    for (reason, rows) in intake.left_out() {
        let _ = writeln!(text, "left out  {} {reason}", thousands(rows));
    }
    if intake.repeated() > 0 {
        let _ = writeln!(
            text,
            "repeated  {} kept with the text of an earlier row (--dedup collapses them)",
            thousands(intake.repeated())
        );
    }
    text
}
