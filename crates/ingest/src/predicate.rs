//! `--where`: a condition in SQL, its types checked before it is applied.
//!
//! Polars makes two types meet where it can: a date compared with a number counts days since 1970, and where a text
//! cannot be a date, nothing says so. Here each operator and function of the parsed condition is asked for the types of
//! its operands, which the columns decide, and what would be converted unsaid is refused with the way to write it. Only
//! a text literal beside a date or a time is converted, and has to be one.

use polars::chunked_array::cast::CastOptions;
use polars::prelude::{
    AggExpr, AnyValue, BooleanFunction, DataFrame, DataType, DataTypeExpr, Expr, Field,
    Float64Chunked, FunctionExpr, Int32Chunked, Int64Chunked, IntoColumn, IntoLazy, IntoSeries,
    LiteralValue, NULL, NewChunkedArray, Operator, PlSmallStr, PolarsError, PolarsResult, Scalar,
    Schema, Series, StringChunked, StringFunction, TemporalFunction, TimeUnit, UnknownKind, lit,
};

use crate::error::Error;
use crate::formats::Kind;
use crate::formats::binary::guard;
use crate::names::{nearest, some};
use crate::table::{Column, Table};
use crate::types::{date, decimal, is_null_word, moment, time_of_day};

/// For each row whether `predicate`, a condition in SQL, holds. A condition that is null does not hold, and a value that
/// is not a number (NaN) is null. `null_words` stand for "no value".
pub fn holds(table: &Table, predicate: &str, null_words: &[String]) -> Result<Vec<bool>, Error> {
    let names = table.names();
    let fail = |fault: Fault| Error::Predicate {
        predicate: predicate.to_owned(),
        fault: fault.fact,
        remedy: fault.remedy,
        columns: some(&names),
    };
    let plain = |fact: String| fail(Fault { fact, remedy: None });
    let condition =
        guard(|| polars::sql::sql_expr(predicate)).map_err(|fact| fail(unread(fact)))?;
    let roots = condition.clone().meta().root_names();
    for root in &roots {
        if root.starts_with("_POLARS_TMP") {
            return Err(plain("it asks another table".to_owned()));
        }
        if !names.iter().any(|name| *name == root.as_str()) {
            return Err(Error::NoColumn {
                column: root.to_string(),
                option: "--where",
                columns: some(&names),
                nearest: nearest(root, &names).map(str::to_owned),
            });
        }
    }
    let usable = table.columns.iter().filter(|column| {
        column.kind != Kind::Vectors || roots.iter().any(|root| root.as_str() == column.name)
    });
    let series = usable.map(|column| numbers(&column.series).into_column());
    let frame =
        DataFrame::new(table.rows(), series.collect()).map_err(|error| plain(error.to_string()))?;
    let checker = Checker {
        table,
        schema: frame.schema().as_ref().clone(),
        null_words,
    };
    let condition = checker.check(condition).map_err(fail)?;
    let answer = guard(|| frame.lazy().select([condition.alias("keep")]).collect());
    let answer = answer.map_err(plain)?;
    let answer = answer
        .columns()
        .first()
        .map(|column| column.as_materialized_series().clone());
    let answer = answer.ok_or_else(|| plain("it is no condition".to_owned()))?;
    let truths = answer
        .bool()
        .map_err(|_| plain(format!("it gives {}, no truth value", answer.dtype())))?;
    match truths.len() {
        length if length == table.rows() => {
            Ok(truths.iter().map(|truth| truth == Some(true)).collect())
        }
        // A condition over no column, or over a whole column at once.
        1 => Ok(vec![truths.get(0) == Some(true); table.rows()]),
        length => Err(plain(format!(
            "it gives {length} answers for {} rows",
            table.rows()
        ))),
    }
}

/// What Polars says of a condition that it cannot read.
fn unread(fact: String) -> Fault {
    if fact.contains("while building Series") {
        Fault::new(
            "a list beside IN holds values of more than one type",
            "write them alike: 1.0 beside 2.5, and texts and dates in single quotes",
        )
    } else if fact.contains("array element") {
        Fault::new(
            "a list beside IN may hold values alone, no columns and no formulas",
            "write comparisons joined by OR",
        )
    } else {
        Fault { fact, remedy: None }
    }
}

/// A column as conditions see it: not a number is no value, as in a delimited file.
fn numbers(series: &Series) -> Series {
    match series.f64() {
        Ok(floats) if floats.iter().flatten().any(f64::is_nan) => {
            let values = floats
                .iter()
                .map(|value| value.filter(|value| !value.is_nan()));
            Float64Chunked::from_iter_options(series.name().clone(), values).into_series()
        }
        _ => series.clone(),
    }
}

