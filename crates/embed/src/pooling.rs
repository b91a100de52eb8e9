//! Pooling: combines the token vectors into the vector of the text.
//!
//! Sums are in the order of the tokens, in f32, so the result has the same bits everywhere.

use crate::options::Pooling;

/// Writes the vector of one text to `into`, from its token vectors, row-major with `into.len()` values each.
pub(crate) fn pool(tokens: &[f32], pooling: Pooling, into: &mut [f32]) {
    let d = into.len();
    let count = tokens.len() / d;
    match pooling {
        Pooling::Cls => into.copy_from_slice(&tokens[..d]),
        Pooling::Last => into.copy_from_slice(&tokens[(count - 1) * d..]),
        Pooling::Mean => {
            into.fill(0.0);
            for token in tokens.chunks_exact(d) {
                for (sum, value) in into.iter_mut().zip(token) {
                    *sum += value;
                }
            }
            for sum in into.iter_mut() {
                *sum /= count as f32;
            }
        }
        Pooling::Max => {
            into.copy_from_slice(&tokens[..d]);
            for token in tokens.chunks_exact(d).skip(1) {
                for (most, value) in into.iter_mut().zip(token) {
                    *most = most.max(*value);
                }
            }
        }
    }
}

/// Scales `vector` to length 1; a zero vector is unchanged.
pub(crate) fn normalize(vector: &mut [f32]) {
    let square: f64 = vector
        .iter()
        .map(|&value| f64::from(value) * f64::from(value))
        .sum();
    if square > 0.0 {
        let length = square.sqrt();
        for value in vector {
            *value = (f64::from(*value) / length) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(pooling: Pooling) -> Vec<f32> {
        let mut into = vec![0.0; 2];
        pool(&[1.0, -4.0, 3.0, 0.0, 5.0, 1.0], pooling, &mut into);
        into
    }

    #[test]
    fn three_tokens_by_hand() {
        assert_eq!(pooled(Pooling::Mean), [3.0, -1.0]);
        assert_eq!(pooled(Pooling::Cls), [1.0, -4.0]);
        assert_eq!(pooled(Pooling::Last), [5.0, 1.0]);
        assert_eq!(pooled(Pooling::Max), [5.0, 1.0]);
    }

    #[test]
    fn length_becomes_one() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0, 0.0];
        normalize(&mut zero);
        assert_eq!(zero, [0.0, 0.0]);
    }
}
