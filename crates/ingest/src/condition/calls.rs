//! Function calls: resolves the function, checks its arguments, and gives the type of its result.

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast;

use super::Fault;
use super::check::cast;
use super::checker::Checker;
use super::functions::{Argument, Function, Returns, find, is_part};
use super::literals::number;
use super::messages::{DATE_FUNCTIONS, NUMBER_FUNCTIONS, TEXT_FUNCTIONS, misapplied, side};
use super::operators::{alike, needs};
use super::parse::{OWN_ROW, string, unsupported};
use super::predicates::matches;
use super::term::{CastFailure, Class, Comparison, Literal, Node, Operation, Term};
use crate::names::nearest;

/// Aggregate functions: of numbers, and of any type.
const SUMS: [&str; 13] = [
    "avg",
    "corr",
    "covar",
    "covar_pop",
    "covar_samp",
    "median",
    "stddev",
    "stddev_samp",
    "sum",
    "total",
    "var",
    "var_samp",
    "variance",
];
const AGGREGATES: [&str; 13] = [
    "array_agg",
    "any_value",
    "bool_and",
    "bool_or",
    "count",
    "first",
    "group_concat",
    "last",
    "max",
    "min",
    "quantile_cont",
    "quantile_disc",
    "string_agg",
];
const WINDOWS: [&str; 9] = [
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

impl Checker<'_> {
    /// Functions, and SQL constructs with their own syntax that are functions.
    pub fn call(&self, expr: &ast::Expr) -> Result<Term, Fault> {
        use ast::Expr as E;
        match expr {
            E::Function(function) => self.function(function),
            E::Extract { field, expr, .. } => self.extract(&field.to_string(), self.term(expr)?),
            E::Ceil { expr, .. } => self.named("ceil", vec![self.term(expr)?]),
            E::Floor { expr, .. } => self.named("floor", vec![self.term(expr)?]),
            E::Position { expr, r#in } => {
                self.named("strpos", vec![self.term(r#in)?, self.term(expr)?])
            }
            E::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let from = substring_from.as_ref().map(|from| self.term(from));
                let mut arguments = vec![
                    self.term(expr)?,
                    from.transpose()?.unwrap_or_else(|| number("1")),
                ];
                if let Some(length) = substring_for {
                    arguments.push(self.term(length)?);
                }
                self.named("substr", arguments)
            }
            E::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "trim",
                };
                let mut arguments = vec![self.term(expr)?];
                let listed = trim_characters.iter().flatten();
                for letters in trim_what.as_deref().into_iter().chain(listed) {
                    arguments.push(self.term(letters)?);
                }
                self.named(name, arguments)
            }
            other => Err(unsupported(other)),
        }
    }

    fn function(&self, function: &ast::Function) -> Result<Term, Fault> {
        let name = function.name.to_string().to_lowercase();
        let shown = name.to_uppercase();
        if function.over.is_some() || WINDOWS.contains(&name.as_str()) {
            return Err(Fault::new(
                format!("the window function {shown} looks at other rows"),
                OWN_ROW,
            ));
        }
        let mut arguments = Vec::new();
        match &function.args {
            ast::FunctionArguments::None => {}
            ast::FunctionArguments::Subquery(_) => {
                return Err(Fault::new(
                    "a query in parentheses cannot be used in a condition",
                    OWN_ROW,
                ));
            }
            ast::FunctionArguments::List(list) => {
                for argument in &list.args {
                    match argument {
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => {
                            arguments.push(expr);
                        }
                        ast::FunctionArg::Unnamed(_) if name == "count" => {}
                        _ => {
                            return Err(Fault::new(
                                format!("an argument of {shown} is not a value"),
                                "give positional arguments without names",
                            ));
                        }
                    }
                }
            }
        }
        let unit = |expr: &ast::Expr| match expr {
            ast::Expr::Value(value) => string(&value.value).map(str::to_owned),
            ast::Expr::Identifier(ident) => Some(ident.value.clone()),
            _ => None,
        };
        if name == "date_part"
            && let [part, value] = arguments[..]
            && let Some(part) = unit(part)
        {
            return self.extract(&part, self.term(value)?);
        }
        if name == "if"
            && let [condition, truthy, falsy] = arguments[..]
        {
            let condition = self.condition(condition)?;
            let (results, dtype) = alike(vec![self.term(truthy)?, self.term(falsy)?])?;
            let mut results = results.into_iter();
            let branch = results.next().map(|truthy| (condition, truthy));
            let node = Node::Case(branch.into_iter().collect(), results.next().map(Box::new));
            return Ok(Term::new(node, dtype));
        }
        let arguments: Result<Vec<Term>, Fault> = arguments
            .into_iter()
            .map(|argument| self.term(argument))
            .collect();
        self.named(&name, arguments?)
    }

    /// `name(arguments)`.
    pub fn named(&self, name: &str, mut arguments: Vec<Term>) -> Result<Term, Fault> {
        let shown = name.to_uppercase();
        if SUMS.contains(&name) || AGGREGATES.contains(&name) {
            for argument in &arguments {
                let fits = matches!(argument.class(), Class::Number | Class::Truth | Class::Null);
                if SUMS.contains(&name) && !fits {
                    return Err(misapplied(argument, "SUM, AVG and their like"));
                }
            }
            return Err(Fault::new(
                format!(
                    "{shown} is an aggregate of all rows, but a condition is evaluated per row"
                ),
                OWN_ROW,
            ));
        }
        let number_of = |fits: bool, expected: &str| {
            if fits {
                Ok(())
            } else {
                Err(arity(&shown, expected))
            }
        };
        match name {
            "coalesce" | "ifnull" | "nvl" => {
                number_of(!arguments.is_empty(), "at least one value")?;
                let (values, dtype) = alike(arguments)?;
                Ok(Term::new(Node::Coalesce(values), dtype))
            }
            "greatest" | "least" => {
                number_of(!arguments.is_empty(), "at least one value")?;
                let (values, dtype) = alike(arguments)?;
                let op = if name == "greatest" {
                    Comparison::Gt
                } else {
                    Comparison::Lt
                };
                Ok(Term::new(Node::Extreme(op, values), dtype))
            }
            "nullif" => {
                number_of(arguments.len() == 2, "two values")?;
                let (value, other) = (arguments.swap_remove(0), arguments.swap_remove(0));
                let dtype = value.dtype.clone();
                let equal = self.compare(&value, Comparison::Eq, &other)?;
                let null = Term::new(Node::Literal(Literal::Null), dtype.clone());
                let otherwise = Some(Box::new(value.cast(dtype.clone())));
                Ok(Term::new(Node::Case(vec![(equal, null)], otherwise), dtype))
            }
            "regexp_like" => {
                number_of((2..=3).contains(&arguments.len()), "a text and a pattern")?;
                let ignore_case = match arguments.get(2).map(Term::string) {
                    None | Some(Some("")) => false,
                    Some(Some("i")) => true,
                    _ => {
                        return Err(Fault::new(
                            "REGEXP_LIKE has unknown flags",
                            "write 'i' to ignore upper and lower case",
                        ));
                    }
                };
                matches(arguments[0].clone(), &arguments[1], ignore_case)
            }
            "mod" | "div" | "bitand" | "bit_and" | "bitor" | "bit_or" | "bitxor" | "bit_xor" => {
                number_of(arguments.len() == 2, "two numbers")?;
                let op = match name {
                    "mod" => Operation::Modulo,
                    "div" => Operation::IntegerDivide,
                    "bitand" | "bit_and" => Operation::BitAnd,
                    "bitor" | "bit_or" => Operation::BitOr,
                    _ => Operation::BitXor,
                };
                let right = arguments.swap_remove(1);
                self.arithmetic(arguments.swap_remove(0), op, right)
            }
            "date" | "timestamp" | "datetime" if arguments.len() == 1 => {
                let dtype = if name == "date" {
                    DataType::Date32
                } else {
                    DataType::Timestamp(TimeUnit::Microsecond, None)
                };
                cast(arguments.swap_remove(0), &dtype, CastFailure::Error)
            }
            name => match find(name) {
                Some(function) => apply(function, arguments),
                None => Err(unknown(name)),
            },
        }
    }

    /// `EXTRACT(part FROM term)`.
    fn extract(&self, part: &str, term: Term) -> Result<Term, Fault> {
        let part = part.to_lowercase();
        if !is_part(&part) {
            return Err(Fault::new(
                format!("{} is not a part of a date or a time", part.to_uppercase()),
                "take YEAR, QUARTER, MONTH, WEEK, DAY, DOW, ISODOW, DOY, HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND or EPOCH",
            ));
        }
        let time = matches!(
            part.as_str(),
            "hour" | "minute" | "second" | "millisecond" | "microsecond" | "nanosecond"
        );
        if term.class() == Class::TimeOfDay && !time {
            return Err(Fault::new(
                format!("{}, which has no {}", side(&term), part.to_uppercase()),
                "take HOUR, MINUTE or SECOND",
            ));
        }
        let part = Term::new(Node::Literal(Literal::Text(part)), DataType::LargeUtf8);
        self.named("date_part", vec![part, term])
    }
}

