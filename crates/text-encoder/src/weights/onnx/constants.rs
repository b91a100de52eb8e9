//! The constants of a graph: initializers, and what the graph computes from them alone.

use std::borrow::Cow;
use std::collections::HashMap;

use super::ReadExternal;
use super::protobuf::{Graph, Node, Tensor};
use crate::Error;
use crate::weights::{bfloat_to_f32, half_to_f32};

/// The values of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Float(Vec<f32>),
    Integer(Vec<i64>),
}

impl Array {
    pub(super) fn into_floats(self) -> Vec<f32> {
        match self.values {
            Values::Float(values) => values,
            Values::Integer(values) => values.into_iter().map(|value| value as f32).collect(),
        }
    }

    pub(super) fn integers(&self) -> &[i64] {
        match &self.values {
            Values::Float(_) => &[],
            Values::Integer(values) => values,
        }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Float(values) => values.len(),
            Values::Integer(values) => values.len(),
        }
    }
}

/// The constants of a graph, computed when needed.
pub(super) struct Constants<'g> {
    graph: &'g Graph<'g>,
    producers: HashMap<&'g str, &'g Node<'g>>,
    read_external: ReadExternal<'g>,
}

/// How many nodes deep a constant may be computed: more are no weights.
const DEEPEST: usize = 16;

