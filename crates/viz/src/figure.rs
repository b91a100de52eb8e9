//! `figure.json`: the map as a Plotly figure, for `plotly.io.read_json` and for notebooks.
//!
//! One `scattergl` trace with a color per point: one trace per cluster fails at hundreds of clusters. Names are placed as in
//! the static pictures, for a figure of [`WIDTH`] x [`HEIGHT`] pixels, and lie on the map: a larger figure only moves them
//! apart.

use arrow::array::Array;
use serde_json::{Value, json};
use stage::thousands;

use crate::picture::View;
use crate::picture::font::Font;
use crate::picture::labels::{self, Placed, Style};
use crate::scene::Scene;

/// The width of the figure, in pixels.
const WIDTH: f32 = 1000.0;
/// The height of the figure.
const HEIGHT: f32 = 750.0;
/// Margins around the points: left and right, top, bottom.
const MARGIN: [f32; 3] = [20.0, 70.0, 20.0];
/// Fonts of the names: all have the widths of Arial.
const FONTS: &str = "Arial, 'Liberation Sans', Helvetica, sans-serif";
/// Style of the names; Plotly's bold Arial is a little wider than the font that measures them.
const STYLE: Style = Style {
    small: 11.0,
    large: 16.0,
    line: 1.3,
    slack: 1.15,
    dark: false,
};
/// Maximum number of characters of the title, which is one line.
const TITLE: usize = 80;

/// Maximum number of characters of a text on hover; the whole text is in map.parquet.
const HOVER: usize = 240;
/// The same if there are more than [`MANY`] texts, because Plotly fails at about 100 MB.
const HOVER_OF_MANY: usize = 80;
/// More texts than this shorten the hover texts.
const MANY: usize = 50_000;
/// The color of noise.
const NOISE: &str = "#c9cdd4";

/// The figure; `font` measures the names.
pub fn figure(scene: &Scene<'_>, font: &Font) -> Value {
    let color = |cluster: i32| {
        let topic = usize::try_from(cluster)
            .ok()
            .and_then(|at| scene.topics.get(at));
        topic.map_or(NOISE, |topic| topic.colors.light.as_str())
    };
    let limit = if scene.len() > MANY {
        HOVER_OF_MANY
    } else {
        HOVER
    };
    let hover = |row: usize| {
        let cluster = scene.cluster[row];
        let topic = usize::try_from(cluster)
            .ok()
            .and_then(|at| scene.topics.get(at));
        let name = topic.map_or("In no topic", |topic| topic.name.as_str());
        format!(
            "<b>{}</b><br>{}",
            plain(name),
            // Entities are decoded, as on Skerry's own page.
            wrap(&plain(&cut(
                &html_text::decode_entities(scene.text.value(row)),
                limit
            )))
        )
    };
    let plot = [
        0.0,
        0.0,
        WIDTH - 2.0 * MARGIN[0],
        HEIGHT - MARGIN[1] - MARGIN[2],
    ];
    let inner = [8.0, 8.0, plot[2] - 8.0, plot[3] - 8.0];
    let view = View::new(scene.x, scene.y, inner);
    // One name per area of about 150 x 130 pixels.
    let most = (plot[2] * plot[3] / 20_000.0) as usize;
    let names = labels::place(view.spots(scene), most, inner, &STYLE, font);
    let annotations: Vec<Value> = names.iter().map(|name| annotation(name, &view)).collect();
    let n = scene.len();
    let size = (62.0 / (n.max(1) as f64).powf(0.28)).clamp(1.5, 7.0);
    let (left, top) = view.back(plot[0], plot[1]);
    let (right, bottom) = view.back(plot[2], plot[3]);
    let axis = |from: f32, to: f32| json!({ "visible": false, "showgrid": false, "zeroline": false, "range": [from, to] });
    let mut vertical = axis(bottom, top);
    vertical["scaleanchor"] = json!("x");
    vertical["scaleratio"] = json!(1);
    json!({
        "data": [{
            "type": "scattergl",
            "mode": "markers",
            "x": scene.x,
            "y": scene.y,
            "text": (0..scene.text.len()).map(hover).collect::<Vec<_>>(),
            "hoverinfo": "text",
            "marker": {
                "size": (size * 10.0).round() / 10.0,
                "opacity": 0.8,
                "color": scene.cluster.iter().map(|&cluster| color(cluster)).collect::<Vec<_>>(),
            },
        }],
        "layout": {
            "title": { "text": format!(
                "{}<br><sup>{} texts \u{b7} {} topics, {} of them named here \u{b7} {} texts in no topic (grey)</sup>",
                plain(&cut(&scene.title, TITLE)), thousands(n), thousands(scene.topics.len()), names.len(),
                thousands(scene.noise())
            ) },
            "width": WIDTH,
            "height": HEIGHT,
            "margin": { "l": MARGIN[0], "r": MARGIN[0], "t": MARGIN[1], "b": MARGIN[2] },
            "xaxis": axis(left, right),
            "yaxis": vertical,
            "annotations": annotations,
            "dragmode": "pan",
            "hovermode": "closest",
            "hoverlabel": { "align": "left" },
            "plot_bgcolor": "#ffffff",
            "paper_bgcolor": "#ffffff",
            "showlegend": false,
        },
    })
}

/// The annotation of a name, in map coordinates rather than pixels, so that zooming keeps names apart.
fn annotation(name: &Placed, view: &View) -> Value {
    let lines: Vec<String> = name.lines.iter().map(|line| plain(&line.words)).collect();
    let (x, y) = view.back(name.x, name.y);
    let mut shown = json!({
        "x": x, "y": y, "text": format!("<b>{}</b>", lines.join("<br>")), "showarrow": false,
        "xanchor": "center", "yanchor": "middle", "borderpad": 1, "bgcolor": "rgba(255,255,255,0.6)",
        "font": { "size": (name.size * 10.0).round() / 10.0, "color": name.ink, "family": FONTS },
    });
    if name.is_cut() {
        shown["hovertext"] = json!(wrap(&plain(&name.name)));
    }
    if let Some([_, _, to_x, to_y]) = name.leader {
        let to = view.back(to_x, to_y);
        let line = json!({
            "showarrow": true, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": "#6b7280", "axref": "x", "ayref": "y",
            "ax": x, "ay": y, "x": to.0, "y": to.1,
        });
        if let (Some(shown), Value::Object(line)) = (shown.as_object_mut(), line) {
            shown.extend(line);
        }
    }
    shown
}

/// Escapes a text, because Plotly interprets some HTML.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str, limit: usize) -> String {
    let mut short: String = text
        .chars()
        .take(limit)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(limit).is_some() {
        short.push('\u{2026}');
    }
    short
}

/// Breaks a text into lines of about 60 characters, because Plotly does not wrap.
fn wrap(text: &str) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 60 {
            wrapped.push_str("<br>");
            width = 0;
        } else if width > 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_wrapped() {
        assert_eq!(plain("<b>R&D</b>"), "&lt;b&gt;R&amp;D&lt;/b&gt;");

        assert_eq!(wrap(&"word ".repeat(30)).matches("<br>").count(), 2);
        assert_eq!(cut(&"\u{e9}".repeat(500), 240).chars().count(), 241);
    }
}
