//! `--renderer plotly`: the figure as a page with Plotly's own library inside.

use serde_json::Value;

use crate::Error;

/// The page called `title` that shows `figure`.
#[cfg(not(feature = "plotly"))]
pub fn page(_title: &str, _figure: &Value) -> Result<String, Error> {
    Err(Error::NotCompiledIn { name: "plotly" })
}