impl<'g> Constants<'g> {
    pub(super) fn new(graph: &'g Graph<'g>, read_external: ReadExternal<'g>) -> Self {
        let producers = graph
            .nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |&output| (output, node)))
            .collect();
        Constants {
            graph,
            producers,
            read_external,
        }
    }

    /// The node that computes a value.
    pub(super) fn producer(&self, value: &str) -> Option<&'g Node<'g>> {
        self.producers.get(value).copied()
    }

    /// Whether a value does not depend on the inputs of the graph.
    pub(super) fn is_constant(&self, value: &str) -> bool {
        self.is_constant_within(value, DEEPEST)
    }

    fn is_constant_within(&self, value: &str, depth: usize) -> bool {
        if self.graph.initializers.contains_key(value) {
            return true;
        }
        let Some(node) = self.producer(value) else {
            return false;
        };
        depth > 0
            && matches!(
                node.op,
                "Constant"
                    | "Identity"
                    | "Cast"
                    | "Mul"
                    | "Sub"
                    | "DequantizeLinear"
                    | "Transpose"
                    | "Unsqueeze"
                    | "Reshape"
            )
            && node
                .inputs
                .iter()
                .filter(|input| !input.is_empty())
                .all(|input| self.is_constant_within(input, depth - 1))
    }

    /// The dimensions of an initializer, or of what is computed from it element by element.
    pub(super) fn dims(&self, value: &str) -> Option<&'g [usize]> {
        let mut value = value;
        for _ in 0..DEEPEST {
            if let Some(tensor) = self.graph.initializers.get(value) {
                return Some(&tensor.dims);
            }
            value = self.producer(value)?.inputs.first()?;
        }
        None
    }

    /// The values of a constant.
    pub(super) fn get(&self, value: &str) -> Result<Array, Error> {
        self.get_within(value, DEEPEST)
    }

    fn get_within(&self, value: &str, depth: usize) -> Result<Array, Error> {
        if let Some(tensor) = self.graph.initializers.get(value) {
            return self.decode(tensor);
        }
        let node = self
            .producer(value)
            .filter(|_| depth > 0)
            .ok_or_else(|| Error::TensorMissing { name: value.into() })?;
        let input = |at: usize| {
            let name = node.inputs.get(at).copied().unwrap_or_default();
            self.get_within(name, depth - 1)
        };
        let fault = |message: &str| Error::Tensor {
            name: value.into(),
            message: message.into(),
        };
        match node.op {
            "Constant" => match node
                .attribute("value")
                .and_then(|attribute| attribute.tensor.as_ref())
            {
                Some(tensor) => self.decode(tensor),
                None => constant_attribute(node)
                    .ok_or_else(|| fault("a constant of this kind is not read")),
            },
            "Identity" => input(0),
            "Unsqueeze" | "Reshape" => Some(input(0)?)
                .filter(|array| array.dims.len() < 2)
                .ok_or_else(|| fault("a matrix is reshaped")),
            "Cast" => {
                let array = input(0)?;
                Ok(match node.integer("to", 0) {
                    // FLOAT, FLOAT16, DOUBLE, BFLOAT16.
                    1 | 10 | 11 | 16 => Array {
                        dims: array.dims.clone(),
                        values: Values::Float(array.into_floats()),
                    },
                    _ => array,
                })
            }
            "Mul" => broadcast(input(0)?, input(1)?, |a, b| a * b)
                .ok_or_else(|| fault("shapes do not match")),
            "Sub" => broadcast(input(0)?, input(1)?, |a, b| a - b)
                .ok_or_else(|| fault("shapes do not match")),
            "DequantizeLinear" => {
                let quantized = input(0)?;
                let rank = quantized.dims.len();
                let axis = node.integer("axis", 1);
                let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis })
                    .unwrap_or_default();
                // A list of scales belongs to one axis.
                let along = |mut array: Array| {
                    if array.dims.len() == 1 && rank > 1 && axis < rank {
                        array.dims.resize(rank - axis, 1);
                    }
                    array
                };
                let centered = match node.inputs.get(2) {
                    Some(zero) if !zero.is_empty() => {
                        broadcast(quantized, along(input(2)?), |a, b| a - b)
                    }
                    _ => Some(quantized),
                };
                centered
                    .and_then(|centered| broadcast(centered, along(input(1).ok()?), |a, b| a * b))
                    .ok_or_else(|| fault("scales of this shape are not read"))
            }
            "Transpose" => {
                transpose(input(0)?).ok_or_else(|| fault("only matrices are transposed"))
            }
            other => Err(fault(&format!("it is computed by {other}"))),
        }
    }

    /// The initializer `value`.
    pub(super) fn initializer(&self, value: &str) -> Option<&'g Tensor<'g>> {
        self.graph.initializers.get(value)
    }

    /// The bytes of a tensor, if it is stored as bytes.
    pub(super) fn raw(&self, tensor: &Tensor<'g>) -> Result<Cow<'g, [u8]>, Error> {
        let Some(place) = &tensor.external else {
            return Ok(Cow::Borrowed(tensor.raw));
        };
        let size = match tensor.data_type {
            2 | 3 | 9 => 1,
            10 | 16 => 2,
            7 | 11 => 8,
            _ => 4,
        };
        let length = count(tensor)?.saturating_mul(size);
        (self.read_external)(place.location, place.offset, length)
            .map(Cow::Owned)
            .map_err(|error| Error::ExternalData {
                name: place.location.into(),
                message: error.to_string(),
            })
    }

    fn decode(&self, tensor: &Tensor<'g>) -> Result<Array, Error> {
        let fault = |message: String| Error::Tensor {
            name: tensor.name.into(),
            message,
        };
        let count = count(tensor)?;
        let raw = self.raw(tensor)?;
        let values = if !tensor.floats.is_empty() {
            Values::Float(tensor.floats.clone())
        } else if !tensor.integers.is_empty() {
            match tensor.data_type {
                10 => Values::Float(
                    tensor
                        .integers
                        .iter()
                        .map(|&bits| half_to_f32(bits as u16))
                        .collect(),
                ),
                16 => Values::Float(
                    tensor
                        .integers
                        .iter()
                        .map(|&bits| bfloat_to_f32(bits as u16))
                        .collect(),
                ),
                _ => Values::Integer(tensor.integers.clone()),
            }
        } else {
            match tensor.data_type {
                1 => Values::Float(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| f32::from_le_bytes(value))
                        .collect(),
                ),
                // These are never shapes, and there may be many of them.
                2 | 9 => Values::Float(raw.iter().map(|&value| f32::from(value)).collect()),
                3 => Values::Float(raw.iter().map(|&value| f32::from(value as i8)).collect()),
                6 => Values::Integer(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| i32::from_le_bytes(value).into())
                        .collect(),
                ),
                7 => Values::Integer(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| i64::from_le_bytes(value))
                        .collect(),
                ),
                10 => Values::Float(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| half_to_f32(u16::from_le_bytes(value)))
                        .collect(),
                ),
                11 => Values::Float(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| f64::from_le_bytes(value) as f32)
                        .collect(),
                ),
                16 => Values::Float(
                    raw.as_chunks()
                        .0
                        .iter()
                        .map(|&value| bfloat_to_f32(u16::from_le_bytes(value)))
                        .collect(),
                ),
                other => return Err(fault(format!("values of ONNX type {other} are not read"))),
            }
        };
        let array = Array {
            dims: tensor.dims.clone(),
            values,
        };
        if array.len() == count {
            Ok(array)
        } else {
            Err(fault(format!(
                "it has {} values instead of {count}",
                array.len()
            )))
        }
    }
}

