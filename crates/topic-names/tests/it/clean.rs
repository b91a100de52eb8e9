//! What is taken off a text.

use html_text::readable;
use topic_names::clean::clean;

#[test]
fn plain_text_is_unchanged() {
    for text in [
        "Comet Hollin brightens",
        "a < b and c > d",
        "fish & chips; peas",
        "Topic #3; and more",
    ] {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn entities_are_decoded_whole_and_broken() {
    assert_eq!(clean("Tom &amp; Jerry &#39;s"), "Tom & Jerry 's");
    assert_eq!(clean("it #39;s worth  #36;10"), "it's worth $10");
    assert_eq!(clean("he said, quot;yes. quot;"), "he said, \"yes. \"");
    assert_eq!(clean("&amp;quot;twice&amp;quot;"), "\"twice\"");
}

#[test]
fn long_lines_take_linear_time() {
    // Quadratic work would take hours here.
    let many = "#1 ".repeat(1_000_000);
    assert_eq!(clean(&format!("{many};")).len(), many.len() + 1);
}

#[test]
fn words_that_end_like_an_entity_are_unchanged() {
    assert_eq!(clean("an overlt; word"), "an overlt; word");
}

#[test]
fn tags_become_spaces() {
    assert_eq!(clean("a&lt;b&gt;bold&lt;/b&gt;"), "a bold ");
    assert_eq!(clean("see <a href=\"x\">here</a>"), "see  here ");
    assert_eq!(clean("open <b and no end"), "open <b and no end");
}

#[test]
fn addresses_are_left_out() {
    assert_eq!(clean("read https://example.org/a?b=c now"), "read | now");
    assert_eq!(clean("read (www.example.org) now"), "read | now");
}

#[test]
fn datelines_are_left_out() {
    assert_eq!(clean("NEW YORK (Reuters) - Shares fell"), " - Shares fell");
    assert_eq!(clean("BAGHDAD, Iraq (AP) -- Two"), " -- Two");
    assert_eq!(clean("Title\nTEL AVIV - Rain"), "Title\n - Rain");
    assert_eq!(
        clean("Comet Hollin - a visitor"),
        "Comet Hollin - a visitor"
    );
    assert_eq!(
        clean("Self-driving (AI) - the next step"),
        "Self-driving (AI) - the next step"
    );
}

#[test]
fn a_head_without_capitals_or_of_one_word_is_not_a_dateline() {
    for text in [
        "上海股市上涨 - 新华网",
        "서울 날씨 - 연합뉴스",
        "القاهرة اليوم - رويترز",
        "ข่าว วันนี้ - ไทยรัฐ",
        "NASA - Artemis delayed",
        "PARIS - Rain",
        "A - B",
        "F1 GP - Monaco",
    ] {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn a_text_that_is_only_an_address_is_read() {
    assert_eq!(
        clean("https://www.example.org/storm-news/p_2?b=c#d"),
        "example.org | storm news | p 2"
    );
    assert_eq!(clean("(https://example.org/)"), "example.org | ");
    assert_eq!(clean("https://"), " | ");
}

#[test]
fn readable_text_keeps_words_and_parts_of_addresses() {
    assert_eq!(
        readable("see <b>https://www.example.org/a?b=c</b> &amp; (www.example.org)"),
        "see  example.org/a  & example.org"
    );
}
