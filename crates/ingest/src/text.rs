//! The text of a row: which columns it is made of, and how.

use crate::error::Error;

/// Columns that name a text, the likeliest first.
const HEADS: [&str; 6] = [
    "title", "headline", "subject", "heading", "question", "name",
];

/// Columns that hold a text, the likeliest first; what is short comes before what is long, since a model reads only
/// the first few hundred tokens.
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

/// How the text of a row is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    columns: Vec<String>,
    text: Sequence,
}

/// Parts one after the other, each with the letters before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sequence {
    parts: Vec<(String, Part)>,
    /// The letters after the last part; they belong to it.
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A column, by its place among those that are named.
    Column(usize),
    /// What stands between two brackets or quotes: they are there if anything in them is.
    Bracketed(char, Sequence, char),
}

/// What a template is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Letter(char),
    Column(usize),
}

impl Recipe {
    /// `columns`, each on a line of its own.
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

    /// Reads a template: `{column}` stands for a column, `{{` and `}}` for braces, `\n` and `\t` for a line end and a tab.
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
                            None => return Err(fail("a { is not closed")),
                        }
                    }
                    if column.is_empty() {
                        return Err(fail("{} names no column"));
                    }
                    pieces.push(Piece::Column(columns.len()));
                    columns.push(column);
                }
                '}' => return Err(fail("a } closes nothing")),
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
            return Err(fail("it names no column"));
        }
        Ok(Self {
            columns,
            text: Sequence::of(&pieces),
        })
    }

    /// The columns it names, in order.
    pub fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    /// Whether the text is one column as it stands.
    pub fn is_plain(&self) -> bool {
        let Sequence { parts, end } = &self.text;
        matches!(parts.as_slice(), [(before, Part::Column(_))] if before.is_empty() && end.is_empty())
    }

    /// Adds the text of a row to `text`; false, and nothing added, if no part has any.
    ///
    /// An absent part goes with the letters before it (the last with those after it too), and brackets go with what
    /// stands in them. Where the first parts are absent, the text begins at the first letter or digit: no separator
    /// without something to separate.
    pub fn write(&self, parts: &[Option<&str>], text: &mut String) -> bool {
        self.text.write(parts, text)
    }
}

impl Sequence {
    /// The parts that `pieces` make.
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

/// How many pieces stand between the bracket or quote `open` and the one that closes it, and that one; `None` where it
/// is none, is not closed, or holds no column.
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

/// The columns a text is made of when none is named: a head and a body, found by name; else the only column of
/// strings there is.
pub fn found_by_name(names: &[String], is_text: impl Fn(usize) -> bool) -> Option<Vec<String>> {
    let find = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| {
            (0..names.len())
                .find(|&i| names[i].eq_ignore_ascii_case(wanted) && is_text(i))
                .map(|i| names[i].clone())
        })
    };
    let mut body = find(&BODIES);
    let mut head = find(&HEADS);
    // A name is a text only where there is nothing else.
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
    fn an_absent_part_takes_its_letters_with_it() {
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
    fn brackets_and_quotes_go_with_what_stands_in_them() {
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
