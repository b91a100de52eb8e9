//! The model at work: token ids in, one vector a text out.
//!
//! **A vector depends on its text alone.** Only texts with the same number of tokens share a batch: nothing is padded, so
//! no sum in the graph runs over another length, and ONNX Runtime's f32 kernels give each row of a matrix product the
//! same bits whatever rows stand beside it and however many threads share the work. Checked by the tests for the
//! default model (many lengths, alone against in company, 1 thread against 3) and for each model by [`Encoder::open`],
//! which runs rows of tokens alone and together; a model for which the two differ (dynamic int8, whose scale spans the
//! batch) is run one text at a time. So the cache, `--dedup`, the batch size and the number of threads change no byte.
//!
//! It costs nothing: the default model does 66 texts a CPU second in such batches, 56 in length-sorted padded ones, 30 %
//! fewer with large ones, since activations of some 500 tokens stay in a core's cache.
//!
//! Small models get one session a thread, each on one thread; where the weights are large, sessions are fewer and share
//! the threads among themselves. Threads of ONNX Runtime wait without spinning.

use std::borrow::Cow;

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};

use crate::error::Error;
use crate::library;
use crate::model::Model;
use crate::options::{Local, Pooling};
use crate::pooling::{normalize, pool};
use crate::tokenizer::TextTokenizer;

/// Weights of all sessions together stay below this where one session is not already above it.
const WEIGHTS: u64 = 1 << 30;

/// A loaded model.
pub(crate) struct Encoder {
    /// Each runs one batch at a time.
    pub(crate) sessions: Vec<Session>,
    pub(crate) plan: Plan,
    /// Threads that one session uses.
    pub(crate) threads_each: usize,
}

/// How to feed a session and read its answer.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    inputs: Vec<(String, Feed, bool)>,
    output: String,
    /// `None`: the graph answers with one vector a text.
    pooling: Option<Pooling>,
    normalize: bool,
    /// Dimensions of a vector.
    pub(crate) d: usize,
    /// Rows of a batch change each other: run one text at a time.
    pub(crate) alone: bool,
    /// Names the library and the processor's kernels: other bits may come from others.
    pub(crate) engine: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Ids,
    Mask,
    Types,
}

/// Texts of one number of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Whose they are.
    pub(crate) rows: Vec<u32>,
    /// Tokens of each text.
    pub(crate) tokens: usize,
    /// Row-major.
    pub(crate) ids: Vec<u32>,
}

impl Encoder {
    /// Loads the library and the model for `threads` threads.
    pub(crate) fn open(
        model: &Model,
        tokenizer: &TextTokenizer,
        local: &Local,
        threads: usize,
    ) -> Result<Self, Error> {
        let environment = library::load(local.onnxruntime.as_deref())?;
        let count = (WEIGHTS / model.size.max(1)).clamp(1, threads as u64) as usize;
        let threads_each = threads.div_ceil(count);
        let mut sessions = (0..count)
            .map(|_| session(&environment, model, threads_each))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Session {
                path: model.graph.clone(),
                message: error.to_string(),
            })?;
        let plan = plan(model, tokenizer, &mut sessions[0])?;
        Ok(Self {
            sessions,
            plan,
            threads_each,
        })
    }
}

fn session(environment: &Environment, model: &Model, threads: usize) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        // Plans for memory are kept for each shape, and shapes change with every length.
        .with_memory_pattern(false)?
        .with_log_level(LogLevel::Fatal)?
        .commit_from_file(&model.graph)
}

/// Settles inputs and output, then runs probes, which tell the dimensions and whether rows mind company.
fn plan(model: &Model, tokenizer: &TextTokenizer, session: &mut Session) -> Result<Plan, Error> {
    let inputs = session
        .inputs()
        .iter()
        .map(feed)
        .collect::<Result<Vec<_>, _>>()?;
    let settings = &model.settings;
    let (output, pooled) = choose_output(session.outputs(), settings.pooling_asked)?;
    let pooling = match (pooled, settings.pooling) {
        (true, _) => None,
        (false, Some(pooling)) => Some(pooling),
        (false, None) => {
            return Err(Error::NoPooling {
                dir: model.dir.clone(),
            });
        }
    };
    if !pooled && !settings.prefix_pooled && !settings.prefix.is_empty() {
        return Err(Error::Prompt {
            dir: model.dir.clone(),
        });
    }
    if let (false, Some(module)) = (pooled, &settings.unknown_module) {
        return Err(Error::Module {
            module: module.clone(),
        });
    }
    let engine = format!("{} {}", ort::info(), processor());
    let mut plan = Plan {
        inputs,
        output,
        pooling,
        normalize: settings.normalize,
        d: 0,
        alone: false,
        engine,
    };
    let probes = probes(tokenizer.vocabulary(), settings.max_tokens);
    let first = plan.run(session, &probes.only(0))?;
    plan.d = first.len();
    let together = plan.run(session, &probes)?;
    for row in 0..probes.rows.len() {
        let alone = plan.run(session, &probes.only(row))?;
        let same = alone
            .iter()
            .zip(&together[row * plan.d..])
            .all(|(a, b)| a.to_bits() == b.to_bits());
        plan.alone |= !same;
    }
    Ok(plan)
}

