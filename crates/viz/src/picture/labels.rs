//! Names on the static picture: the largest topics first, each on its place or beside it, none over another.

use super::font::Font;
use crate::scene::Group;

/// A name that found room.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Its lines, with the width of each.
    pub lines: Vec<(String, f32)>,
    /// The middle of the name.
    pub x: f32,
    /// The middle of the name.
    pub y: f32,
    /// Pixels an em.
    pub size: f32,
    /// `#rrggbb`.
    pub ink: String,
    /// From the name to its topic, where it had to move away.
    pub leader: Option<[f32; 4]>,
}

/// Lines stand this far apart, in ems.
pub const LINE: f32 = 1.16;

type Rect = [f32; 4];

/// A topic and its place in the picture.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// The topic.
    pub topic: &'a Group,
    /// Its place, in pixels.
    pub x: f32,
    /// Its place, in pixels.
    pub y: f32,
    /// How far it reaches around there, in pixels.
    pub reach: f32,
}

/// Names that have found room, and the lines to their topics.
#[derive(Debug, Default)]
struct Taken {
    rects: Vec<Rect>,
    leaders: Vec<[f32; 4]>,
}

impl Taken {
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
    dark: bool,
    font: &Font,
) -> Vec<Placed> {
    let mut taken = Taken::default();
    let mut placed = Vec::new();
    let mut largest = None;
    for Spot { topic, x, y, reach } in topics {
        if placed.len() == most {
            break;
        }
        let weight = (topic.size as f32 / *largest.get_or_insert(topic.size.max(1) as f32)).sqrt();
        let size = 13.0 + 9.0 * weight;
        let lines: Vec<(String, f32)> = lines(&topic.name, if weight > 0.6 { 20 } else { 17 })
            .into_iter()
            .map(|line| (font.width(&line, size), line))
            .map(|(width, line)| (line, width))
            .collect();
        let width = lines.iter().map(|line| line.1).fold(1.0, f32::max);
        let height = lines.len() as f32 * size * LINE;
        let (half_width, half_height) = (width / 2.0, height / 2.0);
        let at = |(dx, dy): (f32, f32)| {
            // A name at the edge moves inwards instead of being cut.
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
        // A name that would hide a small topic stands below or above it, as near as it can.
        let step = (reach * 0.8 + 4.0 + half_height) / (half_height + 12.0);
        let beside = [step, -step]
            .into_iter()
            .filter(|step| height >= 1.6 * reach && step.abs() < 2.0);
        let Some((cx, cy, rect, leader)) =
            beside.map(|step| (0.0, step)).chain(spots()).find_map(at)
        else {
            continue;
        };
        taken.rects.push(rect);
        taken.leaders.extend(leader);
        let ink = if dark {
            &topic.colors.ink_dark
        } else {
            &topic.colors.ink_light
        };
        placed.push(Placed {
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

/// Whole words in lines of about `limit` characters, at most three.
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
        lines[2].push('\u{2026}');
    }
    lines
}

/// Offsets to try, in half sizes of the name: its place, its surroundings, then rings farther out.
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

/// Whether a line meets a box (Liang and Barsky 1984).
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

    #[test]
    fn names_never_overlap_and_large_topics_always_have_one() {
        let font = Font::new(None).unwrap();
        let topics: Vec<Group> = (0..85)
            .map(|at| Group {
                name: format!("topic number {at}, of many"),
                size: 1000 - 10 * at,
                ..Group::default()
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
        let found = place(spots, 40, [0.0, 0.0, 1200.0, 900.0], false, &font);
        assert!(
            found.len() >= 12
                && found[0].lines.len() == 2
                && found[0].lines[0].0 == "topic number 0, of",
            "{}: {:?}",
            found.len(),
            found[0].lines
        );
        let rects: Vec<Rect> = found
            .iter()
            .map(|name| {
                let width = name.lines.iter().map(|line| line.1).fold(0.0, f32::max) / 2.0;
                let height = name.lines.len() as f32 * name.size * LINE / 2.0;
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
    fn words_stay_whole() {
        assert_eq!(
            lines("antidisestablishmentarianism and more", 10),
            ["antidisestablishmentarianism", "and more"]
        );
        assert_eq!(
            lines("a bb ccc dddd eeeee ffffff ggggggg", 8),
            ["a bb ccc", "dddd", "eeeee\u{2026}"]
        );
    }
}
