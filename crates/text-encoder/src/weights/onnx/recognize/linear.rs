//! Linear maps: products with a constant matrix, and the addition of their bias.

use super::flow::{Flow, only, unrecognized};
use crate::Error;
use crate::weights::LinearWeights;
use crate::weights::onnx::constants::transposed;
use crate::weights::onnx::protobuf::Node;

/// A product with a constant matrix and the addition of its bias.
pub(super) struct Map<'g> {
    pub(super) node: &'g Node<'g>,
    pub(super) bias: Option<&'g str>,
    pub(super) output: &'g str,
}

impl<'g> Flow<'g> {
    pub(super) fn map(&self, node: &'g Node<'g>) -> Option<Map<'g>> {
        let (&[input, matrix, ..], &[output, ..]) =
            (node.inputs.as_slice(), node.outputs.as_slice())
        else {
            return None;
        };
        if !matches!(node.op, "MatMul" | "Gemm" | "MatMulNBits")
            || self.is_constant(input)
            || !self.is_constant(matrix)
        {
            return None;
        }
        if node.op == "Gemm" && node.inputs.len() == 3 {
            return Some(Map {
                node,
                bias: Some(node.inputs[2]),
                output,
            });
        }
        if let [next] = self.consumers(output)
            && let ("Add", &[a, b], &[sum]) =
                (next.op, next.inputs.as_slice(), next.outputs.as_slice())
            && let Some(bias) = [a, b].into_iter().find(|value| self.is_constant(value))
        {
            return Some(Map {
                node,
                bias: Some(bias),
                output: sum,
            });
        }
        Some(Map {
            node,
            bias: None,
            output,
        })
    }

    /// The linear map behind a value, and the factor on the way.
    pub(super) fn map_behind(
        &self,
        value: &'g str,
        what: &dyn Fn() -> String,
    ) -> Result<(&Map<'g>, Option<f32>), Error> {
        let is_map = |value: &str| self.maps.iter().any(|map| map.output == value);
        let found = only(self.behind(value, &is_map).into_iter(), what)?;
        let map = only(
            self.maps.iter().filter(|map| map.output == found.value),
            what,
        )?;
        Ok((map, found.factor))
    }

    /// The linear maps of a value.
    pub(super) fn maps_of<'f>(&'f self, value: &'f str) -> impl Iterator<Item = &'f Map<'g>> {
        self.maps
            .iter()
            .filter(move |map| self.source(map.node.inputs[0]) == value)
    }

    /// The weights of a linear map.
    pub(super) fn weights(&self, map: &Map<'g>) -> Result<LinearWeights, Error> {
        let node = map.node;
        let fault = |message: String| Error::Tensor {
            name: node.inputs[1].into(),
            message,
        };
        let (weight, n_out) = if node.op == "MatMulNBits" {
            let size = |name: &str| usize::try_from(node.integer(name, 0)).unwrap_or(0);
            let (rows, columns) = (size("N"), size("K"));
            let table = self.constants.blocks(node, 1, rows, columns)?;
            (table.to_floats(), rows)
        } else {
            let array = self.constants.get(node.inputs[1])?;
            let &[rows, columns] = array.dims.as_slice() else {
                return Err(fault(format!(
                    "it has {} dimensions instead of 2",
                    array.dims.len()
                )));
            };
            let unit = |name: &str| {
                node.attribute(name)
                    .is_none_or(|attribute| attribute.float == 1.0)
            };
            if node.integer("transA", 0) != 0 || !unit("alpha") || !unit("beta") {
                return Err(unrecognized("a Gemm has factors, or transposes its input"));
            }
            let values = array.into_floats();
            if node.integer("transB", 0) == 0 {
                (transposed(&values, columns), columns)
            } else {
                (values, rows)
            }
        };
        let bias = match map.bias {
            Some(bias) => self.constants.get(bias)?.into_floats(),
            None => vec![0.0; n_out],
        };
        if bias.is_empty() || bias.len() != n_out {
            return Err(fault(format!(
                "a bias of {} values does not match",
                bias.len()
            )));
        }
        Ok(LinearWeights { weight, bias })
    }
}
