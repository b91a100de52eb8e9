//! Composes the text of a row from its columns.

use crate::error::Error;

/// Usual names of title columns, in order of priority.
const TITLES: [&str; 6] = [
    "title", "headline", "subject", "heading", "question", "name",
];

/// Usual names of text columns, in order of priority; short texts come before long ones, because a model reads only the first
/// few hundred tokens.
const BODIES: [&str; 24] = [
    "description",
    "abstract",
    "text",
    "summary",
    "body",
    "content",
    "review",
    "review_text",
    "comment",
    "message",
    "sentence",
    "document",
    "post",
    "tweet",
    "article",
    "answer",
    "snippet",
    "caption",
    "lyrics",
    "full_text",
    "article_text",
    "story",
    "selftext",
    "utterance",
];

/// The recipe for the text of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    columns: Vec<String>,
    text: Sequence,
}

/// A sequence of parts, each with the literal text before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sequence {
    parts: Vec<(String, Part)>,
    /// The literal text after the last part, to which it belongs.
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A column, by its index among the used columns.
    Column(usize),
    /// The content of a pair of brackets or quotes, which is omitted with them if it is empty.
    Bracketed(char, Sequence, char),
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Letter(char),
    Column(usize),
}

impl Recipe {
    /// The recipe of `columns`, each on its own line.
    pub fn joined(columns: &[String]) -> Self {
        let part = |at: usize| {
            let before = if at == 0 { "" } else { "\n" };
            (before.to_owned(), Part::Column(at))
        };
        Self {
            columns: columns.to_vec(),
            text: Sequence {
                parts: (0..columns.len()).map(part).collect(),
                end: String::new(),
            },
        }
    }

    /// Parses a template: `{column}` is a column, `{{` and `}}` are braces, `\n` and `\t` a newline and a tab.
    pub fn template(template: &str) -> Result<Self, Error> {
        let fail = |fault: &str| Error::Template {
            template: template.to_owned(),
            fault: fault.to_owned(),
        };
        let (mut columns, mut pieces) = (Vec::new(), Vec::new());
        let mut letters = template.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    pieces.extend(letters.next().map(Piece::Letter));
                }
                '{' => {
                    let mut column = String::new();
                    loop {
                        match letters.next() {
                            Some('}') => break,
                            Some(letter) => column.push(letter),
                            None => return Err(fail("a `{` is not closed")),
                        }
                    }
                    if column.is_empty() {
                        return Err(fail("`{}` has no column name"));
                    }
                    pieces.push(Piece::Column(columns.len()));
                    columns.push(column);
                }
                '}' => return Err(fail("a `}` has no opening brace")),
                '\\' => match letters.next() {
                    Some('n') => pieces.push(Piece::Letter('\n')),
                    Some('t') => pieces.push(Piece::Letter('\t')),
                    Some('\\') | None => pieces.push(Piece::Letter('\\')),
                    Some(other) => pieces.extend(['\\', other].map(Piece::Letter)),
                },
                letter => pieces.push(Piece::Letter(letter)),
            }
        }
        if columns.is_empty() {
            return Err(fail("it has no columns"));
        }
        Ok(Self {
            columns,
            text: Sequence::of(&pieces),
        })
    }

    /// Its columns, in order.
    pub fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    /// Whether the text is a single unchanged column.
    pub fn is_plain(&self) -> bool {
        let Sequence { parts, end } = &self.text;
        matches!(parts.as_slice(), [(before, Part::Column(_))] if before.is_empty() && end.is_empty())
    }

    /// Appends the text of a row to `text`; returns false and appends nothing if all parts are empty.
    ///
    /// An empty part is omitted with the literal text before it (the last one also with the text after it), and brackets with
    /// empty content are omitted. If the first parts are empty, the text begins at the first letter or digit, so that it does not
    /// begin with a separator.
    pub fn write(&self, parts: &[Option<&str>], text: &mut String) -> bool {
        self.text.write(parts, text)
    }
}

impl Sequence {
    /// Builds the parts from `pieces`.
    fn of(pieces: &[Piece]) -> Self {
        let (mut sequence, mut before) = (Self::default(), String::new());
        let mut at = 0;
        while let Some(&piece) = pieces.get(at) {
            at += 1;
            let part = match piece {
                Piece::Column(column) => Part::Column(column),
                Piece::Letter(open) => {
                    let Some((length, close)) = closing(open, &pieces[at..]) else {
                        before.push(open);
                        continue;
                    };
                    let inner = Self::of(&pieces[at..at + length]);
                    at += length + 1;
                    Part::Bracketed(open, inner, close)
                }
            };
            sequence.parts.push((std::mem::take(&mut before), part));
        }
        sequence.end = before;
        sequence
    }

    fn write(&self, values: &[Option<&str>], text: &mut String) -> bool {
        let start = text.len();
        let (mut first, mut last) = (true, false);
        for (i, (before, part)) in self.parts.iter().enumerate() {
            let mark = text.len();
            text.push_str(if first && i > 0 {
                before.trim_start_matches(|c: char| !c.is_alphanumeric())
            } else {
                before
            });
            last = match part {
                Part::Column(column) => values[*column].map(|value| text.push_str(value)).is_some(),
                Part::Bracketed(open, inner, close) => {
                    text.push(*open);
                    let any = inner.write(values, text);
                    text.push(*close);
                    any
                }
            };
            if last {
                first = false;
            } else {
                text.truncate(mark);
            }
        }
        if last {
            text.push_str(&self.end);
        }
        debug_assert!(!first || text.len() == start);
        !first
    }
}

