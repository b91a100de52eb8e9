//! The activation of a feed-forward network.

use std::collections::HashSet;

use super::flow::{Flow, PASSING};
use crate::config::Activation;

impl<'g> Flow<'g> {
    /// The activation that computes `to` from `from`; otherwise the operators that do.
    pub(super) fn activation(&self, to: &'g str, from: &str) -> Result<Activation, Vec<&'g str>> {
        let mut ops = Vec::new();
        let (mut pending, mut seen) = (vec![to], HashSet::new());
        let mut approximate = false;
        let mut has_constants = false;
        while let Some(value) = pending.pop() {
            if value == from || !seen.insert(value) {
                continue;
            }
            let Some(node) = self.constants.producer(value) else {
                ops.push("a value from elsewhere");
                continue;
            };
            if !PASSING.contains(&node.op) && !ops.contains(&node.op) {
                ops.push(node.op);
            }
            approximate |= node
                .attribute("approximate")
                .is_some_and(|attribute| attribute.text == b"tanh");
            let (constant, rest): (Vec<&str>, Vec<&str>) = node
                .inputs
                .iter()
                .copied()
                .partition(|input| self.is_constant(input));
            has_constants |= !constant.is_empty();
            pending.extend(rest);
        }
        ops.sort_unstable();
        let within = |allowed: &[&str]| ops.iter().all(|op| allowed.contains(op));
        let has = |op: &str| ops.contains(&op);
        if ops == ["Gelu"] || ops == ["FastGelu"] {
            Ok(if approximate || has("FastGelu") {
                Activation::GeluTanh
            } else {
                Activation::Gelu
            })
        } else if has("Erf") && within(&["Add", "Div", "Erf", "Mul"]) {
            Ok(Activation::Gelu)
        } else if has("Tanh") && within(&["Add", "Mul", "Pow", "Tanh"]) {
            Ok(Activation::GeluTanh)
        } else if ops == ["Relu"] {
            Ok(Activation::Relu)
        } else if ops == ["Mul", "Sigmoid"] && !has_constants {
            Ok(Activation::Silu)
        } else {
            Err(ops)
        }
    }
}
