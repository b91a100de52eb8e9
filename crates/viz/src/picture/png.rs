//! The picture as PNG: discs blended in row order, glyphs with a halo in the background color.

use super::font::{Font, Support};
use super::labels::Placed;
use super::layout::{LINE, Picture};

use crate::Error;
use crate::color::unhex;

/// The whole picture; a title that `font` cannot draw is left out.
pub fn png(picture: &Picture, font: &Font) -> Result<Vec<u8>, Error> {
    let mut canvas = Canvas::new(picture.width, picture.height, Some(picture.paper()));
    canvas.points(picture);
    for line in picture.names.iter().filter_map(|name| name.leader) {
        canvas.line(line, picture.soft_ink());
    }
    for name in &picture.names {
        canvas.name(name, picture.paper(), font);
    }
    let write = |canvas: &mut Canvas, text: &str, size: f32, baseline: f32, ink: [u8; 3]| {
        font.draw(text, size, 24.0, baseline, |x, y, cover| {
            canvas.blend(x, y, ink, cover);
        });
    };
    if font.support(&picture.title) == Support::Full {
        write(&mut canvas, &picture.title, 24.0, 38.0, picture.ink());
    }
    write(
        &mut canvas,
        &picture.caption,
        14.0,
        picture.height as f32 - 18.0,
        picture.soft_ink(),
    );
    canvas.encode()
}

/// The points alone, on a transparent background.
pub(super) fn points(picture: &Picture) -> Result<Vec<u8>, Error> {
    let mut canvas = Canvas::new(picture.width, picture.height, None);
    canvas.points(picture);
    canvas.encode()
}

/// Red, green, blue (times alpha) and alpha of each pixel.
struct Canvas {
    width: i32,
    height: i32,
    pixels: Vec<[f32; 4]>,
}

impl Canvas {
    fn new(width: u32, height: u32, paper: Option<[u8; 3]>) -> Self {
        let fill = paper.map_or([0.0; 4], |[r, g, b]| {
            [f32::from(r), f32::from(g), f32::from(b), 255.0].map(|c| c / 255.0)
        });
        Self {
            width: width as i32,
            height: height as i32,
            pixels: vec![fill; width as usize * height as usize],
        }
    }

    fn blend(&mut self, x: i32, y: i32, [r, g, b]: [u8; 3], cover: f32) {
        if x < 0 || y < 0 || x >= self.width || y >= self.height || cover <= 0.0 {
            return;
        }
        let cover = cover.min(1.0);
        let pixel = &mut self.pixels[y as usize * self.width as usize + x as usize];
        for (part, color) in pixel.iter_mut().zip([r, g, b, 255]) {
            *part = f32::from(color) / 255.0 * cover + *part * (1.0 - cover);
        }
    }

    fn points(&mut self, picture: &Picture) {
        let radius = picture.diameter / 2.0;
        let reach = radius.ceil() as i32;
        for &(x, y, color) in &picture.points {
            let ink = picture.palette[usize::from(color)];
            let (column, row) = (x.floor() as i32, y.floor() as i32);
            for py in row - reach..=row + reach {
                for px in column - reach..=column + reach {
                    let distance = (px as f32 + 0.5 - x).hypot(py as f32 + 0.5 - y);
                    self.blend(
                        px,
                        py,
                        ink,
                        picture.opacity * (radius + 0.5 - distance).clamp(0.0, 1.0),
                    );
                }
            }
        }
    }

    fn line(&mut self, [x0, y0, x1, y1]: [f32; 4], ink: [u8; 3]) {
        let length = (x1 - x0).hypot(y1 - y0);
        let steps = length.ceil().max(1.0) as i32;
        for step in 0..=steps {
            let t = step as f32 / steps as f32;
            let (x, y) = (x0 + (x1 - x0) * t - 0.5, y0 + (y1 - y0) * t - 0.5);
            let (fx, fy) = (x - x.floor(), y - y.floor());
            let (column, row) = (x.floor() as i32, y.floor() as i32);
            self.blend(column, row, ink, 0.8 * (1.0 - fx) * (1.0 - fy));
            self.blend(column + 1, row, ink, 0.8 * fx * (1.0 - fy));
            self.blend(column, row + 1, ink, 0.8 * (1.0 - fx) * fy);
            self.blend(column + 1, row + 1, ink, 0.8 * fx * fy);
        }
    }

    /// Draws a name: first its halo (glyphs widened by [`HALO`], in the background color), then the glyphs.
    fn name(&mut self, name: &Placed, paper: [u8; 3], font: &Font) {
        const HALO: i32 = 3;
        let first =
            name.y - (name.lines.len() as f32 - 1.0) * name.size * LINE / 2.0 + 0.36 * name.size;
        let mut letters: Vec<(i32, i32, f32)> = Vec::new();
        for (at, line) in name.lines.iter().enumerate() {
            let x = name.x - line.width / 2.0;
            let baseline = first + at as f32 * name.size * LINE;
            font.draw(&line.words, name.size, x, baseline, |x, y, cover| {
                letters.push((x, y, cover));
            });
        }
        let Some(left) = letters.iter().map(|letter| letter.0).min() else {
            return;
        };
        let top = letters.iter().map(|letter| letter.1).min().unwrap_or(0) - HALO;
        let left = left - HALO;
        let right = letters.iter().map(|letter| letter.0).max().unwrap_or(0) + HALO;
        let bottom = letters.iter().map(|letter| letter.1).max().unwrap_or(0) + HALO;
        let width = (right - left + 1) as usize;
        let mut halo = vec![0.0f32; width * (bottom - top + 1) as usize];
        for &(x, y, cover) in &letters {
            for dy in -HALO..=HALO {
                for dx in -HALO..=HALO {
                    let edge = (HALO as f32 + 0.5 - (dx as f32).hypot(dy as f32)).clamp(0.0, 1.0);
                    let at = (y + dy - top) as usize * width + (x + dx - left) as usize;
                    halo[at] = halo[at].max(cover * edge);
                }
            }
        }
        for (at, &cover) in halo.iter().enumerate() {
            self.blend(
                left + (at % width) as i32,
                top + (at / width) as i32,
                paper,
                cover,
            );
        }
        let ink = unhex(&name.ink);
        for (x, y, cover) in letters {
            self.blend(x, y, ink, cover);
        }
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let opaque = self.pixels.iter().all(|pixel| pixel[3] >= 0.999);
        let channels = if opaque { 3 } else { 4 };
        let mut bytes = Vec::with_capacity(self.pixels.len() * channels);
        for &[r, g, b, alpha] in &self.pixels {
            let straight = |part: f32| {
                if alpha > 0.0 {
                    (part / alpha * 255.0).round().clamp(0.0, 255.0) as u8
                } else {
                    0
                }
            };
            bytes.extend([straight(r), straight(g), straight(b)]);
            if !opaque {
                bytes.push((alpha * 255.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(if opaque {
            png::ColorType::Rgb
        } else {
            png::ColorType::Rgba
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&bytes))
            .map_err(|source| Error::Png {
                source: Box::new(source),
            })?;
        Ok(out)
    }
}
