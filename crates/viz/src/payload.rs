//! The data inside the page: a JSON head, and named blocks of bytes that are written as base64.
//!
//! The blocks of the first frame are uncompressed (x and y as f32, clusters as u16). Texts are in separately deflated
//! chunks, which the page inflates on demand. Takes about 20 bytes per row and a third of the size of the texts.

use std::io::Write;

use arrow::array::{Array, LargeStringArray};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Error;
use crate::color::{self, Colors};
use crate::columns::{Column, Values};
use crate::scene::{Scene, Topic};

/// Approximate bytes of text per chunk: small enough to inflate on a hover, large enough to compress well.
const CHUNK_BYTES: usize = 400_000;

/// The data of one page.
#[derive(Debug)]
pub struct Payload {
    /// Names, counts, and the index of the blocks.
    pub head: Value,
    /// The blocks by name.
    pub blocks: Vec<(String, Vec<u8>)>,
}

/// The payload of `scene`.
pub fn payload(scene: &Scene<'_>) -> Result<Payload, Error> {
    let n = scene.len();
    let k = scene.topics.len();
    let bounds = scene.bounds();
    let half = bounds.side() / 2.0;
    let to_unit = |values: &[f32], low: f32, high: f32| -> Vec<f32> {
        let middle = f64::midpoint(f64::from(low), f64::from(high));
        values
            .iter()
            .map(|&value| ((f64::from(value) - middle) / f64::from(half)) as f32)
            .collect()
    };
    let x = to_unit(scene.x, bounds.left, bounds.right);
    let y = to_unit(scene.y, bounds.bottom, bounds.top);
    let at_unit = |topic: &Topic| {
        (
            to_unit(&[topic.x], bounds.left, bounds.right)[0],
            to_unit(&[topic.y], bounds.bottom, bounds.top)[0],
        )
    };
    let topic = |topic: &Topic| {
        let (x, y) = at_unit(topic);
        json!({
            "name": topic.name, "keywords": topic.keywords, "size": topic.size, "x": x, "y": y,
            "parent": topic.parent,
            "light": topic.colors.light, "dark": topic.colors.dark,
            "inkLight": topic.colors.ink_light, "inkDark": topic.colors.ink_dark, "reach": topic.reach / half,
        })
    };

    let mut blocks = vec![
        ("x".to_owned(), floats(&x)),
        ("y".to_owned(), floats(&y)),
        (
            "cluster".to_owned(),
            shorts(
                scene
                    .cluster
                    .iter()
                    .map(|&cluster| u16::try_from(cluster).unwrap_or(k as u16)),
            ),
        ),
    ];
    // A clustering without probabilities has 1 everywhere: omit them.
    let firm = scene
        .probability
        .iter()
        .zip(scene.cluster.iter())
        .any(|(&p, &cluster)| cluster >= 0 && p < 1.0);
    if firm {
        blocks.push(("probability".to_owned(), shares(scene.probability)));
    }
    // Likewise a clustering without outlier scores.
    let outliers = scene.outlier_score.iter().any(|&score| score > 0.0);
    if outliers {
        blocks.push(("outlier".to_owned(), shares(scene.outlier_score)));
    }
    if let Some(preserved) = scene.preserved {
        blocks.push(("preserved".to_owned(), shares(preserved)));
    }
    let neighbors = scene.neighbors.as_ref().map(|(k, ids)| {
        let small = u16::try_from(n).is_ok();
        let bytes = if small {
            shorts(ids.iter().map(|&id| id as u16))
        } else {
            ids.iter().flat_map(|id| id.to_le_bytes()).collect()
        };
        blocks.push(("neighbors".to_owned(), bytes));
        json!({ "k": k, "type": if small { "u16" } else { "u32" } })
    });
    let text = texts("text", scene.text, &mut blocks)?;
    let columns = scene
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| self::column(&format!("column-{at}"), column, &mut blocks))
        .collect::<Result<Vec<_>, _>>()?;
    let about: Vec<Value> = scene
        .about
        .iter()
        .map(|section| json!({ "title": section.title, "facts": section.facts }))
        .collect();
    let head = json!({
        "title": scene.title,
        "count": n,
        "noise": scene.noise(),
        "topics": scene.topics.iter().map(topic).collect::<Vec<_>>(),
        "layers": scene.layers.iter().map(|layer| layer.iter().map(topic).collect()).collect::<Vec<Vec<_>>>(),
        "probability": firm,
        "outlier": outliers,
        "preserved": scene.preserved.is_some(),
        "neighbors": neighbors,
        "neighborsNote": scene.neighbors_note,
        "text": text,
        "columns": columns,
        "about": about,
        "notes": scene.notes,
    });
    Ok(Payload { head, blocks })
}

