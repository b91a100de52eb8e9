//! Gated feed-forward networks: half of the units pass through the activation, and are multiplied by the other half.
//!
//! Source: Shazeer 2020 (GLU variants).

use crate::Kernel;
use crate::config::Activation;
use crate::math;
use crate::simd::dispatch_simd;

/// Replaces each row of `2 units` values, which pass through the activation and are the gates, by the `units` products.
pub(crate) fn gate(kernel: Kernel, values: &mut Vec<f32>, units: usize, activation: Activation) {
    let rows = values.len() / (2 * units);
    let slice = values.as_mut_slice();
    dispatch_simd!(
        kernel,
        gate_rows(slice: &mut [f32], units: usize, activation: Activation)
    );
    values.truncate(rows * units);
}

#[inline(always)]
fn gate_rows(slice: &mut [f32], units: usize, activation: Activation) {
    match activation {
        Activation::Gelu => products(slice, units, math::gelu),
        Activation::GeluTanh => products(slice, units, math::gelu_tanh),
        Activation::Silu => products(slice, units, math::silu),
        Activation::Relu => products(slice, units, |x| if x > 0.0 { x } else { 0.0 }),
    }
}

#[inline(always)]
fn products(values: &mut [f32], units: usize, activation: impl Fn(f32) -> f32) {
    let rows = values.len() / (2 * units);
    if rows == 0 {
        return;
    }
    let (first, gates) = values.split_at_mut(units);
    for (value, gate) in first.iter_mut().zip(gates) {
        *value = activation(*value) * *gate;
    }
    for row in 1..rows {
        let (done, rest) = values.split_at_mut(2 * row * units);
        let (inputs, gates) = rest[..2 * units].split_at(units);
        let products = &mut done[row * units..][..units];
        for ((product, input), gate) in products.iter_mut().zip(inputs).zip(gates) {
            *product = activation(*input) * gate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rows_by_hand() {
        let mut values = vec![
            1.0, -2.0, 3.0, 4.0, 5.0, 6.0, -1.0, 0.5, -7.0, 8.0, 2.0, 2.0,
        ];
        gate(Kernel::Portable, &mut values, 2, Activation::Relu);
        assert_eq!(values, [3.0, 0.0, -5.0, 3.0, 0.0, 16.0]);
        gate(Kernel::Portable, &mut Vec::new(), 2, Activation::Relu);
    }

    #[test]
    fn every_kernel_of_this_machine_gives_the_same_bits() {
        let values: Vec<f32> = (0..3 * 74)
            .map(|at| (at * 37 % 101) as f32 / 20.0 - 2.5)
            .collect();
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
            let outcome = |kernel| {
                let mut values = values.clone();
                gate(kernel, &mut values, 37, activation);
                values
            };
            for kernel in Kernel::ALL
                .into_iter()
                .filter(|kernel| kernel.is_available())
            {
                assert_eq!(outcome(kernel), outcome(Kernel::Portable), "{kernel}");
            }
        }
    }
}
