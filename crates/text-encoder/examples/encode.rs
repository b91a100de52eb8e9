//! Encodes three sequences of token ids.
//!
//!     cargo run --release -p text-encoder --example encode -- ~/.cache/skerry/models/all-MiniLM-L6-v2-int8
//!
//! The directory has `config.json` and `model.onnx`; its vocabulary is that of bert-base-uncased.

use std::error::Error;
use std::path::Path;
use std::{fs, io};

use text_encoder::{Config, Encoder, Pooling, Precision, Weights};

/// "the cat sits outside", "a kitten is in the garden", "stocks fell sharply", between [CLS] and [SEP].
const SEQUENCES: [&[u32]; 3] = [
    &[101, 1996, 4937, 7719, 2648, 102],
    &[101, 1037, 18401, 2003, 1999, 1996, 3871, 102],
    &[101, 15768, 3062, 9249, 102],
];

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args()
        .nth(1)
        .ok_or("name the directory of a model")?;
    let dir = Path::new(&argument);
    let config: Config = serde_json::from_slice(&fs::read(dir.join("config.json"))?)?;
    let external = |name: &str, _, _| {
        Err(io::Error::other(format!(
            "{name} is not read by this example"
        )))
    };
    let weights = Weights::from_onnx(&fs::read(dir.join("model.onnx"))?, &config, &external)?;
    let encoder = Encoder::new(weights, Precision::Int8)?;
    let d = encoder.dimensions();
    let mut vectors = vec![0.0; SEQUENCES.len() * d];
    encoder.encode(&SEQUENCES, Pooling::Mean, true, &mut vectors)?;
    let row = |at: usize| &vectors[at * d..][..d];
    let cosine = |a, b| row(a).iter().zip(row(b)).map(|(a, b)| a * b).sum::<f32>();
    #[expect(clippy::print_stdout, reason = "an example prints its result")]
    {
        println!("{d} dimensions, kernel {}", encoder.kernel());
        println!(
            "cat and kitten {:.3}, cat and stocks {:.3}",
            cosine(0, 1),
            cosine(0, 2)
        );
    }
    Ok(())
}
