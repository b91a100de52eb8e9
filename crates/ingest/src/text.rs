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

/// How the text of a row is put together: parts, each a column with the letters before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    parts: Vec<Part>,
    /// The letters after the last part; they belong to it.
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    before: String,
    column: String,
}

impl Recipe {
    /// `columns`, each on a line of its own.
    pub fn joined(columns: &[String]) -> Self {
        let part = |(i, column): (usize, &String)| Part {
            before: if i == 0 {
                String::new()
            } else {
                "\n".to_owned()
            },
            column: column.clone(),
        };
        Self {
            parts: columns.iter().enumerate().map(part).collect(),
            end: String::new(),
        }
    }

    /// Reads a template: `{column}` stands for a column, `{{` and `}}` for braces, `\n` and `\t` for a line end and a tab.
    pub fn template(template: &str) -> Result<Self, Error> {
        let fail = |fault: &str| Error::Template {
            template: template.to_owned(),
            fault: fault.to_owned(),
        };
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut letters = template.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => literal.extend(letters.next()),
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
                    parts.push(Part {
                        before: std::mem::take(&mut literal),
                        column,
                    });
                }
                '}' => return Err(fail("a } closes nothing")),
                '\\' => match letters.next() {
                    Some('n') => literal.push('\n'),
                    Some('t') => literal.push('\t'),
                    Some('\\') | None => literal.push('\\'),
                    Some(other) => literal.extend(['\\', other]),
                },
                letter => literal.push(letter),
            }
        }
        if parts.is_empty() {
            return Err(fail("it names no column"));
        }
        Ok(Self {
            parts,
            end: literal,
        })
    }

    /// The columns it names, in order.
    pub fn columns(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.column.clone()).collect()
    }

    /// Whether the text is one column as it stands.
    pub fn is_plain(&self) -> bool {
        matches!(self.parts.as_slice(), [only] if only.before.is_empty() && self.end.is_empty())
    }

    /// Adds the text of a row to `text`; false, and nothing added, if no part has any.
    ///
    /// An absent part goes with the letters before it (the last with those after it too). Where the first parts
    /// are absent, the text begins at the first letter or digit: no separator without something to separate.
    pub fn write(&self, parts: &[Option<&str>], text: &mut String) -> bool {
        let mut first = true;
        for (i, (part, value)) in self.parts.iter().zip(parts).enumerate() {
            let Some(value) = value else { continue };
            let before = part.before.as_str();
            text.push_str(if first && i > 0 {
                before.trim_start_matches(|c: char| !c.is_alphanumeric())
            } else {
                before
            });
            text.push_str(value);
            first = false;
        }
        if parts.last().is_some_and(Option::is_some) {
            text.push_str(&self.end);
        }
        !first
    }
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