/// What is wrong with a condition, and what to write instead.
struct Fault {
    fact: String,
    remedy: Option<String>,
}

impl Fault {
    fn new(fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            fact: fact.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// What values are, as far as operators tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
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
    fn of(dtype: &DataType) -> Self {
        match dtype {
            DataType::Boolean => Self::Truth,
            DataType::String
            | DataType::Categorical(..)
            | DataType::Enum(..)
            | DataType::Unknown(UnknownKind::Str) => Self::Text,
            DataType::Date => Self::Date,
            DataType::Datetime(_, zone) => Self::Moment {
                zoned: zone.is_some(),
            },
            DataType::Time => Self::TimeOfDay,
            DataType::Duration(_) => Self::Span,
            DataType::Null => Self::Null,
            DataType::Unknown(UnknownKind::Int(_) | UnknownKind::Float) => Self::Number,
            dtype if dtype.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }

    fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::Moment { .. } | Self::TimeOfDay)
    }

    /// With its article, as it stands after "is".
    fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "text",
            Self::Truth => "a truth value",
            Self::Date => "a date",
            Self::Moment { zoned: false } => "a date with a time and no zone",
            Self::Moment { zoned: true } => "a date with a time in UTC",
            Self::TimeOfDay => "a time of day",
            Self::Span => "a span of time",
            Self::Null => "NULL",
            Self::Other => "no single value",
        }
    }
}

/// Knows the types of the columns.
struct Checker<'a> {
    table: &'a Table,
    schema: Schema,
    null_words: &'a [String],
}

