//! A naive forward pass in `f64`, one loop after the other, from the tensors by name.

use crate::tiny::Tensors;

type Matrix = Vec<Vec<f64>>;

/// What the architecture adds to BERT.
#[derive(Clone, Copy, Default)]
pub struct Variant {
    /// The row of the position table of the first token.
    pub first_position: usize,
    /// Whether distances of tokens have a bias of attention.
    pub has_distance_bias: bool,
    /// Whether there are token types.
    pub has_token_types: bool,
}

pub const BERT: Variant = Variant {
    first_position: 0,
    has_distance_bias: false,
    has_token_types: true,
};

/// The last hidden states of a sequence, with the tensor names of BERT.
pub fn hidden_states(tensors: &Tensors, heads: usize, variant: Variant, ids: &[u32]) -> Matrix {
    let get = |name: &str| &tensors[name].1;
    let row = |name: &str, at: usize| -> Vec<f64> {
        let columns = tensors[name].0[1];
        get(name)[at * columns..][..columns]
            .iter()
            .map(|&value| value.into())
            .collect()
    };
    let linear = |x: &Matrix, name: &str| -> Matrix {
        let (weight, bias) = (format!("{name}.weight"), get(&format!("{name}.bias")));
        x.iter()
            .map(|x| {
                (0..bias.len())
                    .map(|at| {
                        f64::from(bias[at])
                            + row(&weight, at)
                                .iter()
                                .zip(x)
                                .map(|(w, x)| w * x)
                                .sum::<f64>()
                    })
                    .collect()
            })
            .collect()
    };
    let norm = |x: &Matrix, name: &str| -> Matrix {
        let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        x.iter()
            .map(|x| {
                let mean = x.iter().sum::<f64>() / x.len() as f64;
                let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
                x.iter()
                    .zip(weight.iter().zip(bias))
                    .map(|(x, (&w, &b))| {
                        (x - mean) / (variance + 1e-12).sqrt() * f64::from(w) + f64::from(b)
                    })
                    .collect()
            })
            .collect()
    };
    let add = |a: &Matrix, b: &Matrix| -> Matrix {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect())
            .collect()
    };
    let embedded: Matrix = ids
        .iter()
        .enumerate()
        .map(|(at, &id)| {
            let mut x = row("embeddings.word_embeddings.weight", id as usize);
            let position = row(
                "embeddings.position_embeddings.weight",
                at + variant.first_position,
            );
            x.iter_mut().zip(position).for_each(|(x, p)| *x += p);
            if variant.has_token_types {
                x.iter_mut()
                    .zip(row("embeddings.token_type_embeddings.weight", 0))
                    .for_each(|(x, t)| *x += t);
            }
            x
        })
        .collect();
    let mut x = norm(&embedded, "embeddings.LayerNorm");
    for at in (0..)
        .take_while(|at| tensors.contains_key(&format!("encoder.layer.{at}.output.dense.bias")))
    {
        let name = |part: &str| format!("encoder.layer.{at}.{part}");
        let [q, k, v] = ["query", "key", "value"]
            .map(|part| linear(&x, &name(&format!("attention.self.{part}"))));
        let d = q[0].len() / heads;
        let context: Matrix = (0..ids.len())
            .map(|i| {
                (0..heads)
                    .flat_map(|head| {
                        let of = |row: &[f64]| row[head * d..][..d].to_vec();
                        let scores: Vec<f64> = (0..ids.len())
                            .map(|j| {
                                let product: f64 =
                                    of(&q[i]).iter().zip(of(&k[j])).map(|(q, k)| q * k).sum();
                                let bias = if variant.has_distance_bias {
                                    row(
                                        "encoder.relative_attention_bias.weight",
                                        bucket(j as i64 - i as i64),
                                    )[head]
                                } else {
                                    0.0
                                };
                                product / (d as f64).sqrt() + bias
                            })
                            .collect();
                        let total: f64 = scores.iter().map(|score| score.exp()).sum();
                        (0..d)
                            .map(|column| {
                                let sum: f64 = scores
                                    .iter()
                                    .zip(&v)
                                    .map(|(s, v)| s.exp() * of(v)[column])
                                    .sum();
                                sum / total
                            })
                            .collect::<Vec<_>>()
                    })
                    .collect()
            })
            .collect();
        let attended = add(&x, &linear(&context, &name("attention.output.dense")));
        x = norm(&attended, &name("attention.output.LayerNorm"));
        let mut inner = linear(&x, &name("intermediate.dense"));
        inner
            .iter_mut()
            .flatten()
            .for_each(|x| *x = *x * 0.5 * (1.0 + erf(*x / 2.0_f64.sqrt())));
        x = norm(
            &add(&x, &linear(&inner, &name("output.dense"))),
            &name("output.LayerNorm"),
        );
    }
    x
}

/// As `MPNetEncoder.relative_position_bucket` with 8 buckets.
fn bucket(distance: i64) -> usize {
    let side = if distance > 0 { 4 } else { 0 };
    let distance = distance.unsigned_abs() as f64;
    if distance < 2.0 {
        return side + distance as usize;
    }
    let logarithmic = 2.0 + (distance / 2.0).ln() / 64.0_f64.ln() * 2.0;
    side + logarithmic.min(3.0) as usize
}

/// The error function by its Taylor series around 0, or 1.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
