//! The transformation from map coordinates to pixels of a picture.

use super::labels::{Rect, Spot};
use crate::scene::Scene;

/// A part of the map in a frame of a picture, with the same scale on both axes.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Pixels per unit of the map.
    pub scale: f32,
    /// Center on the map.
    middle: (f32, f32),
    /// Center in the picture.
    center: (f32, f32),
}

impl View {
    /// Fits all points into `frame`, except a few far outliers.
    pub fn new(x: &[f32], y: &[f32], frame: Rect) -> Self {
        let [left, bottom, right, top] = fit(x, y);
        Self {
            scale: ((frame[2] - frame[0]) / (right - left).max(1e-9))
                .min((frame[3] - frame[1]) / (top - bottom).max(1e-9)),
            middle: (f32::midpoint(left, right), f32::midpoint(bottom, top)),
            center: (
                f32::midpoint(frame[0], frame[2]),
                f32::midpoint(frame[1], frame[3]),
            ),
        }
    }

    /// The pixel of a position on the map; y grows downwards in pixels.
    pub fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (
            self.center.0 + (x - self.middle.0) * self.scale,
            self.center.1 - (y - self.middle.1) * self.scale,
        )
    }

    /// The position on the map of a pixel.
    pub fn back(&self, x: f32, y: f32) -> (f32, f32) {
        (
            self.middle.0 + (x - self.center.0) / self.scale,
            self.middle.1 - (y - self.center.1) / self.scale,
        )
    }

    /// The topics with their pixel positions, largest first.
    pub fn spots<'a>(self, scene: &'a Scene<'_>) -> impl Iterator<Item = Spot<'a>> {
        scene.by_size().map(move |topic| {
            let (x, y) = self.at(topic.x, topic.y);
            Spot {
                topic,
                x,
                y,
                reach: topic.reach * self.scale,
            }
        })
    }
}

/// The box to show: all points, or without the 0.6 % farthest out if those would shrink the rest by a quarter.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_do_not_shrink_the_map() {
        let mut x: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        x[0] = -500.0;
        let y: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        let [left, bottom, right, top] = fit(&x, &y);
        assert!(left > -1.0 && right <= 1.0);
        assert_eq!((bottom, top), (0.0, 0.999));
    }

    #[test]
    fn pixels_map_back_to_positions() {
        let view = View::new(&[0.0, 4.0], &[1.0, 2.0], [10.0, 20.0, 110.0, 220.0]);
        assert_eq!(view.at(0.0, 1.5), (10.0, 120.0));
        assert_eq!(view.back(10.0, 120.0), (0.0, 1.5));
    }
}
