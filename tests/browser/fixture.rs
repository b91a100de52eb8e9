//! A small run of files to draw a map from: eight topics in a ring, some noise, columns of every kind.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Float64Array, LargeStringArray, RecordBatch, StringArray};
use artifacts::{Clusters, Documents, Footer, Neighbors, Projection, Topic, Topics};
use stage::{Files, Seed, Silent, Stage};
use viz::Viz;

/// Documents of each topic.
pub const EACH: usize = 60;
/// Topics.
pub const TOPICS: usize = 8;
/// Documents in no topic.
pub const NOISE: usize = 40;
/// All documents.
pub const ALL: usize = EACH * TOPICS + NOISE;

const NAMES: [&str; TOPICS] = [
    "harbor ferries",
    "mountain huts",
    "violin makers",
    "grain prices",
    "night trains",
    "comet watchers",
    "river floods",
    "bread ovens",
];

/// Texts and names that a careless page would run, or be broken by.
pub const HOSTILE: [&str; 7] = [
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror=\"window.pwned = 2\"><b>bold</b>",
    "javascript:window.pwned=3 'quoted' \"doubly\" `ticked` ${window.pwned = 4}",
    "a\u{0}b\u{1}c\u{7f}d \u{202e}desrever\u{202c} <!-- --> ]]> {{payload}} {{script}}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{639}\u{631}\u{628}\u{64a}",
    "\u{1f3dd}\u{fe0f} island \u{1f469}\u{200d}\u{1f680} \u{65e5}\u{672c}\u{8a9e}",
    "&lt;i&gt;entities&lt;/i&gt; &amp; more &#39;quotes&#39;",
];

/// The name of the last topic of a hostile run: one phrase that would cross the whole map.
pub fn long_name() -> String {
    "neu".repeat(70)
}

/// Writes the files of a run to `dir` and draws its map; `hostile` puts [`HOSTILE`] in front of the texts and names.
pub fn draw(dir: &Path, title: &str, hostile: bool) -> Result<viz::Report> {
    draw_by(dir, title, hostile, viz::Renderer::Skerry)
}

/// [`draw`], with four and two topics above the eight.
pub fn draw_layered(dir: &Path) -> Result<viz::Report> {
    draw(dir, "News of the coast", false)?;
    let footer = Footer::new("fixture 1", serde_json::json!({ "made": "for a test" }), 7);
    let mut clusters = Clusters::read(&dir.join("clusters.parquet"))?.value;
    let mut topics = Topics::read(&dir.join("topics.parquet"))?.value;
    for (layer, parts) in [(0, 2), (1, 4)] {
        let up = |&cluster: &i32| if cluster < 0 { -1 } else { cluster / parts };
        clusters
            .layers
            .push(clusters.cluster.iter().map(up).collect());
        topics
            .rows
            .extend((0..TOPICS as i32 / parts).map(|cluster| Topic {
                layer,
                cluster,
                parent: if layer == 0 { cluster / 2 } else { -1 },
                name: format!("part {layer}{cluster}"),
                keywords: Vec::new(),
                size: i64::from(parts) * EACH as i64,
                exemplar_ids: Vec::new(),
            }));
    }
    clusters.write(&dir.join("clusters.parquet"), &footer)?;
    topics.write(&dir.join("topics.parquet"), &footer)?;
    drawn(dir, "News of the coast", viz::Renderer::Skerry)
}

