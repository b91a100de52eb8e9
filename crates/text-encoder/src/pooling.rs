//! From the vectors of the tokens to the vector of the sequence.

/// How the vectors of the tokens become that of the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of all tokens, special tokens included.
    Mean,
    /// The first token.
    Cls,
    /// The last token.
    Last,
    /// The largest value of each dimension.
    Max,
}

/// Writes the vector of a sequence from its `tokens`, rows of `into.len()` values. Sums run in the order of the tokens.
pub fn pool(tokens: &[f32], pooling: Pooling, into: &mut [f32]) {
    let d = into.len();
    match pooling {
        Pooling::Cls => into.copy_from_slice(&tokens[..d]),
        Pooling::Last => into.copy_from_slice(&tokens[tokens.len() - d..]),
        Pooling::Mean => {
            into.fill(0.0);
            for token in tokens.chunks_exact(d) {
                for (sum, value) in into.iter_mut().zip(token) {
                    *sum += value;
                }
            }
            let count = (tokens.len() / d) as f32;
            for sum in into {
                *sum /= count;
            }
        }
        Pooling::Max => {
            into.copy_from_slice(&tokens[..d]);
            for token in tokens.chunks_exact(d).skip(1) {
                for (largest, value) in into.iter_mut().zip(token) {
                    *largest = largest.max(*value);
                }
            }
        }
    }
}

/// Scales `vector` to length 1; a zero vector stays as it is.
pub fn normalize(vector: &mut [f32]) {
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

    #[test]
    fn three_tokens_by_hand() {
        for (pooling, expected) in [
            (Pooling::Mean, [3.0, -1.0]),
            (Pooling::Cls, [1.0, -4.0]),
            (Pooling::Last, [5.0, 1.0]),
            (Pooling::Max, [5.0, 1.0]),
        ] {
            let mut into = [0.0; 2];
            pool(&[1.0, -4.0, 3.0, 0.0, 5.0, 1.0], pooling, &mut into);
            assert_eq!(into, expected);
        }
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
