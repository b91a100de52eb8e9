//! Layer normalizations, as one node or as the eight that older exporters write.

use super::flow::{Flow, only};
use crate::Error;
use crate::weights::Norm;
use crate::weights::onnx::protobuf::Node;

/// A layer normalization.
pub(super) struct NormNode<'g> {
    pub(super) input: &'g str,
    pub(super) output: &'g str,
    pub(super) weight: &'g str,
    pub(super) bias: Option<&'g str>,
    pub(super) epsilon: f32,
}

impl<'g> Flow<'g> {
    pub(super) fn norm_node(&self, node: &'g Node<'g>) -> Option<NormNode<'g>> {
        match (node.op, node.inputs.as_slice()) {
            ("LayerNormalization", &[input, weight, ref bias @ ..]) if self.is_constant(weight) => {
                Some(NormNode {
                    input,
                    output: node.outputs.first()?,
                    weight,
                    bias: bias.first().copied(),
                    epsilon: node
                        .attribute("epsilon")
                        .map_or(1e-5, |attribute| attribute.float),
                })
            }
            ("ReduceMean", &[input, ..]) => self.norm_of_nodes(input, node.outputs.first()?),
            _ => None,
        }
    }

    /// The normalization that begins with the mean of a value.
    pub(super) fn norm_of_nodes(&self, input: &'g str, mean: &str) -> Option<NormNode<'g>> {
        let deviations: Vec<&str> = self
            .consumers(mean)
            .iter()
            .filter(|node| node.op == "Sub" && node.inputs == [input, mean])
            .filter_map(|node| node.outputs.first().copied())
            .collect();
        let next = |value: &str, op: &str| {
            self.consumers(value)
                .iter()
                .copied()
                .find(|node| node.op == op)
        };
        let divided = deviations
            .iter()
            .find_map(|deviation| next(deviation, "Div"))?;
        let root = self
            .constants
            .producer(divided.inputs.get(1)?)
            .filter(|node| node.op == "Sqrt")?;
        let sum = self
            .constants
            .producer(root.inputs.first()?)
            .filter(|node| node.op == "Add")?;
        let epsilon = sum.inputs.iter().find_map(|input| self.scalar(input))?;
        let constant = |node: &'g Node<'g>| {
            node.inputs
                .iter()
                .copied()
                .find(|input| self.is_constant(input))
        };
        let scaled = next(divided.outputs.first()?, "Mul")?;
        let shifted = next(scaled.outputs.first()?, "Add")?;
        Some(NormNode {
            input,
            output: shifted.outputs.first()?,
            weight: constant(scaled)?,
            bias: Some(constant(shifted)?),
            epsilon,
        })
    }

    /// The normalization of the sum of two values.
    pub(super) fn norm_of_sum(
        &self,
        update: &str,
        residual: &str,
        what: impl Fn() -> String,
    ) -> Result<&NormNode<'g>, Error> {
        only(
            self.norms.iter().filter(|norm| {
                self.constants
                    .producer(self.source(norm.input))
                    .is_some_and(|node| {
                        node.op == "Add"
                            && matches!(node.inputs.as_slice(), &[a, b] if {
                                let (a, b) = (self.source(a), self.source(b));
                                (a, b) == (update, residual) || (b, a) == (update, residual)
                            })
                    })
            }),
            what,
        )
    }

    pub(super) fn norm(&self, node: &NormNode<'g>) -> Result<Norm, Error> {
        let weight = self.constants.get(node.weight)?.into_floats();
        Ok(Norm {
            bias: match node.bias {
                Some(bias) => self.constants.get(bias)?.into_floats(),
                None => vec![0.0; weight.len()],
            },
            weight,
            epsilon: node.epsilon,
        })
    }
}
