//! Tags in a text.

/// Replaces what looks like a tag or a comment (`<b>`, `</a>`, `<!-- -->`) by a space; other `<` stay. A tag ends on its line,
/// before the next `<`. Linear in the text.
pub fn strip_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        kept.push_str(before);
        let opens = tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        // A tag closes on its line, before the next one opens.
        let close = tag[1..]
            .find(['<', '>', '\n'])
            .filter(|&at| tag.as_bytes()[at + 1] == b'>');
        match close {
            Some(close) if opens => {
                kept.push(' ');
                rest = &tag[close + 2..];
            }
            _ => {
                kept.push('<');
                rest = &tag[1..];
            }
        }
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_spaces_and_comparisons_stay() {
        assert_eq!(strip_tags("a<b>c</b><!-- d -->e"), "a c  e");
        assert_eq!(
            strip_tags("a < b, c <3, <d and\n>"),
            "a < b, c <3, <d and\n>"
        );
    }
}
