//! A condition with resolved names and types.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

use super::functions::Function;
use super::parse;

/// An expression with its type. Texts have 64-bit offsets, integers 64 bits, timestamps no time zone or UTC.
#[derive(Debug, Clone)]
pub struct Term {
    pub node: Node,
    pub dtype: DataType,
}

/// An expression without its type.
#[derive(Debug, Clone)]
pub enum Node {
    /// A column of the table: its index and its name.
    Column(usize, String),
    Literal(Literal),
    /// AND: evaluated from left to right, each operand only for the rows that are still undecided.
    All(Vec<Term>),
    /// OR, likewise.
    Any(Vec<Term>),
    Xor(Box<Term>, Box<Term>),
    Not(Box<Term>),
    Compare(Comparison, Box<Term>, Box<Term>),
    /// IS NOT DISTINCT FROM: equal, or both null.
    Same(Box<Term>, Box<Term>),
    IsNull(Box<Term>),
    /// IS TRUE or IS FALSE.
    Is(Box<Term>, bool),
    In(Box<Term>, Vec<Term>),
    Arithmetic(Operation, Box<Term>, Box<Term>),
    /// A text and the pattern of Arrow's LIKE, in which a backslash escapes.
    Like {
        text: Box<Term>,
        pattern: String,
        ignore_case: bool,
    },
    /// A text and a regular expression.
    Matches {
        text: Box<Term>,
        pattern: String,
        ignore_case: bool,
    },
    /// CASE: the result of the first true condition.
    Case(Vec<(Term, Term)>, Option<Box<Term>>),
    /// COALESCE: the first value that is not null.
    Coalesce(Vec<Term>),
    /// GREATEST (`Gt`) or LEAST (`Lt`) of the values that are not null.
    Extreme(Comparison, Vec<Term>),
    /// CAST, or `TRY_CAST`, which gives null for values that cannot be converted.
    Cast(Box<Term>, CastFailure),
    Call(&'static Function, Vec<Term>),
}

/// The result of a cast of a value that cannot be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastFailure {
    Error,
    Null,
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Truth(bool),
    /// A number as written; its type follows from the other operand.
    Number(String),
    Text(String),
    /// A date or a time: its physical value, and its text as written.
    Temporal(i64, String),
    Span(Span),
}

/// An interval: calendar months, days of 24 hours, nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub months: i32,
    pub days: i32,
    pub nanos: i64,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

/// A binary operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

impl Comparison {
    /// The operator in SQL.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }

    pub fn is_order(self) -> bool {
        !matches!(self, Self::Eq | Self::NotEq)
    }
}

impl Operation {
    /// The operator in SQL.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::IntegerDivide => "//",
            Self::Modulo => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
        }
    }
}

/// Classes of types that operators distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Number,
    Text,
    Truth,
    Date,
    Moment { zoned: bool },
    TimeOfDay,
    Span,
    Null,
    Other,
}

impl Class {
    pub fn of(dtype: &DataType) -> Self {
        match dtype {
            DataType::Boolean => Self::Truth,
            DataType::LargeUtf8 => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, zone) => Self::Moment {
                zoned: zone.is_some(),
            },
            DataType::Time64(_) => Self::TimeOfDay,
            DataType::Duration(_) | DataType::Interval(_) => Self::Span,
            DataType::Null => Self::Null,
            dtype if dtype.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }

    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::Moment { .. } | Self::TimeOfDay)
    }

    /// The name with its article, for use after "is".
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "text",
            Self::Truth => "a truth value",
            Self::Date => "a date",
            Self::Moment { zoned: false } => "a date with a time and no time zone",
            Self::Moment { zoned: true } => "a date with a time in UTC",
            Self::TimeOfDay => "a time of day",
            Self::Span => "an interval",
            Self::Null => "NULL",
            Self::Other => "not a single value",
        }
    }
}

/// The type of an interval that may have months.
pub const SPAN: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// The type of the difference between two dates or timestamps.
pub const DIFFERENCE: DataType = DataType::Duration(TimeUnit::Nanosecond);

impl Term {
    pub fn new(node: Node, dtype: DataType) -> Self {
        Self { node, dtype }
    }

    pub fn truth(node: Node) -> Self {
        Self::new(node, DataType::Boolean)
    }

    pub fn not(self) -> Self {
        Self::truth(Node::Not(Box::new(self)))
    }

    pub fn class(&self) -> Class {
        Class::of(&self.dtype)
    }

    /// Converted to `dtype`; a value that does not fit is an error.
    pub fn cast(self, dtype: DataType) -> Self {
        if self.dtype == dtype {
            return self;
        }
        Self::new(Node::Cast(Box::new(self), CastFailure::Error), dtype)
    }

    pub fn literal(&self) -> Option<&Literal> {
        match &self.node {
            Node::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The text of a literal.
    pub fn string(&self) -> Option<&str> {
        match self.literal() {
            Some(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A column or a literal in SQL.
    pub fn spelled(&self) -> Option<String> {
        match &self.node {
            Node::Column(_, name) => Some(ident(name)),
            Node::Literal(literal) => Some(match literal {
                Literal::Null => "NULL".to_owned(),
                Literal::Truth(true) => "TRUE".to_owned(),
                Literal::Truth(false) => "FALSE".to_owned(),
                Literal::Number(number) => number.clone(),
                Literal::Text(text) | Literal::Temporal(_, text) => {
                    format!("'{}'", text.replace('\'', "''"))
                }
                Literal::Span(_) => return None,
            }),
            _ => None,
        }
    }

    /// The SQL of a column or a literal, else dots.
    pub fn spell(&self) -> String {
        self.spelled().unwrap_or_else(|| "...".to_owned())
    }
}

/// The column name in SQL, quoted if necessary.
pub fn ident(name: &str) -> String {
    if parse::is_plain_name(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
