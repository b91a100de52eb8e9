//! `figure.json`: the map as a Plotly figure, for `plotly.io.read_json` and for notebooks.
//!
//! One `scattergl` trace with a color a point: a trace a cluster breaks at hundreds of clusters.

use arrow::array::Array;
use serde_json::{Value, json};

use crate::scene::Scene;

/// Texts on hover are cut to so many characters; the whole text is in map.parquet.
const HOVER: usize = 240;
/// And to so many where there are more than [`MANY`], since Plotly gives up at some 100 MB.
const HOVER_OF_MANY: usize = 80;
/// More texts than this are many.
const MANY: usize = 50_000;
/// The color of noise.
const NOISE: &str = "#c9cdd4";

/// The figure.
pub fn figure(scene: &Scene<'_>) -> Value {
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
        let name = topic.map_or("Unlabelled", |topic| topic.name.as_str());
        format!(
            "<b>{}</b><br>{}",
            plain(name),
            wrap(&plain(&cut(scene.text.value(row), limit)))
        )
    };
    let annotations: Vec<Value> = scene
        .largest(30)
        .map(|topic| {
            json!({
                "x": topic.x, "y": topic.y, "text": format!("<b>{}</b>", plain(&topic.name)), "showarrow": false,
                "font": { "size": 11, "color": topic.colors.ink_light }, "bgcolor": "rgba(255,255,255,0.7)",
            })
        })
        .collect();
    let n = scene.len();
    let size = (62.0 / (n.max(1) as f64).powf(0.28)).clamp(1.5, 7.0);
    let axis = || json!({ "visible": false, "showgrid": false, "zeroline": false });
    let mut vertical = axis();
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
                "{}<br><sup>{n} texts, {} topics, {} texts in no topic (grey)</sup>",
                plain(&scene.title), scene.topics.len(), scene.noise()
            ) },
            "xaxis": axis(),
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

/// Plotly reads some HTML in its texts: this keeps a text a text.
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

/// Lines of about 60 characters: Plotly wraps nothing by itself.
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
    fn texts_stay_texts_and_are_wrapped() {
        assert_eq!(plain("<b>R&D</b>"), "&lt;b&gt;R&amp;D&lt;/b&gt;");
        assert_eq!(wrap(&"word ".repeat(30)).matches("<br>").count(), 2);
        assert_eq!(cut(&"\u{e9}".repeat(500), 240).chars().count(), 241);
    }
}
