//! The picture as SVG: one path per color for the points, text elements for the names.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::layout::{LINE, Picture};
use super::png;
use crate::Error;
use crate::color::hex;
use crate::page_bundle::escape;

/// More points than this are embedded as an image: viewers fail on too many nodes.
const MAX_DOTS: usize = 40_000;
const FONT: &str = "'Open Sans', 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif";

/// Whether the first letter is of a right-to-left script, such as Hebrew or Arabic.
fn runs_right_to_left(name: &str) -> bool {
    let first = name.chars().find(|letter| letter.is_alphabetic());
    first.is_some_and(|letter| {
        matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
    })
}

/// The picture as an SVG document.
pub fn svg(picture: &Picture) -> Result<String, Error> {
    let (width, height) = (picture.width, picture.height);
    let (paper, ink, soft) = (
        hex(picture.paper()),
        hex(picture.ink()),
        hex(picture.soft_ink()),
    );
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = out.write_fmt(text);
        out.push('\n');
    };
    line(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">"
    ));
    line(format_args!("<title>{}</title>", escape(&picture.title)));
    line(format_args!("<desc>{}</desc>", escape(&picture.caption)));
    line(format_args!(
        "<rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>"
    ));
    if picture.points.len() > MAX_DOTS {
        let image = STANDARD.encode(png::points(picture)?);
        line(format_args!(
            "<image width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{image}\"/>"
        ));
    } else {
        line(format_args!(
            "<g fill=\"none\" stroke-linecap=\"round\" stroke-width=\"{:.1}\" stroke-opacity=\"{:.2}\">",
            picture.diameter, picture.opacity
        ));
        // Noise first, below the clusters.
        let noise = picture.palette.len() - 1;
        for at in std::iter::once(noise).chain(0..noise) {
            let dots: String = picture
                .points
                .iter()
                .filter(|point| usize::from(point.2) == at)
                .map(|(x, y, _)| format!("M{x:.1} {y:.1}h0"))
                .collect();
            if !dots.is_empty() {
                line(format_args!(
                    "<path stroke=\"{}\" d=\"{dots}\"/>",
                    hex(picture.palette[at])
                ));
            }
        }
        line(format_args!("</g>"));
    }
    line(format_args!(
        "<g font-family=\"{FONT}\" font-weight=\"600\" text-anchor=\"middle\" stroke-linejoin=\"round\" paint-order=\"stroke\" stroke=\"{paper}\" stroke-width=\"5\">"
    ));
    for [x0, y0, x1, y1] in picture.names.iter().filter_map(|name| name.leader) {
        line(format_args!(
            "<path d=\"M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}\" stroke=\"{soft}\" stroke-width=\"1\"/>"
        ));
    }
    for name in &picture.names {
        let first =
            name.y - (name.lines.len() as f32 - 1.0) * name.size * LINE / 2.0 + 0.36 * name.size;
        let whole = if name.is_cut() {
            format!("<title>{}</title>", escape(&name.name))
        } else {
            String::new()
        };
        let direction = if runs_right_to_left(&name.name) {
            " direction=\"rtl\""
        } else {
            ""
        };
        for (at, shown) in name.lines.iter().enumerate() {
            let y = first + at as f32 * name.size * LINE;
            // textLength keeps names apart if the viewer's font is wider.
            let length = if shown.measured {
                format!(
                    " textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\"",
                    shown.width
                )
            } else {
                String::new()
            };
            line(format_args!(
                "<text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"{:.1}\"{length}{direction} fill=\"{}\">{whole}{}</text>",
                name.x,
                name.size,
                name.ink,
                escape(&shown.words)
            ));
        }
    }
    line(format_args!("</g>"));
    line(format_args!(
        "<text x=\"24\" y=\"38\" font-family=\"{FONT}\" font-weight=\"600\" font-size=\"24\" fill=\"{ink}\">{}</text>",
        escape(&picture.title)
    ));
    line(format_args!(
        "<text x=\"24\" y=\"{}\" font-family=\"{FONT}\" font-size=\"14\" fill=\"{soft}\">{}</text>",
        height - 18,
        escape(&picture.caption)
    ));
    line(format_args!("</svg>"));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_strong_letter_gives_the_direction() {
        for (name, expected) in [
            ("\u{645}\u{631}\u{62d}\u{628}\u{627}, news", true),
            ("\u{ab}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{bb}", true),
            ("12 \u{fe91}", true),
            ("news, \u{645}\u{631}\u{62d}\u{628}\u{627}", false),
            ("1,234", false),
            ("", false),
        ] {
            assert_eq!(runs_right_to_left(name), expected, "{name}");
        }
    }
}
