//! URLs in a text.

/// Replaces each URL (a word that contains `://` or begins with `www.`) by what `replacement` returns for it. Brackets and
/// quotes before the URL are dropped. Linear in the text.
pub fn replace_urls(text: &str, replacement: impl Fn(&str) -> String) -> String {
    let mut kept = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let url = word.trim_start_matches(['(', '[', '<', '"', '\'']);
        if url.contains("://") || url.starts_with("www.") {
            kept.push_str(&replacement(url));
            kept.push_str(&piece[word.len()..]);
        } else {
            kept.push_str(piece);
        }
    }
    kept
}

/// Host and path of a URL: without scheme, `www.`, query, fragment and punctuation at the end.
///
/// ```
/// assert_eq!(html_text::short_url("https://www.example.org/a?b=c#d"), "example.org/a");
/// ```
pub fn short_url(url: &str) -> &str {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let url = url.strip_prefix("www.").unwrap_or(url);
    url.trim_end_matches(|c: char| !c.is_alphanumeric())
}

/// The words of a URL: its host and the parts of its path, separated by ` | `; `-`, `_` and `+` become spaces.
///
/// ```
/// assert_eq!(html_text::url_words("http://example.org/two_words/x"), "example.org | two words | x");
/// ```
pub fn url_words(url: &str) -> String {
    let (host, path) = short_url(url)
        .split_once('/')
        .unwrap_or((short_url(url), ""));
    let words = path.replace(['-', '_', '+'], " ").replace('/', " | ");
    format!("{host} | {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shortened_to_host_and_path() {
        assert_eq!(
            short_url("https://www.example.org/a/b-c?d=e#f"),
            "example.org/a/b-c"
        );
        assert_eq!(short_url("www.example.org/."), "example.org");
        assert_eq!(
            url_words("http://example.org/two_words/x"),
            "example.org | two words | x"
        );
    }

    #[test]
    fn only_urls_are_replaced() {
        let marked = replace_urls("a (http://b.c) d.e www.f.g\n", |_| "|".to_owned());
        assert_eq!(marked, "a | d.e |\n");
    }
}
