//! Attention: the products around a `Softmax`, the number of heads, biases per distance.

use super::flow::{Flow, LONGEST, unrecognized};
use crate::Error;
use crate::config::Family;
use crate::weights::onnx::protobuf::{Graph, Node};

impl<'g> Flow<'g> {
    /// Whether a value is the product of two values that both depend on the input.
    pub(super) fn is_product(&self, value: &str) -> bool {
        self.constants.producer(value).is_some_and(|node| {
            node.op == "MatMul"
                && node.inputs.len() == 2
                && node.inputs.iter().all(|input| !self.is_constant(input))
        })
    }

    /// The product with the probabilities of a `Softmax`.
    pub(super) fn weighted_sum(&self, softmax: &'g Node<'g>) -> Option<&'g Node<'g>> {
        let mut pending: Vec<&str> = softmax.outputs.clone();
        for _ in 0..LONGEST {
            for node in self.consumers(pending.pop()?) {
                match node.op {
                    "MatMul" => return Some(node),
                    "Where" | "Cast" | "Dropout" | "Identity" => pending.extend(&node.outputs),
                    _ => {}
                }
            }
        }
        None
    }

    /// The number of heads, from the shape that the query is brought into.
    pub(super) fn heads(&self, query: &str, hidden: usize) -> Result<usize, Error> {
        let reshape = self
            .consumers(query)
            .iter()
            .find(|node| node.op == "Reshape")
            .and_then(|node| node.inputs.get(1).copied())
            .ok_or_else(|| unrecognized("the query is not split into heads by Reshape"))?;
        let sizes: Vec<i64> = if self.is_constant(reshape) {
            self.constants.get(reshape)?.integers().to_vec()
        } else {
            let parts = self
                .constants
                .producer(reshape)
                .filter(|node| node.op == "Concat")
                .ok_or_else(|| unrecognized("the number of heads is not constant"))?;
            parts
                .inputs
                .iter()
                .map(|part| {
                    let array = self
                        .is_constant(part)
                        .then(|| self.constants.get(part))
                        .transpose()?;
                    Ok(array
                        .and_then(|array| array.integers().first().copied())
                        .unwrap_or(0))
                })
                .collect::<Result<_, Error>>()?
        };
        let hidden = hidden as i64;
        match *sizes.as_slice() {
            [_, _, heads, _] if heads > 0 && hidden % heads == 0 => Ok(heads as usize),
            [_, _, _, d] if d > 0 && hidden % d == 0 => Ok((hidden / d) as usize),
            _ => Err(unrecognized(format!(
                "the query is reshaped to {sizes:?}, which does not show its heads"
            ))),
        }
    }

    /// The table of attention biases per bucket of distances and head.
    pub(super) fn relative_bias(
        &self,
        graph: &'g Graph<'g>,
        heads: usize,
        family: Family,
    ) -> Result<Vec<f32>, Error> {
        let tables: Vec<&str> = graph
            .nodes
            .iter()
            .filter(|node| node.op == "Gather")
            .filter_map(|node| node.inputs.first().copied())
            .filter(|table| self.is_constant(table))
            .filter(|table| matches!(self.constants.dims(table), Some(&[_, columns]) if columns == heads))
            .collect();
        match (family, tables.as_slice()) {
            (Family::MpNet, &[table]) => Ok(self.constants.get(table)?.into_floats()),
            (Family::MpNet, _) => Err(unrecognized("there is no table of attention biases")),
            (_, []) => Ok(Vec::new()),
            _ => Err(unrecognized(
                "attention has a bias per distance, unlike the model type",
            )),
        }
    }
}
