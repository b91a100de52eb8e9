//! From the syntax tree to a term: resolves names and types, and rejects type errors.

use arrow::datatypes::DataType;
use sqlparser::ast::{self, BinaryOperator, CastKind, UnaryOperator};

use super::Fault;
use super::checker::Checker;
use super::literals::{constant, literal, number, physical, span};
use super::messages::{misapplied, no_cast, no_condition};
use super::operators::alike;
use super::parse::{data_type, string};
use super::predicates::matches;
use super::term::{CastFailure, Class, Comparison, Literal, Node, Operation, Term};

impl Checker<'_> {
    /// The term of `expr`.
    pub fn term(&self, expr: &ast::Expr) -> Result<Term, Fault> {
        use ast::Expr as E;
        match expr {
            E::Nested(expr) => self.term(expr),
            E::Identifier(ident) => self.column(&ident.value),
            E::CompoundIdentifier(parts) => {
                let parts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                let name = parts.join(".");
                if self.table.find(&name).is_some() {
                    return Err(Fault::new(
                        format!("`{name}` refers to a column of another table"),
                        format!(
                            "put a column name that contains a point in double quotes: \"{name}\""
                        ),
                    ));
                }
                Err(Fault::unknown(&name))
            }
            E::Value(value) => literal(&value.value),
            E::TypedString(typed) => {
                let dtype = data_type(&typed.data_type)?;
                let text = string(&typed.value.value).unwrap_or_default();
                constant(text, &dtype)
            }
            E::Interval(interval) => self.interval(interval),
            E::IsTrue(expr) => self.is_truth(expr, true),
            E::IsFalse(expr) => self.is_truth(expr, false),
            E::IsNotTrue(expr) => Ok(self.is_truth(expr, true)?.not()),
            E::IsNotFalse(expr) => Ok(self.is_truth(expr, false)?.not()),
            E::IsNull(expr) => self.is_null(expr),
            E::IsNotNull(expr) => Ok(self.is_null(expr)?.not()),
            E::IsUnknown(expr) => self.is_unknown(expr),
            E::IsNotUnknown(expr) => Ok(self.is_unknown(expr)?.not()),
            E::IsDistinctFrom(left, right) => {
                self.distinct(self.term(left)?, self.term(right)?, false)
            }
            E::IsNotDistinctFrom(left, right) => {
                self.distinct(self.term(left)?, self.term(right)?, true)
            }
            E::InList {
                expr,
                list,
                negated,
            } => Ok(negated_if(*negated, self.is_in(expr, list)?)),
            E::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let value = self.term(expr)?;
                let above = self.compare(&value, Comparison::GtEq, &self.term(low)?)?;
                let below = self.compare(&value, Comparison::LtEq, &self.term(high)?)?;
                Ok(negated_if(
                    *negated,
                    Term::truth(Node::All(vec![above, below])),
                ))
            }
            E::Like {
                negated,
                any: false,
                expr: text,
                pattern,
                escape_char,
            }
            | E::ILike {
                negated,
                any: false,
                expr: text,
                pattern,
                escape_char,
            } => {
                let escape = escape_char.as_ref().map(|escape| &escape.value);
                let any_case = matches!(expr, E::ILike { .. });
                let like = self.like(text, pattern, escape, any_case)?;
                Ok(negated_if(*negated, like))
            }
            E::RLike {
                negated,
                expr,
                pattern,
                ..
            } => Ok(negated_if(
                *negated,
                matches(self.term(expr)?, &self.term(pattern)?, false)?,
            )),
            E::UnaryOp { op, expr } => self.unary(*op, expr),
            E::BinaryOp { left, op, right } => self.binary(expr, left, op, right),
            E::Cast {
                kind,
                expr,
                data_type: dtype,
                array: false,
                format: None,
            } => {
                let on_failure = match kind {
                    CastKind::Cast | CastKind::DoubleColon => CastFailure::Error,
                    CastKind::TryCast | CastKind::SafeCast => CastFailure::Null,
                };
                cast(self.term(expr)?, &data_type(dtype)?, on_failure)
            }
            E::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            other => self.call(other),
        }
    }

    fn column(&self, name: &str) -> Result<Term, Fault> {
        let at = self
            .table
            .columns
            .iter()
            .position(|column| column.name == name);
        let at = at.ok_or_else(|| Fault::unknown(name))?;
        let column = &self.table.columns[at];
        let dtype = match column.values.data_type() {
            DataType::UInt64 => DataType::Decimal128(20, 0),
            dtype => dtype.clone(),
        };
        Ok(Term::new(Node::Column(at, name.to_owned()), dtype))
    }

    /// `INTERVAL '1 day'`, `INTERVAL '1' DAY` or `INTERVAL 1 DAY`.
    fn interval(&self, interval: &ast::Interval) -> Result<Term, Fault> {
        let Node::Literal(Literal::Text(value) | Literal::Number(value)) =
            self.term(&interval.value)?.node
        else {
            return Err(Fault::new(
                "an INTERVAL is not a literal",
                "write whole numbers and units: INTERVAL '30 days'",
            ));
        };
        match &interval.leading_field {
            Some(unit) => span(&format!("{value} {unit}")),
            None => span(&value),
        }
    }

    /// A condition, or NULL as a condition.
    pub fn condition(&self, expr: &ast::Expr) -> Result<Term, Fault> {
        let term = self.term(expr)?;
        match term.class() {
            Class::Truth => Ok(term),
            _ => Err(no_condition(&term)),
        }
    }

    fn unary(&self, op: UnaryOperator, expr: &ast::Expr) -> Result<Term, Fault> {
        match op {
            UnaryOperator::Not | UnaryOperator::BangNot => Ok(self.condition(expr)?.not()),
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let term = self.term(expr)?;
                let minus = op == UnaryOperator::Minus;
                match (term.class(), &term.node) {
                    (Class::Number, _) if !minus => Ok(term),
                    (Class::Number, Node::Literal(Literal::Number(text))) => {
                        Ok(number(&match text.strip_prefix('-') {
                            Some(text) => text.to_owned(),
                            None => format!("-{text}"),
                        }))
                    }
                    (Class::Number, _) => self.arithmetic(number("0"), Operation::Subtract, term),
                    _ => Err(misapplied(&term, super::messages::NUMBER_FUNCTIONS)),
                }
            }
            _ => Err(Fault::new(
                format!("the operator `{op}` is not supported"),
                "write a function, such as ABS(x) or SQRT(x)",
            )),
        }
    }

    fn binary(
        &self,
        whole: &ast::Expr,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Result<Term, Fault> {
        use BinaryOperator as B;
        let comparison = match op {
            B::Eq => Some(Comparison::Eq),
            B::NotEq => Some(Comparison::NotEq),
            B::Lt => Some(Comparison::Lt),
            B::LtEq => Some(Comparison::LtEq),
            B::Gt => Some(Comparison::Gt),
            B::GtEq => Some(Comparison::GtEq),
            _ => None,
        };
        let operation = match op {
            B::Plus => Some(Operation::Add),
            B::Minus => Some(Operation::Subtract),
            B::Multiply => Some(Operation::Multiply),
            B::Divide => Some(Operation::Divide),
            B::DuckIntegerDivide | B::MyIntegerDivide => Some(Operation::IntegerDivide),
            B::Modulo => Some(Operation::Modulo),
            B::BitwiseAnd => Some(Operation::BitAnd),
            B::BitwiseOr => Some(Operation::BitOr),
            B::BitwiseXor | B::PGBitwiseXor => Some(Operation::BitXor),
            _ => None,
        };
        if let Some(op) = comparison {
            return self.compare(&self.term(left)?, op, &self.term(right)?);
        }
        if let Some(op) = operation {
            return self.arithmetic(self.term(left)?, op, self.term(right)?);
        }
        match op {
            B::And => Ok(Term::truth(Node::All(self.chain(whole, op)?))),
            B::Or => Ok(Term::truth(Node::Any(self.chain(whole, op)?))),
            B::Xor => {
                let (left, right) = (self.condition(left)?, self.condition(right)?);
                Ok(Term::truth(Node::Xor(left.into(), right.into())))
            }
            B::Spaceship => self.distinct(self.term(left)?, self.term(right)?, true),
            B::StringConcat => {
                let (left, right) = (self.term(left)?, self.term(right)?);
                Ok(super::operators::concatenated(left, right))
            }
            B::PGRegexMatch | B::Regexp => matches(self.term(left)?, &self.term(right)?, false),
            B::PGRegexIMatch => matches(self.term(left)?, &self.term(right)?, true),
            B::PGRegexNotMatch => Ok(matches(self.term(left)?, &self.term(right)?, false)?.not()),
            B::PGRegexNotIMatch => Ok(matches(self.term(left)?, &self.term(right)?, true)?.not()),
            B::PGLikeMatch => self.like(left, right, None, false),
            B::PGILikeMatch => self.like(left, right, None, true),
            B::PGNotLikeMatch => Ok(self.like(left, right, None, false)?.not()),
            B::PGNotILikeMatch => Ok(self.like(left, right, None, true)?.not()),
            B::PGStartsWith => self.named("starts_with", vec![self.term(left)?, self.term(right)?]),
            _ => Err(Fault::new(
                format!("the operator `{op}` is not supported"),
                "write comparisons (=, <>, <, <=, >, >=), arithmetic (+, -, *, /, %), LIKE, IN or BETWEEN",
            )),
        }
    }

    /// The conditions joined by a chain of `op` (AND or OR), flattened because a long chain is a deep tree.
    fn chain(&self, whole: &ast::Expr, op: &BinaryOperator) -> Result<Vec<Term>, Fault> {
        let (mut rest, mut conditions) = (whole, Vec::new());
        while let ast::Expr::BinaryOp {
            left,
            op: joined_by,
            right,
        } = rest
            && joined_by == op
        {
            conditions.push(right.as_ref());
            rest = left;
        }
        conditions.push(rest);
        conditions
            .into_iter()
            .rev()
            .map(|condition| self.condition(condition))
            .collect()
    }

    fn case(
        &self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Term, Fault> {
        let operand = operand.map(|operand| self.term(operand)).transpose()?;
        let mut branches = Vec::new();
        let mut results = Vec::new();
        for when in conditions {
            let condition = match &operand {
                Some(operand) => {
                    let value = self.term(&when.condition)?;
                    self.compare(operand, Comparison::Eq, &value)?
                }
                None => self.condition(&when.condition)?,
            };
            branches.push(condition);
            results.push(self.term(&when.result)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.term(otherwise)?);
        }
        let (mut results, dtype) = alike(results)?;
        let otherwise = otherwise.and_then(|_| results.pop()).map(Box::new);
        let branches = branches.into_iter().zip(results).collect();
        Ok(Term::new(Node::Case(branches, otherwise), dtype))
    }
}

/// `CAST(term AS to)`.
pub fn cast(term: Term, to: &DataType, on_failure: CastFailure) -> Result<Term, Fault> {
    use Class::{Date, Moment, Null, Number, Other, Text, TimeOfDay, Truth};
    let (from, class) = (term.class(), Class::of(to));
    if let Some(text) = term.string().filter(|_| class.is_temporal())
        && (on_failure == CastFailure::Error || physical(text, to).is_some())
    {
        return constant(text, to);
    }
    let known = matches!(
        (from, class),
        (Null | Text, _)
            | (_, Text)
            | (Number, Truth)
            | (Truth, Number)
            | (Date | Moment { .. }, Date | Moment { .. })
            | (Moment { .. }, TimeOfDay)
    );
    let fits = from != Other && (from == class || known);
    match class {
        _ if fits => Ok(Term::new(Node::Cast(term.into(), on_failure), to.clone())),
        Truth => Err(no_condition(&term)),
        _ => Err(no_cast(&term, class)),
    }
}

fn negated_if(negated: bool, term: Term) -> Term {
    if negated { term.not() } else { term }
}
