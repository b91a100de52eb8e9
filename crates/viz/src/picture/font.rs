//! Letters for the static pictures: Open Sans Semibold (Apache License 2.0, see `assets/font`), or a font of the
//! user's. Latin, Greek and Cyrillic are in the embedded one; letters are set side by side without shaping.

use ab_glyph::{Font as _, FontVec, Glyph, ScaleFont, point};

use crate::Error;

const EMBEDDED: &[u8] = include_bytes!("../../assets/font/OpenSans-Semibold.ttf");

/// A font that measures and draws lines.
pub struct Font(FontVec);

impl Font {
    /// The font in `bytes`, or the embedded one.
    pub fn new(bytes: Option<Vec<u8>>) -> Result<Self, Error> {
        FontVec::try_from_vec(bytes.unwrap_or_else(|| EMBEDDED.to_vec()))
            .map(Self)
            .map_err(|_| Error::Font)
    }

    /// Whether it has a letter for every character of `text`.
    pub fn covers(&self, text: &str) -> bool {
        text.chars()
            .all(|char| char.is_whitespace() || self.0.glyph_id(char).0 != 0)
    }

    /// The width of `line` at `size` pixels an em.
    pub fn width(&self, line: &str, size: f32) -> f32 {
        self.glyphs(line, size).1
    }

    /// Calls `dot(x, y, coverage)` for the pixels of `line`, which starts at `x` and stands on `baseline`.
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

    /// `size` is in pixels an em, as in SVG.
    fn glyphs(&self, line: &str, size: f32) -> (Vec<Glyph>, f32) {
        let height = self.0.height_unscaled() / self.0.units_per_em().unwrap_or(1000.0);
        let scaled = self.0.as_scaled(size * height);
        let mut at = 0.0;
        let mut last = None;
        let glyphs = line
            .chars()
            .map(|char| {
                let id = scaled.glyph_id(char);
                at += last.map_or(0.0, |last| scaled.kern(last, id));
                let glyph = id.with_scale_and_position(scaled.scale(), point(at, 0.0));
                at += scaled.h_advance(id);
                last = Some(id);
                glyph
            })
            .collect();
        (glyphs, at)
    }
}
