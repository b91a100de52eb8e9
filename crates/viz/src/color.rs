//! Colors in OKLCH (Ottosson 2020), a perceptually uniform color space.
//!
//! Every cluster gets its own color. Its hue follows its direction from the center of the map, so that neighboring
//! topics have similar hues; hue, lightness and chroma are then shifted until clusters that touch can be distinguished.
//! Costs O(k * contacts).

use crate::label_anchor::Contact;

/// Point colors for the light and the dark background, and text colors of the same hue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Colors {
    /// For points on the light background, `#rrggbb`.
    pub light: String,
    /// For points on the dark background.
    pub dark: String,
    /// For names on the light background: contrast at least 7:1.
    pub ink_light: String,
    /// For names on the dark background.
    pub ink_dark: String,
}

/// Background of the light theme.
pub const LIGHT_PAPER: [u8; 3] = [255, 255, 255];
/// Background of the dark theme.
pub const DARK_PAPER: [u8; 3] = [0x14, 0x17, 0x1c];

/// Lightness on the light background, lightness on the dark background, chroma, and penalty.
const LEVELS: [(f64, f64, f64, f64); 5] = [
    (0.63, 0.72, 0.155, 0.0),
    (0.51, 0.61, 0.150, 0.008),
    (0.74, 0.84, 0.120, 0.010),
    (0.60, 0.70, 0.075, 0.022),
    (0.42, 0.53, 0.110, 0.026),
];

/// Hue rotations to try, in degrees.
const TURNS: [f64; 13] = [
    0.0, 9.0, -9.0, 18.0, -18.0, 30.0, -30.0, 45.0, -45.0, 65.0, -65.0, 90.0, -90.0,
];

/// Minimum OKLAB difference wanted between clusters that touch.
const MIN_DIFFERENCE: f64 = 0.14;

/// The colors of k clusters at `anchors` with `sizes`; `contacts` lists the pairs that touch.
pub fn assign(anchors: &[(f32, f32)], sizes: &[usize], contacts: &[Contact]) -> Vec<Colors> {
    let hues = hues(anchors, sizes);
    let mut touching: Vec<Vec<(usize, f64)>> = vec![Vec::new(); anchors.len()];
    for contact in contacts {
        touching[contact.a].push((contact.b, contact.weight));
        touching[contact.b].push((contact.a, contact.weight));
    }
    let mut order: Vec<usize> = (0..anchors.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(sizes[at]), at));
    let mut chosen: Vec<Option<(f64, usize)>> = vec![None; anchors.len()];
    for at in order {
        let mut best = (f64::INFINITY, (hues[at], 0));
        for (level, &(lightness, _, chroma, price)) in LEVELS.iter().enumerate() {
            for turn in TURNS {
                let hue = hues[at] + turn;
                let here = lab(lightness, chroma, hue);
                let clash: f64 = touching[at]
                    .iter()
                    .filter_map(|&(other, weight)| chosen[other].map(|there| (there, weight)))
                    .map(|((hue, level), weight)| {
                        let there = lab(LEVELS[level].0, LEVELS[level].2, hue);
                        weight * (MIN_DIFFERENCE - difference(here, there)).max(0.0)
                            / MIN_DIFFERENCE
                    })
                    .sum();
                let cost = clash + price + turn.abs() / 1200.0;
                if cost < best.0 {
                    best = (cost, (hue, level));
                }
            }
        }
        chosen[at] = Some(best.1);
    }
    chosen
        .into_iter()
        .flatten()
        .map(|(hue, level)| colors(hue, level))
        .collect()
}

/// The colors of the values of a category, most frequent first: well separated hues.
pub fn categories(count: usize) -> Vec<Colors> {
    // Multiples of the golden angle never repeat a hue.
    (0..count)
        .map(|at| colors(250.0 + 137.507_764 * at as f64, (at / 7) % 3))
        .collect()
}

/// A color ramp for numbers, low to high, for the light and the dark background; its lightness is monotonic.
pub fn ramp() -> (Vec<String>, Vec<String>) {
    let stops = 9;
    let at = |low: f64, high: f64, t: f64| low + (high - low) * t;
    (0..stops)
        .map(|stop| f64::from(stop) / f64::from(stops - 1))
        .map(|t| {
            let arch = 1.0 - (2.0 * t - 1.0).powi(2);
            let light = hex(rgb(
                at(0.84, 0.30, t),
                0.09 + 0.05 * arch,
                at(150.0, 300.0, t),
            ));
            let dark = hex(rgb(
                at(0.42, 0.93, t),
                0.10 + 0.04 * arch,
                at(300.0, 105.0, t),
            ));
            (light, dark)
        })
        .unzip()
}

fn colors(hue: f64, level: usize) -> Colors {
    let (light, dark, chroma, _) = LEVELS[level];
    Colors {
        light: hex(rgb(light, chroma, hue)),
        dark: hex(rgb(dark, chroma, hue)),
        ink_light: hex(rgb(0.37, 0.085, hue)),
        ink_dark: hex(rgb(0.89, 0.060, hue)),
    }
}