impl Checker<'_> {
    /// The condition with its literals converted.
    fn check(&self, condition: Expr) -> Result<Expr, Fault> {
        let mut fault = None;
        let checked = guard(|| {
            condition.try_map_expr(|node| {
                self.node(node).map_err(|found| {
                    fault = Some(found);
                    PolarsError::ComputeError("refused".into())
                })
            })
        });
        checked.map_err(|fact| fault.unwrap_or(Fault { fact, remedy: None }))
    }

    /// One operator or function, whose operands are checked.
    fn node(&self, node: Expr) -> Result<Expr, Fault> {
        match node {
            Expr::BinaryExpr { left, op, right } => {
                let (left, right) = (unwrapped(left), unwrapped(right));
                let (left, right) = self.operands(left, op, right)?;
                Ok(Expr::BinaryExpr {
                    left: left.into(),
                    op,
                    right: right.into(),
                })
            }
            Expr::Ternary {
                predicate,
                truthy,
                falsy,
            } => {
                let (truthy, falsy) = self.alike(unwrapped(truthy), unwrapped(falsy))?;
                self.needs(&predicate, Class::Truth, "the condition of a choice")?;
                Ok(Expr::Ternary {
                    predicate,
                    truthy: truthy.into(),
                    falsy: falsy.into(),
                })
            }
            Expr::Cast {
                expr,
                dtype: DataTypeExpr::Literal(dtype),
                options,
            } => self.cast(unwrapped(expr), &dtype, options),
            Expr::Agg(ref aggregate) => {
                let (AggExpr::Sum(summed)
                | AggExpr::Std(summed, _)
                | AggExpr::Var(summed, _)
                | AggExpr::Mean(summed)
                | AggExpr::Median(summed)) = aggregate
                else {
                    return Ok(node);
                };
                match self.class(summed)? {
                    Class::Number | Class::Truth | Class::Span => Ok(node),
                    class => Err(Self::misapplied(summed, class, "SUM, AVG and their like")),
                }
            }
            Expr::Function { input, function } => self.function(input, function),
            node => Ok(node),
        }
    }

    fn class(&self, expr: &Expr) -> Result<Class, Fault> {
        Ok(Class::of(&self.dtype(expr)?))
    }

    fn dtype(&self, expr: &Expr) -> Result<DataType, Fault> {
        guard(|| expr.to_field(&self.schema))
            .map(|field| field.dtype().clone())
            .map_err(|fact| Fault { fact, remedy: None })
    }

    /// The operands of `op`, as they are to be compared or reckoned with.
    fn operands(&self, left: Expr, op: Operator, right: Expr) -> Result<(Expr, Expr), Fault> {
        use Class::{Date, Moment, Null, Number, Span, Text, Truth};
        use Operator as Op;
        let classes = (self.class(&left)?, self.class(&right)?);
        match op {
            Op::EqValidity | Op::NotEqValidity if classes.0 == Null || classes.1 == Null => {
                Ok((left, right))
            }
            Op::Eq
            | Op::NotEq
            | Op::EqValidity
            | Op::NotEqValidity
            | Op::Lt
            | Op::LtEq
            | Op::Gt
            | Op::GtEq => {
                if classes.0 == Null || classes.1 == Null {
                    let value = if classes.0 == Null { &right } else { &left };
                    let value = spelled(value).unwrap_or_else(|| "...".to_owned());
                    return Err(Fault::new(
                        format!("`{}` beside NULL holds for no row", sign(op)),
                        format!("write {value} IS NULL or {value} IS NOT NULL"),
                    ));
                }
                if matches!(op, Op::Lt | Op::LtEq | Op::Gt | Op::GtEq) {
                    self.check_order(&left, op, &right)?;
                    self.check_order(&right, op, &left)?;
                }
                let met = self.meet(left.clone(), right.clone())?;
                met.ok_or_else(|| self.mismatch(&left, op, &right, classes))
            }
            Op::And | Op::Or | Op::Xor | Op::LogicalAnd | Op::LogicalOr => match classes {
                (Truth, Truth) | (Number, Number) => Ok((left, right)),
                (class, _) if class != Truth => Err(Self::no_condition(&left, class)),
                (_, class) => Err(Self::no_condition(&right, class)),
            },
            _ => match (classes.0, op, classes.1) {
                (Number, _, Number)
                | (Text, Op::Plus, Text)
                | (Span, Op::Plus | Op::Minus | Op::TrueDivide | Op::RustDivide, Span)
                | (Span, Op::Multiply | Op::TrueDivide | Op::RustDivide, Number)
                | (Number, Op::Multiply, Span)
                | (Date | Moment { .. }, Op::Plus | Op::Minus, Span)
                | (Span, Op::Plus, Date | Moment { .. }) => Ok((left, right)),
                (Date | Moment { .. }, Op::Minus, _) => {
                    let met = self.meet(left.clone(), right.clone())?;
                    met.ok_or_else(|| self.mismatch(&left, op, &right, classes))
                }
                _ => Err(self.mismatch(&left, op, &right, classes)),
            },
        }
    }

    /// Both as values of one type, a text literal beside a date or a time as such; `None` if their types do not meet.
    fn meet(&self, left: Expr, right: Expr) -> Result<Option<(Expr, Expr)>, Fault> {
        let types = (self.dtype(&left)?, self.dtype(&right)?);
        let classes = (Class::of(&types.0), Class::of(&types.1));
        Ok(match classes {
            (Class::Other, Class::Other) if types.0 != types.1 => None,
            // Polars would cut the finer unit off.
            (Class::Moment { zoned }, Class::Moment { zoned: other }) if zoned == other => {
                let finer = |dtype: &DataType, other: &DataType| match (dtype, other) {
                    (DataType::Datetime(unit, zone), DataType::Datetime(other, _))
                        if unit != other && *unit != TimeUnit::Nanoseconds =>
                    {
                        Some(DataType::Datetime(TimeUnit::Nanoseconds, zone.clone()))
                    }
                    _ => None,
                };
                let fine = |expr: Expr, dtype: Option<DataType>| match dtype {
                    Some(dtype) => expr.strict_cast(dtype),
                    None => expr,
                };
                let (a, b) = (finer(&types.0, &types.1), finer(&types.1, &types.0));
                Some((fine(left, a), fine(right, b)))
            }
            (a, b) if a == b => Some((left, right)),
            (Class::Date, Class::Moment { zoned: false })
            | (Class::Moment { zoned: false }, Class::Date) => Some((left, right)),
            (class, Class::Text) if class.is_temporal() => match string(&right) {
                Some(text) => {
                    let right = Self::temporal(text, &types.0, &left)?;
                    Some((left, right))
                }
                None => None,
            },
            (Class::Text, class) if class.is_temporal() => match string(&left) {
                Some(text) => {
                    let left = Self::temporal(text, &types.1, &right)?;
                    Some((left, right))
                }
                None => None,
            },
            _ => None,
        })
    }

    /// Both as results of one choice: of one type, or NULL.
    fn alike(&self, left: Expr, right: Expr) -> Result<(Expr, Expr), Fault> {
        let classes = (self.class(&left)?, self.class(&right)?);
        if classes.0 == Class::Null || classes.1 == Class::Null {
            return Ok((left, right));
        }
        let met = self.meet(left.clone(), right.clone())?;
        met.ok_or_else(|| {
            Fault::new(
                format!(
                    "{}, and {}: a choice between them has no type",
                    Self::side(&left, classes.0),
                    Self::side(&right, classes.1)
                ),
                "make them values of one type: CAST(... AS VARCHAR) gives text, CAST(... AS DOUBLE) a number",
            )
        })
    }

    fn cast(&self, expr: Expr, dtype: &DataType, options: CastOptions) -> Result<Expr, Fault> {
        use Class::{Date, Moment, Null, Number, Other, Text, TimeOfDay, Truth};
        let (from, to) = (self.class(&expr)?, Class::of(dtype));
        match (from, to) {
            (Text, to) if to.is_temporal() => {
                if let Some(text) = string(&expr) {
                    return literal(text, dtype).ok_or_else(|| no_literal(text, to, None));
                }
                Ok(parsed(expr, dtype, options == CastOptions::Strict))
            }
            // What `NOT` makes of its operand, and what is cast by hand.
            (Text, Truth) if options == CastOptions::Strict => Err(Self::no_condition(&expr, from)),
            (from, to)
                if from == to
                    || from == Null
                    || from == Other
                    || matches!((from, to), (Text, _) | (_, Text | Other))
                    || matches!((from, to), (Number, Truth) | (Truth, Number))
                    || matches!((from, to), (Date | Moment { .. }, Date | Moment { .. }))
                    || matches!((from, to), (Moment { .. }, TimeOfDay)) =>
            {
                let cast = Expr::Cast {
                    expr: expr.into(),
                    dtype: DataTypeExpr::Literal(dtype.clone()),
                    options,
                };
                let spells_nan = from == Text && dtype.is_float();
                Ok(if spells_nan {
                    cast.fill_nan(lit(NULL))
                } else {
                    cast
                })
            }
            (from, Truth) => Err(Self::no_condition(&expr, from)),
            (from, to) => {
                let value = spelled(&expr).unwrap_or_else(|| "...".to_owned());
                let remedy = if from.is_temporal() && to == Number {
                    format!("take a part of it: EXTRACT(YEAR FROM {value})")
                } else {
                    "leave the CAST out".to_owned()
                };
                let fact = format!(
                    "{}, which is not cast to {}",
                    Self::side(&expr, from),
                    to.name()
                );
                Err(Fault::new(fact, remedy))
            }
        }
    }

    fn function(&self, input: Vec<Expr>, function: FunctionExpr) -> Result<Expr, Fault> {
        use FunctionExpr as F;
        let mut input = input;
        match &function {
            F::Boolean(BooleanFunction::IsIn { .. }) => self.is_in(&mut input)?,
            F::Boolean(BooleanFunction::Not) => {
                // Polars casts the operand of NOT; one that is cast by hand is cast twice.
                if let Expr::Cast { expr, options, .. } = &input[0]
                    && *options == CastOptions::Strict
                    && self.class(expr)? == Class::Number
                {
                    return Err(Self::no_condition(expr, Class::Number));
                }
                let class = self.class(&input[0])?;
                if !matches!(class, Class::Truth | Class::Number | Class::Null) {
                    return Err(Self::no_condition(&input[0], class));
                }
            }
            F::StringExpr(StringFunction::Strptime(dtype, options)) if options.format.is_none() => {
                let strict = if options.strict {
                    CastOptions::Strict
                } else {
                    CastOptions::NonStrict
                };
                if let Some(dtype) = dtype.as_literal() {
                    self.needs(&input[0], Class::Text, TEXT_FUNCTIONS)?;
                    return self.cast(input.swap_remove(0), dtype, strict);
                }
            }
            F::StringExpr(named) => {
                for (argument, class) in input.iter().zip(arguments(named)) {
                    if let Some(class) = class {
                        self.needs(argument, class, TEXT_FUNCTIONS)?;
                    }
                }
            }
            F::TemporalExpr(named) => {
                let class = self.class(&input[0])?;
                let span = class == Class::Span && *named != TemporalFunction::OffsetBy;
                if !class.is_temporal() && !span {
                    let what = "EXTRACT, STRFTIME and INTERVAL, which are for dates and times,";
                    return Err(Self::misapplied(&input[0], class, what));
                }
            }
            F::Coalesce | F::FillNull | F::MaxHorizontal | F::MinHorizontal => {
                for at in 1..input.len() {
                    let pair = self.alike(input[0].clone(), input[at].clone())?;
                    (input[0], input[at]) = pair;
                }
            }
            F::Abs
            | F::Negate
            | F::Pow(_)
            | F::Trigonometry(_)
            | F::Atan2
            | F::Sign
            | F::Log
            | F::Log1p
            | F::Exp
            | F::Round { .. }
            | F::RoundSF { .. }
            | F::Truncate { .. }
            | F::Floor
            | F::Ceil
            | F::Clip { .. } => {
                for argument in &input {
                    let class = self.class(argument)?;
                    if !matches!(class, Class::Number | Class::Null) {
                        return Err(Self::misapplied(argument, class, NUMBER_FUNCTIONS));
                    }
                }
            }
            _ => {}
        }
        Ok(Expr::Function { input, function })
    }

    /// `x IN (...)`: the list holds values of the type of `x`.
    fn is_in(&self, input: &mut [Expr]) -> Result<(), Fault> {
        let [value, set] = input else {
            return Ok(());
        };
        let Some(list) = list(set) else {
            return Err(Fault::new(
                "ANY and ALL are not known here",
                "write x IN (1, 2), or comparisons joined by OR",
            ));
        };
        if list.null_count() > 0 {
            let value = spelled(value).unwrap_or_else(|| "...".to_owned());
            return Err(Fault::new(
                "a list beside IN holds NULL, or a date that is none: no value is equal to it",
                format!("leave it out of the list, and write OR {value} IS NULL"),
            ));
        }
        let dtype = self.dtype(value)?;
        let (class, listed) = (Class::of(&dtype), Class::of(list.dtype()));
        let list = match (class, listed) {
            (class, Class::Text) if class.is_temporal() => {
                let texts = list.str().map_err(|error| fault(&error))?;
                let cells: Result<Vec<Option<i64>>, Fault> = texts
                    .iter()
                    .flatten()
                    .map(|text| match physical(text, &dtype) {
                        Some(count) => Ok(Some(count)),
                        None => Err(no_literal(text, class, Some(&Self::side(value, class)))),
                    })
                    .collect();
                series(PlSmallStr::EMPTY, cells?.into_iter(), &dtype)
            }
            (class, listed) if class == listed && class != Class::Other => {
                if matches!(dtype, DataType::Decimal(..)) {
                    // A list of floats would be rounded to the decimals of the column.
                    *value = value.clone().cast(DataType::Float64);
                }
                list
            }
            (class, listed) => {
                let first = list.get(0).map_err(|error| fault(&error))?.into_static();
                let first = lit(Scalar::new(list.dtype().clone(), first));
                return Err(self.mismatch(value, Operator::Eq, &first, (class, listed)));
            }
        };
        *set = lit(list).implode(false);
        Ok(())
    }

    /// Refuses to order a column of text by letters beside what is a number or a date.
    fn check_order(&self, column: &Expr, op: Operator, literal: &Expr) -> Result<(), Fault> {
        let (Expr::Column(name), Some(text)) = (column, string(literal)) else {
            return Ok(());
        };
        let Some(column) = self
            .table
            .find(name)
            .filter(|column| matches!(Class::of(column.series.dtype()), Class::Text))
        else {
            return Ok(());
        };
        let (what, dtype, written) = if decimal(text).is_some() {
            ("number", "DOUBLE", text.to_owned())
        } else if date(text).is_some() {
            ("date", "DATE", format!("'{text}'"))
        } else if moment(text).is_some() {
            ("date with a time", "TIMESTAMP", format!("'{text}'"))
        } else {
            return Ok(());
        };
        let (ident, op) = (ident(name), sign(op));
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

    /// Why a column of text is none of `what`, where a value tells.
    fn why_text(&self, column: &Column, what: &str) -> String {
        let fits = |cell: &str| match what {
            "number" => decimal(cell).is_some(),
            "date" => date(cell).is_some(),
            _ => moment(cell).is_some(),
        };
        let Ok(cells) = column.series.str() else {
            return String::new();
        };
        if cells.null_count() == cells.len() {
            return ", and holds no value".to_owned();
        }
        let odd = cells.iter().enumerate().find_map(|(row, cell)| {
            let cell = cell.map(str::trim).filter(|cell| !cell.is_empty())?;
            (!fits(cell) && !is_null_word(cell, self.null_words)).then_some((row, cell))
        });
        odd.map_or_else(String::new, |(row, cell)| {
            let cut: String = cell.chars().take(40).collect();
            format!(
                " ({cut:?} in row {} of the source is no {what})",
                self.table.source_row[row]
            )
        })
    }

    /// A text beside a value of type `dtype`, as one of that type.
    fn temporal(text: &str, dtype: &DataType, beside: &Expr) -> Result<Expr, Fault> {
        let class = Class::of(dtype);
        literal(text, dtype)
            .ok_or_else(|| no_literal(text, class, Some(&Self::side(beside, class))))
    }

    fn needs(&self, expr: &Expr, class: Class, what: &str) -> Result<(), Fault> {
        match self.class(expr)? {
            found if found == class || found == Class::Null => Ok(()),
            found if class == Class::Truth => Err(Self::no_condition(expr, found)),
            found => Err(Self::misapplied(expr, found, what)),
        }
    }

    /// An operand for the reader: what it is.
    fn side(expr: &Expr, class: Class) -> String {
        match expr {
            Expr::Column(name) => format!("column `{name}` is {}", class.name()),
            expr => match spelled(expr) {
                Some(literal) if class == Class::Null => literal,
                Some(literal) => format!("{literal} is {}", class.name()),
                None => format!("an expression is {}", class.name()),
            },
        }
    }

    fn misapplied(expr: &Expr, class: Class, what: &str) -> Fault {
        let value = spelled(expr).unwrap_or_else(|| "...".to_owned());
        let remedy = match class {
            Class::Date | Class::Moment { .. } if what == TEXT_FUNCTIONS => format!(
                "compare it with a date in quotes, {value} >= '2025-01-31', take a part, EXTRACT(YEAR FROM {value}), \
                 or make it text: CAST({value} AS VARCHAR)"
            ),
            _ if what == TEXT_FUNCTIONS => format!("make it text: CAST({value} AS VARCHAR)"),
            Class::Text if what == NUMBER_FUNCTIONS => {
                format!("make it a number: TRY_CAST({value} AS DOUBLE)")
            }
            Class::Text => format!("make it a date: TRY_CAST({value} AS DATE)"),
            _ => "leave the function out".to_owned(),
        };
        Fault::new(
            format!(
                "{}, and {what} {}",
                Self::side(expr, class),
                "cannot be applied to it"
            ),
            remedy,
        )
    }

    fn no_condition(expr: &Expr, class: Class) -> Fault {
        let value = spelled(expr).unwrap_or_else(|| "...".to_owned());
        let remedy = match class {
            Class::Number => format!("write {value} <> 0"),
            Class::Text => format!("write a comparison: {value} = 'true'"),
            _ => format!("write a comparison, or {value} IS NOT NULL"),
        };
        let fact = format!(
            "{} where AND, OR and NOT need a condition",
            Self::side(expr, class)
        );
        Fault::new(fact, remedy)
    }

    /// Two types that `op` does not join.
    fn mismatch(&self, left: &Expr, op: Operator, right: &Expr, classes: (Class, Class)) -> Fault {
        let told = |expr: &Expr, class: Class, other: Class| {
            let what = match other {
                Class::Number => "number",
                Class::Date => "date",
                Class::Moment { .. } => "date with a time",
                _ => return Self::side(expr, class),
            };
            let column = match expr {
                Expr::Column(name) if class == Class::Text => self.table.find(name),
                _ => None,
            };
            let why = column.map(|column| self.why_text(column, what));
            Self::side(expr, class) + &why.unwrap_or_default()
        };
        let fact = format!(
            "{}, and {}: `{}` does not join them",
            told(left, classes.0, classes.1),
            told(right, classes.1, classes.0),
            sign(op)
        );
        Fault::new(fact, remedy(left, op, right, classes))
    }
}

