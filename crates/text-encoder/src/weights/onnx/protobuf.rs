//! The parts of an ONNX file that hold nodes and tensors, without copying.
//!
//! ONNX is Protocol Buffers; field numbers are those of `onnx.proto`. Cost: linear in the file.

use std::collections::HashMap;

use crate::protobuf::{CUT, Fault, Fields, Value};

/// The main graph of a model.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    /// In topological order, as the format demands.
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initializers: HashMap<&'a str, Tensor<'a>>,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) op: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) float: f32,
    pub(super) integer: i64,
    pub(super) text: &'a [u8],
    pub(super) integers: Vec<i64>,
    pub(super) tensor: Option<Tensor<'a>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<usize>,
    pub(super) data_type: u64,
    pub(super) raw: &'a [u8],
    pub(super) floats: Vec<f32>,
    pub(super) integers: Vec<i64>,
    /// The place in a file beside the graph.
    pub(super) external: Option<External<'a>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct External<'a> {
    pub(super) location: &'a str,
    pub(super) offset: u64,
}

impl<'a> Node<'a> {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    /// An integer attribute, or its default.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attribute(name)
            .map_or(default, |attribute| attribute.integer)
    }
}

/// `ModelProto`: graph = 7.
pub(super) fn parse(bytes: &[u8]) -> Result<Graph<'_>, Fault> {
    let mut graph = None;
    for field in Fields(bytes) {
        if let (7, Value::Bytes(bytes)) = field? {
            graph = Some(parse_graph(bytes)?);
        }
    }
    graph.ok_or("it holds no graph")
}

/// `GraphProto`: node = 1, initializer = 5, input = 11, output = 12.
fn parse_graph(bytes: &[u8]) -> Result<Graph<'_>, Fault> {
    let mut graph = Graph::default();
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(node)) => graph.nodes.push(parse_node(node)?),
            (5, Value::Bytes(bytes)) => {
                let tensor = parse_tensor(bytes)?;
                graph.initializers.insert(tensor.name, tensor);
            }
            (11, Value::Bytes(value)) => graph.inputs.push(value_name(value)?),
            (12, Value::Bytes(value)) => graph.outputs.push(value_name(value)?),
            _ => {}
        }
    }
    Ok(graph)
}

/// `ValueInfoProto`: name = 1.
fn value_name(bytes: &[u8]) -> Result<&str, Fault> {
    let mut name = "";
    for field in Fields(bytes) {
        if let (1, Value::Bytes(bytes)) = field? {
            name = text(bytes)?;
        }
    }
    Ok(name)
}

/// `NodeProto`: input = 1, output = 2, `op_type` = 4, attribute = 5.
fn parse_node(bytes: &[u8]) -> Result<Node<'_>, Fault> {
    let mut node = Node::default();
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(name)) => node.inputs.push(text(name)?),
            (2, Value::Bytes(name)) => node.outputs.push(text(name)?),
            (4, Value::Bytes(op)) => node.op = text(op)?,
            (5, Value::Bytes(attribute)) => node.attributes.push(parse_attribute(attribute)?),
            _ => {}
        }
    }
    Ok(node)
}

/// `AttributeProto`: name = 1, f = 2, i = 3, s = 4, t = 5, ints = 8.
fn parse_attribute(bytes: &[u8]) -> Result<Attribute<'_>, Fault> {
    let mut attribute = Attribute::default();
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(name)) => attribute.name = text(name)?,
            (2, Value::Fixed32(bits)) => attribute.float = f32::from_bits(bits),
            (3, Value::Varint(value)) => attribute.integer = value as i64,
            (4, Value::Bytes(value)) => attribute.text = value,
            (5, Value::Bytes(tensor)) => attribute.tensor = Some(parse_tensor(tensor)?),
            (8, value) => push_integers(&value, &mut attribute.integers)?,
            _ => {}
        }
    }
    Ok(attribute)
}

/// `TensorProto`: dims = 1, `data_type` = 2, `float_data` = 4, `int32_data` = 5, `int64_data` = 7, name = 8, `raw_data` = 9,
/// `external_data` = 13.
fn parse_tensor(bytes: &[u8]) -> Result<Tensor<'_>, Fault> {
    let mut tensor = Tensor::default();
    let mut dims = Vec::new();
    for field in Fields(bytes) {
        match field? {
            (1, value) => push_integers(&value, &mut dims)?,
            (2, Value::Varint(value)) => tensor.data_type = value,
            (4, Value::Fixed32(bits)) => tensor.floats.push(f32::from_bits(bits)),
            (4, Value::Bytes(packed)) => {
                tensor.floats.extend(
                    packed
                        .as_chunks()
                        .0
                        .iter()
                        .map(|&value| f32::from_le_bytes(value)),
                );
            }
            (5 | 7, value) => push_integers(&value, &mut tensor.integers)?,
            (8, Value::Bytes(name)) => tensor.name = text(name)?,
            (9, Value::Bytes(raw)) => tensor.raw = raw,
            (13, Value::Bytes(pair)) => {
                let external = tensor.external.get_or_insert_default();
                let (mut key, mut value) = ("", "");
                for field in Fields(pair) {
                    match field? {
                        (1, Value::Bytes(bytes)) => key = text(bytes)?,
                        (2, Value::Bytes(bytes)) => value = text(bytes)?,
                        _ => {}
                    }
                }
                match key {
                    "location" => external.location = value,
                    "offset" => {
                        external.offset = value
                            .parse()
                            .map_err(|_| "an offset of external data is no number")?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    tensor.dims = dims
        .into_iter()
        .map(|dim| usize::try_from(dim).map_err(|_| "a tensor has a negative dimension"))
        .collect::<Result<_, _>>()?;
    Ok(tensor)
}

/// A repeated integer: one number, or several packed.
fn push_integers(value: &Value<'_>, to: &mut Vec<i64>) -> Result<(), Fault> {
    match value {
        Value::Varint(value) => to.push(*value as i64),
        Value::Bytes(packed) => {
            let mut rest = Fields(packed);
            while !rest.0.is_empty() {
                to.push(rest.varint()? as i64);
            }
        }
        Value::Fixed32(_) | Value::Fixed64 => return Err(CUT),
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| "a name is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_by_hand() {
        // Node Add(a, b) -> c with an attribute axis = -1; initializer b of shape [1] holding 1.0; input a; output c.
        let node = b"\x0a\x01a\x0a\x01b\x12\x01c\x22\x03Add\x2a\x11\x0a\x04axis\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let tensor = b"\x08\x01\x10\x01\x42\x01b\x4a\x04\x00\x00\x80\x3f";
        let graph = [
            &[0x0a, node.len() as u8],
            &node[..],
            &[0x2a, tensor.len() as u8],
            &tensor[..],
            b"\x5a\x03\x0a\x01a\x62\x03\x0a\x01c",
        ]
        .concat();
        let model = [&[0x3a, graph.len() as u8], &graph[..]].concat();
        let graph = parse(&model).unwrap();
        let node = &graph.nodes[0];
        assert_eq!(
            (node.op, &node.inputs[..], &node.outputs[..]),
            ("Add", &["a", "b"][..], &["c"][..])
        );
        assert_eq!(node.integer("axis", 0), -1);
        assert_eq!(graph.initializers["b"].dims, [1]);
        assert_eq!(graph.initializers["b"].raw, 1.0_f32.to_le_bytes());
        assert_eq!((graph.inputs, graph.outputs), (vec!["a"], vec!["c"]));
        for cut in 0..model.len() {
            assert!(parse(&model[..cut]).is_err(), "{cut}");
        }
    }
}
