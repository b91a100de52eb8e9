//! What a text says once the marks of the web are off it: entities decoded, tags and addresses left out.
//!
//! What is left of an entity would become a word (`quot`, `39`). The place at the head of a news agency's text (`BERLIN
//! (AP) -`) says where it was written, not what about, and is left out as well; a word in capitals alone may be a place or
//! an acronym (`PARIS -`, `NASA -`), which the corpus has to tell. Of a text that is nothing but addresses, hosts and
//! paths are what there is to read. Takes time linear in the text.

use std::borrow::Cow;

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

/// The bytes of the dateline that `line` begins with: words in capitals up to a dash (`NEW YORK -`), or words of which the
/// first is in capitals and the last is the agency in parentheses (`BAGHDAD, Iraq (AP) -`).
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
    let words = place.split_whitespace().count();
    let signed = place.len() < before.len() && in_capitals(first) && words <= 5;
    let spelled = in_capitals(place) && words >= 2;
    if signed || spelled { dash } else { 0 }
}

/// Whether `text` has letters, two at least, and all of them are capitals: in a script without case none is.
pub fn in_capitals(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| c.is_alphabetic());
    letters.clone().nth(1).is_some()
        && letters.all(char::is_uppercase)
        && !text.contains(char::is_numeric)
}

/// Decodes entities twice, since feeds often escape what is escaped already.
fn decode(text: &str) -> String {
    entities::decode(&entities::decode(text)).into_owned()
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
