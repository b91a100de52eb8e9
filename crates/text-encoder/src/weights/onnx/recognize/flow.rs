//! The flow of data through a graph: what feeds a value, and what consumes it.

use std::collections::{HashMap, HashSet};

use super::linear::Map;
use super::norm::NormNode;
use crate::Error;
use crate::weights::onnx::constants::Constants;
use crate::weights::onnx::protobuf::{Graph, Node};

/// Nodes that change the shape, the type or nothing, but no values.
pub(super) const PASSING: [&str; 7] = [
    "Identity",
    "Cast",
    "Dropout",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
];

/// The longest path of nodes that is followed.
pub(super) const LONGEST: usize = 64;

/// Nodes of which only the first input is data.
const FIRST_INPUT: [&str; 9] = [
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Expand",
    "Slice",
    "Gather",
    "Cast",
    "Tile",
];

pub(super) struct Flow<'g> {
    pub(super) constants: &'g Constants<'g>,
    pub(super) consumers: HashMap<&'g str, Vec<&'g Node<'g>>>,
    pub(super) maps: Vec<Map<'g>>,
    pub(super) norms: Vec<NormNode<'g>>,
}

/// A value that was found behind another, and the factor on the way, if it is known.
pub(super) struct Found<'g> {
    pub(super) value: &'g str,
    pub(super) factor: Option<f32>,
}

pub(super) fn unrecognized(message: impl Into<String>) -> Error {
    Error::Graph {
        message: message.into(),
    }
}

/// The only item of an iterator.
pub(super) fn only<T>(
    mut items: impl Iterator<Item = T>,
    what: impl Fn() -> String,
) -> Result<T, Error> {
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        (None, _) => Err(unrecognized(format!("there is no {}", what()))),
        (Some(_), Some(_)) => Err(unrecognized(format!(
            "there are several candidates for the {}",
            what()
        ))),
    }
}

impl<'g> Flow<'g> {
    pub(super) fn new(graph: &'g Graph<'g>, constants: &'g Constants<'g>) -> Self {
        let mut consumers: HashMap<&str, Vec<&Node<'_>>> = HashMap::new();
        for node in &graph.nodes {
            for &input in &node.inputs {
                consumers.entry(input).or_default().push(node);
            }
        }
        let mut flow = Flow {
            constants,
            consumers,
            maps: Vec::new(),
            norms: Vec::new(),
        };
        flow.maps = graph
            .nodes
            .iter()
            .filter_map(|node| flow.map(node))
            .collect();
        flow.norms = graph
            .nodes
            .iter()
            .filter_map(|node| flow.norm_node(node))
            .collect();
        flow
    }

    pub(super) fn consumers(&self, value: &str) -> &[&'g Node<'g>] {
        self.consumers.get(value).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_constant(&self, value: &str) -> bool {
        self.constants.is_constant(value)
    }

    /// The value behind nodes that pass it on.
    pub(super) fn source(&self, value: &'g str) -> &'g str {
        let mut value = value;
        // A file may hold a circle.
        for _ in 0..LONGEST {
            let Some(node) = self.constants.producer(value) else {
                break;
            };
            match node.inputs.first() {
                Some(input) if PASSING.contains(&node.op) => value = input,
                _ => break,
            }
        }
        value
    }

    /// A constant of one value.
    pub(super) fn scalar(&self, value: &str) -> Option<f32> {
        if !self.is_constant(value) {
            return None;
        }
        match self.constants.get(value).ok()?.into_floats().as_slice() {
            &[value] => Some(value),
            _ => None,
        }
    }

    /// The nearest values behind `value` that `is_found` accepts, each once.
    pub(super) fn behind(&self, value: &'g str, is_found: &dyn Fn(&str) -> bool) -> Vec<Found<'g>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut pending = vec![(value, Some(1.0))];
        while let Some((value, factor)) = pending.pop() {
            if !seen.insert(value) {
                continue;
            }
            if is_found(value) {
                found.push(Found { value, factor });
                continue;
            }
            let Some(node) = self.constants.producer(value) else {
                continue;
            };
            if matches!(node.op, "Shape" | "Softmax")
                || self.norms.iter().any(|norm| norm.output == value)
            {
                continue;
            }
            let factor = match (node.op, node.inputs.as_slice()) {
                ("Mul", &[a, b]) => self
                    .scalar(a)
                    .or_else(|| self.scalar(b))
                    .zip(factor)
                    .map(|(a, b)| a * b),
                ("Div", &[_, b]) => self
                    .scalar(b)
                    .zip(factor)
                    .map(|(divisor, factor)| factor / divisor),
                _ => factor,
            };
            let count = if FIRST_INPUT.contains(&node.op) {
                1
            } else {
                node.inputs.len()
            };
            pending.extend(
                node.inputs[..count.min(node.inputs.len())]
                    .iter()
                    .filter(|input| !input.is_empty() && !self.is_constant(input))
                    .map(|&input| (input, factor)),
            );
        }
        found
    }
}
