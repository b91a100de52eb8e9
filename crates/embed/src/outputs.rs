//! Selects the output of a graph that holds the vectors.
//!
//! Exports use arbitrary names and have additional outputs: BGE-M3 has `dense_vecs` (one vector per text), `sparse_vecs` (one
//! value per token) and `colbert_vecs` (one vector per token, not to be pooled), in any order. So outputs are selected by
//! their actual shapes for texts of two lengths, and by name only if shapes are ambiguous. The first of these is used:
//!
//! 1. the output given with `--graph-output`;
//! 2. one vector per text with a name of sentence embeddings, unless `--pooling` is given;
//! 3. one vector per token, of the hidden size of the model, to be pooled;
//! 4. one vector per text with any other name.
//!
//! If a step finds several outputs, that is an error; so is an output of width 1, because normalization would make all vectors
//! equal.

use std::fmt;

use crate::error::Error;

/// An output, by its shapes in two batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// The content of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Number of f32 per text.
    Texts(usize),
    /// Number of f32 per token.
    Tokens(usize),
    /// Anything else, described by its shape.
    Other(String),
}

/// The shape of an output for a batch of `rows` texts of `tokens` tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObservedShape<'a> {
    pub(crate) rows: usize,
    pub(crate) tokens: usize,
    pub(crate) shape: &'a [i64],
}

/// Requirements on the output.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// Its name.
    pub(crate) name: Option<&'a str>,
    /// It must hold token vectors.
    pub(crate) to_pool: bool,
    /// The hidden size of the model, if it is known.
    pub(crate) hidden: Option<usize>,
}

impl Kind {
    /// The content of an f32 output with these two shapes for texts of two lengths.
    pub(crate) fn of(one: ObservedShape<'_>, other: ObservedShape<'_>) -> Self {
        let same = one.shape.last() == other.shape.last();
        let texts = |observed: &ObservedShape<'_>| matches!(*observed.shape, [rows, _] if rows == observed.rows as i64);
        let tokens = |observed: &ObservedShape<'_>| matches!(*observed.shape, [rows, tokens, _] if rows == observed.rows as i64 && tokens == observed.tokens as i64);
        let width = one.shape.last().map_or(0, |&width| width as usize);
        let both = |is: &dyn Fn(&ObservedShape<'_>) -> bool| is(&one) && is(&other);
        if same && both(&texts) {
            Self::Texts(width)
        } else if same && both(&tokens) {
            Self::Tokens(width)
        } else {
            Self::Other(dimensions(one, other))
        }
    }
}

/// A description of two shapes of one output, such as `[texts, tokens-1, 1024]`.
fn dimensions(one: ObservedShape<'_>, other: ObservedShape<'_>) -> String {
    let word = |(at, &size): (usize, &i64)| {
        let beside = other.shape.get(at).copied().unwrap_or(size);
        let beyond = size - one.tokens as i64;
        if size == beside {
            size.to_string()
        } else if (size, beside) == (one.rows as i64, other.rows as i64) {
            "texts".to_owned()
        } else if beyond == 0 && beside == other.tokens as i64 {
            "tokens".to_owned()
        } else if beyond == beside - other.tokens as i64 {
            format!("tokens{beyond:+}")
        } else {
            "?".to_owned()
        }
    };
    let words: Vec<String> = one.shape.iter().enumerate().map(word).collect();
    format!("[{}]", words.join(", "))
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Texts(width) => write!(f, "{} [texts, {width}]", self.name),
            Kind::Tokens(width) => write!(f, "{} [texts, tokens, {width}]", self.name),
            Kind::Other(words) => write!(f, "{} {words}", self.name),
        }
    }
}

/// Why no output was selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputFault {
    /// No output is suitable.
    #[error(
        "no output of the graph has one vector per text, or one per token{}",
        .hidden.map_or(String::new(), |hidden| format!(" of the model's hidden size of {hidden}"))
    )]
    None {
        /// The hidden size of the model.
        hidden: Option<usize>,
    },
    /// Several outputs are suitable.
    #[error("several outputs of the graph could be the embedding: {names}")]
    Several {
        /// Their names.
        names: String,
    },
    /// The output of `--graph-output` does not exist.
    #[error("the graph has no output `{name}`")]
    Missing {
        /// The given name.
        name: String,
    },
    /// The output of `--graph-output` holds no vectors.
    #[error("output `{name}` of the graph holds no vectors")]
    NoVectors {
        /// The given name.
        name: String,
    },
    /// `--pooling` was given, but there are no token vectors.
    #[error("--pooling cannot be applied: no output has one vector per token")]
    Pooled,
}

