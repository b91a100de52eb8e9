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
//! Small models get one session a thread, each on one thread; where the weights are large or memory is limited, sessions
//! are fewer and share the threads among themselves. Threads of ONNX Runtime wait without spinning.
//!
//! ONNX Runtime's arena keeps what the largest batch took, and adds to it for a larger one. A session that is about to
//! run a longer text than any before empties its arena first, so that it holds what its longest text takes and not the
//! sum of all that were the longest for a while. It is not emptied after each: long texts would take up to a third more
//! time for pages that are given back and asked for again.

use std::borrow::Cow;
use std::path::Path;

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType};

use crate::error::Error;
use crate::library;
use crate::memory::{Cost, Lengths, PROBE, Share, resident};
use crate::model::Model;
use crate::options::{Local, Pooling};
use crate::outputs::{Kind, Output, Seen, Wanted, choose};
use crate::pooling::{normalize, pool};
use crate::tokenizer::TextTokenizer;

/// Dimensions of a head of attention where the model's directory does not say how many heads there are.
const HEAD: usize = 64;
/// Weights of all sessions together stay below this where one session is not already above it.
const WEIGHTS: u64 = 1 << 30;

/// A loaded model.
pub(crate) struct Encoder<'a> {
    environment: Environment,
    model: &'a Model,
    session: Session,
    pub(crate) plan: Plan,
    /// As many sessions as are well used, and their threads.
    pub(crate) share: Share,
    /// Threads that the sessions share.
    pub(crate) threads: usize,
    /// Bytes that loading a session took, as far as is known.
    pub(crate) session_bytes: u64,
}

/// Sessions at work.
pub(crate) struct Crew {
    /// Each runs one batch at a time.
    pub(crate) sessions: Vec<Session>,
    pub(crate) plan: Plan,
    /// Tokens in one batch, if it is not a single text.
    pub(crate) budget: usize,
}

/// How to feed a session and read its answer.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    inputs: Inputs,
    output: String,
    /// Whether the graph has other outputs.
    among_others: bool,
    /// `None`: the graph answers with one vector a text.
    pooling: Option<Pooling>,
    normalize: bool,
    /// Token ids that there are.
    vocabulary: usize,
    /// Dimensions of a vector.
    pub(crate) d: usize,
    /// Rows of a batch change each other: run one text at a time.
    pub(crate) alone: bool,
    /// Names the library and the processor's kernels: other bits may come from others.
    engine: String,
}

/// Names of the inputs, what they are fed with, and whether they take 64 bits.
type Inputs = Vec<(String, Feed, bool)>;

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

impl<'a> Encoder<'a> {
    /// Loads the library, and the model once, for `threads` threads.
    pub(crate) fn open(
        model: &'a Model,
        tokenizer: &TextTokenizer,
        local: &Local,
        threads: usize,
    ) -> Result<Self, Error> {
        let environment = library::load(local.onnxruntime.as_deref())?;
        let count = (WEIGHTS / model.size.max(1)).clamp(1, threads as u64) as usize;
        let share = Share::new(count, threads, local.batch_tokens);
        let before = resident();
        let mut session = session(&environment, model, share.threads_each)?;
        let loaded = before.and_then(|before| Some(resident()?.saturating_sub(before)));
        let plan = plan(model, tokenizer, &mut session)?;
        Ok(Self {
            environment,
            model,
            session,
            plan,
            share,
            threads,
            session_bytes: loaded.unwrap_or(2 * model.size),
        })
    }

    /// What batches take that may take `room` bytes, where texts are as long as `lengths` says.
    pub(crate) fn cost(&mut self, lengths: &Lengths, room: u64) -> Result<Cost, Error> {
        let d = self.plan.d;
        let settings = &self.model.settings;
        let width = settings.hidden.unwrap_or(d);
        let heads = settings.heads.unwrap_or((width / HEAD).max(1));
        let unmeasured = Cost::new(width, heads, None);
        let Some((longest, _)) = lengths.longest() else {
            return Ok(unmeasured);
        };
        let tokens = longest.min(PROBE);
        if unmeasured.text(tokens) > room {
            return Ok(unmeasured);
        }
        let text = Batch::probe(1, tokens, self.plan.vocabulary);
        self.plan.empty_arena(&mut self.session)?;
        let before = resident();
        self.plan.run(&mut self.session, &text)?;
        let after = resident();
        self.plan.empty_arena(&mut self.session)?;
        let taken = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        Ok(taken.map_or(unmeasured, |bytes| {
            Cost::new(width, heads, Some((tokens, bytes)))
        }))
    }

    /// The sessions of `share`; the first is loaded again if it is to have another number of threads.
    pub(crate) fn start(self, share: Share) -> Result<Crew, Error> {
        let load = || session(&self.environment, self.model, share.threads_each);
        let mut sessions = Vec::with_capacity(share.sessions);
        if share.threads_each == self.share.threads_each {
            sessions.push(self.session);
        } else {
            drop(self.session);
        }
        while sessions.len() < share.sessions {
            sessions.push(load()?);
        }
        Ok(Crew {
            sessions,
            plan: self.plan,
            budget: share.budget,
        })
    }
}

fn session(environment: &Environment, model: &Model, threads: usize) -> Result<Session, Error> {
    load(environment, &model.graph, threads).map_err(|error| Error::Session {
        path: model.graph.clone(),
        message: error.to_string(),
    })
}

