//! Names on a picture: the largest topics first, each at its anchor or beside it, without overlap.

use super::font::{Font, Support, is_loose};
use crate::scene::Topic;

/// Style of the names.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Font size of the smallest name, in pixels.
    pub small: f32,
    /// Font size of the largest name, in pixels.
    pub large: f32,
    /// Line height, in ems.
    pub line: f32,
    /// Factor on the measured width, for drawing with another font.
    pub slack: f32,
    /// Whether the background is dark.
    pub dark: bool,
}

/// A name that was placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The whole name; the lines may be cut.
    pub name: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Center of the name, in pixels.
    pub x: f32,
    /// Center of the name, in pixels.
    pub y: f32,
    /// Font size, in pixels.
    pub size: f32,
    /// `#rrggbb`.
    pub ink: String,
    /// Leader line from the name to its topic, if the name is not at its anchor.
    pub leader: Option<[f32; 4]>,
}

/// A line of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its text.
    pub words: String,
    /// Its width in pixels.
    pub width: f32,
    /// Whether the font has all glyphs, so that the width is not an estimate.
    pub measured: bool,
}

impl Placed {
    /// Whether the lines are shorter than the name.
    pub fn is_cut(&self) -> bool {
        let shown = self
            .lines
            .iter()
            .flat_map(|line| line.words.split_whitespace());
        !shown.eq(self.name.split_whitespace())
    }
}

/// Maximum width of a line, in ems: one long phrase would cross the whole map.
const MAX_LINE_WIDTH: f32 = 15.0;

/// Left, top, right, bottom.
pub type Rect = [f32; 4];

/// A topic and its position in the picture.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// The topic.
    pub topic: &'a Topic,
    /// Its anchor, in pixels.
    pub x: f32,
    /// Its anchor, in pixels.
    pub y: f32,
    /// Mean distance of its points from the anchor, in pixels.
    pub reach: f32,
}

/// Occupied boxes and leader lines.
#[derive(Debug, Default)]
struct Occupied {
    rects: Vec<Rect>,
    leaders: Vec<[f32; 4]>,
}

impl Occupied {
    fn is_free(&self, rect: Rect, leader: Option<[f32; 4]>) -> bool {
        self.rects.iter().all(|&other| !overlap(rect, other))
            && self.leaders.iter().all(|&line| !crosses(line, rect))
            && leader.is_none_or(|line| self.rects.iter().all(|&other| !crosses(line, other)))
    }
}

