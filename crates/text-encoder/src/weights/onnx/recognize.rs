//! The encoder in a graph.

use std::collections::{HashMap, HashSet};

use super::constants::{Constants, transposed};
use super::protobuf::{Graph, Node};
use crate::Error;
use crate::config::{Activation, Config, Family};
use crate::weights::{Embeddings, Layer, LinearWeights, Norm, Weights, positions};

/// Nodes that change the shape, the type or nothing, but no values.
const PASSING: [&str; 7] = [
    "Identity",
    "Cast",
    "Dropout",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
];

/// The longest path of nodes that is followed.
const LONGEST: usize = 64;

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

/// A product with a constant matrix and the addition of its bias.
struct Map<'g> {
    node: &'g Node<'g>,
    bias: Option<&'g str>,
    output: &'g str,
}

/// A layer normalization.
struct NormNode<'g> {
    input: &'g str,
    output: &'g str,
    weight: &'g str,
    bias: Option<&'g str>,
    epsilon: f32,
}

struct Flow<'g> {
    constants: &'g Constants<'g>,
    consumers: HashMap<&'g str, Vec<&'g Node<'g>>>,
    maps: Vec<Map<'g>>,
    norms: Vec<NormNode<'g>>,
}

/// A value that was found behind another, and the factor on the way, if it is known.
struct Found<'g> {
    value: &'g str,
    factor: Option<f32>,
}

fn unrecognized(message: impl Into<String>) -> Error {
    Error::Graph {
        message: message.into(),
    }
}

/// The only item of an iterator.
fn only<T>(mut items: impl Iterator<Item = T>, what: impl Fn() -> String) -> Result<T, Error> {
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        (None, _) => Err(unrecognized(format!("there is no {}", what()))),
        (Some(_), Some(_)) => Err(unrecognized(format!(
            "there are several candidates for the {}",
            what()
        ))),
    }
}

pub(super) fn recognize<'g>(
    graph: &'g Graph<'g>,
    constants: &'g Constants<'g>,
    configuration: &Config,
) -> Result<Weights, Error> {
    let family = configuration.family()?;
    let flow = Flow::new(graph, constants);
    let softmaxes: Vec<&Node<'_>> = graph
        .nodes
        .iter()
        .filter(|node| node.op == "Softmax")
        .collect();
    if softmaxes.is_empty() {
        return Err(unrecognized(
            "there is no Softmax: no attention, or an operator that contains it",
        ));
    }
    let mut heads = configuration.heads();
    let mut hidden_states = None;
    let mut first = None;
    let mut activation = None;
    let mut layers = Vec::new();
    for (at, softmax) in softmaxes.into_iter().enumerate() {
        let found = flow.layer(at, softmax)?;
        if hidden_states.is_some_and(|hidden| hidden != found.input) {
            return Err(unrecognized(format!(
                "layer {at} does not have the output of layer {} as its input",
                at - 1
            )));
        }
        first.get_or_insert(found.input);
        hidden_states = Some(found.output);
        if activation.is_some_and(|activation| activation != found.activation) {
            return Err(unrecognized("the layers have different activations"));
        }
        activation = Some(found.activation);
        let mut query = flow.weights(found.query)?;
        let hidden = query.n_in();
        let heads = match heads {
            Some(heads) => heads,
            None => *heads.insert(flow.heads(found.query.output, hidden)?),
        };
        let scale = 1.0 / (hidden as f32 / heads.max(1) as f32).sqrt();
        if let Some(factor) = found
            .scale
            .filter(|factor| (factor / scale - 1.0).abs() > 1e-3)
        {
            return Err(unrecognized(format!(
                "layer {at} scales attention by {factor}, not by {scale}, for {heads} heads"
            )));
        }
        query.scale(scale);
        layers.push(Layer {
            qkv: LinearWeights::concat([
                query,
                flow.weights(found.key)?,
                flow.weights(found.value)?,
            ]),
            attention_out: flow.weights(found.attention_out)?,
            attention_norm: flow.norm(found.attention_norm)?,
            ffn_in: flow.weights(found.ffn_in)?,
            ffn_out: flow.weights(found.ffn_out)?,
            ffn_norm: flow.norm(found.ffn_norm)?,
        });
    }
    let (Some(first), Some(last), Some(activation), Some(heads)) =
        (first, hidden_states, activation, heads)
    else {
        return Err(unrecognized("there are no layers"));
    };
    if !graph
        .outputs
        .iter()
        .any(|output| flow.source(output) == last)
    {
        return Err(unrecognized(format!(
            "the hidden states of the last layer are not among the outputs ({})",
            graph.outputs.join(", ")
        )));
    }
    if (configuration.hidden_act.is_some()) && configuration.activation()? != activation {
        return Err(unrecognized(format!(
            "its activation is {activation:?}, unlike that of the configuration"
        )));
    }
    let embeddings = flow.embeddings(graph, first, configuration)?;
    Ok(Weights {
        hidden: embeddings.norm.weight.len(),
        heads,
        activation,
        embeddings,
        layers,
        relative_bias: flow.relative_bias(graph, heads, family)?,
    })
}