/// A hue for each cluster: its direction from the center, spread over the whole circle.
fn hues(anchors: &[(f32, f32)], sizes: &[usize]) -> Vec<f64> {
    let weights: Vec<f64> = sizes.iter().map(|&size| (size as f64).sqrt()).collect();
    let total: f64 = weights.iter().sum::<f64>().max(1e-9);
    let middle = |part: fn(&(f32, f32)) -> f32| {
        anchors
            .iter()
            .zip(&weights)
            .map(|(anchor, weight)| f64::from(part(anchor)) * weight)
            .sum::<f64>()
            / total
    };
    let (cx, cy) = (middle(|anchor| anchor.0), middle(|anchor| anchor.1));
    let angles: Vec<f64> = anchors
        .iter()
        .map(|&(x, y)| (f64::from(y) - cy).atan2(f64::from(x) - cx).to_degrees())
        .collect();
    let mut order: Vec<usize> = (0..anchors.len()).collect();
    order.sort_by(|&a, &b| angles[a].total_cmp(&angles[b]).then(a.cmp(&b)));
    let mut hues = vec![0.0; anchors.len()];
    let mut passed = 0.0;
    for at in order {
        hues[at] = 360.0 * (passed + weights[at] / 2.0) / total;
        passed += weights[at];
    }
    hues
}

fn lab(lightness: f64, chroma: f64, hue: f64) -> [f64; 3] {
    let (sin, cos) = hue.to_radians().sin_cos();
    [lightness, chroma * cos, chroma * sin]
}

fn difference(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f64>()
        .sqrt()
}

/// sRGB of an OKLCH color; out of gamut, the color of the same lightness and hue with the largest chroma in gamut.
pub fn rgb(lightness: f64, chroma: f64, hue: f64) -> [u8; 3] {
    let fits = |linear: [f64; 3]| {
        linear
            .iter()
            .all(|&part| (-1e-6..=1.0 + 1e-6).contains(&part))
    };
    let (mut low, mut high) = (0.0, chroma);
    if fits(linear(lab(lightness, chroma, hue))) {
        low = chroma;
    } else {
        for _ in 0..20 {
            let middle = f64::midpoint(low, high);
            if fits(linear(lab(lightness, middle, hue))) {
                low = middle;
            } else {
                high = middle;
            }
        }
    }
    linear(lab(lightness, low, hue)).map(|part| {
        let part = part.clamp(0.0, 1.0);
        let coded = if part <= 0.003_130_8 {
            12.92 * part
        } else {
            1.055 * part.powf(1.0 / 2.4) - 0.055
        };
        (coded * 255.0).round() as u8
    })
}

fn linear([l, a, b]: [f64; 3]) -> [f64; 3] {
    let cone = |from_a: f64, from_b: f64| (l + from_a * a + from_b * b).powi(3);
    let long = cone(0.396_337_777_4, 0.215_803_757_3);
    let middle = cone(-0.105_561_345_8, -0.063_854_172_8);
    let short = cone(-0.089_484_177_5, -1.291_485_548_0);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * middle + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * middle - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * middle + 1.707_614_701_0 * short,
    ]
}

/// `#rrggbb`.
pub fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The bytes of `#rrggbb`; black for anything else.
pub fn unhex(color: &str) -> [u8; 3] {
    let part = |at: usize| {
        color
            .get(at..at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .unwrap_or(0)
    };
    [part(1), part(3), part(5)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast ratio of WCAG 2.
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let luminance = |color: [u8; 3]| {
            let [r, g, b] = color.map(|part| {
                let part = f64::from(part) / 255.0;
                if part <= 0.040_45 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn label_colors_have_contrast_at_every_hue() {
        for hue in 0..360 {
            let colors = colors(f64::from(hue), 0);
            assert!(
                contrast(unhex(&colors.ink_light), LIGHT_PAPER) >= 7.0,
                "{hue}: {}",
                colors.ink_light
            );
            assert!(
                contrast(unhex(&colors.ink_dark), DARK_PAPER) >= 7.0,
                "{hue}: {}",
                colors.ink_dark
            );
        }
    }

    #[test]
    fn white_and_black_round_trip() {
        assert_eq!(rgb(1.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(rgb(0.0, 0.0, 0.0), [0, 0, 0]);
        assert_eq!(unhex("#14171c"), DARK_PAPER);
    }

    #[test]
    fn adjacent_clusters_get_distinct_hues_and_distant_ones_keep_theirs() {
        // Three in one direction, so of nearly one hue: the two that touch must differ.
        let anchors = [(1.0, 0.0), (1.1, 0.01), (5.0, 0.2), (-9.0, 0.0)];
        let contact = Contact {
            a: 0,
            b: 1,
            weight: 1.0,
        };
        let colors = assign(&anchors, &[100, 90, 80, 10], &[contact]);
        let apart = |a: usize, b: usize| {
            let (a, b) = (unhex(&colors[a].light), unhex(&colors[b].light));
            a.iter()
                .zip(b)
                .map(|(a, b)| i32::from(*a).abs_diff(i32::from(b)))
                .max()
        };
        assert!(apart(0, 1) > Some(40), "{colors:?}");
        assert_eq!(assign(&anchors, &[100, 90, 80, 10], &[contact]), colors);
    }

    #[test]
    fn the_ramp_is_monotonic() {
        let (light, dark) = ramp();
        let sums = |stops: &[String]| {
            stops
                .iter()
                .map(|stop| contrast(unhex(stop), [0, 0, 0]))
                .collect::<Vec<_>>()
        };
        assert!(sums(&light).is_sorted_by(|a, b| a > b));
        assert!(sums(&dark).is_sorted());
    }
}
