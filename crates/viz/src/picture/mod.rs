//! The static picture, for a paper or a README: points, and the names of as many topics as find room.
//!
//! The layout of the picture is worked out once; `svg` and `png` draw it. Costs O(n) pixels and a fraction of a
//! second for 100,000 points.

pub mod font;
mod labels;
mod png;
mod svg;

pub use self::png::png;
pub use self::svg::svg;

use self::font::Font;
use self::labels::{Placed, Spot};
use crate::color::{DARK_PAPER, LIGHT_PAPER, hex, unhex};
use crate::scene::Scene;

/// Room around the map, in pixels: left and right, top, bottom.
const MARGIN: [f32; 3] = [40.0, 76.0, 48.0];

/// A picture, ready to be drawn.
#[derive(Debug)]
pub struct Picture {
    width: u32,
    height: u32,
    dark: bool,
    title: String,
    caption: String,
    /// The diameter of a point, in pixels.
    diameter: f32,
    opacity: f32,
    /// Colors; the last is that of noise.
    palette: Vec<[u8; 3]>,
    /// Points in the order of drawing: place and color.
    points: Vec<(f32, f32, u16)>,
    names: Vec<Placed>,
    /// Points outside of the frame, which are told in the caption.
    outside: usize,
}

impl Picture {
    /// How many names found room.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// How many points are too far out to be in it.
    pub fn outside(&self) -> usize {
        self.outside
    }

    fn paper(&self) -> [u8; 3] {
        if self.dark { DARK_PAPER } else { LIGHT_PAPER }
    }

    fn ink(&self) -> [u8; 3] {
        if self.dark {
            [0xe8, 0xea, 0xee]
        } else {
            [0x1d, 0x21, 0x29]
        }
    }

    fn soft_ink(&self) -> [u8; 3] {
        if self.dark {
            [0xa3, 0xab, 0xb8]
        } else {
            [0x5b, 0x63, 0x70]
        }
    }
}

/// Lays the picture of `scene` out on `width` x `height` pixels.
pub fn layout(scene: &Scene<'_>, width: u32, height: u32, dark: bool, font: &Font) -> Picture {
    let n = scene.len();
    let frame = [
        MARGIN[0],
        MARGIN[1],
        width as f32 - MARGIN[0],
        height as f32 - MARGIN[2],
    ];
    let [left, bottom, right, top] = fit(scene.x, scene.y);
    let scale = ((frame[2] - frame[0]) / (right - left).max(1e-9))
        .min((frame[3] - frame[1]) / (top - bottom).max(1e-9));
    let (cx, cy) = (f32::midpoint(left, right), f32::midpoint(bottom, top));
    let (px, py) = (
        f32::midpoint(frame[0], frame[2]),
        f32::midpoint(frame[1], frame[3]),
    );
    let to_picture = |x: f32, y: f32| (px + (x - cx) * scale, py - (y - cy) * scale);

    let mut palette: Vec<[u8; 3]> = scene
        .topics
        .iter()
        .map(|topic| {
            unhex(if dark {
                &topic.colors.dark
            } else {
                &topic.colors.light
            })
        })
        .collect();
    let noise = palette.len() as u16;
    palette.push(if dark {
        [0x4a, 0x51, 0x5c]
    } else {
        [0xd3, 0xd7, 0xdd]
    });
    let place = |row: usize| to_picture(scene.x[row], scene.y[row]);
    let inside =
        |&(x, y): &(f32, f32)| x >= 0.0 && y >= 0.0 && x <= width as f32 && y <= height as f32;
    let mut points = Vec::with_capacity(n);
    // Noise lies under the rest.
    for wants_noise in [true, false] {
        let rows = (0..n).filter(|&row| (scene.cluster[row] < 0) == wants_noise);
        points.extend(
            rows.map(|row| {
                (
                    place(row),
                    u16::try_from(scene.cluster[row]).unwrap_or(noise),
                )
            })
            .filter_map(|(at, color)| inside(&at).then_some((at.0, at.1, color))),
        );
    }
    let outside = n - points.len();

    let room = (width as f32 * height as f32 / 1_100_000.0).sqrt();
    let diameter = (62.0 / (n.max(1) as f32).powf(0.28) * room).clamp(1.2, 9.0);
    let spots = scene.largest(usize::MAX).map(|topic| {
        let (x, y) = to_picture(topic.x, topic.y);
        Spot {
            topic,
            x,
            y,
            reach: topic.reach * scale,
        }
    });
    // One name on an area of about 220 x 200 pixels: more could not be read at a glance.
    let most = ((width as f32 * height as f32 / 44_000.0) as usize).max(4);
    let room_for_names = [
        8.0,
        MARGIN[1] - 12.0,
        width as f32 - 8.0,
        height as f32 - MARGIN[2] + 8.0,
    ];
    let names = labels::place(spots, most, room_for_names, dark, font);
    let mut caption = format!(
        "{} texts \u{b7} {} topics, {} of them named here \u{b7} {} texts in no topic (grey)",
        thousands(n),
        thousands(scene.topics.len()),
        thousands(names.len()),
        thousands(scene.noise())
    );
    if outside > 0 {
        caption.push_str(&format!(
            " \u{b7} {} texts lie farther out",
            thousands(outside)
        ));
    }
    Picture {
        width,
        height,
        dark,
        title: scene.title.clone(),
        caption,
        diameter,
        opacity: (1.75 / (n.max(1) as f32).powf(0.085)).clamp(0.4, 0.92),
        palette,
        points,
        names,
        outside,
    }
}

/// The box to show: all points, or without the 0.6 % farthest out where those would shrink the rest by a quarter.
fn fit(x: &[f32], y: &[f32]) -> [f32; 4] {
    let edges = |values: &[f32]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f64| {
            sorted
                .get((share * (sorted.len().max(1) - 1) as f64).round() as usize)
                .copied()
                .unwrap_or(0.0)
        };
        let (low, high, trim_low, trim_high) = (at(0.0), at(1.0), at(0.003), at(0.997));
        let room = 0.05 * (trim_high - trim_low);
        let (trim_low, trim_high) = (low.max(trim_low - room), high.min(trim_high + room));
        if high - low <= 1.25 * (trim_high - trim_low) {
            (low, high)
        } else {
            (trim_low, trim_high)
        }
    };
    let ((left, right), (bottom, top)) = (edges(x), edges(y));
    [left, bottom, right, top]
}

/// `12340` as `12,340`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    parts.join(",")
}

fn color(bytes: [u8; 3]) -> String {
    hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [0, 12, 999, 1000, 12_340, 1_000_000].map(thousands),
            ["0", "12", "999", "1,000", "12,340", "1,000,000"]
        );
    }

    #[test]
    fn a_few_far_points_do_not_shrink_the_map() {
        let mut x: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        x[0] = -500.0;
        let y: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        let [left, bottom, right, top] = fit(&x, &y);
        assert!(left > -1.0 && right <= 1.0);
        assert_eq!((bottom, top), (0.0, 0.999));
    }
}
