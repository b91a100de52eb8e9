//! The font of the static pictures: Open Sans Semibold (Apache License 2.0, see `assets/font`; Latin, Greek and
//! Cyrillic), or a font of the user. There is no text shaping: scripts that have to be joined, reordered or set from
//! right to left are measured by estimate and not drawn.

use std::borrow::Cow;

use ab_glyph::{Font as _, FontVec, Glyph, PxScale, ScaleFont, point};

use crate::Error;

const EMBEDDED: &[u8] = include_bytes!("../../assets/font/OpenSans-Semibold.ttf");

/// A font that measures and draws lines of text.
pub struct Font(FontVec);

impl Font {
    /// Parses the font in `bytes`, or the embedded one.
    pub fn new(bytes: Option<Vec<u8>>) -> Result<Self, Error> {
        FontVec::try_from_vec(bytes.unwrap_or_else(|| EMBEDDED.to_vec()))
            .map(Self)
            .map_err(|_| Error::Font)
    }

    /// Whether the font can draw `text`, and if not, why.
    pub fn support(&self, text: &str) -> Support {
        let lacks = |char: char| {
            !char.is_whitespace() && !is_invisible(char) && self.0.glyph_id(char).0 == 0
        };
        if text.chars().any(needs_shaping) {
            Support::NeedsShaping
        } else if text.chars().any(lacks) {
            Support::MissingGlyph
        } else {
            Support::Full
        }
    }

    /// Cuts `line` with an ellipsis if it is wider than `most` pixels.
    pub fn cut<'a>(&self, line: &'a str, size: f32, most: f32) -> Cow<'a, str> {
        let room = most - self.width("\u{2026}", size);
        let mut width = 0.0;
        let mut kept = 0;
        for (at, char) in line.char_indices() {
            if width <= room {
                kept = at;
            }
            width += self.advance(char, size);
            if width > most {
                let start = line[..kept].trim_end_matches(is_loose);
                return Cow::Owned(format!("{start}\u{2026}"));
            }
        }
        Cow::Borrowed(line)
    }

    /// The width of `line` in pixels at `size` pixels per em.
    pub fn width(&self, line: &str, size: f32) -> f32 {
        self.glyphs(line, size).1
    }

    /// Calls `dot(x, y, coverage)` for the pixels of `line`, which starts at `x` on `baseline`.
    pub fn draw(
        &self,
        line: &str,
        size: f32,
        x: f32,
        baseline: f32,
        mut dot: impl FnMut(i32, i32, f32),
    ) {
        for mut glyph in self.glyphs(line, size).0 {
            glyph.position = point(x + glyph.position.x, baseline);
            if let Some(outline) = self.0.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, coverage| {
                    dot(
                        bounds.min.x as i32 + dx as i32,
                        bounds.min.y as i32 + dy as i32,
                        coverage,
                    );
                });
            }
        }
    }

    fn advance(&self, char: char, size: f32) -> f32 {
        if is_invisible(char) {
            return 0.0;
        }
        match self.0.glyph_id(char) {
            id if id.0 != 0 => {
                let scale = PxScale::from(self.scale(size));
                self.0.as_scaled(scale).h_advance(id)
            }
            // Estimate for a glyph of another font: ideographs, kana, Hangul and pictographs are squares.
            _ if matches!(char, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
                | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{1f000}'..='\u{3ffff}') =>
            {
                size
            }
            _ => 0.6 * size,
        }
    }

    /// The scale in `ab_glyph` for `size` pixels per em, as in SVG.
    fn scale(&self, size: f32) -> f32 {
        size * self.0.height_unscaled() / self.0.units_per_em().unwrap_or(1000.0)
    }

    fn glyphs(&self, line: &str, size: f32) -> (Vec<Glyph>, f32) {
        let scaled = self.0.as_scaled(self.scale(size));
        let mut at = 0.0;
        let mut last = None;
        let glyphs = line
            .chars()
            .filter(|&char| !is_invisible(char))
            .map(|char| {
                let id = scaled.glyph_id(char);
                at += last.map_or(0.0, |last| scaled.kern(last, id));
                let glyph = id.with_scale_and_position(scaled.scale(), point(at, 0.0));
                at += self.advance(char, size);
                last = Some(id);
                glyph
            })
            .collect();
        (glyphs, at)
    }
}

/// Whether a font can draw a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It can draw the text.
    Full,
    /// It lacks a glyph.
    MissingGlyph,
    /// The script has to be joined, reordered or set from right to left.
    NeedsShaping,
}

/// Whether the script of `char` needs text shaping.
fn needs_shaping(char: char) -> bool {
    matches!(char, '\u{590}'..='\u{dff}' | '\u{e80}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{a840}'..='\u{abff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{11fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Whether `char` only modifies other characters.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Whether `char` is removed before an ellipsis.
pub fn is_loose(char: char) -> bool {
    char.is_whitespace() || is_invisible(char) || matches!(char, ',' | ';' | '\u{2026}')
}

#[cfg(test)]
mod tests {
    use super::Support::{Full, MissingGlyph, NeedsShaping};
    use super::*;

    #[test]
    fn missing_glyphs_and_scripts_that_need_shaping_are_detected() {
        let font = Font::new(None).unwrap();
        let found = [
            "caf\u{e9}, \u{434}\u{440}\u{443}\u{433}\u{438}\u{445}",
            "co\u{ad}operate\u{200b}",
            "night, \u{65e5}\u{672c}",
            "\u{1f3dd}\u{fe0f} island",
            "\u{623}\u{646}\u{647}, world",
            "\u{928}\u{92f}\u{93e}",
        ]
        .map(|text| font.support(text));
        assert_eq!(
            found,
            [
                Full,
                Full,
                MissingGlyph,
                MissingGlyph,
                NeedsShaping,
                NeedsShaping
            ]
        );
    }

    #[test]
    fn a_long_line_is_shortened_to_its_width() {
        let font = Font::new(None).unwrap();
        assert_eq!(font.cut("harbor ferries", 20.0, 300.0), "harbor ferries");
        for long in ["n".repeat(200), "\u{6e2f}".repeat(200)] {
            let cut = font.cut(&long, 20.0, 300.0);
            assert!(
                cut.ends_with('\u{2026}') && cut.chars().count() > 10,
                "{cut}"
            );
            assert!(font.width(&cut, 20.0) <= 300.0);
        }
        let most = font.width("harbor, \u{2026}", 20.0) + 1.0;
        assert_eq!(font.cut("harbor, ferries", 20.0, most), "harbor\u{2026}");
    }
}
