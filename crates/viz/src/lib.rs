//! Draws the files of a run: one offline page with the map, pictures, a Plotly figure, and tables for other tools.
//!
//! All outputs show the same `scene`. `page_bundle` assembles the page from the scripts in `assets` and the data of `payload`;
//! `picture` draws SVG and PNG; `figure` writes Plotly's JSON. Only `run` uses paths.

mod about;
mod color;
mod columns;
mod error;
mod figure;
mod label_anchor;
mod load;
mod options;
mod page_bundle;
mod payload;
mod picture;
mod plotly_page;
mod report;
mod run;
mod scene;

pub use error::Error;
pub use options::{Local, Options, Renderer, Theme};
pub use report::Report;
pub use run::Viz;