const TEXT_FUNCTIONS: &str = "LIKE or a function of texts";
const NUMBER_FUNCTIONS: &str = "a function of numbers";

/// What to write instead of `left op right`.
fn remedy(left: &Expr, op: Operator, right: &Expr, classes: (Class, Class)) -> String {
    use Class::{Date, Moment, Number, Span, Text, TimeOfDay, Truth};
    let spell = |expr: &Expr| spelled(expr).unwrap_or_else(|| "...".to_owned());
    // The literal, or what stands in its place, comes second.
    let swapped = matches!(left, Expr::Literal(_)) && !matches!(right, Expr::Literal(_));
    let (value, other) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let (class, against) = if swapped {
        (classes.1, classes.0)
    } else {
        classes
    };
    let (value, written) = (spell(value), spell(other));
    let op = sign(op);
    let joined = |a: &str, b: &str| {
        if swapped {
            format!("{b} {op} {a}")
        } else {
            format!("{a} {op} {b}")
        }
    };
    let year = written
        .parse::<u32>()
        .ok()
        .filter(|year| (1000..=9999).contains(year));
    if matches!(op, "+" | "-") && matches!(class, Date | Moment { .. }) && against == Number {
        return format!("name the unit: {value} {op} INTERVAL '{written} days'");
    }
    match (class, against) {
        (Date | Moment { .. }, Number) => match year {
            Some(year) if matches!(op, "<" | "<=" | ">" | ">=") => format!(
                "write a date in quotes, {}, or compare its year, {}",
                joined(&value, &format!("'{year}-01-01'")),
                joined(&format!("EXTRACT(YEAR FROM {value})"), &written)
            ),
            Some(_) => format!(
                "compare its year: {}",
                joined(&format!("EXTRACT(YEAR FROM {value})"), &written)
            ),
            None => format!(
                "write a date in quotes: {}",
                joined(&value, "'2025-01-31'")
            ),
        },
        (TimeOfDay, _) => format!("write a time in quotes: {}", joined(&value, "'09:30:00'")),
        (Span, _) => format!(
            "write a span of time: {}",
            joined(&value, "INTERVAL '30 days'")
        ),
        (Number, Text) if string(other).is_some_and(|text| decimal(text).is_some()) => format!(
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
            "take the zone away: CAST({} AS TIMESTAMP), which is its time in UTC",
            if against == (Moment { zoned: true }) {
                &written
            } else {
                &value
            }
        ),
        _ => "compare values of one type; CAST(... AS VARCHAR) gives text, TRY_CAST(... AS DOUBLE) a number".to_owned(),
    }
}

