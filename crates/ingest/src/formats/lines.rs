//! Plain text: a text a line, in one column named `text`.

use super::Parsed;

/// Reads the lines of `text`; blank ones are rows too, which have no text.
pub fn read(text: &str) -> Parsed {
    Parsed::single("text", text.lines())
}
