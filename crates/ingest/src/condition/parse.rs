//! Parses a condition into its syntax tree, and names unsupported constructs.

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::{self, ExactNumberInfo, TimezoneInfo, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use super::Fault;
use crate::convert::UTC;

/// Maximum number of operators and keywords between two of AND and OR: a chain of them is as deep as it is long, and is
/// checked and evaluated by recursion. The values of a list do not count.
const MAX_OPERATORS: usize = 500;

/// The expression in `sql`.
pub fn condition(sql: &str) -> Result<ast::Expr, Fault> {
    let tokens = Tokenizer::new(&GenericDialect, sql)
        .tokenize_with_location()
        .map_err(|error| unread(&error.into()))?;
    let chains = tokens.split(|token| is_connective(&token.token));
    let operators = chains.map(|chain| {
        let tokens = chain.iter();
        tokens.filter(|token| is_operator(&token.token)).count()
    });
    if let Some(operators) = operators.max().filter(|&most| most > MAX_OPERATORS) {
        return Err(Fault::new(
            format!("it has {operators} operators in one comparison, more than {MAX_OPERATORS}"),
            "compute the value before, or write comparisons joined by AND and OR",
        ));
    }
    let mut parser = Parser::new(&GenericDialect).with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr().map_err(|error| unread(&error))?;
    match parser.peek_token().token {
        Token::EOF => Ok(parsed),
        token => Err(Fault::bare(format!(
            "`{token}` after the condition cannot be read"
        ))),
    }
}

fn is_connective(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Comma | Token::LParen | Token::RParen | Token::Whitespace(_) | Token::Number(..) => {
            false
        }
        token => !matches!(token, Token::SingleQuotedString(_)),
    }
}

fn unread(error: &ParserError) -> Fault {
    match error {
        ParserError::ParserError(fact) | ParserError::TokenizerError(fact) => {
            let fact = fact.strip_prefix("Expected: ").map_or_else(
                || fact.clone(),
                |rest| format!("expected {}", rest.replace("found: EOF", "found its end")),
            );
            Fault::bare(fact)
        }
        ParserError::RecursionLimitExceeded => Fault::new(
            "it is nested too deeply",
            "write fewer parentheses within each other",
        ),
    }
}

/// Whether `name` is a column in SQL without quotes.
pub fn is_plain_name(name: &str) -> bool {
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // SQL keywords, such as `when` and `date`, may not be parsed as columns.
    word && matches!(condition(name), Ok(ast::Expr::Identifier(found)) if found.value == name)
}

/// The text of a quoted literal.
pub fn string(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text)
        | Value::TripleSingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::SingleQuotedRawStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(text),
        Value::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

/// The type of a CAST or a typed literal.
pub fn data_type(dtype: &ast::DataType) -> Result<DataType, Fault> {
    use ast::DataType as Sql;
    let unknown = || {
        Fault::new(
            format!("the type {dtype} is not supported"),
            "cast to BIGINT, DOUBLE, REAL, DECIMAL(p, s), VARCHAR, BOOLEAN, DATE, TIME or TIMESTAMP",
        )
    };
    Ok(match dtype {
        Sql::TinyInt(_)
        | Sql::Int2(_)
        | Sql::Int4(_)
        | Sql::Int8(_)
        | Sql::Int16
        | Sql::Int32
        | Sql::Int64
        | Sql::SmallInt(_)
        | Sql::MediumInt(_)
        | Sql::Int(_)
        | Sql::Integer(_)
        | Sql::BigInt(_)
        | Sql::Signed
        | Sql::SignedInteger => DataType::Int64,
        Sql::Real | Sql::Float4 | Sql::Float32 => DataType::Float32,
        Sql::Float(_) | Sql::Float8 | Sql::Float64 | Sql::Double(_) | Sql::DoublePrecision => {
            DataType::Float64
        }
        Sql::Decimal(info) | Sql::Numeric(info) | Sql::Dec(info) => match *info {
            ExactNumberInfo::None => DataType::Decimal128(38, 9),
            ExactNumberInfo::Precision(precision @ 1..=38) => {
                DataType::Decimal128(precision as u8, 0)
            }
            ExactNumberInfo::PrecisionAndScale(precision @ 1..=38, scale)
                if (0..=precision as i64).contains(&scale) =>
            {
                DataType::Decimal128(precision as u8, scale as i8)
            }
            _ => return Err(unknown()),
        },
        Sql::Varchar(None)
        | Sql::Char(None)
        | Sql::Character(None)
        | Sql::CharacterVarying(None)
        | Sql::CharVarying(None)
        | Sql::Nvarchar(None)
        | Sql::String(None)
        | Sql::Text => DataType::LargeUtf8,
        Sql::Varchar(_) | Sql::Char(_) | Sql::Character(_) | Sql::CharacterVarying(_) => {
            return Err(Fault::new(
                format!("{dtype} would truncate texts"),
                "cast to VARCHAR, or truncate with SUBSTR(..., 1, n)",
            ));
        }
        Sql::Boolean | Sql::Bool => DataType::Boolean,
        Sql::Date | Sql::Date32 => DataType::Date32,
        Sql::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Time64(TimeUnit::Nanosecond)
        }
        Sql::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
        | Sql::TimestampNtz(_)
        | Sql::Datetime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Sql::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
        }
        _ => return Err(unknown()),
    })
}

