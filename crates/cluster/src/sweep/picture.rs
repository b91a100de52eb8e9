//! The sweep as a picture: number of clusters, share of noise and relative validity over the minimum cluster size.

use std::fmt::Write as _;

use super::Row;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 170.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 130.0;
const GAP: f64 = 46.0;
const TOP: f64 = 56.0;

/// Colors that are safe for color-blind readers (Okabe and Ito 2008).
const COLORS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
];

/// One of the three panels.
struct Panel {
    title: &'static str,
    value: fn(&Row) -> Option<f64>,
    log: bool,
    percent: bool,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "clusters",
        value: |row| (row.clusters > 0).then_some(row.clusters as f64),
        log: true,
        percent: false,
    },
    Panel {
        title: "share of noise",
        value: |row| Some(row.noise),
        log: false,
        percent: true,
    },
    Panel {
        title: "relative validity",
        value: |row| row.validity,
        log: false,
        percent: false,
    },
];

/// An SVG of `rows` (by `min_samples`, then by `min_cluster_size`) for `n` documents: a line per `min_samples`, a ring at
/// each sharp drop of the number of clusters.
pub fn picture(rows: &[Row], n: usize) -> String {
    let height = TOP + PANELS.len() as f64 * (PANEL + GAP);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><text x=\"{LEFT}\" y=\"24\" \
         font-size=\"16\">{} settings on {n} documents</text>",
        rows.len()
    );
    let sizes = |row: &Row| row.min_cluster_size as f64;
    let (from, to) = bounds(rows.iter().map(sizes));
    let x = |size: f64| LEFT + share(size.ln(), from.ln(), to.ln()) * (WIDTH - LEFT - RIGHT);
    for (at, panel) in PANELS.iter().enumerate() {
        let top = TOP + at as f64 * (PANEL + GAP);
        draw(&mut svg, panel, rows, top, &x);
        for tick in ticks(from, to, true) {
            let (x, y) = (x(tick), top + PANEL);
            let _ = write!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{:.1}\" stroke=\"#888\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444\">{tick}</text>",
                y + 4.0,
                y + 17.0
            );
        }
    }
    for (at, group) in rows
        .chunk_by(|a, b| a.min_samples == b.min_samples)
        .enumerate()
    {
        let y = TOP + 12.0 + 18.0 * at as f64;
        let x = WIDTH - RIGHT + 16.0;
        let _ = write!(
            svg,
            "<line x1=\"{x}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\">min_samples {}</text>",
            x + 16.0,
            COLORS[at % COLORS.len()],
            x + 21.0,
            y + 4.0,
            group[0].min_samples
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444\">min_cluster_size</text></svg>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        height - 10.0
    );
    svg
}

fn draw(svg: &mut String, panel: &Panel, rows: &[Row], top: f64, x: &impl Fn(f64) -> f64) {
    let scale = |value: f64| if panel.log { value.ln() } else { value };
    let (mut low, mut high) = bounds(rows.iter().filter_map(panel.value));
    if panel.percent {
        (low, high) = (0.0, 1.0);
    } else if !panel.log {
        (low, high) = ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0);
    }
    let y = |value: f64| top + PANEL - share(scale(value), scale(low), scale(high)) * PANEL;
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{}</text>",
        top - 7.0,
        panel.title
    );
    for tick in ticks(low, high, panel.log) {
        let text = if panel.percent {
            format!("{:.0} %", 100.0 * tick)
        } else {
            format!("{}", (tick * 100.0).round() / 100.0)
        };
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444\">{text}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(tick) + 4.0,
            y = y(tick),
        );
    }
    for (at, group) in rows
        .chunk_by(|a, b| a.min_samples == b.min_samples)
        .enumerate()
    {
        let color = COLORS[at % COLORS.len()];
        let points: Vec<(f64, f64, bool)> = group
            .iter()
            .filter_map(|row| {
                (panel.value)(row)
                    .map(|value| (x(row.min_cluster_size as f64), y(value), row.cliff))
            })
            .collect();
        let line: Vec<String> = points
            .iter()
            .map(|(x, y, _)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>",
            line.join(" ")
        );
        for (x, y, cliff) in points {
            let _ = write!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\" fill=\"{color}\"/>"
            );
            if cliff {
                let _ = write!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\" fill=\"none\" stroke=\"#c00\" stroke-width=\"1.5\"/>"
                );
            }
        }
    }
}

/// Minimum and maximum; 1 and 1 if there are no values.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .fold(None, |bounds: Option<(f64, f64)>, value| {
            Some(bounds.map_or((value, value), |(low, high)| {
                (low.min(value), high.max(value))
            }))
        })
        .unwrap_or((1.0, 1.0))
}

/// The position of `value` between `low` and `high`, 0 to 1; 0.5 if those are equal.
fn share(value: f64, low: f64, high: f64) -> f64 {
    if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    }
}

/// Round numbers from `low` to `high`.
fn ticks(low: f64, high: f64, log: bool) -> Vec<f64> {
    if log {
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let steps =
            decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(decade)));
        return steps.filter(|&tick| tick >= low && tick <= high).collect();
    }
    (0..=4)
        .map(|at| low + (high - low) * f64::from(at) / 4.0)
        .collect()
}
