//! HTML entities in a text: complete ones, and those that have lost their ampersand on the way through a feed.

use std::borrow::Cow;

/// Entities that are often found without their `&`.
const BROKEN: [(&str, &str); 6] = [
    ("quot;", "\""),
    ("amp;", "&"),
    ("lt;", "<"),
    ("gt;", ">"),
    ("nbsp;", " "),
    ("apos;", "'"),
];

/// Decodes `&amp;`, `&ccedil;`, `&#39;`, `&#x27;`, and entities that have lost their ampersand: `quot;`, ` #39;`.
///
/// Other text is kept; text without entities is borrowed. One pass for complete entities and one for broken ones.
///
/// ```
/// assert_eq!(html_text::decode_entities("Fran&ccedil;ois isn #39;t"), "François isn't");
/// ```
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains(';') {
        return Cow::Borrowed(text);
    }
    match html_escape::decode_html_entities(text) {
        Cow::Borrowed(text) => mend(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Cow::Owned(text) => Cow::Owned(mend(&text).unwrap_or(text)),
    }
}

/// [`decode_entities`], twice: feeds often escape what is escaped already.
pub fn decode_entities_twice(text: &str) -> Cow<'_, str> {
    match decode_entities(text) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(once) => Cow::Owned(decode_entities(&once).into_owned()),
    }
}

/// Decodes broken entities where they follow no letter or digit; `None` where there are none.
fn mend(text: &str) -> Option<String> {
    let mut mended = String::new();
    // What is written so far, and where the search goes on.
    let (mut kept, mut at) = (0, 0);
    while let Some(offset) = text[at..].find(['#', 'q', 'a', 'l', 'g', 'n']) {
        let start = at + offset;
        at = start + 1;
        if text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '&') {
            continue;
        }
        let Some((decoded, length)) = broken(&text[start..]) else {
            continue;
        };
        let before = &text[kept..start];
        // The space before a broken number replaces the ampersand: "it #39;s".
        let lost = text[start..].starts_with('#');
        mended.push_str(before.strip_suffix(' ').filter(|_| lost).unwrap_or(before));
        mended.push_str(&decoded);
        kept = start + length;
        at = kept;
    }
    if kept == 0 {
        return None;
    }
    mended.push_str(&text[kept..]);
    Some(mended)
}

/// What `text` starts with in broken form, and the bytes the form takes.
fn broken(text: &str) -> Option<(Cow<'static, str>, usize)> {
    for (form, decoded) in BROKEN {
        if text.starts_with(form) {
            return Some((Cow::Borrowed(decoded), form.len()));
        }
    }
    let number = text.strip_prefix('#')?;
    // The end is looked for where it may stand only: a text may hold a great many `#`.
    let end = number.bytes().take(6).position(|byte| byte == b';')?;
    if end < 2 || !number[..end].bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decoded = char::from_u32(number[..end].parse().ok()?)?;
    (!decoded.is_control()).then(|| (Cow::Owned(decoded.to_string()), end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_letters() {
        for (text, plain) in [
            ("Tom &amp; Jerry &#39;s", "Tom & Jerry 's"),
            (
                "Fran&ccedil;ois &Eacute;tienne &ntilde; &rarr;",
                "François Étienne ñ →",
            ),
            (
                "&lt;b&gt; &amp;amp; &#39;x&#x27; &hellip;",
                "<b> &amp; 'x' …",
            ),
            ("isn #39;t it  #36;10", "isn't it $10"),
            ("(#39;a#39;)", "('a#39;)"),
            ("he said, quot;yes. quot;", "he said, \"yes. \""),
            ("#39;tis", "'tis"),
        ] {
            assert_eq!(decode_entities(text), plain);
        }
    }

    #[test]
    fn text_that_is_not_an_entity_is_unchanged() {
        for same in [
            "plain",
            "a & b; c",
            "#1; first",
            "C#39;",
            "an overlt; word",
            "&unknown;",
            "&#0;",
            "&#xD800;",
            "&;",
            "& #;",
            "&é;",
            "#é9;",
            "#+39;",
        ] {
            assert!(
                matches!(decode_entities(same), Cow::Borrowed(text) if text == same),
                "{same}"
            );
        }
    }

    #[test]
    fn time_is_linear() {
        // Quadratic work would take hours here.
        for piece in ["#1 ", "&a ", "& ", "quot "] {
            let text = format!("{};", piece.repeat(1_000_000));
            assert_eq!(decode_entities(&text), text);
        }
    }
}