impl Plan {
    /// The vectors of the texts of `batch`, row-major.
    pub(crate) fn run(&self, session: &mut Session, batch: &Batch) -> Result<Vec<f32>, Error> {
        let (rows, tokens) = (batch.rows.len(), batch.tokens);
        let fault = |error: ort::Error| Error::Run {
            rows,
            tokens,
            row: batch.rows.first().map_or(0, |&row| row as usize),
            message: error.to_string(),
        };
        let inputs = self
            .inputs
            .iter()
            .map(|(name, feed, wide)| Ok((Cow::from(name.as_str()), feed.tensor(batch, *wide)?)))
            .collect::<ort::Result<Vec<_>>>()
            .map_err(fault)?;
        let outputs = session.run(inputs).map_err(fault)?;
        let (shape, values) = outputs[self.output.as_str()]
            .try_extract_tensor::<f32>()
            .map_err(fault)?;
        let expected: &[i64] = if self.pooling.is_some() {
            &[rows as i64, tokens as i64]
        } else {
            &[rows as i64]
        };
        let (leading, width) = shape.split_at(shape.len().saturating_sub(1));
        let d = width.first().map_or(0, |&d| d as usize);
        if leading != expected || d == 0 || (self.d != 0 && d != self.d) {
            return Err(Error::Shape {
                found: format!("{shape:?}"),
                rows,
                tokens,
            });
        }
        let mut vectors = match self.pooling {
            None => values.to_vec(),
            Some(pooling) => {
                let mut vectors = vec![0.0; rows * d];
                for (vector, states) in vectors
                    .chunks_exact_mut(d)
                    .zip(values.chunks_exact(tokens * d))
                {
                    pool(states, pooling, vector);
                }
                vectors
            }
        };
        if self.normalize {
            vectors.chunks_exact_mut(d).for_each(normalize);
        }
        Ok(vectors)
    }
}

impl Feed {
    fn tensor(self, batch: &Batch, wide: bool) -> ort::Result<SessionInputValue<'static>> {
        let shape = [batch.rows.len(), batch.tokens];
        let value = |&id: &u32| match self {
            Self::Ids => id,
            Self::Mask => 1,
            Self::Types => 0,
        };
        let values = batch.ids.iter().map(value);
        Ok(if wide {
            Tensor::from_array((shape, values.map(i64::from).collect::<Vec<_>>()))?.into()
        } else {
            Tensor::from_array((shape, values.map(|value| value as i32).collect::<Vec<_>>()))?
                .into()
        })
    }
}

/// What an input is fed with, known by its name; and whether it takes 64 bits.
fn feed(input: &Outlet) -> Result<(String, Feed, bool), Error> {
    let name = input.name().to_owned();
    let feed = match name.as_str() {
        "input_ids" => Feed::Ids,
        "attention_mask" => Feed::Mask,
        "token_type_ids" => Feed::Types,
        _ => return Err(Error::Input { name }),
    };
    match input.dtype().tensor_type() {
        Some(TensorElementType::Int64) => Ok((name, feed, true)),
        Some(TensorElementType::Int32) => Ok((name, feed, false)),
        _ => Err(Error::Input {
            name: format!("{name}: {}", input.dtype()),
        }),
    }
}

/// The output to read, and whether it is pooled already: names differ from export to export, rank and type do not.
fn choose_output(outputs: &[Outlet], pooling_asked: bool) -> Result<(String, bool), Error> {
    let of_rank = |rank: usize| {
        outputs.iter().filter(move |output| match output.dtype() {
            ValueType::Tensor {
                ty: TensorElementType::Float32,
                shape,
                ..
            } => shape.len() == rank,
            _ => false,
        })
    };
    let pooled = of_rank(2).find(|output| output.name() == "sentence_embedding");
    let states = of_rank(3).next();
    let named = |output: &Outlet| output.name().to_owned();
    match (pooled, states, of_rank(2).next()) {
        (Some(output), states, _) if !(pooling_asked && states.is_some()) => {
            Ok((named(output), true))
        }
        (_, Some(output), _) => Ok((named(output), false)),
        (_, None, Some(output)) => Ok((named(output), true)),
        (_, None, None) => {
            let found = outputs
                .iter()
                .map(|output| format!("{}: {}", output.name(), output.dtype()))
                .collect::<Vec<_>>();
            Err(Error::Output {
                found: found.join(", "),
            })
        }
    }
}

impl Batch {
    fn only(&self, row: usize) -> Self {
        let ids = self.ids[row * self.tokens..(row + 1) * self.tokens].to_vec();
        Self {
            rows: vec![self.rows[row]],
            tokens: self.tokens,
            ids,
        }
    }
}

/// A few rows of tokens from all over the vocabulary.
fn probes(vocabulary: usize, max_tokens: usize) -> Batch {
    let (rows, tokens) = (8, max_tokens.min(24));
    // Steps by the golden ratio spread over any range.
    let id = |i: u64| ((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) * vocabulary as u64) >> 32;
    Batch {
        rows: (0..rows).collect(),
        tokens,
        ids: (0..u64::from(rows) * tokens as u64)
            .map(|i| id(i) as u32)
            .collect(),
    }
}

/// The extensions of the processor that kernels are chosen by.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let has = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avxvnni", is_x86_feature_detected!("avxvnni")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
            ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ];
        let names: Vec<&str> = has
            .iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| *name)
            .collect();
        format!("x86_64 {}", names.join(" "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.to_owned()
    }
}
