//! The operand types and result types of operators.

use arrow::datatypes::{DataType, TimeUnit};

use super::Fault;
use super::checker::Checker;
use super::literals::{DIGITS, exact, finest, fixed, no_temporal, temporal};
use super::messages::{beside_null, misapplied, no_choice, side};
use super::term::{Class, Comparison, DIFFERENCE, Literal, Node, Operation, SPAN, Span, Term};

impl Checker<'_> {
    /// `left op right`.
    pub fn compare(&self, left: &Term, op: Comparison, right: &Term) -> Result<Term, Fault> {
        if left.class() == Class::Null || right.class() == Class::Null {
            return Err(beside_null(left, op.sign(), right));
        }
        if op.is_order() {
            self.values().check_order(left, op, right)?;
            self.values().check_order(right, op, left)?;
        }
        let (left, right) = self.joined(left, op.sign(), right)?;
        Ok(Term::truth(Node::Compare(op, left.into(), right.into())))
    }

    /// `left IS [NOT] DISTINCT FROM right`.
    pub fn distinct(&self, left: Term, right: Term, negated: bool) -> Result<Term, Fault> {
        let sign = if negated {
            "IS NOT DISTINCT FROM"
        } else {
            "IS DISTINCT FROM"
        };
        let same = match (left.class(), right.class()) {
            (Class::Null, _) => Node::IsNull(right.into()),
            (_, Class::Null) => Node::IsNull(left.into()),
            _ => {
                let (left, right) = self.joined(&left, sign, &right)?;
                Node::Same(left.into(), right.into())
            }
        };
        let same = Term::truth(same);
        Ok(if negated { same } else { same.not() })
    }

    /// Both operands converted to comparable types, or an error.
    pub fn joined(&self, left: &Term, sign: &str, right: &Term) -> Result<(Term, Term), Fault> {
        match unify(left, right)? {
            Some(joined) => Ok(joined),
            None => Err(self.values().mismatch(left, sign, right)),
        }
    }

    /// `left op right`, where `op` gives a value.
    pub fn arithmetic(&self, left: Term, op: Operation, right: Term) -> Result<Term, Fault> {
        use Class::{Date, Moment, Null, Number, Span, Text};
        use Operation as Op;
        let bits = matches!(op, Op::BitAnd | Op::BitOr | Op::BitXor);
        let made = |dtype: DataType, left: Term, right: Term| {
            let node = Node::Arithmetic(op, left.into(), right.into());
            Ok(Term::new(node, dtype))
        };
        match (left.class(), op, right.class()) {
            (Number, _, Number) if bits => {
                for operand in [&left, &right] {
                    if operand.dtype != DataType::Int64 {
                        return Err(Fault::new(
                            format!("{}, but `{}` needs whole numbers", side(operand), op.sign()),
                            format!(
                                "make it a whole number: CAST({} AS BIGINT)",
                                operand.spell()
                            ),
                        ));
                    }
                }
                made(DataType::Int64, left, right)
            }
            (Number, _, Number) => {
                let dtype = result(&left, op, &right);
                let (left, right) = match dtype {
                    DataType::Decimal128(..) => (as_decimal(left), as_decimal(right)),
                    _ => (left.cast(dtype.clone()), right.cast(dtype.clone())),
                };
                made(dtype, left, right)
            }
            (Text, Op::Add, Text) => Ok(concatenated(left, right)),
            (Date | Moment { .. }, Op::Add | Op::Subtract, Span) if right.dtype == SPAN => {
                let whole_days =
                    matches!(right.literal(), Some(Literal::Span(span)) if span.nanos == 0);
                let dtype = match &left.dtype {
                    DataType::Date32 if !whole_days => {
                        DataType::Timestamp(TimeUnit::Microsecond, None)
                    }
                    dtype => dtype.clone(),
                };
                made(dtype.clone(), left.cast(dtype), right)
            }
            (Span, Op::Add, Date | Moment { .. }) if left.dtype == SPAN => {
                self.arithmetic(right, op, left)
            }
            (Span, Op::Add | Op::Subtract, Span) => {
                let (left, right) = (of_fixed_length(&left)?, of_fixed_length(&right)?);
                made(DIFFERENCE, left, right)
            }
            (Date | Moment { .. }, Op::Subtract, class) if class != Number && class != Null => {
                let (left, right) = self.joined(&left, op.sign(), &right)?;
                made(DIFFERENCE, left, right)
            }
            (Null, _, _) | (_, _, Null) => Err(beside_null(&left, op.sign(), &right)),
            _ => Err(self.values().mismatch(&left, op.sign(), &right)),
        }
    }
}

