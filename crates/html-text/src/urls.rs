//! Web addresses in a text.

/// Replaces each web address (a word with `://`, or that begins with `www.`) by what `instead` returns for it. Brackets and
/// quotes before the address are dropped with it. Linear in the text.
pub fn replace_addresses(text: &str, instead: impl Fn(&str) -> String) -> String {
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

/// Host and path of an address: without scheme, `www.`, query and fragment.
pub fn short_address(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.strip_prefix("www.").unwrap_or(address);
    address.trim_end_matches(|c: char| !c.is_alphanumeric())
}

/// The words of an address: its host and the parts of its path, separated by ` | `.
pub fn address_words(address: &str) -> String {
    let (host, path) = short_address(address)
        .split_once('/')
        .unwrap_or((short_address(address), ""));
    let words = path.replace(['-', '_', '+'], " ").replace('/', " | ");
    format!("{host} | {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shortened_to_host_and_path() {
        assert_eq!(
            short_address("https://www.example.org/a/b-c?d=e#f"),
            "example.org/a/b-c"
        );
        assert_eq!(short_address("www.example.org/."), "example.org");
        assert_eq!(
            address_words("http://example.org/two_words/x"),
            "example.org | two words | x"
        );
    }

    #[test]
    fn only_addresses_are_replaced() {
        let marked = replace_addresses("a (http://b.c) d.e www.f.g\n", |_| "|".to_owned());
        assert_eq!(marked, "a | d.e |\n");
    }
}