/// The number of pieces between the bracket or quote `open` and its closing one, and that one; `None` if `open` is not a
/// bracket, is not closed, or contains no column.
fn closing(open: char, after: &[Piece]) -> Option<(usize, char)> {
    const PAIRS: [(char, char); 8] = [
        ('(', ')'),
        ('[', ']'),
        ('{', '}'),
        ('<', '>'),
        ('"', '"'),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
        ('\u{ab}', '\u{bb}'),
    ];
    PAIRS
        .iter()
        .filter(|pair| pair.0 == open)
        .find_map(|&(_, close)| {
            let mut depth = 0;
            for (at, &piece) in after.iter().enumerate() {
                if piece == Piece::Letter(close) {
                    if depth == 0 {
                        let holds = after[..at]
                            .iter()
                            .any(|piece| matches!(piece, Piece::Column(_)));
                        return holds.then_some((at, close));
                    }
                    depth -= 1;
                } else if piece == Piece::Letter(open) {
                    depth += 1;
                }
            }
            None
        })
}

/// The default columns of the text: a title and a text column, by name; else the only column of strings.
pub fn found_by_name(names: &[String], is_text: impl Fn(usize) -> bool) -> Option<Vec<String>> {
    let find = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| {
            (0..names.len())
                .find(|&i| names[i].eq_ignore_ascii_case(wanted) && is_text(i))
                .map(|i| names[i].clone())
        })
    };
    let mut body = find(&BODIES);
    let mut head = find(&TITLES);
    // A title alone is used only if there is nothing else.
    if body.is_some()
        && head
            .as_ref()
            .is_some_and(|head| head.eq_ignore_ascii_case("name"))
    {
        head = None;
    }
    let found: Vec<String> = head.take().into_iter().chain(body.take()).collect();
    if !found.is_empty() {
        return Some(found);
    }
    let mut texts = (0..names.len()).filter(|&i| is_text(i));
    match (texts.next(), texts.next()) {
        (Some(only), None) => Some(vec![names[only].clone()]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(template: &str, parts: &[Option<&str>]) -> Option<String> {
        let mut text = String::new();
        Recipe::template(template)
            .unwrap()
            .write(parts, &mut text)
            .then_some(text)
    }

    #[test]
    fn text_around_an_empty_field_is_omitted() {
        let both = "Title: {title}\\nBody: {body}";
        assert_eq!(
            write(both, &[Some("a"), Some("b")]).unwrap(),
            "Title: a\nBody: b"
        );
        assert_eq!(write(both, &[Some("a"), None]).unwrap(), "Title: a");
        assert_eq!(write(both, &[None, Some("b")]).unwrap(), "Body: b");
        assert_eq!(write(both, &[None, None]), None);
        assert_eq!(
            write("{a} ({b})", &[Some("x"), Some("y")]).unwrap(),
            "x (y)"
        );
        assert_eq!(write("{a} ({b})", &[Some("x"), None]).unwrap(), "x");
        assert_eq!(
            write("{a} - {b} - {c}", &[Some("x"), None, Some("z")]).unwrap(),
            "x - z"
        );
        assert_eq!(
            write("{a} - {b} - {c}", &[None, None, Some("z")]).unwrap(),
            "z"
        );
        assert_eq!(write("{{{a}}}", &[Some("x")]).unwrap(), "{x}");
        assert_eq!(write("{a}!", &[Some("x")]).unwrap(), "x!");
    }

    #[test]
    fn brackets_and_quotes_around_an_empty_field_are_omitted() {
        let year = "{title} ({year})";
        assert_eq!(write(year, &[None, Some("2001")]).unwrap(), "(2001)");
        assert_eq!(write(year, &[Some("a"), None]).unwrap(), "a");
        let category = "[{category}] {title}";
        assert_eq!(write(category, &[Some("news"), None]).unwrap(), "[news]");
        assert_eq!(write(category, &[None, Some("a")]).unwrap(), "a");
        let several = "\"{title}\" (by {author}, {year})";
        let written = |parts: [Option<&str>; 3]| write(several, &parts).unwrap();
        assert_eq!(
            written([Some("t"), Some("a"), Some("y")]),
            "\"t\" (by a, y)"
        );
        assert_eq!(written([Some("t"), Some("a"), None]), "\"t\" (by a)");
        assert_eq!(written([Some("t"), None, Some("y")]), "\"t\" (y)");
        assert_eq!(written([Some("t"), None, None]), "\"t\"");
        assert_eq!(written([None, Some("a"), None]), "(by a)");
        // Brackets without a partner, or without a column, are letters.
        assert_eq!(
            write("(c) {a}) :-( {b}", &[Some("x"), Some("y")]).unwrap(),
            "(c) x) :-( y"
        );
        assert_eq!(write("(({a}) {b})", &[None, Some("y")]).unwrap(), "(y)");
    }

    #[test]
    fn a_template_that_names_no_column_is_refused() {
        for wrong in ["", "text", "{", "{}", "a}", "{a"] {
            assert!(Recipe::template(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn columns_are_found_by_name() {
        let find = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            found_by_name(&names, |i| names[i] != "number")
        };
        assert_eq!(
            find(&["id", "Title", "description", "content"]).unwrap(),
            ["Title", "description"]
        );
        assert_eq!(find(&["text", "label"]).unwrap(), ["text"]);
        assert_eq!(find(&["name", "review"]).unwrap(), ["review"]);
        assert_eq!(find(&["number", "words"]).unwrap(), ["words"]);
        assert_eq!(find(&["this", "that"]), None);
    }
}
