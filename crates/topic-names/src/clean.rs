//! Text cleaning: entities are decoded; tags, URLs and datelines are removed.
//!
//! What is left of an entity would become a word (`quot`, `39`). The place at the head of a news agency's text (`BERLIN
//! (AP) -`) says where it was written, not what about, and is left out as well; a word in capitals alone may be a place or
//! an acronym (`PARIS -`, `NASA -`), which only the corpus can decide. A text of nothing but URLs is replaced by the words of
//! their hosts and paths. Takes time linear in the text.

use std::borrow::Cow;

use html_text::{decode_entities_twice, replace_urls, strip_tags, url_words};

/// `text` without entities, tags, URLs and datelines; borrowed where it has none.
pub fn clean(text: &str) -> Cow<'_, str> {
    let marks = |text: &str| text.bytes().any(|byte| matches!(byte, b'&' | b';' | b'<'));
    let mut text = if marks(text) {
        decode_entities_twice(text)
    } else {
        Cow::Borrowed(text)
    };
    if text.contains('<') {
        text = Cow::Owned(strip_tags(&text));
    }
    if text.contains("://") || text.contains("www.") {
        let bare = replace_urls(&text, |_| "|".to_owned());
        text = Cow::Owned(if bare.contains(char::is_alphanumeric) {
            bare
        } else {
            replace_urls(&text, url_words)
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