/// The number of values of a tensor.
fn count(tensor: &Tensor<'_>) -> Result<usize, Error> {
    tensor
        .dims
        .iter()
        .try_fold(1_usize, |count, &dim| count.checked_mul(dim))
        .ok_or_else(|| Error::Tensor {
            name: tensor.name.into(),
            message: "its dimensions are too large".into(),
        })
}

/// A `Constant` with an attribute of its own: one number, or a list of integers.
fn constant_attribute(node: &Node<'_>) -> Option<Array> {
    if let Some(attribute) = node.attribute("value_float") {
        return Some(Array {
            dims: Vec::new(),
            values: Values::Float(vec![attribute.float]),
        });
    }
    if let Some(attribute) = node.attribute("value_int") {
        return Some(Array {
            dims: Vec::new(),
            values: Values::Integer(vec![attribute.integer]),
        });
    }
    let attribute = node.attribute("value_ints")?;
    Some(Array {
        dims: vec![attribute.integers.len()],
        values: Values::Integer(attribute.integers.clone()),
    })
}

/// Combines two arrays of which one is not larger than the other in any dimension, aligned at the last one.
fn broadcast(a: Array, b: Array, combine: impl Fn(f32, f32) -> f32) -> Option<Array> {
    if b.len() > a.len() {
        broadcast_second(b, a, |b, a| combine(a, b))
    } else {
        broadcast_second(a, b, combine)
    }
}

fn broadcast_second(a: Array, b: Array, combine: impl Fn(f32, f32) -> f32) -> Option<Array> {
    let rank = a.dims.len();
    let missing = rank.checked_sub(b.dims.len())?;
    // Steps in `b` for each dimension of `a`: 0 where `b` is repeated.
    let mut steps = vec![0; rank];
    let mut step = 1;
    for (at, &dim) in b.dims.iter().enumerate().rev() {
        if dim != 1 {
            if dim != a.dims[missing + at] {
                return None;
            }
            steps[missing + at] = step;
        }
        step *= dim;
    }
    let dims = a.dims.clone();
    let b = b.into_floats();
    let mut values = a.into_floats();
    let mut position = vec![0; rank];
    let mut at = 0;
    for value in &mut values {
        *value = combine(*value, b[at]);
        for dimension in (0..rank).rev() {
            position[dimension] += 1;
            at += steps[dimension];
            if position[dimension] < dims[dimension] {
                break;
            }
            at -= steps[dimension] * dims[dimension];
            position[dimension] = 0;
        }
    }
    Some(Array {
        dims,
        values: Values::Float(values),
    })
}

/// The transpose of a matrix.
fn transpose(array: Array) -> Option<Array> {
    let &[rows, columns] = array.dims.as_slice() else {
        return None;
    };
    Some(Array {
        dims: vec![columns, rows],
        values: Values::Float(transposed(&array.into_floats(), columns)),
    })
}

/// The transpose of a matrix with rows of `columns` values.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let mut transposed = vec![0.0; values.len()];
    for (row, values) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            transposed[column * rows + row] = value;
        }
    }
    transposed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(dims: &[usize], values: &[f32]) -> Array {
        Array {
            dims: dims.to_vec(),
            values: Values::Float(values.to_vec()),
        }
    }

    #[test]
    fn arrays_are_broadcast() {
        let matrix = floats(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let by_column = broadcast(
            matrix.clone(),
            floats(&[1, 3], &[1.0, 10.0, 100.0]),
            |a, b| a * b,
        );
        assert_eq!(
            by_column,
            Some(floats(&[2, 3], &[1.0, 20.0, 300.0, 4.0, 50.0, 600.0]))
        );
        let by_row = broadcast(matrix.clone(), floats(&[2, 1], &[1.0, 10.0]), |a, b| a - b);
        assert_eq!(
            by_row,
            Some(floats(&[2, 3], &[0.0, 1.0, 2.0, -6.0, -5.0, -4.0]))
        );
        let scalar = broadcast(floats(&[], &[2.0]), matrix.clone(), |a, b| a - b);
        assert_eq!(
            scalar,
            Some(floats(&[2, 3], &[1.0, 0.0, -1.0, -2.0, -3.0, -4.0]))
        );
        assert_eq!(
            broadcast(matrix.clone(), floats(&[2], &[1.0, 2.0]), |a, b| a * b),
            None
        );
        assert_eq!(
            transpose(matrix),
            Some(floats(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]))
        );
    }
}