/// The output to read, and whether it is already pooled.
///
/// # Errors
///
/// [`Error::Output`] if there is none, or more than one.
pub(crate) fn choose<'a>(
    outputs: &'a [Output],
    wanted: Wanted<'_>,
) -> Result<(&'a Output, bool), Error> {
    let fault = |fault| {
        let found: Vec<String> = outputs.iter().map(Output::to_string).collect();
        Err(Error::Output {
            fault,
            found: found.join(", "),
        })
    };
    if let Some(name) = wanted.name {
        let named = || name.to_owned();
        let Some(output) = outputs.iter().find(|output| output.name == name) else {
            return fault(OutputFault::Missing { name: named() });
        };
        return match output.kind {
            Kind::Tokens(2..) => Ok((output, false)),
            Kind::Texts(2..) if wanted.to_pool => fault(OutputFault::Pooled),
            Kind::Texts(2..) => Ok((output, true)),
            _ => fault(OutputFault::NoVectors { name: named() }),
        };
    }
    let candidates = |fits: &dyn Fn(&Output) -> bool| -> Vec<&'a Output> {
        let of_encoder = outputs.iter().filter(|output| !is_other_head(&output.name));
        of_encoder.filter(|output| fits(output)).collect()
    };
    let texts = |output: &Output| matches!(output.kind, Kind::Texts(2..));
    let tokens = |output: &Output| matches!(output.kind, Kind::Tokens(width) if width > 1 && wanted.hidden.is_none_or(|hidden| hidden == width));
    let mut steps = Vec::new();
    if !wanted.to_pool {
        steps.push((
            candidates(&|output| texts(output) && is_sentence(&output.name)),
            true,
        ));
    }
    let mut states = candidates(&tokens);
    if states
        .iter()
        .filter(|output| is_state(&output.name))
        .count()
        == 1
    {
        states.retain(|output| is_state(&output.name));
    }
    steps.push((states, false));
    if !wanted.to_pool {
        steps.push((candidates(&texts), true));
    }
    match steps.iter().find(|(found, _)| !found.is_empty()) {
        Some((found, pooled)) => {
            if let [output] = found[..] {
                return Ok((output, *pooled));
            }
            let names: Vec<&str> = found.iter().map(|output| output.name.as_str()).collect();
            fault(OutputFault::Several {
                names: names.join(", "),
            })
        }
        None if !candidates(&texts).is_empty() => fault(OutputFault::Pooled),
        None => fault(OutputFault::None {
            hidden: wanted.hidden,
        }),
    }
}

