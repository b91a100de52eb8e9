//! From the files of a run to what people look at: one offline page with the map, a picture of it, a figure for
//! notebooks, and the tables that other tools open.
//!
//! `scene` is what all of them show. The page is put together by `html` from the scripts in `assets` and the
//! data of `payload`; `picture` draws SVG and PNG; `figure` writes Plotly's JSON. Only `run` touches paths.

mod about;
mod color;
mod columns;
mod error;
mod figure;
mod html;
mod label_anchor;
mod load;
mod options;
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
