//! `--renderer plotly`: the figure as a page that includes the Plotly library (`assets/plotly`).
//!
//! Unlike Plotly's own export, the page has a title and a language, omits `MathJax` (2 MB), and allows no requests.

use serde_json::Value;

use crate::Error;

/// The library, compressed.
#[cfg(feature = "plotly")]
const LIBRARY: &[u8] = include_bytes!("../assets/plotly/plotly-3.0.1.min.js.zst");
#[cfg(feature = "plotly")]
const START: &str = include_str!("../assets/plotly/start.js");

/// The page with `title` and `figure`.
#[cfg(not(feature = "plotly"))]
pub fn page(_title: &str, _figure: &Value) -> Result<String, Error> {
    Err(Error::NotCompiledIn { name: "plotly" })
}

/// The page with `title` and `figure`.
#[cfg(feature = "plotly")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "a build without Plotly returns an error"
)]
pub fn page(title: &str, figure: &Value) -> Result<String, Error> {
    use crate::page_bundle::{escape, hash, json};

    let library = zstd::decode_all(LIBRARY).expect("the file is part of the program");
    let library = String::from_utf8(library).expect("the file is a script");
    // Plotly's WebGL code generates functions at run time and its styles are inline: both have to be allowed.
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}' 'sha256-{}' 'unsafe-eval'; style-src 'unsafe-inline'; \
         img-src data: blob:; base-uri 'none'; form-action 'none'",
        hash(&library),
        hash(START)
    );
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>html, body, #map {{ height: 100%; margin: 0; }} #note {{ position: fixed; left: 12px; bottom: 12px; margin: 0; \
         font: 13px sans-serif; color: #5b6370; }}</style>\n</head>\n<body>\n<div id=\"map\"></div>\n\
         <p id=\"note\" hidden></p>\n\
         <script type=\"application/json\" id=\"figure\">{}</script>\n<script>{library}</script>\n\
         <script>{START}</script>\n</body>\n</html>\n",
        escape(title),
        json(figure)
    ))
}

#[cfg(all(test, feature = "plotly"))]
mod tests {
    use serde_json::json;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_embedded_library_is_plotly() {
        let library = zstd::decode_all(super::LIBRARY).unwrap();
        let digest: String = Sha256::digest(&library)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            digest,
            "a32e817bb121e9e89016ce4cee85ee3f1c66f6a6c95c4b53a5f488f77756d7a4"
        );
        assert!(include_str!("../assets/plotly/LICENSE").contains(&digest));
    }

    #[test]
    fn the_library_is_embedded_and_cells_are_escaped() {
        let evil = "</script><script>alert(1)</script>";
        let page =
            super::page(evil, &json!({ "data": [{ "text": [evil] }], "layout": {} })).unwrap();
        assert!(page.len() > 3_000_000, "the library is missing");
        assert_eq!(
            page.matches("</script>").count(),
            3,
            "figure, library, start"
        );
        assert!(!page.contains("alert(1)</script>"));
    }
}
