//! The activations of a model on sample texts, for quantizing its weights.

use rayon::prelude::*;

use crate::config::config;
use crate::pooling::{normalize, pool};
use crate::{Encoder, Error, Pooling};

/// The largest magnitude and the mean of each input of each linear map, over the tokens of a calibration set.
///
/// The magnitudes smooth the inputs of int8 products where a model has dimensions with outliers; the means correct the bias for
/// the rounding of the weights. The vectors of an encoder depend on its calibration: use one fixed set per model, not the
/// texts to encode.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    maps: Vec<InputStatistics>,
}

/// Of each input of a linear map, over all tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InputStatistics {
    /// The largest magnitude.
    pub(crate) maxima: Vec<f32>,
    /// The mean.
    pub(crate) means: Vec<f32>,
}

/// Changes with the layout of [`Calibration::to_bytes`].
const FORMAT: u32 = 2;

/// Sequences that run in parallel before their statistics are added in order.
const CHUNK: usize = 16;

impl Calibration {
    /// Runs an encoder, best in [`Precision::Fp32`](crate::Precision::Fp32), on sequences of token ids, in parallel on the
    /// current rayon thread pool. Also returns the vector of each sequence, scaled to length 1, row-major: with those of the
    /// [calibrated](Encoder::calibrated) encoder they show what int8 costs.
    ///
    /// The result does not depend on the number of threads or on the kernel. Errors as those of [`Encoder::encode`], and for
    /// no sequences.
    pub fn new<S: AsRef<[u32]> + Sync>(
        encoder: &Encoder,
        sequences: &[S],
        pooling: Pooling,
    ) -> Result<(Self, Vec<f32>), Error> {
        if sequences.is_empty() {
            return Err(config("a calibration needs at least one sequence"));
        }
        for (at, sequence) in sequences.iter().enumerate() {
            encoder.check(at, sequence.as_ref())?;
        }
        let d = encoder.dimensions();
        let mut vectors = vec![0.0; sequences.len() * d];
        let mut all: Vec<Sums> = Vec::new();
        let chunks = sequences.chunks(CHUNK).zip(vectors.chunks_mut(CHUNK * d));
        for (sequences, vectors) in chunks {
            let parts: Vec<Vec<Sums>> = sequences
                .par_iter()
                .zip(vectors.par_chunks_exact_mut(d))
                .map(|(sequence, vector)| {
                    let mut maps = Vec::new();
                    let hidden = encoder.observe(sequence.as_ref(), &mut |map, count, inputs| {
                        let sums = of_map(&mut maps, map, count);
                        inputs.chunks_exact(count).for_each(|row| sums.add(row));
                    });
                    pool(&hidden, pooling, vector);
                    normalize(vector);
                    maps
                })
                .collect();
            for (map, part) in parts.iter().flat_map(|part| part.iter().enumerate()) {
                of_map(&mut all, map, part.maxima.len()).merge(part);
            }
        }
        let tokens: usize = sequences.iter().map(|ids| ids.as_ref().len()).sum();
        let maps = all
            .into_iter()
            .map(|Sums { maxima, sums }| InputStatistics {
                maxima,
                means: (sums.iter())
                    .map(|sum| (sum / tokens as f64) as f32)
                    .collect(),
            })
            .collect();
        Ok((Calibration { maps }, vectors))
    }

    /// The calibration as bytes, for [`from_bytes`](Self::from_bytes): little-endian, a format number, the number of maps, for
    /// each map the number of its inputs, then for each map its magnitudes and its means.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = self.maps.iter().map(|map| map.maxima.len() as u32);
        let numbers = [FORMAT, self.maps.len() as u32].into_iter().chain(counts);
        let values = (self.maps.iter()).flat_map(|map| map.maxima.iter().chain(&map.means));
        numbers
            .flat_map(u32::to_le_bytes)
            .chain(values.flat_map(|value| value.to_le_bytes()))
            .collect()
    }

    /// The calibration whose [`to_bytes`](Self::to_bytes) are `bytes`; an error for other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (words, rest) = bytes.as_chunks::<4>();
        let mut words = words.iter().copied();
        let mut number = || words.next().map(u32::from_le_bytes);
        let read = (|| {
            if !rest.is_empty() || number()? != FORMAT {
                return None;
            }
            let maps = number()?;
            let counts = (0..maps).map(|_| number()).collect::<Option<Vec<_>>>()?;
            let mut values = |count: u32| {
                let values = (0..count).map(|_| number().map(f32::from_bits));
                values
                    .map(|value| value.filter(|value| value.is_finite()))
                    .collect::<Option<Vec<_>>>()
            };
            let mut maps = Vec::with_capacity(counts.len());
            for count in counts {
                maps.push(InputStatistics {
                    maxima: values(count)?,
                    means: values(count)?,
                });
            }
            number().is_none().then_some(Calibration { maps })
        })();
        read.ok_or_else(|| config("the bytes are not those of a calibration"))
    }

    /// The statistics of the inputs of a map.
    pub(crate) fn map(&self, map: usize) -> &InputStatistics {
        &self.maps[map]
    }

    /// Checks that it is of a model whose linear maps have these numbers of inputs.
    pub(crate) fn check(&self, inputs: impl Iterator<Item = usize>) -> Result<(), Error> {
        let expected: Vec<usize> = inputs.collect();
        let found: Vec<usize> = self.maps.iter().map(|map| map.maxima.len()).collect();
        if found == expected {
            Ok(())
        } else {
            Err(config(
                "the calibration is of a model of another shape, or of no sequences",
            ))
        }
    }
}

/// What [`InputStatistics`] are made of.
struct Sums {
    maxima: Vec<f32>,
    sums: Vec<f64>,
}

impl Sums {
    fn add(&mut self, row: &[f32]) {
        let columns = self.maxima.iter_mut().zip(&mut self.sums);
        for ((largest, sum), value) in columns.zip(row) {
            *largest = largest.max(value.abs());
            *sum += f64::from(*value);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (largest, value) in self.maxima.iter_mut().zip(&other.maxima) {
            *largest = largest.max(*value);
        }
        for (sum, value) in self.sums.iter_mut().zip(&other.sums) {
            *sum += value;
        }
    }
}

/// The sums of the map `map` of `count` inputs.
fn of_map(maps: &mut Vec<Sums>, map: usize, count: usize) -> &mut Sums {
    while maps.len() <= map {
        maps.push(Sums {
            maxima: Vec::new(),
            sums: Vec::new(),
        });
    }
    let sums = &mut maps[map];
    sums.maxima.resize(count, 0.0);
    sums.sums.resize(count, 0.0);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_and_others_refused() {
        let calibration = Calibration {
            maps: vec![
                InputStatistics {
                    maxima: vec![1.5, 0.0],
                    means: vec![-0.5, 0.0],
                },
                InputStatistics {
                    maxima: vec![3.0],
                    means: vec![0.25],
                },
            ],
        };
        let bytes = calibration.to_bytes();
        assert_eq!(Calibration::from_bytes(&bytes).unwrap(), calibration);
        for cut in 0..bytes.len() {
            assert!(Calibration::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Calibration::from_bytes(&[&bytes[..], &[0; 4]].concat()).is_err());
        let mut nan = bytes.clone();
        nan[16..20].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(Calibration::from_bytes(&nan).is_err());
        let mut huge = bytes;
        huge[4..8].fill(255);
        assert!(Calibration::from_bytes(&huge).is_err());
    }
}
