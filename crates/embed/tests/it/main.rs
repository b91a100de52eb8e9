//! The stage as a program: small models made here, the default model where it is set up, the set-up itself.

#![expect(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod default_model;
mod endpoint;
mod hub;
mod multilingual;
mod setup;
mod static_encoder;
mod support;
mod tiny_model;
