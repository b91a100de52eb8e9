//! Options of the stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Maximum number of pixels of a picture; at [`PIXEL_BYTES`] per pixel they take 960 MiB.
pub const MAX_PIXELS: u64 = 50_000_000;
/// Bytes per pixel: four floating-point numbers while drawing, four bytes while writing.
pub const PIXEL_BYTES: u64 = 20;

/// Renderer of `map.html`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Renderer {
    /// Skerry's own page
    #[default]
    Skerry,
    /// A page of Plotly with the library included
    #[cfg_attr(
        not(feature = "plotly"),
        doc = "[not in this build: needs --features plotly]"
    )]
    Plotly,
}

/// Background of the static pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// White background
    #[default]
    Light,
    /// Dark background
    Dark,
}

/// Settings that decide the bytes of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Options {
    /// Title of the map [default: the file's name in a run of one file, else "A map of N texts"]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub title: String,
    /// Source columns to show with the text [default: all that are not part of the text]
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub columns: Vec<String>,
    /// Renderer of map.html
    #[arg(long, value_enum, default_value_t = Renderer::Skerry)]
    pub renderer: Renderer,
    /// Number of neighbors per text in map.html, 0 to 10
    ///
    /// They are a large part of the file. Above 200,000 texts none are included.
    #[arg(long, default_value_t = 10, value_name = "K", value_parser = clap::value_parser!(u64).range(0..=10))]
    pub map_neighbors: u64,
    /// Width of map.png and map.svg in pixels
    #[arg(long, default_value_t = 1600, value_name = "PIXELS")]
    pub picture_width: u32,
    /// Height of map.png and map.svg in pixels
    #[arg(long, default_value_t = 1200, value_name = "PIXELS")]
    pub picture_height: u32,
    /// Background of map.png and map.svg
    #[arg(long, value_enum, default_value_t = Theme::Light)]
    pub picture_theme: Theme,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            title: String::new(),
            columns: Vec::new(),
            renderer: Renderer::Skerry,
            map_neighbors: 10,
            picture_width: 1600,
            picture_height: 1200,
            picture_theme: Theme::Light,
        }
    }
}

/// Settings of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// TrueType or OpenType file for the text of map.png
    ///
    /// Names that the font cannot display are left out. The built-in font covers Latin, Greek and Cyrillic.
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
}
