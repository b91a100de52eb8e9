//! HTML entities in texts, decoded on request.
//!
//! Not by default: the text of a document is what the source says, so that it can be found there again, and a
//! source about HTML would be spoiled. Titles scraped from feeds are what the option is for.

use std::borrow::Cow;

/// The named entities that occur in running text.
const NAMED: [(&str, &str); 40] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", "\u{a0}"),
    ("hellip", "…"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("sbquo", "‚"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bdquo", "„"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("deg", "°"),
    ("euro", "€"),
    ("pound", "£"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("sect", "§"),
    ("times", "×"),
    ("frac12", "½"),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("aacute", "á"),
];

/// Decodes `&amp;`, `&#39;`, `&#x27;` and the like, and ` #39;`, which is what is left of `&#39;` where the ampersand
/// was lost. What is no entity stays.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(';') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].find(['&', '#']) {
        let start = at + offset;
        let bare = text.as_bytes()[start] == b'#';
        at = start + 1;
        // Without its ampersand only a number counts, and only after the space that stands in its place.
        let lost = bare && text[kept..start].ends_with(' ');
        let body = if bare {
            &text[start..]
        } else {
            &text[start + 1..]
        };
        let Some(end) = body.bytes().take(12).position(|byte| byte == b';') else {
            continue;
        };
        let Some(letter) = (!bare || lost).then(|| entity(&body[..end])).flatten() else {
            continue;
        };
        decoded.push_str(&text[kept..start - usize::from(lost)]);
        decoded.push_str(&letter);
        kept = start + usize::from(!bare) + end + 1;
        at = kept;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    decoded.push_str(&text[kept..]);
    Cow::Owned(decoded)
}

fn entity(name: &str) -> Option<Cow<'static, str>> {
    let Some(number) = name.strip_prefix('#') else {
        return NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, letter)| Cow::Borrowed(letter));
    };
    let digits = |digits: &str, radix| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, radix).ok())
            .flatten()
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => digits(hexadecimal, 16)?,
        None => digits(number, 10)?,
    };
    char::from_u32(code)
        .filter(|&letter| letter == '\n' || !letter.is_control())
        .map(|letter| Cow::Owned(letter.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_letters_and_the_rest_stays() {
        assert_eq!(
            decode("&lt;b&gt; &amp;amp; &#39;x&#x27; &hellip;"),
            "<b> &amp; 'x' …"
        );
        assert_eq!(decode("isn #39;t it  #36;10"), "isn't it $10");
        for same in [
            "a & b; c",
            "#1; first",
            "C#39;",
            "&unknown;",
            "&#0;",
            "&#xD800;",
            "&;",
            "& #;",
            "&é;",
        ] {
            assert_eq!(decode(same), same);
        }
    }
}