/// [`draw`] by a renderer.
pub fn draw_by(
    dir: &Path,
    title: &str,
    hostile: bool,
    renderer: viz::Renderer,
) -> Result<viz::Report> {
    let mut random = Seed(7).stream("fixture", 0);
    let topic_of = |row: usize| {
        if row < EACH * TOPICS {
            (row % TOPICS) as i32
        } else {
            -1
        }
    };
    let text = |row: usize| {
        let plain = match usize::try_from(topic_of(row)) {
            Ok(topic) => format!(
                "News number {row} of the {}: caf\u{e9} owners disagree",
                NAMES[topic]
            ),
            Err(_) => format!("Stray note number {row}"),
        };
        match HOSTILE.get(row).filter(|_| hostile) {
            Some(evil) => format!("{evil} {plain}"),
            None => plain,
        }
    };
    let texts: Vec<String> = (0..ALL).map(text).collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for row in 0..ALL {
        let angle = std::f32::consts::TAU * topic_of(row) as f32 / TOPICS as f32;
        let (middle, spread) = if topic_of(row) < 0 {
            (0.0, 16.0)
        } else {
            (8.0, 2.4)
        };
        x.push(middle * angle.cos() + spread * (random.next_f32() - 0.5));
        y.push(middle * angle.sin() + spread * (random.next_f32() - 0.5));
    }
    let columns = RecordBatch::try_from_iter([
        (
            "kind",
            Arc::new(StringArray::from_iter_values(
                (0..ALL).map(|row| ["press", "radio", "post"][row % 3]),
            )) as ArrayRef,
        ),
        (
            "score",
            Arc::new(Float64Array::from_iter_values(
                (0..ALL).map(|row| row as f64 / 7.0),
            )),
        ),
        (
            "year",
            Arc::new(Float64Array::from_iter_values(
                (0..ALL).map(|row| 1900.0 + (row % 100) as f64),
            )),
        ),
        (
            "day",
            Arc::new(StringArray::from_iter_values(
                (0..ALL).map(|row| format!("2024-03-{:02}", row % 28 + 1)),
            )),
        ),
        (
            "link",
            Arc::new(StringArray::from_iter_values(
                (0..ALL).map(|row| format!("https://example.org/{row}")),
            )),
        ),
    ])?;
    let footer = Footer::new("fixture 1", serde_json::json!({ "made": "for a test" }), 7);
    let path = |name: &str| dir.join(name);
    Documents {
        text: LargeStringArray::from_iter_values(&texts),
        source_row: (0..ALL as i64).collect(),
        copies: None,
        columns,
    }
    .write(&path("documents.parquet"), &footer)?;
    Clusters {
        cluster: (0..ALL).map(topic_of).collect(),
        probability: (0..ALL)
            .map(|row| if topic_of(row) < 0 { 0.0 } else { 0.9 })
            .collect(),
        outlier_score: vec![0.1; ALL],
        assigned: None,
        layers: Vec::new(),
    }
    .write(&path("clusters.parquet"), &footer)?;
    Projection {
        x,
        y,
        preserved: Some(vec![0.75; ALL]),
    }
    .write(&path("projection.parquet"), &footer)?;
    let k = 5;
    Neighbors {
        k,
        // The next rows of the same topic serve as nearest neighbors.
        ids: (0..ALL)
            .flat_map(|row| (1..=k).map(move |step| ((row + step * TOPICS) % ALL) as u32))
            .collect(),
        distances: (0..ALL * k).map(|at| (at % k) as f32 / 10.0).collect(),
    }
    .write(&path("neighbors.parquet"), &footer)?;
    let name = |topic: usize| {
        if hostile {
            HOSTILE
                .get(topic)
                .map_or_else(long_name, |&name| name.to_owned())
        } else {
            NAMES[topic].to_owned()
        }
    };
    let topic = |at: usize| Topic {
        layer: -1,
        cluster: at as i32,
        parent: -1,
        name: name(at),
        keywords: vec![name(at)],
        size: EACH as i64,
        exemplar_ids: vec![at as i64],
    };
    Topics {
        rows: (0..TOPICS).map(topic).collect(),
    }
    .write(&path("topics.parquet"), &footer)?;
    drawn(dir, title, renderer)
}

fn drawn(dir: &Path, title: &str, renderer: viz::Renderer) -> Result<viz::Report> {
    let files = Files::standard(dir, Viz::INPUTS.iter().chain(Viz::OUTPUTS));
    let options = viz::Options {
        title: title.to_owned(),
        renderer,
        ..viz::Options::default()
    };
    Ok(Viz::run(
        &files,
        &options,
        &viz::Local::default(),
        Seed(42),
        &Silent,
    )?)
}