/// Whether an output with this name holds sentence embeddings: `sentence_embedding`, `dense_vecs`, `text_embeds`, ...
fn is_sentence(name: &str) -> bool {
    let name = name.to_lowercase();
    ["sentence_emb", "dense", "text_emb"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Whether an output with this name holds the token vectors for pooling.
fn is_state(name: &str) -> bool {
    ["last_hidden_state", "token_embeddings"].contains(&name)
}

/// Whether an output with this name belongs to another head of the model.
fn is_other_head(name: &str) -> bool {
    let name = name.to_lowercase();
    ["colbert", "multi_vec", "sparse", "lexical", "logits"]
        .iter()
        .any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(list: &[(&str, Kind)]) -> Vec<Output> {
        list.iter()
            .map(|(name, kind)| Output {
                name: (*name).to_owned(),
                kind: kind.clone(),
            })
            .collect()
    }

    /// The name that is chosen, with `*` where it is pooled already, or the error.
    fn chosen(list: &[(&str, Kind)], wanted: Wanted<'_>) -> String {
        match choose(&outputs(list), wanted) {
            Ok((output, pooled)) => format!("{}{}", output.name, if pooled { "*" } else { "" }),
            Err(error) => error.to_string(),
        }
    }

    const HIDDEN: Wanted<'_> = Wanted {
        name: None,
        to_pool: false,
        hidden: Some(8),
    };

    #[test]
    fn output_kinds_are_inferred_from_two_lengths() {
        let kind = |one: &[i64], other: &[i64]| {
            let observed = |rows, tokens, shape| ObservedShape {
                rows,
                tokens,
                shape,
            };
            Kind::of(observed(8, 24, one), observed(1, 12, other))
        };
        assert_eq!(kind(&[8, 16], &[1, 16]), Kind::Texts(16));
        assert_eq!(kind(&[8, 24, 16], &[1, 12, 16]), Kind::Tokens(16));
        assert_eq!(kind(&[8, 24, 1], &[1, 12, 1]), Kind::Tokens(1));
        let other = |one: &[i64], other: &[i64]| match kind(one, other) {
            Kind::Other(words) => words,
            kind => panic!("{kind:?}"),
        };
        // A weight a token is no vector of the text, though its rank is 2.
        assert_eq!(other(&[8, 24], &[1, 12]), "[texts, tokens]");
        assert_eq!(other(&[8, 23, 16], &[1, 11, 16]), "[texts, tokens-1, 16]");
        assert_eq!(
            other(&[8, 4, 24, 24], &[1, 4, 12, 12]),
            "[texts, 4, tokens, tokens]"
        );
        assert_eq!(other(&[], &[]), "[]");
    }

    #[test]
    fn the_dense_output_is_preferred_in_any_order() {
        let all = [
            ("dense_vecs", Kind::Texts(8)),
            ("sparse_vecs", Kind::Tokens(1)),
            ("colbert_vecs", Kind::Tokens(8)),
        ];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let list = order.map(|at| all[at].clone());
            for hidden in [None, Some(8)] {
                let wanted = Wanted { hidden, ..HIDDEN };
                assert_eq!(chosen(&list, wanted), "dense_vecs*");
            }
        }
        let cut = [
            ("sparse", Kind::Other("[texts, tokens]".to_owned())),
            ("colbert", Kind::Other("[texts, tokens-1, 8]".to_owned())),
            ("dense", Kind::Texts(8)),
        ];
        assert_eq!(chosen(&cut, HIDDEN), "dense*");
        let sentence = [
            ("token_embeddings", Kind::Tokens(8)),
            ("sentence_embedding", Kind::Texts(4)),
        ];
        assert_eq!(chosen(&sentence, HIDDEN), "sentence_embedding*");
    }

    #[test]
    fn token_vectors_are_used_if_they_have_the_width_of_the_model() {
        let state = ("last_hidden_state", Kind::Tokens(8));
        let pooler = ("pooler_output", Kind::Texts(8));
        assert_eq!(
            chosen(&[pooler.clone(), state.clone()], HIDDEN),
            "last_hidden_state"
        );
        assert_eq!(chosen(&[("1547", Kind::Tokens(8))], HIDDEN), "1547");
        assert_eq!(
            chosen(&[("1547", Kind::Tokens(8))], Wanted::default()),
            "1547"
        );
        let layers = [("hidden_states.0", Kind::Tokens(8)), state.clone()];
        assert_eq!(chosen(&layers, HIDDEN), "last_hidden_state");
        assert_eq!(
            chosen(&[("output", Kind::Tokens(3))], HIDDEN),
            "no output of the graph has one vector per text, or one per token of the model's hidden size of 8; \
             it has output [texts, tokens, 3]"
        );
        assert_eq!(
            chosen(&[("output", Kind::Tokens(3)), pooler], HIDDEN),
            "pooler_output*"
        );
    }

    #[test]
    fn a_single_number_is_not_a_vector() {
        for kind in [Kind::Tokens(1), Kind::Texts(1)] {
            for hidden in [None, Some(1)] {
                let said = chosen(&[("output", kind.clone())], Wanted { hidden, ..HIDDEN });
                assert!(said.starts_with("no output of the graph"), "{said}");
            }
            let name = Some("output");
            let said = chosen(&[("output", kind)], Wanted { name, ..HIDDEN });
            assert!(
                said.starts_with("output `output` of the graph holds no vectors"),
                "{said}"
            );
        }
    }

    #[test]
    fn ambiguous_outputs_are_refused_unless_one_is_named() {
        for (list, names) in [
            (
                [
                    ("dense_vecs", Kind::Texts(8)),
                    ("sentence_embedding", Kind::Texts(8)),
                ],
                "dense_vecs, sentence_embedding",
            ),
            ([("a", Kind::Texts(8)), ("b", Kind::Texts(4))], "a, b"),
            ([("a", Kind::Tokens(8)), ("b", Kind::Tokens(8))], "a, b"),
        ] {
            let said = chosen(&list, HIDDEN);
            assert!(
                said.starts_with("several outputs of the graph could be the embedding: ")
                    && said.contains(names),
                "{said}"
            );
            let name = Some(list[1].0);
            let said = chosen(&list, Wanted { name, ..HIDDEN });
            assert_eq!(said.trim_end_matches('*'), list[1].0);
        }
        let name = Some("c");
        let said = chosen(&[("a", Kind::Texts(8))], Wanted { name, ..HIDDEN });
        assert_eq!(said, "the graph has no output `c`; it has a [texts, 8]");
    }

    #[test]
    fn requested_pooling_is_applied_or_refused() {
        let wanted = Wanted {
            to_pool: true,
            ..HIDDEN
        };
        let both = [
            ("sentence_embedding", Kind::Texts(8)),
            ("token_embeddings", Kind::Tokens(8)),
        ];
        assert_eq!(chosen(&both, wanted), "token_embeddings");
        let dense = [
            ("dense_vecs", Kind::Texts(8)),
            ("colbert_vecs", Kind::Tokens(8)),
        ];
        assert!(chosen(&dense, wanted).starts_with("--pooling cannot be applied"));
        let name = Some("dense_vecs");
        assert!(
            chosen(&dense, Wanted { name, ..wanted }).starts_with("--pooling cannot be applied")
        );
        assert_eq!(
            chosen(
                &dense,
                Wanted {
                    name: Some("colbert_vecs"),
                    ..wanted
                }
            ),
            "colbert_vecs"
        );
    }
}
