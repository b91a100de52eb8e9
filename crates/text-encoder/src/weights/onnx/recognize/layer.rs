//! A layer: attention, feed-forward network and their normalizations, from the `Softmax` on.

use super::flow::{Flow, only, unrecognized};
use super::linear::Map;
use super::norm::NormNode;
use crate::Error;
use crate::config::Activation;
use crate::weights::onnx::protobuf::Node;

/// The nodes of a layer.
pub(super) struct LayerNodes<'f, 'g> {
    pub(super) input: &'g str,
    pub(super) output: &'g str,
    pub(super) query: &'f Map<'g>,
    pub(super) key: &'f Map<'g>,
    pub(super) value: &'f Map<'g>,
    /// The factor of the scores, if it is constant.
    pub(super) scale: Option<f32>,
    pub(super) attention_out: &'f Map<'g>,
    pub(super) attention_norm: &'f NormNode<'g>,
    pub(super) ffn_in: &'f Map<'g>,
    pub(super) ffn_out: &'f Map<'g>,
    pub(super) ffn_norm: &'f NormNode<'g>,
    pub(super) activation: Activation,
}

impl<'g> Flow<'g> {
    pub(super) fn layer(
        &self,
        at: usize,
        softmax: &'g Node<'g>,
    ) -> Result<LayerNodes<'_, 'g>, Error> {
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
}