/// Places at most `most` names of `topics` (largest first) inside `frame`.
pub fn place<'a>(
    topics: impl Iterator<Item = Spot<'a>>,
    most: usize,
    frame: Rect,
    style: &Style,
    font: &Font,
) -> Vec<Placed> {
    let mut taken = Occupied::default();
    let mut placed = Vec::new();
    let mut largest = None;
    let topics: Vec<Spot<'_>> = topics.collect();
    // Positions of the topics to be named: the name of one should not cover another.
    let places: Vec<(f32, f32)> = topics
        .iter()
        .take(most)
        .map(|spot| (spot.x, spot.y))
        .collect();
    for (rank, Spot { topic, x, y, reach }) in topics.into_iter().enumerate() {
        if placed.len() == most {
            break;
        }
        let weight = (topic.size as f32 / *largest.get_or_insert(topic.size.max(1) as f32)).sqrt();
        let size = style.small + (style.large - style.small) * weight;
        let lines: Vec<Line> = lines(&topic.name, if weight > 0.6 { 20 } else { 17 })
            .into_iter()
            .map(|line| {
                let words = font.cut(&line, size, MAX_LINE_WIDTH * size).into_owned();
                Line {
                    width: style.slack * font.width(&words, size),
                    measured: font.support(&words) == Support::Full,
                    words,
                }
            })
            .collect();
        let width = lines.iter().map(|line| line.width).fold(1.0, f32::max);
        let height = lines.len() as f32 * size * style.line;
        let (half_width, half_height) = (width / 2.0, height / 2.0);
        let at = |(dx, dy): (f32, f32)| {
            // A name at the edge is moved inwards.
            let inside = |at: f32, half: f32, low: f32, high: f32| {
                at.clamp(low + half, (high - half).max(low + half))
            };
            let cx = inside(x + dx * (half_width + 14.0), half_width, frame[0], frame[2]);
            let cy = inside(
                y + dy * (half_height + 12.0),
                half_height,
                frame[1],
                frame[3],
            );
            let rect = [
                cx - half_width - 4.0,
                cy - half_height - 2.0,
                cx + half_width + 4.0,
                cy + half_height + 2.0,
            ];
            let far =
                dx.abs() > 1.05 || (dy * (half_height + 12.0)).abs() > reach + half_height + 10.0;
            let leader = far.then(|| [x.clamp(rect[0], rect[2]), y.clamp(rect[1], rect[3]), x, y]);
            taken
                .is_free(rect, leader)
                .then_some((cx, cy, rect, leader))
        };
        // The name of a small topic goes below or above it, so as not to hide it.
        let step = (reach * 0.8 + 4.0 + half_height) / (half_height + 12.0);
        let small = height >= 1.6 * reach;
        let beside = [step, -step]
            .into_iter()
            .filter(|step| small && step.abs() < 2.0);
        let tries = || beside.clone().map(|step| (0.0, step)).chain(spots());
        // A name may not cover the positions of later topics, nor of its own topic if that is small.
        let first = if small { rank } else { rank + 1 };
        let open = places.get(first..).unwrap_or_default();
        let hides = |rect: Rect| open.iter().any(|&(x, y)| crosses([x, y, x, y], rect));
        let gentle = tries()
            .filter_map(at)
            .find(|&(_, _, rect, leader)| leader.is_none() && !hides(rect));
        let Some((cx, cy, rect, leader)) = gentle.or_else(|| tries().find_map(at)) else {
            continue;
        };
        taken.rects.push(rect);
        taken.leaders.extend(leader);
        let ink = if style.dark {
            &topic.colors.ink_dark
        } else {
            &topic.colors.ink_light
        };
        placed.push(Placed {
            name: topic.name.clone(),
            lines,
            x: cx,
            y: cy,
            size,
            ink: ink.clone(),
            leader,
        });
    }
    placed
}

/// Breaks a name between words into at most three lines of about `limit` characters.
fn lines(name: &str, limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= limit => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > 3 {
        lines.truncate(3);
        let last = lines[2].trim_end_matches(is_loose).len();
        lines[2].truncate(last);
        lines[2].push('\u{2026}');
    }
    lines
}

/// Offsets to try, in half sizes of the name: the anchor, its surroundings, then rings farther out.
fn spots() -> impl Iterator<Item = (f32, f32)> {
    let near = [
        (0.0, 0.0),
        (0.0, -0.55),
        (0.0, 0.55),
        (0.0, -1.0),
        (0.0, 1.0),
        (-0.6, 0.0),
        (0.6, 0.0),
        (-1.0, 0.0),
        (1.0, 0.0),
        (0.7, -0.9),
        (-0.7, -0.9),
        (0.7, 0.9),
        (-0.7, 0.9),
    ];
    let rings = [1.5f32, 2.1, 2.8, 3.6].into_iter().flat_map(|radius| {
        (0..12u8).map(move |step| {
            let angle = f32::from(step * 5 % 12) * std::f32::consts::FRAC_PI_6;
            (angle.cos() * radius * 0.62, angle.sin() * radius)
        })
    });
    near.into_iter().chain(rings)
}

