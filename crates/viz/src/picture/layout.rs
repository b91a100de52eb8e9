//! Lays a picture out: positions and colors of the points, and the names that fit.

use stage::thousands;

use super::font::{Font, Support};
use super::labels::{self, Placed, Style};
use super::view::View;
use crate::color::{DARK_PAPER, LIGHT_PAPER, unhex};
use crate::scene::{Scene, Topic};

/// Margins around the map, in pixels: left and right, top, bottom.
const MARGIN: [f32; 3] = [40.0, 76.0, 48.0];

/// Line height of a name, in ems.
pub(super) const LINE: f32 = 1.16;

/// A picture that is laid out.
#[derive(Debug)]
pub struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
    pub(super) title: String,
    pub(super) caption: String,
    /// The diameter of a point, in pixels.
    pub(super) diameter: f32,
    pub(super) opacity: f32,
    /// Colors of the topics; the last is the color of noise.
    pub(super) palette: Vec<[u8; 3]>,
    /// Points in drawing order: position and index of the color.
    pub(super) points: Vec<(f32, f32, u16)>,
    pub(super) names: Vec<Placed>,
    /// Number of points outside the frame, which the caption states.
    outside: usize,
    view: View,
}

impl Picture {
    /// Number of names placed.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// Number of points outside the frame.
    pub fn outside(&self) -> usize {
        self.outside
    }

    pub(super) fn paper(&self) -> [u8; 3] {
        if self.dark { DARK_PAPER } else { LIGHT_PAPER }
    }

    pub(super) fn ink(&self) -> [u8; 3] {
        if self.dark {
            [0xe8, 0xea, 0xee]
        } else {
            [0x1d, 0x21, 0x29]
        }
    }

    pub(super) fn soft_ink(&self) -> [u8; 3] {
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
    let view = View::new(scene.x, scene.y, frame);

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
    let place = |row: usize| view.at(scene.x[row], scene.y[row]);
    let inside =
        |&(x, y): &(f32, f32)| x >= 0.0 && y >= 0.0 && x <= width as f32 && y <= height as f32;
    let mut points = Vec::with_capacity(n);
    // Noise is drawn first.
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
    let title = scene.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = font.cut(&title, 24.0, width as f32 - 48.0).into_owned();
    let mut picture = Picture {
        width,
        height,
        dark,
        title,
        caption: String::new(),
        diameter,
        opacity: (1.75 / (n.max(1) as f32).powf(0.085)).clamp(0.4, 0.92),
        palette,
        points,
        names: Vec::new(),
        outside,
        view,
    };
    picture.name(scene, font, |_| true);
    picture
}

impl Picture {
    /// Leaves out the names that `font` cannot draw and places others instead; returns those left out.
    pub fn keep_drawable(&mut self, scene: &Scene<'_>, font: &Font) -> usize {
        let drawable = |topic: &Topic| font.support(&topic.name) == Support::Full;
        let lost = scene.topics.iter().filter(|topic| !drawable(topic)).count();
        if lost > 0 {
            self.name(scene, font, drawable);
        }
        lost
    }

    /// Places the names of the selected topics, and writes the caption.
    fn name(&mut self, scene: &Scene<'_>, font: &Font, wanted: impl Fn(&Topic) -> bool) {
        let (width, height) = (self.width as f32, self.height as f32);
        let style = Style {
            small: 13.0,
            large: 22.0,
            line: LINE,
            slack: 1.0,
            dark: self.dark,
        };
        // One name per area of about 220 x 200 pixels: more would be illegible.
        let most = ((width * height / 44_000.0) as usize).max(4);
        let room = [8.0, MARGIN[1] - 12.0, width - 8.0, height - MARGIN[2] + 8.0];
        let spots = self.view.spots(scene).filter(|spot| wanted(spot.topic));
        self.names = labels::place(spots, most, room, &style, font);
        self.caption = format!(
            "{} texts \u{b7} {} topics, {} of them named here \u{b7} {} texts in no topic (grey)",
            thousands(scene.len()),
            thousands(scene.topics.len()),
            thousands(self.names.len()),
            thousands(scene.noise())
        );
        if self.outside > 0 {
            self.caption.push_str(&format!(
                " \u{b7} {} texts are outside the frame",
                thousands(self.outside)
            ));
        }
    }
}