fn arity(shown: &str, expected: &str) -> Fault {
    Fault::new(
        format!("{shown} has the wrong number of arguments"),
        format!("give it {expected}"),
    )
}

fn unknown(name: &str) -> Fault {
    let known = super::functions::names();
    let remedy = match nearest(name, &known) {
        Some(known) => format!("did you mean {}?", known.to_uppercase()),
        None => "functions of texts: LENGTH, LOWER, UPPER, TRIM, SUBSTR, STRPOS, REPLACE, STARTS_WITH; of numbers: ABS, ROUND, \
                 FLOOR, CEIL, MOD; of dates: EXTRACT, STRFTIME, DATE; of any values: COALESCE, NULLIF, GREATEST, LEAST"
            .to_owned(),
    };
    Fault::new(
        format!("there is no function {}", name.to_uppercase()),
        remedy,
    )
}

/// `function(arguments)`, if the arguments are valid.
fn apply(function: &'static Function, arguments: Vec<Term>) -> Result<Term, Fault> {
    let most = function.arguments.len();
    let fits = function.repeats || arguments.len() <= most;
    if arguments.len() < function.required || !fits {
        let expected = match (function.required, most) {
            (1, 1) => "one value".to_owned(),
            (least, most) if least == most => format!("{most} values"),
            (least, most) => format!("{least} to {most} values"),
        };
        return Err(arity(&function.name.to_uppercase(), &expected));
    }
    let mut terms = Vec::with_capacity(arguments.len());
    for (at, term) in arguments.into_iter().enumerate() {
        let expected = function.arguments[at.min(most - 1)];
        terms.push(argument(term, expected)?);
    }
    let dtype = match function.returns {
        Returns::Same => terms[0].dtype.clone(),
        Returns::Whole => DataType::Int64,
        Returns::Number => DataType::Float64,
        Returns::Text => DataType::LargeUtf8,
        Returns::Truth => DataType::Boolean,
        Returns::Date => DataType::Date32,
        Returns::Moment => DataType::Timestamp(TimeUnit::Microsecond, None),
    };
    Ok(Term::new(Node::Call(function, terms), dtype))
}

fn argument(term: Term, expected: Argument) -> Result<Term, Fault> {
    match expected {
        Argument::Any => Ok(term.cast(DataType::LargeUtf8)),
        Argument::Text => {
            needs(&term, Class::Text, TEXT_FUNCTIONS)?;
            Ok(term)
        }
        Argument::Number => {
            needs(&term, Class::Number, NUMBER_FUNCTIONS)?;
            Ok(term)
        }
        Argument::Whole => {
            needs(&term, Class::Number, NUMBER_FUNCTIONS)?;
            if matches!(term.dtype, DataType::Int64 | DataType::Null) {
                Ok(term)
            } else {
                Err(Fault::new(
                    format!("{}, but a whole number is needed", side(&term)),
                    format!("make it a whole number: CAST({} AS BIGINT)", term.spell()),
                ))
            }
        }
        Argument::Temporal => match term.class() {
            class if class.is_temporal() || class == Class::Null => Ok(term),
            _ => Err(misapplied(&term, DATE_FUNCTIONS)),
        },
    }
}
