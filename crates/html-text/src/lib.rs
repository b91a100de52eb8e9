//! Plain text from text with HTML remains: entities, tags and web addresses.
//!
//! Feeds and scraped tables hold text that was HTML once: entities (`&amp;`, `&#39;`), often escaped twice, often without
//! their ampersand (`quot;`, ` #39;`), tags (`<b>`), and web addresses. The functions here turn that into the text that a
//! reader would see. None of them parses HTML: they build no tree and keep the content of every element.
//!
//! | function | result |
//! |---|---|
//! | [`decode_entities`] | all named and numeric entities decoded, broken ones too |
//! | [`decode_entities_twice`] | the same for text that was escaped twice |
//! | [`strip_tags`] | tags and comments replaced by a space |
//! | [`replace_addresses`] | each web address replaced by what a function returns for it |
//! | [`readable`] | all of that, addresses shortened to host and path |
//!
//! Each takes one or two passes over the text, without backtracking: time and memory are linear in its length. There are
//! no errors: what is no entity, tag or address stays as it is. Names of entities are those of the HTML standard
//! (<https://html.spec.whatwg.org/multipage/named-characters.html>), from the crate `html-escape`.

mod addresses;
mod entities;
mod tags;

pub use addresses::{address_words, replace_addresses, short_address};
pub use entities::{decode_entities, decode_entities_twice};
pub use tags::strip_tags;

/// `text` as a reader sees it: entities decoded (twice), tags replaced by a space, addresses shortened to host and path.
///
/// ```
/// assert_eq!(html_text::readable("&lt;i&gt;see&lt;/i&gt; http://www.example.org/a?b"), " see  example.org/a");
/// ```
pub fn readable(text: &str) -> String {
    let text = strip_tags(&decode_entities_twice(text));
    replace_addresses(&text, |address| short_address(address).to_owned())
}
