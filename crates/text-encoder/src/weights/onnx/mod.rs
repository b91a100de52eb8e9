//! Weights from an ONNX graph, recognized by where they are used.
//!
//! Exporters rename the matrices of linear maps, fold constants, and split one operation into many. What they keep is
//! the flow of data, so that is what is read here:
//!
//! 1. Linear maps are products with a constant matrix, followed by the addition of a constant; normalizations are
//!    `LayerNormalization`, or the eight nodes that older exporters write in its place.
//! 2. Each `Softmax` is the attention of a layer. Behind it is the product of queries and keys, before it the product with the values;
//!    each of the three leads back to one linear map, and all three maps have the hidden states as their input.
//! 3. The map of that product, the sum with the hidden states, a normalization, two maps with the activation between them, the sum and
//!    a normalization give the hidden states of the next layer.
//! 4. Behind the first hidden states is a normalization of a sum of rows of constant tables: words, positions, token types.
//! 5. The last hidden states are an output of the graph.
//!
//! Every step is checked, and a graph that deviates is refused. Cost: linear in the graph and its weights.

mod constants;
mod protobuf;
mod recognize;
mod stored;

use super::{ReadExternal, Weights};
use crate::{Config, Error};

pub(super) fn read(
    bytes: &[u8],
    configuration: &Config,
    read_external: ReadExternal<'_>,
) -> Result<Weights, Error> {
    let graph = protobuf::parse(bytes).map_err(|message| Error::Format {
        format: "ONNX",
        message: message.into(),
    })?;
    let constants = constants::Constants::new(&graph, read_external);
    recognize::recognize(&graph, &constants, configuration)?.checked(configuration)
}
