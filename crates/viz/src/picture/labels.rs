//! Names on the static picture: the largest topics first, each on its place or beside it, none over another.

use super::font::Font;
use crate::scene::Group;

/// A name that found room.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Its lines.
    pub lines: Vec<String>,
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

/// Places the names of `topics` (largest first) at their places in the picture, inside `frame`.
pub fn place<'a>(
    topics: impl Iterator<Item = (&'a Group, f32, f32)>,
    frame: Rect,
    dark: bool,
    font: &Font,
) -> Vec<Placed> {
    let mut taken: Vec<Rect> = Vec::new();
    let mut leaders: Vec<[f32; 4]> = Vec::new();
    let mut placed = Vec::new();
    let mut largest = None;
    for (topic, x, y) in topics {
        let weight = (topic.size as f32 / *largest.get_or_insert(topic.size.max(1) as f32)).sqrt();
        let size = 13.0 + 11.0 * weight;
        let lines = lines(&topic.name, if weight > 0.6 { 20 } else { 17 });
        let width = lines
            .iter()
            .map(|line| font.width(line, size))
            .fold(1.0, f32::max);
        let height = lines.len() as f32 * size * LINE;
        let spot = spots().find_map(|(dx, dy)| {
            let at = [
                x + dx * (width / 2.0 + 14.0),
                y + dy * (height / 2.0 + 12.0),
            ];
            // A name at the edge moves inwards instead of being cut.
            let cx = at[0].clamp(
                frame[0] + width / 2.0,
                (frame[2] - width / 2.0).max(frame[0] + width / 2.0),
            );
            let cy = at[1].clamp(
                frame[1] + height / 2.0,
                (frame[3] - height / 2.0).max(frame[1] + height / 2.0),
            );
            let rect = [
                cx - width / 2.0 - 4.0,
                cy - height / 2.0 - 2.0,
                cx + width / 2.0 + 4.0,
                cy + height / 2.0 + 2.0,
            ];
            let leader = (dx.abs() > 1.05 || dy.abs() > 1.05)
                .then(|| [x.clamp(rect[0], rect[2]), y.clamp(rect[1], rect[3]), x, y]);
            let free = taken.iter().all(|other| !overlap(rect, *other))
                && leaders.iter().all(|&line| !crosses(line, rect))
                && leader.is_none_or(|line| taken.iter().all(|&other| !crosses(line, other)));
            free.then_some((cx, cy, rect, leader))
        });
        let Some((cx, cy, rect, leader)) = spot else {
            continue;
        };
        taken.push(rect);
        leaders.extend(leader);
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
        let found = place(
            topics
                .iter()
                .enumerate()
                .map(|(group, topic)| (topic, at(group).0, at(group).1)),
            [0.0, 0.0, 1200.0, 900.0],
            false,
            &font,
        );
        assert!(
            found.len() >= 12 && found[0].lines.join(" ") == "topic number 0, of many",
            "{}",
            found.len()
        );
        let rects: Vec<Rect> = found
            .iter()
            .map(|name| {
                let width = name
                    .lines
                    .iter()
                    .map(|line| font.width(line, name.size))
                    .fold(0.0, f32::max)
                    / 2.0;
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
