//! The encoder in a graph.

mod attention;
mod embeddings;
mod feed_forward;
mod flow;
mod layer;
mod linear;
mod norm;

use self::flow::{Flow, unrecognized};
use super::constants::Constants;
use super::protobuf::{Graph, Node};
use crate::Error;
use crate::config::Config;
use crate::weights::{Layer, LinearWeights, Weights};

pub(super) fn recognize<'g>(
    graph: &'g Graph<'g>,
    constants: &'g Constants<'g>,
    configuration: &Config,
) -> Result<Weights, Error> {
    let family = configuration.family()?;
    if family.is_rotary() {
        return Err(unrecognized(format!(
            "encoders of the type {} are read from safetensors, not from graphs",
            configuration.model_type
        )));
    }
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
            attention_norm: Some(flow.norm(found.attention_norm)?),
            ffn_in: flow.weights(found.ffn_in)?,
            ffn_out: flow.weights(found.ffn_out)?,
            ffn_norm: flow.norm(found.ffn_norm)?,
            rotation: None,
            window: None,
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
        is_gated: false,
        embeddings,
        layers,
        final_norm: None,
        relative_bias: flow.relative_bias(graph, heads, family)?,
    })
}
