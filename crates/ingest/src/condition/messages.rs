//! Error messages and remedies of conditions.

use super::Fault;
use super::literals::is_foreign_date;
use super::term::{Class, Comparison, Literal, Node, Term, ident};
use crate::convert::strings;
use crate::table::{Column, Table};
use crate::types::{date, decimal, is_null_word, moment};

/// Text functions, in messages.
pub const TEXT_FUNCTIONS: &str = "LIKE or a function of texts";
/// Number functions, in messages.
pub const NUMBER_FUNCTIONS: &str = "a function of numbers";
/// Date and time functions, in messages.
pub const DATE_FUNCTIONS: &str = "EXTRACT, STRFTIME and INTERVAL, which are for dates and times,";

/// The table whose values messages quote.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub table: &'a Table,
    pub null_words: &'a [String],
}

/// A description of an operand.
pub fn side(term: &Term) -> String {
    let class = term.class();
    match &term.node {
        Node::Column(_, name) => format!("column `{name}` is {}", class.name()),
        _ => match term.spelled() {
            Some(literal) if class == Class::Null => literal,
            Some(literal) => format!("{literal} is {}", class.name()),
            None => format!("an expression is {}", class.name()),
        },
    }
}

/// `term` has the wrong type for a function; `what` describes the functions of this kind.
pub fn misapplied(term: &Term, what: &str) -> Fault {
    let value = term.spell();
    let class = term.class();
    let remedy = match class {
        Class::Date | Class::Moment { .. } if what == TEXT_FUNCTIONS => format!(
            "compare it with a date in quotes, {value} >= '2025-01-31', take a part, EXTRACT(YEAR FROM {value}), \
             or make it text: CAST({value} AS VARCHAR)"
        ),
        _ if what == TEXT_FUNCTIONS => format!("make it text: CAST({value} AS VARCHAR)"),
        Class::Text if what == DATE_FUNCTIONS => {
            format!("make it a date: TRY_CAST({value} AS DATE)")
        }
        Class::Text => format!("make it a number: TRY_CAST({value} AS DOUBLE)"),
        _ => "remove the function".to_owned(),
    };
    Fault::new(
        format!("{}, and {what} cannot be applied to it", side(term)),
        remedy,
    )
}

/// A value where a condition is needed.
pub fn no_condition(term: &Term) -> Fault {
    let value = term.spell();
    let remedy = match term.class() {
        Class::Number => format!("write {value} <> 0"),
        Class::Text => format!("write a comparison: {value} = 'true'"),
        _ => format!("write a comparison, or {value} IS NOT NULL"),
    };
    Fault::new(
        format!("{} where AND, OR and NOT need a condition", side(term)),
        remedy,
    )
}

/// A comparison with NULL, which is never true.
pub fn beside_null(left: &Term, sign: &str, right: &Term) -> Fault {
    let value = if left.class() == Class::Null {
        right.spell()
    } else {
        left.spell()
    };
    Fault::new(
        format!("`{sign}` with NULL is true for no row"),
        format!("write {value} IS NULL or {value} IS NOT NULL"),
    )
}

/// Results of CASE or COALESCE without a common type.
pub fn no_choice(left: &Term, right: &Term) -> Fault {
    Fault::new(
        format!(
            "{}, and {}: they have no common type",
            side(left),
            side(right)
        ),
        "convert them to one type: CAST(... AS VARCHAR) gives text, CAST(... AS DOUBLE) a number",
    )
}

/// Why a cast between the types of `term` and `to` is refused.
pub fn no_cast(term: &Term, to: Class) -> Fault {
    let remedy = if term.class().is_temporal() && to == Class::Number {
        format!("take a part of it: EXTRACT(YEAR FROM {})", term.spell())
    } else {
        "remove the CAST".to_owned()
    };
    let fact = format!("{}, which cannot be cast to {}", side(term), to.name());
    Fault::new(fact, remedy)
}