/// The error for an unsupported construct, with its remedy.
pub fn unsupported(expr: &ast::Expr) -> Fault {
    use ast::Expr as E;
    let (what, remedy) = match expr {
        E::Exists { .. } => ("EXISTS with a query", OWN_ROW),
        E::Subquery(_) | E::InSubquery { .. } => ("a query in parentheses", OWN_ROW),
        E::InUnnest { .. } => ("IN UNNEST", "write x IN (1, 2)"),
        E::AnyOp { .. } | E::AllOp { .. } => (
            "ANY or ALL",
            "write x IN (1, 2), or comparisons joined by OR",
        ),
        E::SimilarTo { .. } => (
            "SIMILAR TO",
            "write a LIKE pattern, or a regular expression: x ~ '^a|b$'",
        ),
        E::Collate { .. } => (
            "COLLATE",
            "texts are compared by their characters; write LOWER(x) to ignore upper and lower case",
        ),
        E::AtTimeZone { .. } => (
            "AT TIME ZONE",
            "timestamps with a time zone are in UTC: compare them with a literal that has an offset, '2025-01-31 09:30:00+02:00'",
        ),
        E::JsonAccess { .. } | E::CompoundFieldAccess { .. } => (
            "access to a part of a value",
            "nested values are JSON text: write a LIKE pattern",
        ),
        E::Array(_) | E::Tuple(_) | E::Struct { .. } | E::Dictionary(_) | E::Map(_) => (
            "a list of values",
            "write x IN (1, 2), or comparisons joined by AND and OR",
        ),
        E::Convert { .. } => ("CONVERT", "write CAST(x AS type)"),
        E::Overlay { .. } => ("OVERLAY", "write REPLACE, or SUBSTR and ||"),
        E::IsNormalized { .. } => ("IS NORMALIZED", "remove it"),
        E::MatchAgainst { .. } => ("MATCH AGAINST", "write a LIKE pattern"),
        E::MemberOf(_) => ("MEMBER OF", "write x IN (1, 2)"),
        E::Wildcard(_) | E::QualifiedWildcard(..) => {
            ("`*` for all columns", "write the columns one by one")
        }
        E::Lambda(_) => ("a lambda function", "write the formula itself"),
        E::GroupingSets(_) | E::Cube(_) | E::Rollup(_) => ("grouping", OWN_ROW),
        E::OuterJoin(_) | E::Prior(_) => ("a join", OWN_ROW),
        E::Prefixed { .. } => ("a literal with a prefix", "write a text in single quotes"),
        _ => ("this construct", "write comparisons joined by AND and OR"),
    };
    Fault::new(format!("{what} cannot be used in a condition"), remedy)
}

/// The remedy for conditions that need more than the columns of one row.
pub const OWN_ROW: &str = "a condition compares the columns of one row with each other and with literals: compute other values first, and \
     write them as literals";