/// What the arguments of a function of texts have to be; `None` for anything.
fn arguments(function: &StringFunction) -> [Option<Class>; 3] {
    use Class::{Number, Text};
    match function {
        StringFunction::Format { .. }
        | StringFunction::ConcatHorizontal { .. }
        | StringFunction::ConcatVertical { .. } => [None; 3],
        StringFunction::Slice
        | StringFunction::Head
        | StringFunction::Tail
        | StringFunction::PadStart { .. }
        | StringFunction::PadEnd { .. }
        | StringFunction::ZFill => [Some(Text), Some(Number), Some(Number)],
        _ => [Some(Text); 3],
    }
}

/// A text that has to be a date or a time, and is none.
fn no_literal(text: &str, class: Class, beside: Option<&str>) -> Fault {
    let beside = beside.map_or_else(String::new, |beside| format!("{beside}, and "));
    let (what, remedy) = match class {
        Class::Date => ("no date", "write a date as '2025-01-31'"),
        Class::TimeOfDay => ("no time of day", "write a time as '09:30:00'"),
        Class::Moment { zoned: true } => (
            "no date with a time",
            "write it as '2025-01-31T09:30:00Z', '2025-01-31 09:30:00+02:00', or '2025-01-31' for its begin in UTC",
        ),
        _ => (
            "no date with a time and without a zone",
            "write it as '2025-01-31 09:30:00', or '2025-01-31' for its begin",
        ),
    };
    Fault::new(format!("{beside}'{text}' is {what}"), remedy)
}