/// The nodes of a layer.
struct LayerNodes<'f, 'g> {
    input: &'g str,
    output: &'g str,
    query: &'f Map<'g>,
    key: &'f Map<'g>,
    value: &'f Map<'g>,
    /// The factor of the scores, if it is constant.
    scale: Option<f32>,
    attention_out: &'f Map<'g>,
    attention_norm: &'f NormNode<'g>,
    ffn_in: &'f Map<'g>,
    ffn_out: &'f Map<'g>,
    ffn_norm: &'f NormNode<'g>,
    activation: Activation,
}

impl<'g> Flow<'g> {
    fn new(graph: &'g Graph<'g>, constants: &'g Constants<'g>) -> Self {
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

    fn consumers(&self, value: &str) -> &[&'g Node<'g>] {
        self.consumers.get(value).map_or(&[], Vec::as_slice)
    }

    fn is_constant(&self, value: &str) -> bool {
        self.constants.is_constant(value)
    }

    /// The value behind nodes that pass it on.
    fn source(&self, value: &'g str) -> &'g str {
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

    fn map(&self, node: &'g Node<'g>) -> Option<Map<'g>> {
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

    fn norm_node(&self, node: &'g Node<'g>) -> Option<NormNode<'g>> {
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
    fn norm_of_nodes(&self, input: &'g str, mean: &str) -> Option<NormNode<'g>> {
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

    /// A constant of one value.
    fn scalar(&self, value: &str) -> Option<f32> {
        if !self.is_constant(value) {
            return None;
        }
        match self.constants.get(value).ok()?.into_floats().as_slice() {
            &[value] => Some(value),
            _ => None,
        }
    }

    /// The nearest values behind `value` that `is_found` accepts, each once.
    fn behind(&self, value: &'g str, is_found: &dyn Fn(&str) -> bool) -> Vec<Found<'g>> {
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

    /// Whether a value is the product of two values that both depend on the input.
    fn is_product(&self, value: &str) -> bool {
        self.constants.producer(value).is_some_and(|node| {
            node.op == "MatMul"
                && node.inputs.len() == 2
                && node.inputs.iter().all(|input| !self.is_constant(input))
        })
    }

    /// The linear map behind a value, and the factor on the way.
    fn map_behind(
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

    fn layer(&self, at: usize, softmax: &'g Node<'g>) -> Result<LayerNodes<'_, 'g>, Error> {
        let named = |what: &'static str| move || format!("{what} of layer {at}");
        let missing =
            |what: &'static str| move || unrecognized(format!("there is no {what} in layer {at}"));
        let scores_in = softmax.inputs.first().ok_or_else(missing("score"))?;
        let scores = only(
            self.behind(scores_in, &|value| self.is_product(value))
                .into_iter(),
            named("product of queries and keys"),
        )?;
        let product = self
            .constants
            .producer(scores.value)
            .ok_or_else(missing("product"))?;
        let (query, query_scale) = self.map_behind(product.inputs[0], &named("query"))?;
        let (key, key_scale) = self.map_behind(product.inputs[1], &named("key"))?;
        let weights = self
            .weighted_sum(softmax)
            .ok_or_else(missing("product with the values"))?;
        let values = weights
            .inputs
            .iter()
            .filter_map(|input| self.map_behind(input, &named("value")).ok())
            .map(|(map, _)| map);
        let value = only(values, named("value"))?;
        let input = self.source(query.node.inputs[0]);
        if [key, value]
            .iter()
            .any(|map| self.source(map.node.inputs[0]) != input)
        {
            return Err(unrecognized(format!(
                "query, key and value of layer {at} have different inputs"
            )));
        }
        let context = *weights.outputs.first().ok_or_else(missing("context"))?;
        let attention_out = only(self.maps_of(context), named("attention output"))?;
        let attention_norm =
            self.norm_of_sum(attention_out.output, input, named("attention norm"))?;
        let ffn_in = only(
            self.maps_of(attention_norm.output),
            named("feed-forward input"),
        )?;
        let ffn_out = only(
            self.maps.iter().filter(|map| {
                let found = self.behind(map.node.inputs[0], &|value| {
                    self.maps.iter().any(|other| other.output == value)
                });
                matches!(found.as_slice(), [found] if found.value == ffn_in.output)
            }),
            named("feed-forward output"),
        )?;
        let ffn_norm = self.norm_of_sum(
            ffn_out.output,
            attention_norm.output,
            named("feed-forward norm"),
        )?;
        let activation = self
            .activation(ffn_out.node.inputs[0], ffn_in.output)
            .map_err(|ops| {
                unrecognized(format!(
                    "the activation of layer {at} is computed by {}",
                    ops.join(", ")
                ))
            })?;
        let scale = [query_scale, key_scale, scores.factor]
            .into_iter()
            .try_fold(1.0, |product, factor| factor.map(|factor| product * factor));
        Ok(LayerNodes {
            input,
            output: ffn_norm.output,
            query,
            key,
            value,
            scale,
            attention_out,
            attention_norm,
            ffn_in,
            ffn_out,
            ffn_norm,
            activation,
        })
    }

    /// The linear maps of a value.
    fn maps_of<'f>(&'f self, value: &'f str) -> impl Iterator<Item = &'f Map<'g>> {
        self.maps
            .iter()
            .filter(move |map| self.source(map.node.inputs[0]) == value)
    }

    /// The product with the probabilities of a `Softmax`.
    fn weighted_sum(&self, softmax: &'g Node<'g>) -> Option<&'g Node<'g>> {
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

    /// The normalization of the sum of two values.
    fn norm_of_sum(
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

    /// The activation that computes `to` from `from`; otherwise the operators that do.
    fn activation(&self, to: &'g str, from: &str) -> Result<Activation, Vec<&'g str>> {
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

    /// The number of heads, from the shape that the query is brought into.
    fn heads(&self, query: &str, hidden: usize) -> Result<usize, Error> {
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

    /// The weights of a linear map.
    fn weights(&self, map: &Map<'g>) -> Result<LinearWeights, Error> {
        let node = map.node;
        let fault = |message: String| Error::Tensor {
            name: node.inputs[1].into(),
            message,
        };
        let (weight, n_out) = if node.op == "MatMulNBits" {
            let size = |name: &str| usize::try_from(node.integer(name, 0)).unwrap_or(0);
            (self.dequantize(node, 1, size("N"), size("K"))?, size("N"))
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

    /// The values of a matrix that ONNX Runtime's operators store in blocks of a row, each with its scale: `rows` rows of
    /// `columns` values. The matrix is input `at`, its scales follow.
    fn dequantize(
        &self,
        node: &Node<'_>,
        at: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<f32>, Error> {
        let name = node.inputs[at];
        let fault = |message: &str| Error::Tensor {
            name: name.into(),
            message: message.into(),
        };
        let bits = node.integer("bits", 4);
        let block = usize::try_from(node.integer("block_size", 0)).unwrap_or(0);
        if !matches!(bits, 4 | 8) || block == 0 || rows == 0 || columns == 0 {
            return Err(fault("only blocks of 4 or 8 bits are read"));
        }
        // A product has the input, the data and the scales, a lookup the data, the indices and the scales; zero points follow.
        let scales = 2;
        if node
            .inputs
            .get(scales + 1..)
            .is_some_and(|rest| rest.iter().any(|input| !input.is_empty()))
        {
            return Err(fault("blocks with zero points are not read"));
        }
        let bytes = self.constants.bytes(name)?;
        let scales = self
            .constants
            .get(node.inputs.get(scales).copied().unwrap_or_default())?
            .into_floats();
        let per_byte = if bits == 4 { 2 } else { 1 };
        let blocks = columns.div_ceil(block);
        if bytes.len() % rows != 0
            || bytes.len() / rows < columns.div_ceil(per_byte)
            || scales.len() != rows * blocks
        {
            return Err(fault("its shape does not match its scales"));
        }
        let stride = bytes.len() / rows;
        let mut values = Vec::with_capacity(rows * columns);
        for (bytes, scales) in bytes.chunks_exact(stride).zip(scales.chunks_exact(blocks)) {
            values.extend((0..columns).map(|column| {
                let code = match bits {
                    4 => f32::from(bytes[column / 2] >> (column % 2 * 4) & 15) - 8.0,
                    _ => f32::from(bytes[column]) - 128.0,
                };
                code * scales[column / block]
            }));
        }
        Ok(values)
    }

    fn norm(&self, node: &NormNode<'g>) -> Result<Norm, Error> {
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

    /// The tables behind the first hidden states.
    fn embeddings(
        &self,
        graph: &Graph<'g>,
        hidden: &str,
        configuration: &Config,
    ) -> Result<Embeddings, Error> {
        let node = only(
            self.norms.iter().filter(|norm| norm.output == hidden),
            || "normalization of the embeddings".into(),
        )?;
        let norm = self.norm(node)?;
        let h = norm.weight.len();
        let (mut words, mut positions_table, mut types) = (None, None, None);
        let mut pending = vec![self.source(node.input)];
        let mut steps = 0;
        while let Some(value) = pending.pop() {
            steps += 1;
            if steps > LONGEST {
                return Err(unrecognized("the sum of embeddings has no end"));
            }
            let repeated = |what: &str| unrecognized(format!("there are two tables of {what}"));
            if self.is_constant(value) {
                let row = self.constants.get(value)?.into_floats();
                if row.len() != h || types.replace(row).is_some() {
                    return Err(unrecognized(
                        "a constant that is no row of token types is added to the embeddings",
                    ));
                }
                continue;
            }
            let part = self
                .constants
                .producer(value)
                .ok_or_else(|| unrecognized(format!("{value} is added to the embeddings")))?;
            match (part.op, part.inputs.as_slice()) {
                ("Add", &[a, b]) => pending.extend([self.source(a), self.source(b)]),
                ("Slice", &[table, starts, ..]) if self.is_constant(table) => {
                    let start = if self.is_constant(starts) {
                        self.constants.get(starts)?.integers().first().copied()
                    } else {
                        None
                    };
                    let start = start.and_then(|start| usize::try_from(start).ok());
                    let start =
                        start.ok_or_else(|| unrecognized("positions start at a computed row"))?;
                    if positions_table
                        .replace((self.table(part)?, start))
                        .is_some()
                    {
                        return Err(repeated("positions"));
                    }
                }
                ("Gather" | "GatherBlockQuantized", &[table, indices, ..])
                    if self.is_constant(table) =>
                {
                    let rows = self
                        .constants
                        .dims(table)
                        .and_then(|dims| dims.first().copied())
                        .unwrap_or(0);
                    let source = self.source(indices);
                    let is_input = graph.inputs.contains(&source);
                    let what = match source {
                        _ if is_input && source.contains("token_type") => "token types",
                        _ if is_input && !source.contains("position") => "words",
                        _ if !is_input && rows <= 2 => "token types",
                        _ => "positions",
                    };
                    let values = self.table(part)?;
                    let replaced = match what {
                        "words" => words.replace(values).is_some(),
                        "token types" => types.replace(values).is_some(),
                        _ => {
                            let start = self
                                .first_position(source)
                                .unwrap_or(configuration.first_position());
                            positions_table.replace((values, start)).is_some()
                        }
                    };
                    if replaced {
                        return Err(repeated(what));
                    }
                }
                (op, _) => {
                    return Err(unrecognized(format!(
                        "the result of {op} is added to the embeddings"
                    )));
                }
            }
        }
        let words = words.ok_or_else(|| unrecognized("there is no table of words"))?;
        let (table, start) =
            positions_table.ok_or_else(|| unrecognized("there is no table of positions"))?;
        let types = types.unwrap_or_default();
        Ok(Embeddings {
            words,
            positions: positions(&table, h, start, &types[..h.min(types.len())]),
            norm,
        })
    }

    /// The rows of a table.
    fn table(&self, node: &Node<'g>) -> Result<Vec<f32>, Error> {
        if node.op == "GatherBlockQuantized" {
            let dims = self.constants.dims(node.inputs[0]).unwrap_or_default();
            let per_byte = if node.integer("bits", 4) == 4 { 2 } else { 1 };
            if let (&[rows, bytes], 0, 1) = (
                dims,
                node.integer("gather_axis", 0),
                node.integer("quantize_axis", 1),
            ) {
                return self.dequantize(node, 0, rows, bytes * per_byte);
            }
        } else if node.op == "Slice" || node.integer("axis", 0) == 0 {
            return Ok(self.constants.get(node.inputs[0])?.into_floats());
        }
        Err(unrecognized(
            "a table of embeddings is not looked up by rows",
        ))
    }

    /// The first of the positions that a slice of a constant list gives.
    fn first_position(&self, indices: &str) -> Option<usize> {
        let slice = self.constants.producer(indices)?;
        let list = slice
            .inputs
            .first()
            .filter(|_| matches!(slice.op, "Slice" | "Gather"))?;
        if !self.is_constant(list) {
            return None;
        }
        let list = self.constants.get(list).ok()?;
        usize::try_from(*list.integers().first()?).ok()
    }

    /// The table of attention biases per bucket of distances and head.
    fn relative_bias(
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
