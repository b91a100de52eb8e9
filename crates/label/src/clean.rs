//! What a text says once the marks of the web are off it: entities decoded, tags and addresses left out.
//!
//! Feeds often carry remains of HTML that lost a character on the way (`#39;` for `&#39;`, `quot;` for `&quot;`). They
//! would become words (`quot`, `39`), so those are mended too. The place at the head of a news agency's text (`BERLIN
//! (AP) -`) says where it was written, not what about, and is left out as well. Of a text that is nothing but addresses,
//! hosts and paths are what there is to read. Takes time linear in the text.

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

/// `text` without entities, tags and web addresses; borrowed where it has none.
pub fn clean(text: &str) -> Cow<'_, str> {
    let marks = |text: &str| text.bytes().any(|byte| matches!(byte, b'&' | b';' | b'<'));
    let mut text = if marks(text) {
        Cow::Owned(decode(text))
    } else {
        Cow::Borrowed(text)
    };
    if text.contains('<') {
        text = Cow::Owned(without_tags(&text));
    }
    if text.contains("://") || text.contains("www.") {
        let bare = without_addresses(&text, |_| "|".to_owned());
        text = Cow::Owned(if bare.contains(char::is_alphanumeric) {
            bare
        } else {
            without_addresses(&text, words_of)
        });
    }
    if text.lines().any(|line| dateline(line) > 0) {
        let lines: Vec<&str> = text.lines().map(|line| &line[dateline(line)..]).collect();
        text = Cow::Owned(lines.join("\n"));
    }
    text
}

/// The bytes of the dateline that `line` begins with: capitals up to a dash (`NEW YORK -`), or words that begin with
/// capitals and end with the agency in parentheses (`BAGHDAD, Iraq (AP) -`).
fn dateline(line: &str) -> usize {
    let head = line
        .char_indices()
        .nth(60)
        .map_or(line, |(end, _)| &line[..end]);
    let Some(dash) = [" - ", " -- ", " \u{2013} ", " \u{2014} "]
        .iter()
        .filter_map(|dash| head.find(dash))
        .min()
    else {
        return 0;
    };
    let before = &line[..dash];
    let place = match before
        .strip_suffix(')')
        .and_then(|before| before.split_once(" ("))
    {
        Some((place, agency)) if !agency.contains(' ') => place,
        _ => before,
    };
    let first = place.split([' ', ',']).next().unwrap_or_default();
    let capitals = |text: &str| {
        text.chars().filter(|c| c.is_alphabetic()).count() >= 2
            && !text.chars().any(|c| c.is_lowercase() || c.is_numeric())
    };
    let signed =
        place.len() < before.len() && capitals(first) && place.split_whitespace().count() <= 5;
    if signed || capitals(place) { dash } else { 0 }
}

/// Decodes entities, whole and broken ones; twice, since feeds often escape what is escaped already.
fn decode(text: &str) -> String {
    let once = html_escape::decode_html_entities(text);
    let twice = html_escape::decode_html_entities(once.as_ref());
    mend(&twice)
}

/// Decodes `quot;`, `#39;` and their like where they follow no letter or digit.
fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside_word = false;
    while let Some(first) = rest.chars().next() {
        if !inside_word && let Some((decoded, length)) = broken_entity(rest) {
            // The space before a broken apostrophe was put there with the breakage: "it #39;s".
            if decoded == "'" && mended.ends_with(' ') {
                mended.pop();
            }
            mended.push_str(&decoded);
            rest = &rest[length..];
            continue;
        }
        inside_word = first.is_alphanumeric() || first == '&';
        mended.push(first);
        rest = &rest[first.len_utf8()..];
    }
    mended
}

/// The character that `text` starts with in broken form, and the bytes the form takes.
fn broken_entity(text: &str) -> Option<(String, usize)> {
    for (form, decoded) in BROKEN {
        if text.starts_with(form) {
            return Some((decoded.to_owned(), form.len()));
        }
    }
    let number = text.strip_prefix('#')?;
    let end = number.find(';').filter(|&end| (2..=5).contains(&end))?;
    let code: u32 = number[..end].parse().ok()?;
    let decoded = char::from_u32(code).filter(|decoded| !decoded.is_control())?;
    Some((decoded.to_string(), end + 2))
}

/// Replaces what looks like a tag (`<b>`, `</a>`, `<!-- -->`) by a space; other `<` stay.
fn without_tags(text: &str) -> String {
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

/// The text for the eye: entities decoded, tags left out, addresses without what is the same in all of them.
pub fn readable(text: &str) -> String {
    let text = without_tags(&decode(text));
    without_addresses(&text, |address| short(address).to_owned())
}

/// Host and path of an address: without scheme, `www.`, query and fragment.
fn short(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.strip_prefix("www.").unwrap_or(address);
    address.trim_end_matches(|c: char| !c.is_alphanumeric())
}

/// The words of an address: its host, and the pieces of its path, which no phrase goes across.
fn words_of(address: &str) -> String {
    let (host, path) = short(address)
        .split_once('/')
        .unwrap_or((short(address), ""));
    let words = path.replace(['-', '_', '+'], " ").replace('/', " | ");
    format!("{host} | {words}")
}

/// Writes `instead` in place of each web address; a bar lets no phrase go across.
fn without_addresses(text: &str, instead: impl Fn(&str) -> String) -> String {
    let mut kept = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let address = word.trim_start_matches(['(', '[', '<', '"', '\'']);
        if address.contains("://") || address.starts_with("www.") {
            kept.push_str(&instead(address));
            kept.push_str(&piece[word.len()..]);
        } else {
            kept.push_str(piece);
        }
    }
    kept
}