fn load(environment: &Environment, graph: &Path, threads: usize) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        // Plans for memory are kept for each shape, and shapes change with every length.
        .with_memory_pattern(false)?
        .with_log_level(LogLevel::Fatal)?
        .commit_from_file(graph)
}

/// Settles inputs and output, then runs probes, which tell the dimensions and whether rows mind company.
fn plan(model: &Model, tokenizer: &TextTokenizer, session: &mut Session) -> Result<Plan, Error> {
    let inputs = session
        .inputs()
        .iter()
        .map(feed)
        .collect::<Result<Inputs, _>>()?;
    let settings = &model.settings;
    let vocabulary = tokenizer.vocabulary();
    let tokens = settings.max_tokens.min(24);
    let probes = Batch::probe(8, tokens, vocabulary);
    let shorter = Batch::probe(1, tokens.div_ceil(2), vocabulary);
    let outputs = look(session, &inputs, &probes, &shorter)?;
    let wanted = Wanted {
        name: settings.output.as_deref(),
        to_pool: settings.pooling_asked,
        hidden: settings.hidden,
    };
    let (output, pooled) = choose(&outputs, wanted)?;
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
        output: output.name.clone(),
        among_others: outputs.len() > 1,
        pooling,
        normalize: settings.normalize,
        vocabulary,
        d: 0,
        alone: false,
        engine,
    };
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

/// The outputs with their shapes, as two batches of other lengths show them.
fn look(
    session: &mut Session,
    inputs: &Inputs,
    one: &Batch,
    other: &Batch,
) -> Result<Vec<Output>, Error> {
    let names: Vec<String> = session
        .outputs()
        .iter()
        .map(|output| output.name().to_owned())
        .collect();
    let mut shapes = |batch: &Batch| -> ort::Result<Vec<Option<Vec<i64>>>> {
        let answer = session.run(fed(inputs, batch)?)?;
        let shape = |name: &String| {
            let (shape, _) = answer.get(name)?.try_extract_tensor::<f32>().ok()?;
            Some(shape.to_vec())
        };
        Ok(names.iter().map(shape).collect())
    };
    let first = shapes(one).map_err(|error| one.fault(&error))?;
    let second = shapes(other).map_err(|error| other.fault(&error))?;
    let seen = |batch: &Batch, shape| Seen {
        rows: batch.rows.len(),
        tokens: batch.tokens,
        shape,
    };
    let outputs = session.outputs().iter().zip(first.iter().zip(&second));
    Ok(outputs
        .map(|(output, shapes)| Output {
            name: output.name().to_owned(),
            kind: match shapes {
                (Some(a), Some(b)) => Kind::of(seen(one, a), seen(other, b)),
                _ => Kind::Other(output.dtype().to_string()),
            },
        })
        .collect())
}

/// The inputs for `batch`.
fn fed(
    inputs: &Inputs,
    batch: &Batch,
) -> ort::Result<Vec<(Cow<'static, str>, SessionInputValue<'static>)>> {
    inputs
        .iter()
        .map(|(name, feed, wide)| Ok((Cow::from(name.clone()), feed.tensor(batch, *wide)?)))
        .collect()
}

impl Plan {
    /// All that can change a vector beside model and settings, in words.
    pub(crate) fn identity(&self) -> String {
        if self.among_others {
            format!("{} output {}", self.engine, self.output)
        } else {
            self.engine.clone()
        }
    }

    /// Gives back what earlier batches have left in the arena of `session`.
    pub(crate) fn empty_arena(&self, session: &mut Session) -> Result<(), Error> {
        let batch = Batch::probe(1, 8, self.vocabulary);
        let shrinking = || {
            let mut options = RunOptions::new()?;
            options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
            Ok((options, fed(&self.inputs, &batch)?))
        };
        let (options, inputs) = shrinking().map_err(|error: ort::Error| batch.fault(&error))?;
        session
            .run_with_options(inputs, &options)
            .map_err(|error| batch.fault(&error))?;
        Ok(())
    }

    /// The vectors of the texts of `batch`, row-major.
    pub(crate) fn run(&self, session: &mut Session, batch: &Batch) -> Result<Vec<f32>, Error> {
        let (rows, tokens) = (batch.rows.len(), batch.tokens);
        let fault = |error: ort::Error| batch.fault(&error);
        let inputs = fed(&self.inputs, batch).map_err(fault)?;
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

impl Batch {
    /// Rows of tokens from all over the vocabulary.
    fn probe(rows: u32, tokens: usize, vocabulary: usize) -> Self {
        // Steps by the golden ratio spread over any range.
        let id = |i: u64| ((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) * vocabulary as u64) >> 32;
        Self {
            rows: (0..rows).collect(),
            tokens,
            ids: (0..u64::from(rows) * tokens as u64)
                .map(|i| id(i) as u32)
                .collect(),
        }
    }

    fn fault(&self, error: &ort::Error) -> Error {
        Error::Run {
            rows: self.rows.len(),
            tokens: self.tokens,
            row: self.rows.first().map_or(0, |&row| row as usize),
            message: error.to_string(),
        }
    }

    fn only(&self, row: usize) -> Self {
        let ids = self.ids[row * self.tokens..(row + 1) * self.tokens].to_vec();
        Self {
            rows: vec![self.rows[row]],
            tokens: self.tokens,
            ids,
        }
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