fn overlap(a: Rect, b: Rect) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Whether a line segment intersects a box (Liang and Barsky 1984).
fn crosses([ax, ay, bx, by]: [f32; 4], [x0, y0, x1, y1]: Rect) -> bool {
    let (mut from, mut to) = (0.0f32, 1.0f32);
    for (p, q) in [
        (ax - bx, ax - x0),
        (bx - ax, x1 - ax),
        (ay - by, ay - y0),
        (by - ay, y1 - ay),
    ] {
        if p == 0.0 {
            if q < 0.0 {
                return false;
            }
        } else if p < 0.0 {
            from = from.max(q / p);
        } else {
            to = to.min(q / p);
        }
    }
    from <= to
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        small: 13.0,
        large: 22.0,
        line: 1.16,
        slack: 1.0,
        dark: false,
    };

    #[test]
    fn labels_do_not_overlap_and_large_topics_are_labeled() {
        let font = Font::new(None).unwrap();
        let topics: Vec<Topic> = (0..85)
            .map(|at| Topic {
                name: format!("topic number {at}, of many"),
                size: 1000 - 10 * at,
                ..Topic::default()
            })
            .collect();
        let at = |group: usize| {
            (
                400.0 + 37.0 * (group % 9) as f32,
                300.0 + 23.0 * (group / 9) as f32,
            )
        };
        let spots = topics.iter().enumerate().map(|(group, topic)| Spot {
            topic,
            x: at(group).0,
            y: at(group).1,
            reach: 9.0,
        });
        let found = place(spots, 40, [0.0, 0.0, 1200.0, 900.0], &STYLE, &font);
        assert!(
            found.len() >= 12
                && found[0].lines.len() == 2
                && found[0].lines[0].words == "topic number 0, of",
            "{}: {:?}",
            found.len(),
            found[0].lines
        );
        let rects: Vec<Rect> = found
            .iter()
            .map(|name| {
                let width = name.lines.iter().map(|line| line.width).fold(0.0, f32::max) / 2.0;
                let height = name.lines.len() as f32 * name.size * STYLE.line / 2.0;
                [
                    name.x - width,
                    name.y - height,
                    name.x + width,
                    name.y + height,
                ]
            })
            .collect();
        for (i, &a) in rects.iter().enumerate() {
            assert!(rects[..i].iter().all(|&b| !overlap(a, b)));
            assert!(found.iter().filter_map(|name| name.leader).all(|line| {
                // A line ends at the edge of its own name.
                !crosses(line, [a[0] + 1.0, a[1] + 1.0, a[2] - 1.0, a[3] - 1.0])
            }));
        }
    }

    #[test]
    fn a_label_leaves_space_for_that_of_an_adjacent_topic() {
        let font = Font::new(None).unwrap();
        let topics = [
            ("champions league, striker, arsenal", 250),
            ("cricket, test", 110),
        ];
        let topics = topics.map(|(name, size)| Topic {
            name: name.to_owned(),
            size,
            ..Topic::default()
        });
        // The second would lie under the name of the first.
        let spots = topics.iter().zip([(600.0, 400.0), (540.0, 405.0)]);
        let spots = spots.map(|(topic, (x, y))| Spot {
            topic,
            x,
            y,
            reach: 5.0,
        });
        let found = place(spots, 9, [0.0, 0.0, 1200.0, 900.0], &STYLE, &font);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].leader, None);
    }

    #[test]
    fn a_long_name_is_shortened_and_kept_in_full() {
        let font = Font::new(None).unwrap();
        let names = ["neu".repeat(70), "harbor ferries".to_owned()];
        let topics = names.clone().map(|name| Topic {
            name,
            size: 10,
            ..Topic::default()
        });
        let spots = topics.iter().zip([200.0, 700.0]).map(|(topic, y)| Spot {
            topic,
            x: 600.0,
            y,
            reach: 9.0,
        });
        let found = place(spots, 9, [0.0, 0.0, 1200.0, 900.0], &STYLE, &font);
        assert_eq!(found.len(), 2);
        let line = &found[0].lines[0];
        assert!(line.words.starts_with("neuneuneu") && line.words.ends_with('\u{2026}'));
        assert!(line.width <= 15.0 * found[0].size, "{}", line.width);
        assert_eq!((&found[0].name, found[0].is_cut()), (&names[0], true));
        assert_eq!((&found[1].name, found[1].is_cut()), (&names[1], false));
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(
            lines("antidisestablishmentarianism and more", 10),
            ["antidisestablishmentarianism", "and more"]
        );
        assert_eq!(
            lines("a bb ccc dddd eeeee ffffff ggggggg", 8),
            ["a bb ccc", "dddd", "eeeee\u{2026}"]
        );
        assert_eq!(
            lines("aaaa, bbbb, cccc, dddd", 5),
            ["aaaa,", "bbbb,", "cccc\u{2026}"]
        );
    }
}
