//! The page as one file: template, style, script and data, with a content security policy that allows nothing else.
//!
//! The scripts are ES modules in `assets/js`; `import` lines and the word `export` are removed, and the rest is
//! concatenated in one function. The policy holds the hashes of script and style, so markup in a text could not run
//! even if it escaped its block.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::payload::Payload;

const TEMPLATE: &str = include_str!("../assets/map.html");
const STYLE: &str = include_str!("../assets/map.css");
/// In dependency order.
const MODULES: [&str; 12] = [
    include_str!("../assets/js/text.js"),
    include_str!("../assets/js/payload.js"),
    include_str!("../assets/js/camera.js"),
    include_str!("../assets/js/grid.js"),
    include_str!("../assets/js/webgl.js"),
    include_str!("../assets/js/canvas2d.js"),
    include_str!("../assets/js/state.js"),
    include_str!("../assets/js/labels.js"),
    include_str!("../assets/js/card.js"),
    include_str!("../assets/js/search.js"),
    include_str!("../assets/js/panel.js"),
    include_str!("../assets/js/main.js"),
];

/// Writes the page with `title` and `payload`.
pub fn write(title: &str, payload: &Payload, out: &mut dyn Write) -> io::Result<()> {
    let script = script();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.write_all(before.as_bytes())?;
        match name {
            "title" => out.write_all(escape(title).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(script.as_bytes())?,
            "csp" => out.write_all(policy(&script).as_bytes())?,
            "payload" => write_payload(payload, out)?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

fn write_payload(payload: &Payload, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<script type=\"application/json\" id=\"head\">{}</script>",
        json(&payload.head)
    )?;
    for (name, bytes) in &payload.blocks {
        write!(out, "<script type=\"text/plain\" id=\"block-{name}\">")?;
        // A multiple of three bytes at a time, so that the parts concatenate without padding.
        for part in bytes.chunks(3 << 18) {
            out.write_all(STANDARD.encode(part).as_bytes())?;
        }
        writeln!(out, "</script>")?;
    }
    Ok(())
}

/// JSON that cannot end a `<script>` or open a comment in it.
pub fn json(value: &serde_json::Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// Escapes text for HTML and XML. Characters that XML forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(char),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            char => escaped.push(char),
        }
    }
    escaped
}

fn script() -> String {
    let mut script = String::from("\"use strict\";\n(() => {\n");
    for module in MODULES {
        for line in module.lines().filter(|line| !line.starts_with("import ")) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script.push_str("})();\n");
    script
}

/// The hash of a script or style in the content security policy.
pub fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn policy(script: &str) -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(title: &str, head: serde_json::Value) -> String {
        let payload = Payload {
            head,
            blocks: vec![("x".to_owned(), vec![1, 2, 3, 4])],
        };
        let mut out = Vec::new();
        write(title, &payload, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_placeholder_of_the_template_is_filled() {
        let page = page("A map", json!({}));
        assert!(
            !page.contains("{{") && !page.contains("}}\n"),
            "a placeholder is left"
        );
        assert!(page.contains("<title>A map</title>") && page.contains("<html lang=\"en\">"));
        assert!(page.contains("id=\"block-x\">AQIDBA==</script>"));
    }

    #[test]
    fn embedded_data_cannot_close_its_script_element() {
        let evil = "</script><script>alert(1)</script><!--\u{2028}\u{0}";
        let page = page(evil, json!({ "title": evil }));
        assert_eq!(
            page.matches("<script").count(),
            3,
            "head, block and the script itself"
        );
        assert!(!page.contains("alert(1)</script>") && !page.contains('\u{0}'));
    }

    /// The page decodes the entities of its table as Rust does, which has all of them.
    #[test]
    fn the_page_decodes_entities_like_the_crate() {
        let script = include_str!("../assets/js/text.js");
        let (_, table) = script.split_once("const NAMED = {").unwrap();
        let (table, _) = table.split_once("};").unwrap();
        let entries = table.split(',').map(str::trim);
        let entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
        assert!(entries.len() > 30, "{entries:?}");
        for entry in entries {
            let (name, value) = entry.split_once(": ").unwrap();
            let value = &value[1..value.len() - 1];
            let char = match value.strip_prefix("\\u") {
                Some(code) => char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap(),
                None => value.chars().next().unwrap(),
            };
            let decoded = html_text::decode_entities(&format!("&{name};")).into_owned();
            assert_eq!(decoded, char.to_string(), "{name}");
        }
        let (_, broken) = script.split_once("|(quot|").unwrap();
        let (broken, _) = broken.split_once(')').unwrap();
        for name in std::iter::once("quot").chain(broken.split('|')) {
            let (whole, broken) = (format!("x &{name};"), format!("x {name};"));
            assert_eq!(
                html_text::decode_entities(&broken),
                html_text::decode_entities(&whole)
            );
        }
    }

    #[test]
    fn modules_are_bundled_into_one_script() {
        let script = script();
        assert!(
            !script.contains("</script")
                && !script.contains("\nimport ")
                && !script.contains("\nexport ")
        );
    }
}