/// The results of CASE or COALESCE, converted to one type.
pub fn alike(terms: Vec<Term>) -> Result<(Vec<Term>, DataType), Fault> {
    let mut dtype = DataType::Null;
    let mut first: Option<Term> = None;
    for term in terms.iter().filter(|term| term.class() != Class::Null) {
        let Some(known) = &first else {
            dtype = term.dtype.clone();
            first = Some(term.clone());
            continue;
        };
        let met = unify(known, term)?;
        let Some((left, right)) = met else {
            return Err(no_choice(known, term));
        };
        let of_text = known.class() == Class::Text && right.class() != Class::Text;
        dtype = if of_text {
            right.dtype
        } else {
            common(&dtype, &right.dtype).unwrap_or(left.dtype)
        };
        if first
            .as_ref()
            .is_some_and(|first| first.class() == Class::Text)
        {
            first = Some(term.clone());
        }
    }
    let cast = |term: Term| -> Result<Term, Fault> {
        if let Some(text) = term.string().filter(|_| Class::of(&dtype).is_temporal()) {
            let class = Class::of(&dtype);
            let literal = temporal(text, &dtype);
            return literal.ok_or_else(|| no_temporal(text, class, None));
        }
        Ok(term.cast(dtype.clone()))
    };
    let terms: Result<Vec<Term>, Fault> = terms.into_iter().map(cast).collect();
    Ok((terms?, dtype.clone()))
}

/// Rejects all classes but `class` and NULL; `what` describes the functions that need it.
pub fn needs(term: &Term, class: Class, what: &str) -> Result<(), Fault> {
    match term.class() {
        found if found == class || found == Class::Null => Ok(()),
        _ => Err(misapplied(term, what)),
    }
}

/// Both operands converted to comparable types; a text literal compared with a date or a time is parsed. `None` if the types
/// are not comparable.
pub fn unify(left: &Term, right: &Term) -> Result<Option<(Term, Term)>, Fault> {
    let classes = (left.class(), right.class());
    let pair = || Some((left.clone(), right.clone()));
    Ok(match classes {
        (Class::Other, Class::Other) => None,
        (Class::Number, Class::Number) => Some((beside(left, right), beside(right, left))),
        (Class::Span, Class::Span) => Some((of_fixed_length(left)?, of_fixed_length(right)?)),
        (a, b) if a == b => pair(),
        (Class::Date, Class::Moment { zoned: false })
        | (Class::Moment { zoned: false }, Class::Date) => pair(),
        (class, Class::Text) if class.is_temporal() => match right.string() {
            Some(text) => Some((left.clone(), as_temporal(text, left)?)),
            None => None,
        },
        (Class::Text, class) if class.is_temporal() => match left.string() {
            Some(text) => Some((as_temporal(text, right)?, right.clone())),
            None => None,
        },
        _ => None,
    })
}

/// A text literal compared with a date or time, as a value of that type.
fn as_temporal(text: &str, beside: &Term) -> Result<Term, Fault> {
    let class = beside.class();
    // Compared with a column, a literal needs no finer unit than the column.
    let found = match beside.node {
        Node::Column(..) => temporal(text, &beside.dtype),
        _ => finest(text, &beside.dtype),
    };
    found.ok_or_else(|| no_temporal(text, class, Some(&side(beside))))
}

