//! IS, IN, LIKE and regular expressions.

use arrow::datatypes::DataType;
use sqlparser::ast::{self, Value};

use super::Fault;
use super::checker::Checker;
use super::messages::{TEXT_FUNCTIONS, beside_null, no_condition};
use super::operators::needs;
use super::parse::string;
use super::term::{Class, Comparison, Literal, Node, Term};

impl Checker<'_> {
    pub fn is_truth(&self, expr: &ast::Expr, truth: bool) -> Result<Term, Fault> {
        let term = self.term(expr)?;
        if !matches!(term.class(), Class::Truth | Class::Null) {
            let truth = Term::truth(Node::Literal(Literal::Truth(truth)));
            return Err(self.values().mismatch(&term, "IS", &truth));
        }
        // Here NULL is a condition.
        let term = term.cast(DataType::Boolean);
        Ok(Term::truth(Node::Is(term.into(), truth)))
    }

    pub fn is_null(&self, expr: &ast::Expr) -> Result<Term, Fault> {
        Ok(Term::truth(Node::IsNull(self.term(expr)?.into())))
    }

    pub fn is_unknown(&self, expr: &ast::Expr) -> Result<Term, Fault> {
        let term = self.term(expr)?;
        match term.class() {
            Class::Truth | Class::Null => Ok(Term::truth(Node::IsNull(term.into()))),
            _ => Err(no_condition(&term)),
        }
    }

    pub fn is_in(&self, expr: &ast::Expr, list: &[ast::Expr]) -> Result<Term, Fault> {
        let value = self.term(expr)?;
        let item = |item: &ast::Expr| -> Result<Term, Fault> {
            let item = self.term(item)?;
            if item.class() == Class::Null {
                return Err(Fault::new(
                    "the list of IN contains NULL, which equals no value",
                    format!(
                        "remove it from the list, and write OR {} IS NULL",
                        value.spell()
                    ),
                ));
            }
            if item.literal().is_none() {
                return Err(Fault::new(
                    "the list of IN may contain only literals",
                    "write comparisons joined by OR",
                ));
            }
            if value.class() == Class::Null {
                return Err(beside_null(&value, "IN", &item));
            }
            Ok(self.joined(&value, Comparison::Eq.sign(), &item)?.1)
        };
        let items: Result<Vec<Term>, Fault> = list.iter().map(item).collect();
        Ok(Term::truth(Node::In(value.clone().into(), items?)))
    }

    pub fn like(
        &self,
        text: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&Value>,
        ignore_case: bool,
    ) -> Result<Term, Fault> {
        let (text, pattern) = (self.term(text)?, self.term(pattern)?);
        needs(&text, Class::Text, TEXT_FUNCTIONS)?;
        needs(&pattern, Class::Text, TEXT_FUNCTIONS)?;
        let Some(pattern) = pattern.string() else {
            return Err(Fault::new(
                "the pattern of LIKE is not a text literal",
                "write the pattern itself: x LIKE 'a%'; STARTS_WITH and STRPOS compare two columns",
            ));
        };
        let escape = match escape.map(|escape| string(escape).unwrap_or_default()) {
            None => None,
            Some(escape) => {
                let mut letters = escape.chars();
                match (letters.next(), letters.next()) {
                    (letter, None) => letter,
                    _ => {
                        return Err(Fault::new(
                            format!("'{escape}' after ESCAPE is more than one character"),
                            "write one character: x LIKE '100!%' ESCAPE '!'",
                        ));
                    }
                }
            }
        };
        Ok(Term::truth(Node::Like {
            text: text.cast(DataType::LargeUtf8).into(),
            pattern: arrow_pattern(pattern, escape)?,
            ignore_case,
        }))
    }
}

/// Converts a LIKE pattern with the escape character `escape` to Arrow's, which escapes with a backslash.
fn arrow_pattern(pattern: &str, escape: Option<char>) -> Result<String, Fault> {
    let mut result = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            let Some(literal) = letters.next() else {
                return Err(Fault::new(
                    format!("the pattern '{pattern}' ends with its escape character"),
                    "write it twice for the character itself",
                ));
            };
            result.extend(['\\', literal]);
        } else if letter == '\\' {
            result.push_str("\\\\");
        } else {
            result.push(letter);
        }
    }
    Ok(result)
}

/// Whether a text matches a regular expression.
pub fn matches(text: Term, pattern: &Term, ignore_case: bool) -> Result<Term, Fault> {
    needs(&text, Class::Text, TEXT_FUNCTIONS)?;
    needs(pattern, Class::Text, TEXT_FUNCTIONS)?;
    let Some(pattern) = pattern.string() else {
        return Err(Fault::new(
            "the regular expression is not a text literal",
            "write the expression itself: x ~ '^a|b$'",
        ));
    };
    Ok(Term::truth(Node::Matches {
        text: text.cast(DataType::LargeUtf8).into(),
        pattern: pattern.to_owned(),
        ignore_case,
    }))
}