fn fault(error: &PolarsError) -> Fault {
    Fault {
        fact: error.to_string(),
        remedy: None,
    }
}

/// `text` as a literal of the date or time type `dtype`.
fn literal(text: &str, dtype: &DataType) -> Option<Expr> {
    let count = physical(text, dtype)?;
    let series = series(PlSmallStr::EMPTY, std::iter::once(Some(count)), dtype);
    let value = series.get(0).ok()?.into_static();
    Some(lit(Scalar::new(dtype.clone(), value)))
}

/// Texts as values of the date or time type `dtype`, by the forms that columns are found by.
fn parsed(texts: Expr, dtype: &DataType, strict: bool) -> Expr {
    let (inner, outer) = (dtype.clone(), dtype.clone());
    let parse = move |column: polars::prelude::Column| -> PolarsResult<polars::prelude::Column> {
        let strings: &StringChunked = column.as_materialized_series().str()?;
        let counts: PolarsResult<Vec<Option<i64>>> = strings
            .iter()
            .map(|cell| match cell.map(str::trim) {
                None => Ok(None),
                Some(text) => match physical(text, &inner) {
                    None if strict => Err(PolarsError::ComputeError(
                        format!(
                            "{text:?} is not {}; TRY_CAST takes such values for NULL",
                            Class::of(&inner).name()
                        )
                        .into(),
                    )),
                    count => Ok(count),
                },
            })
            .collect();
        let name = column.name().clone();
        Ok(series(name, counts?.into_iter(), &inner).into_column())
    };
    texts.map(parse, move |_, field| {
        Ok(Field::new(field.name().clone(), outer.clone()))
    })
}

