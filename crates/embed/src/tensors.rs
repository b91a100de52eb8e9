//! Tensors in and out of a graph: inputs by their names and shapes, outputs as f32.
//!
//! Most graphs take any number of texts and tokens. Exports for accelerators can fix both: then each batch is padded to that
//! shape, with a mask of 0, and what the padding gives is left out. Half-precision outputs are converted to f32, exactly.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, Tensor, TensorElementType};

use crate::encoder::Batch;
use crate::error::Error;

/// The inputs of a graph.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    list: Vec<Input>,
    /// The number of texts that the graph takes, if it is fixed.
    pub(crate) rows: Option<usize>,
    /// The number of tokens per text that the graph takes, if it is fixed.
    pub(crate) tokens: Option<usize>,
    /// The id of the padding token.
    padding: u32,
}

#[derive(Debug, Clone)]
struct Input {
    name: String,
    kind: InputKind,
    /// Whether it has 64-bit values.
    wide: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputKind {
    Ids,
    Mask,
    Types,
}

impl Inputs {
    /// The inputs of `session`.
    pub(crate) fn of(session: &Session, padding: u32) -> Result<Self, Error> {
        let list = session.inputs().iter().map(Input::of);
        let list = list.collect::<Result<Vec<_>, _>>()?;
        // A dimension that is not fixed is -1.
        let fixed = |at: usize| {
            let sizes = session.inputs().iter().filter_map(|input| {
                let size = *input.dtype().tensor_shape()?.get(at)?;
                usize::try_from(size).ok().filter(|&size| size > 0)
            });
            sizes.min()
        };
        Ok(Self {
            list,
            rows: fixed(0),
            tokens: fixed(1),
            padding,
        })
    }

    /// The tensors of `batch`, padded to the shape of the graph if it is fixed: with the first text, and with padding tokens.
    pub(crate) fn tensors(
        &self,
        batch: &Batch,
    ) -> ort::Result<Vec<(Cow<'static, str>, SessionInputValue<'static>)>> {
        let rows = self.rows.unwrap_or(batch.rows.len());
        let tokens = self.tokens.unwrap_or(batch.tokens);
        let tensor = |input: &Input| {
            let value = |at: usize| {
                let (row, token) = (at / tokens, at % tokens);
                let row = if row < batch.rows.len() { row } else { 0 };
                let id = (token < batch.tokens).then(|| batch.ids[row * batch.tokens + token]);
                match input.kind {
                    InputKind::Ids => id.unwrap_or(self.padding),
                    InputKind::Mask => u32::from(id.is_some()),
                    InputKind::Types => 0,
                }
            };
            let values = (0..rows * tokens).map(value);
            let shape = [rows, tokens];
            Ok((
                Cow::from(input.name.clone()),
                if input.wide {
                    Tensor::from_array((shape, values.map(i64::from).collect::<Vec<_>>()))?.into()
                } else {
                    let values: Vec<i32> = values.map(|value| value as i32).collect();
                    Tensor::from_array((shape, values))?.into()
                },
            ))
        };
        self.list.iter().map(tensor).collect()
    }
}

impl Input {
    /// The content of an input, by its name.
    fn of(input: &Outlet) -> Result<Self, Error> {
        let name = input.name().to_owned();
        let kind = match name.as_str() {
            "input_ids" => InputKind::Ids,
            "attention_mask" => InputKind::Mask,
            "token_type_ids" => InputKind::Types,
            _ => return Err(Error::Input { name }),
        };
        let wide = match input.dtype().tensor_type() {
            Some(TensorElementType::Int64) => true,
            Some(TensorElementType::Int32) => false,
            _ => {
                return Err(Error::Input {
                    name: format!("{name}: {}", input.dtype()),
                });
            }
        };
        Ok(Self { name, kind, wide })
    }
}

/// The shape of an output, and its values as f32: f16 and bf16 are converted, which loses nothing.
pub(crate) fn floats(value: &DynValue) -> ort::Result<(Vec<i64>, Cow<'_, [f32]>)> {
    match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, values) = value.try_extract_tensor::<half::f16>()?;
            let values = values.iter().map(|value| value.to_f32()).collect();
            Ok((shape.to_vec(), values))
        }
        Some(TensorElementType::Bfloat16) => {
            let (shape, values) = value.try_extract_tensor::<half::bf16>()?;
            let values = values.iter().map(|value| value.to_f32()).collect();
            Ok((shape.to_vec(), values))
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            Ok((shape.to_vec(), Cow::Borrowed(values)))
        }
    }
}