impl Values<'_> {
    fn column(&self, term: &Term) -> Option<&Column> {
        match term.node {
            Node::Column(at, _) if term.class() == Class::Text => self.table.columns.get(at),
            _ => None,
        }
    }

    /// Two types to which the operator `sign` cannot be applied.
    pub fn mismatch(&self, left: &Term, sign: &str, right: &Term) -> Fault {
        let operand = |term: &Term, other: &Term| {
            let what = match other.class() {
                Class::Number => "number",
                Class::Date => "date",
                Class::Moment { .. } => "date with a time",
                _ => return side(term),
            };
            let why = self.column(term).map(|column| self.why_text(column, what));
            side(term) + &why.unwrap_or_default()
        };
        let fact = format!(
            "{}, and {}: `{sign}` cannot be applied to them",
            operand(left, right),
            operand(right, left),
        );
        Fault::new(fact, remedy(left, sign, right))
    }

    /// Rejects the alphabetical comparison of a text column with a number or a date, or of dates that do not sort alphabetically.
    pub fn check_order(&self, term: &Term, op: Comparison, other: &Term) -> Result<(), Fault> {
        let Some(column) = self.column(term) else {
            return Ok(());
        };
        let Some(text) = other.string() else {
            let foreign = |column: &Column| self.begins_with_foreign_date(column);
            return if foreign(column) && self.column(other).is_some_and(foreign) {
                Err(self.foreign_order(term, column, op, other))
            } else {
                Ok(())
            };
        };
        let digit = text.trim_start().starts_with(|c: char| c.is_ascii_digit());
        if is_foreign_date(text) || (digit && self.begins_with_foreign_date(column)) {
            return Err(self.foreign_order(term, column, op, other));
        }
        let (what, dtype, written) = if decimal(text).is_some() {
            ("number", "DOUBLE", text.to_owned())
        } else if date(text).is_some() {
            ("date", "DATE", format!("'{text}'"))
        } else if moment(text).is_some() {
            ("date with a time", "TIMESTAMP", format!("'{text}'"))
        } else {
            return Ok(());
        };
        let (name, ident, op) = (&column.name, ident(&column.name), op.sign());
        Err(Fault::new(
            format!(
                "column `{name}` is text{}: `{op}` would compare it with '{text}' letter by letter",
                self.why_text(column, what)
            ),
            format!(
                "TRY_CAST({ident} AS {dtype}) {op} {written} compares each {what} and leaves out what is none; \
                 CAST({ident} AS VARCHAR) {op} '{text}' compares letters"
            ),
        ))
    }

    /// A comparison of dates that are not in ISO 8601 format.
    fn foreign_order(&self, term: &Term, column: &Column, op: Comparison, other: &Term) -> Fault {
        let found = self.cells(column).find(|(_, cell)| is_foreign_date(cell));
        let example = found.map_or_else(String::new, |(row, cell)| {
            format!(
                " ({:?} in row {} of the source is not a date like 2025-01-31)",
                cut(cell),
                self.table.source_row[row]
            )
        });
        let (value, op) = (term.spell(), op.sign());
        let against = match other.string() {
            Some(text) => format!("'{text}'"),
            None => format!("column {}", other.spell()),
        };
        Fault::new(
            format!(
                "{}{example}: `{op}` would compare it with {against} letter by letter",
                side(term)
            ),
            format!(
                "give the date format, DATE({value}, '%d/%m/%Y') {op} '2025-01-31' (%d day, %m month, %Y year); \
                 CAST({value} AS VARCHAR) {op} {} compares letters",
                other.spell()
            ),
        )
    }

    /// Whether the first value of a text column is a date in another format than ISO 8601.
    fn begins_with_foreign_date(&self, column: &Column) -> bool {
        let first = self.cells(column).next();
        first.is_some_and(|(_, cell)| is_foreign_date(cell))
    }

    /// The values of a text column with their rows, without words for "no value".
    fn cells<'a>(&'a self, column: &'a Column) -> impl Iterator<Item = (usize, &'a str)> {
        let cells = strings(&column.values).into_iter().flatten().enumerate();
        cells.filter_map(|(row, cell)| {
            let cell = cell.map(str::trim).filter(|cell| !cell.is_empty())?;
            (!is_null_word(cell, self.null_words)).then_some((row, cell))
        })
    }

    /// An example value that shows why a text column is not of the type `what`.
    fn why_text(&self, column: &Column, what: &str) -> String {
        let fits = |cell: &str| match what {
            "number" => decimal(cell).is_some(),
            "date" => date(cell).is_some(),
            _ => moment(cell).is_some(),
        };
        if arrow::array::Array::null_count(&column.values) == self.table.rows() {
            return " and has no values".to_owned();
        }
        let odd = self.cells(column).find(|(_, cell)| !fits(cell));
        odd.map_or_else(String::new, |(row, cell)| {
            format!(
                " ({:?} in row {} of the source is not a {what})",
                cut(cell),
                self.table.source_row[row]
            )
        })
    }
}