/// `text` as the number that stands for it in a column of type `dtype`: days, or units of time.
fn physical(text: &str, dtype: &DataType) -> Option<i64> {
    match dtype {
        DataType::Date => date(text).map(i64::from),
        DataType::Time => time_of_day(text),
        DataType::Datetime(unit, zone) => {
            let nanos = if let Some(days) = date(text) {
                i128::from(days) * 86_400 * 1_000_000_000
            } else {
                let (nanos, zoned) = moment(text)?;
                (!zoned || zone.is_some()).then_some(nanos)?
            };
            let size = match unit {
                TimeUnit::Nanoseconds => 1,
                TimeUnit::Microseconds => 1_000,
                TimeUnit::Milliseconds => 1_000_000,
            };
            (nanos % size == 0)
                .then(|| i64::try_from(nanos / size).ok())
                .flatten()
        }
        _ => None,
    }
}

/// A column of the date or time type `dtype`.
fn series(name: PlSmallStr, counts: impl Iterator<Item = Option<i64>>, dtype: &DataType) -> Series {
    if *dtype == DataType::Date {
        let days = counts.map(|count| count.and_then(|count| i32::try_from(count).ok()));
        return Int32Chunked::from_iter_options(name, days)
            .into_date()
            .into_series();
    }
    let counts = Int64Chunked::from_iter_options(name, counts);
    match dtype {
        DataType::Datetime(unit, zone) => counts.into_datetime(*unit, zone.clone()).into_series(),
        _ => counts.into_time().into_series(),
    }
}