/// A number literal in the type for comparison with `other`: a 32- or 16-bit float if `other` is one, exact if `other` is
/// exact.
fn beside(term: &Term, other: &Term) -> Term {
    let Some(Literal::Number(text)) = term.literal() else {
        return term.clone();
    };
    let whole = term.dtype == DataType::Int64;
    match (&other.dtype, exact(text)) {
        // 0.1 means the nearest f32, but integers are exact.
        (DataType::Float32 | DataType::Float16, _) if !whole => {
            Term::new(term.node.clone(), other.dtype.clone())
        }
        (DataType::Int64 | DataType::Decimal128(..), Some((_, scale))) if !whole => {
            Term::new(term.node.clone(), DataType::Decimal128(DIGITS, scale as i8))
        }
        _ => term.clone(),
    }
}

/// The type of `left op right` for numbers.
fn result(left: &Term, op: Operation, right: &Term) -> DataType {
    use DataType::{Decimal128, Float16, Float32, Float64, Int64};
    let is_literal = |term: &Term| matches!(term.literal(), Some(Literal::Number(_)));
    let single = |term: &Term| matches!(term.dtype, Float32 | Float16);
    match (&left.dtype, &right.dtype) {
        (Int64, Int64) => Int64,
        _ if (single(left) && (single(right) || is_literal(right)))
            || (single(right) && is_literal(left)) =>
        {
            Float32
        }
        (Decimal128(..), _) | (_, Decimal128(..)) if op != Operation::Divide => {
            let scale = |term: &Term| match (&term.dtype, term.literal()) {
                (_, Some(Literal::Number(text))) => exact(text).map(|(_, scale)| scale as i8),
                (Int64, _) => Some(0),
                (Decimal128(_, scale), _) => Some(*scale),
                _ => None,
            };
            match (scale(left), scale(right)) {
                (Some(a), Some(b)) if op == Operation::Multiply && a + b <= 38 => {
                    Decimal128(DIGITS, a + b)
                }
                (Some(a), Some(b)) if op != Operation::Multiply => Decimal128(DIGITS, a.max(b)),
                _ => Float64,
            }
        }
        _ => Float64,
    }
}

/// A number in exact arithmetic, as a decimal.
fn as_decimal(term: Term) -> Term {
    let literal = match term.literal() {
        Some(Literal::Number(text)) => exact(text),
        _ => None,
    };
    match (literal, &term.dtype) {
        (Some((_, scale)), _) => Term::new(term.node, DataType::Decimal128(DIGITS, scale as i8)),
        (None, DataType::Int64) => term.cast(DataType::Decimal128(DIGITS, 0)),
        _ => term,
    }
}

/// The common type of two numbers, two timestamps, or a date and a timestamp.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Date32, Decimal128, Float64, Int64, Timestamp};
    Some(match (a, b) {
        _ if a == b => a.clone(),
        (Int64, Decimal128(_, scale)) | (Decimal128(_, scale), Int64) => Decimal128(DIGITS, *scale),
        (Decimal128(_, a), Decimal128(_, b)) => Decimal128(DIGITS, *a.max(b)),
        (a, b) if a.is_numeric() && b.is_numeric() => Float64,
        (Timestamp(_, zone), Timestamp(_, _)) => Timestamp(TimeUnit::Nanosecond, zone.clone()),
        (Date32, moment @ Timestamp(..)) | (moment @ Timestamp(..), Date32) => moment.clone(),
        _ => return None,
    })
}

/// `left || right`.
pub fn concatenated(left: Term, right: Term) -> Term {
    let both = [left, right].map(|term| term.cast(DataType::LargeUtf8));
    Term::new(
        Node::Call(super::functions::concatenation(), both.into()),
        DataType::LargeUtf8,
    )
}

/// An interval of fixed length, which excludes months.
fn of_fixed_length(term: &Term) -> Result<Term, Fault> {
    let Some(Literal::Span(span)) = term.literal() else {
        return Ok(term.clone());
    };
    let nanos = fixed(*span).ok_or_else(|| {
        Fault::new(
            "an interval with months or years has no fixed length",
            "give it in days: INTERVAL '30 days'",
        )
    })?;
    let span = Span {
        nanos,
        ..Default::default()
    };
    Ok(Term::new(Node::Literal(Literal::Span(span)), DIFFERENCE))
}
