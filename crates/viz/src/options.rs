//! What may be chosen about the map.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What draws `map.html`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Renderer {
    /// Skerry's own page.
    #[default]
    Skerry,
    /// A page of Plotly, its library inside.
    Plotly,
}

/// What the static pictures are drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// White paper.
    #[default]
    Light,
    /// Dark paper.
    Dark,
}

/// What decides the bytes of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Options {
    /// The title of the map [default: in a run of one file its name, else "A map of N texts"]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub title: String,
    /// Source columns to show beside the text, separated by commas; all that are no part of the text if none is named
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub columns: Vec<String>,
    /// What draws map.html: Skerry's own page, or Plotly with its library inside
    #[arg(long, value_enum, default_value_t = Renderer::Skerry)]
    pub renderer: Renderer,
    /// Neighbors held for each text, at most 10 and none above 200,000 texts: they are a large part of the file
    #[arg(long, default_value_t = 10, value_name = "K", value_parser = clap::value_parser!(u64).range(0..=10))]
    pub map_neighbors: u64,
    /// Width of map.png and map.svg in pixels
    #[arg(long, default_value_t = 1600, value_name = "PIXELS")]
    pub picture_width: u32,
    /// Height of map.png and map.svg in pixels
    #[arg(long, default_value_t = 1200, value_name = "PIXELS")]
    pub picture_height: u32,
    /// What map.png and map.svg are drawn on
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
    /// A TrueType or OpenType file for the letters of map.png, which leaves out names that its font cannot set; the
    /// built-in one has Latin, Greek and Cyrillic
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
}