/// The list beside IN.
fn list(set: &Expr) -> Option<Series> {
    match set {
        Expr::Agg(AggExpr::Implode { input, .. }) => match input.as_ref() {
            Expr::Literal(LiteralValue::Series(series)) => Some((**series).clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a literal.
fn string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(literal) => literal.extract_str(),
        _ => None,
    }
}

/// A column or a literal as it is written in SQL.
fn spelled(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(name) => Some(ident(name)),
        Expr::Literal(literal) => Some(match literal.to_any_value()? {
            AnyValue::Null => "NULL".to_owned(),
            AnyValue::Boolean(true) => "TRUE".to_owned(),
            AnyValue::Boolean(false) => "FALSE".to_owned(),
            AnyValue::String(text) => format!("'{text}'"),
            AnyValue::StringOwned(text) => format!("'{text}'"),
            AnyValue::Duration(..) => return None,
            value if value.dtype().is_temporal() => format!("'{value}'"),
            value => value.to_string(),
        }),
        // `-5` is 0 - 5 by now.
        Expr::BinaryExpr {
            left,
            op: Operator::Minus,
            right,
        } if spelled(left).as_deref() == Some("0") => match right.as_ref() {
            Expr::Literal(_) => spelled(right).map(|number| format!("-{number}")),
            _ => None,
        },
        _ => None,
    }
}

/// The name of a column as SQL takes it.
fn ident(name: &str) -> String {
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // Words of SQL itself, such as `when` and `date`, may or may not stand for a column.
    let column = || {
        let read = guard(|| polars::sql::sql_expr(name));
        matches!(read, Ok(Expr::Column(found)) if found == name)
    };
    if word && column() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// An operator as it is written in SQL.
fn sign(op: Operator) -> &'static str {
    match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::EqValidity => "IS NOT DISTINCT FROM",
        Operator::NotEqValidity => "IS DISTINCT FROM",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        Operator::Plus => "+",
        Operator::Minus => "-",
        Operator::Multiply => "*",
        Operator::RustDivide | Operator::TrueDivide => "/",
        Operator::FloorDivide => "//",
        Operator::Modulus => "%",
        Operator::And | Operator::LogicalAnd => "AND",
        Operator::Or | Operator::LogicalOr => "OR",
        Operator::Xor => "XOR",
    }
}

fn unwrapped(expr: std::sync::Arc<Expr>) -> Expr {
    std::sync::Arc::unwrap_or_clone(expr)
}
