//! The precision of Skerry's own encoder for a model: int8 where it stays close to f32, decided once per model.
//!
//! A set of texts in many languages, which is part of the program, runs through the model in f32 and in int8. The largest
//! magnitudes of the activations smooth the quantization; the cosines of the vectors decide. All of it depends on the model
//! alone, and on no processor and number of threads, so the cache only saves the time: resumed runs, added rows and
//! predictions have the same precision. Texts that the model does not know are left out.

use serde::{Deserialize, Serialize};
use stage::Progress;
use text_encoder::{Calibration, Encoder, Pooling};

use crate::cache_files;
use crate::error::Error;
use crate::model::Model;
use crate::options::Precision;
use crate::own_weights::{self, SCHEME};
use crate::tokenizer::TextTokenizer;

/// A text per line, composed for this purpose.
const TEXTS: &str = include_str!("calibration.txt");

/// Longer texts are truncated to this number of tokens.
const MAX_TOKENS: usize = 64;

/// The smallest cosine of the first percentile with which int8 is used.
pub(crate) const MIN_COSINE: f64 = 0.99;

/// Directory in the cache.
const KIND: &str = "calibrations";

/// What int8 costs, and how to smooth.
pub(crate) struct Calibrated {
    pub(crate) calibration: Calibration,
    pub(crate) cosines: Cosines,
}

/// The cosines of int8 vectors to those in f32.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cosines {
    /// Number of texts.
    pub(crate) texts: usize,
    pub(crate) mean: f64,
    /// The first percentile: 99 of 100 are larger.
    pub(crate) low: f64,
}

impl Cosines {
    /// Of each row of `found` to that of `exact`, both of `d` values and of length 1.
    pub(crate) fn of(found: &[f32], exact: &[f32], d: usize) -> Self {
        let rows = found.chunks_exact(d).zip(exact.chunks_exact(d));
        let dot = |(a, b): (&[f32], &[f32])| -> f64 {
            let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
            products.sum()
        };
        let mut cosines: Vec<f64> = rows.map(dot).collect();
        cosines.sort_by(f64::total_cmp);
        let texts = cosines.len();
        Self {
            texts,
            mean: cosines.iter().sum::<f64>() / texts.max(1) as f64,
            low: cosines.get(texts / 100).copied().unwrap_or(0.0),
        }
    }

    /// Whether int8 is close enough.
    pub(crate) fn are_close(self) -> bool {
        self.low >= MIN_COSINE
    }
}

impl Calibrated {
    /// Of `model`, whose encoder in f32 is `exact`, from the cache or by running the calibration texts. Also returns the encoder,
    /// which is read again if the texts had to run, so that it is never in memory twice.
    pub(crate) fn of(
        model: &Model,
        exact: Encoder,
        pooling: Pooling,
        tokenizer: &TextTokenizer,
        progress: &dyn Progress,
    ) -> Result<(Self, Encoder), Error> {
        let key = format!("{SCHEME} {} {pooling:?}", model.fingerprint);
        if let Some(known) = cache_files::read_bytes(KIND, &key).and_then(|bytes| read(&bytes)) {
            return Ok((known, exact));
        }
        let made = Self::make(model, exact, pooling, tokenizer, progress)?;
        let mut bytes = serde_json::to_vec(&made.cosines).expect("numbers are JSON");
        bytes.push(b'\n');
        bytes.extend(made.calibration.to_bytes());
        cache_files::write(KIND, &key, &bytes);
        Ok((made, own_weights::read(model)?))
    }

    fn make(
        model: &Model,
        exact: Encoder,
        pooling: Pooling,
        tokenizer: &TextTokenizer,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let fault = Error::own_encoder(&model.graph);
        progress.note("calibrating int8, once for this model");
        let longest = MAX_TOKENS.min(exact.max_tokens());
        let mut known = Vec::new();
        let mut all = Vec::new();
        for text in TEXTS.lines() {
            let tokens = tokenizer.encode_plain(text, longest)?;
            if !tokens.loss.unknown {
                known.push(tokens.ids.clone());
            }
            all.push(tokens.ids);
        }
        // A model that knows none of the languages still gets a calibration.
        let sequences = if known.is_empty() { all } else { known };
        let (calibration, expected) =
            Calibration::new(&exact, &sequences, pooling).map_err(&fault)?;
        let d = exact.dimensions();
        let quantized = exact.quantized(&calibration).map_err(&fault)?;
        let mut found = vec![0.0; sequences.len() * d];
        (quantized.encode(&sequences, pooling, true, &mut found)).map_err(&fault)?;
        Ok(Self {
            calibration,
            cosines: Cosines::of(&found, &expected, d),
        })
    }

    /// The precision to use where `asked` is.
    pub(crate) fn precision(&self, asked: Precision) -> text_encoder::Precision {
        match asked {
            Precision::Auto if self.cosines.are_close() => text_encoder::Precision::Int8,
            Precision::Int8 => text_encoder::Precision::Int8,
            Precision::Auto | Precision::Fp32 => text_encoder::Precision::Fp32,
        }
    }
}

/// Reads what [`Calibrated::of`] wrote.
fn read(bytes: &[u8]) -> Option<Calibrated> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some(Calibrated {
        cosines: serde_json::from_slice(&bytes[..end]).ok()?,
        calibration: Calibration::from_bytes(&bytes[end + 1..]).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_have_a_mean_and_a_first_percentile() {
        let found = [1.0, 0.0].repeat(200);
        let mut exact = found.clone();
        for row in 0..3 {
            exact[2 * row..2 * row + 2].copy_from_slice(&[0.6, 0.8]);
        }
        let cosines = Cosines::of(&found, &exact, 2);
        assert_eq!(cosines.texts, 200);
        assert!((cosines.mean - (197.0 + 3.0 * 0.6) / 200.0).abs() < 1e-7);
        assert!((cosines.low - 0.6).abs() < 1e-7 && !cosines.are_close());
        exact[..2].copy_from_slice(&[1.0, 0.0]);
        assert!(Cosines::of(&found, &exact, 2).are_close());
    }

    #[test]
    fn calibration_texts_are_distinct_and_of_many_scripts() {
        use std::collections::BTreeSet;
        use unicode_script::UnicodeScript as _;
        let lines: BTreeSet<&str> = TEXTS.lines().collect();
        assert_eq!((TEXTS.lines().count(), lines.len()), (320, 320));
        let scripts: BTreeSet<&str> = (TEXTS.chars())
            .map(|letter| letter.script().full_name())
            .collect();
        assert!(scripts.len() >= 12, "{scripts:?}");
    }
}
