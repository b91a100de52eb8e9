//! The default model against vectors of ONNX Runtime 1.31.1, where the model is in the cache of this machine.

use std::path::PathBuf;

use text_encoder::{Calibration, Config, Encoder, Pooling, Precision, Weights};

/// For each line of `data/minilm.txt` the token ids and ONNX Runtime's vector (mean of all tokens, length 1).
const ORACLE: &str = include_str!("../data/minilm.txt");

#[test]
fn vectors_are_those_of_onnx_runtime() {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let dir = cache
        .unwrap_or_default()
        .join("skerry/models/all-MiniLM-L6-v2-int8");
    let (Ok(graph), Ok(config)) = (
        std::fs::read(dir.join("model.onnx")),
        std::fs::read_to_string(dir.join("config.json")),
    ) else {
        test_support::skip("the default model is not set up (skerry setup)");
        return;
    };
    let config: Config = serde_json::from_str(&config).unwrap();
    let none = |_: &str, _, _| Err(std::io::ErrorKind::NotFound.into());
    let read = || Weights::from_onnx(&graph, &config, &none).unwrap();
    let (sequences, expected): (Vec<Vec<u32>>, Vec<Vec<f32>>) = ORACLE
        .lines()
        .map(|line| {
            let (ids, vector) = line.split_once(": ").unwrap();
            let ids = ids.split(' ').map(|id| id.parse().unwrap()).collect();
            let vector = vector
                .split(' ')
                .map(|value| value.parse().unwrap())
                .collect();
            (ids, vector)
        })
        .unzip();
    let encode = |encoder: &Encoder| {
        let mut vectors = vec![0.0; sequences.len() * encoder.dimensions()];
        encoder
            .encode(&sequences, Pooling::Mean, true, &mut vectors)
            .unwrap();
        vectors
    };
    let exact = Encoder::new(read(), Precision::Fp32).unwrap();
    for (found, expected) in encode(&exact).iter().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    let (calibration, _) = Calibration::new(&exact, &sequences, Pooling::Mean).unwrap();
    for (encoder, bound) in [
        (Encoder::new(read(), Precision::Int8).unwrap(), 0.99),
        (Encoder::calibrated(read(), &calibration).unwrap(), 0.995),
    ] {
        for (found, expected) in encode(&encoder).chunks_exact(384).zip(&expected) {
            let cosine: f32 = found.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!(cosine > bound, "{cosine}");
        }
    }
}
