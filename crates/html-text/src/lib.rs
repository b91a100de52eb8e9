//! Plain text from text with HTML remains: entities, tags and URLs.
//!
//! Feeds and scraped tables hold text that was HTML once: entities (`&amp;`, `&#39;`), often escaped twice, often without
//! their ampersand (`quot;`, ` #39;`), tags (`<b>`), and URLs. The functions here turn that into the text that a reader
//! would see. None of them parses HTML: they build no tree and keep the content of every element, of `<script>` too.
//!
//! | function | result |
//! |---|---|
//! | [`decode_entities`] | all named and numeric entities decoded, broken ones too |
//! | [`decode_entities_twice`] | the same for text that was escaped twice |
//! | [`strip_tags`] | tags and comments replaced by a space |
//! | [`replace_urls`] | each URL replaced by what a function returns for it |
//! | [`short_url`] | host and path of a URL |
//! | [`url_words`] | the words of a URL |
//! | [`readable`] | entities decoded twice, tags stripped, URLs shortened to host and path |
//!
//! Time and memory of each are linear in the length of the text; there is no backtracking. There are no errors: text that is
//! not an entity, tag or URL is kept. Names of entities are those of the HTML standard
//! (<https://html.spec.whatwg.org/multipage/named-characters.html>), from the crate `html-escape`.

mod entities;
mod tags;
mod urls;

pub use entities::{decode_entities, decode_entities_twice};
pub use tags::strip_tags;
pub use urls::{replace_urls, short_url, url_words};

/// `text` as a reader sees it: entities decoded (twice), tags replaced by a space, URLs shortened to host and path.
///
/// ```
/// assert_eq!(html_text::readable("&lt;i&gt;see&lt;/i&gt; http://www.example.org/a?b"), " see  example.org/a");
/// ```
pub fn readable(text: &str) -> String {
    let text = strip_tags(&decode_entities_twice(text));
    replace_urls(&text, |url| short_url(url).to_owned())
}