fn column(
    block: &str,
    column: &Column,
    blocks: &mut Vec<(String, Vec<u8>)>,
) -> Result<Value, Error> {
    let mut head = match &column.values {
        Values::Category {
            codes,
            names,
            counts,
        } => {
            blocks.push((block.to_owned(), shorts(codes.iter().copied())));
            let value = |((name, count), colors): ((&String, &usize), Colors)| json!({ "name": name, "size": count, "light": colors.light, "dark": colors.dark });
            let values: Vec<Value> = names
                .iter()
                .zip(counts)
                .zip(color::categories(names.len()))
                .map(value)
                .collect();
            json!({ "kind": "category", "type": "u16", "categories": values })
        }
        Values::Number(values) => numbers("number", block, values, blocks),
        Values::Date { values, time } => {
            let mut head = numbers("date", block, values, blocks);
            head["time"] = json!(time);
            head
        }
        Values::Text(values) => {
            let mut head = texts(block, values, blocks)?;
            head["kind"] = json!("text");
            head
        }
        Values::Link(values) => {
            let mut head = texts(block, values, blocks)?;
            head["kind"] = json!("url");
            head
        }
    };
    head["name"] = json!(column.name);
    head["empty"] = json!(column.empty);
    head["block"] = json!(block);
    Ok(head)
}

fn numbers(kind: &str, block: &str, values: &[f64], blocks: &mut Vec<(String, Vec<u8>)>) -> Value {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let (low, high) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(f64::NEG_INFINITY, f64::max),
    );
    // f32 takes half the bytes; use it if it is exact.
    let single = values
        .iter()
        .all(|&value| value.is_nan() || f64::from(value as f32) == value);
    let bytes = if single {
        floats(&values.iter().map(|&value| value as f32).collect::<Vec<_>>())
    } else {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    blocks.push((block.to_owned(), bytes));
    let (light, dark) = color::ramp();
    json!({
        "kind": kind, "type": if single { "f32" } else { "f64" }, "min": low, "max": high,
        "ramp": { "light": light, "dark": dark },
    })
}

/// Adds deflated chunks of about [`CHUNK_BYTES`] each: lengths as u32, then UTF-8.
fn texts(
    block: &str,
    values: &LargeStringArray,
    blocks: &mut Vec<(String, Vec<u8>)>,
) -> Result<Value, Error> {
    let n = values.len();
    let bytes = values.value_data().len();
    let rows = (n * CHUNK_BYTES / bytes.max(1))
        .clamp(64, 16_384)
        .min(n.max(1));
    let starts: Vec<usize> = (0..n).step_by(rows).collect();
    let chunks = starts
        .par_iter()
        .map(|&start| {
            let range = start..(start + rows).min(n);
            let mut raw = Vec::with_capacity(CHUNK_BYTES + 4 * rows);
            for at in range.clone() {
                let length = u32::try_from(values.value(at).len())
                    .map_err(|_| Error::TextTooLong { row: at })?;
                raw.extend(length.to_le_bytes());
            }
            for at in range {
                raw.extend(values.value(at).as_bytes());
            }
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(7));
            encoder
                .write_all(&raw)
                .and_then(|()| encoder.finish())
                .map_err(|source| Error::Compress { source })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let count = chunks.len();
    blocks.extend(
        chunks
            .into_iter()
            .enumerate()
            .map(|(at, chunk)| (format!("{block}-{at}"), chunk)),
    );
    Ok(json!({ "block": block, "rows": rows, "chunks": count }))
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Shares from 0 to 1, times 255.
fn shares(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .map(|&share| (share.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect()
}

fn shorts(values: impl Iterator<Item = u16>) -> Vec<u8> {
    values.flat_map(u16::to_le_bytes).collect()
}