/// The first characters of a value.
pub fn cut(cell: &str) -> String {
    cell.chars().take(40).collect()
}

/// A replacement for `left sign right`.
fn remedy(left: &Term, sign: &str, right: &Term) -> String {
    use Class::{Date, Moment, Number, Span, Text, TimeOfDay, Truth};
    // The literal, or its replacement, is the second operand.
    let swapped = left.literal().is_some() && right.literal().is_none();
    let (term, other) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let (class, against) = (term.class(), other.class());
    let (value, written) = (term.spell(), other.spell());
    let joined = |a: &str, b: &str| {
        if swapped {
            format!("{b} {sign} {a}")
        } else {
            format!("{a} {sign} {b}")
        }
    };
    let year = written
        .parse::<u32>()
        .ok()
        .filter(|year| (1000..=9999).contains(year));
    if matches!(sign, "+" | "-") && matches!(class, Date | Moment { .. }) && against == Number {
        return format!("give the unit: {value} {sign} INTERVAL '{written} days'");
    }
    match (class, against) {
        (Date | Moment { .. }, Number) => match year {
            Some(year) if matches!(sign, "<" | "<=" | ">" | ">=") => format!(
                "write a date in quotes, {}, or compare its year, {}",
                joined(&value, &format!("'{year}-01-01'")),
                joined(&format!("EXTRACT(YEAR FROM {value})"), &written)
            ),
            Some(_) => format!(
                "compare its year: {}",
                joined(&format!("EXTRACT(YEAR FROM {value})"), &written)
            ),
            None => format!("write a date in quotes: {}", joined(&value, "'2025-01-31'")),
        },
        (TimeOfDay, _) => format!("write a time in quotes: {}", joined(&value, "'09:30:00'")),
        (Span, _) => format!(
            "write an interval: {}",
            joined(&value, "INTERVAL '30 days'")
        ),
        (Number, Text) if other.string().is_some_and(|text| decimal(text).is_some()) => format!(
            "write the number without quotes: {}",
            joined(&value, written.trim_matches('\''))
        ),
        (Number, Text) => format!(
            "compare numbers, {}, or texts, {}",
            joined(&value, &format!("TRY_CAST({written} AS DOUBLE)")),
            joined(&format!("CAST({value} AS VARCHAR)"), &written)
        ),
        (Text, Number) => format!(
            "compare texts, {}, or numbers, {}",
            joined(&value, &format!("'{written}'")),
            joined(&format!("TRY_CAST({value} AS DOUBLE)"), &written)
        ),
        (Number, Truth) if matches!(other.literal(), Some(Literal::Truth(_))) => {
            format!("write {value} <> 0")
        }
        (Truth, _) => format!("write {value} or NOT {value}, or compare it with TRUE or FALSE"),
        (Text, Truth) => format!(
            "compare texts: {}",
            joined(&value, &format!("'{}'", written.to_lowercase()))
        ),
        (Text, Date) => format!(
            "compare dates: {}",
            joined(&format!("TRY_CAST({value} AS DATE)"), &written)
        ),
        (Text, Moment { .. }) => format!(
            "compare times: {}",
            joined(&format!("TRY_CAST({value} AS TIMESTAMP)"), &written)
        ),
        (Date | Moment { .. }, Date | Moment { .. }) => format!(
            "remove the time zone: CAST({} AS TIMESTAMP) gives the time in UTC",
            if against == (Moment { zoned: true }) {
                &written
            } else {
                &value
            }
        ),
        _ => "compare values of one type; CAST(... AS VARCHAR) gives text, TRY_CAST(... AS DOUBLE) a number".to_owned(),
    }
}
