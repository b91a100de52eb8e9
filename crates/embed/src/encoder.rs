//! Runs the model: from token ids to one vector per text.
//!
//! **A vector depends on its text alone.** Only texts with the same number of tokens share a batch: there is no padding, so
//! all sums in the graph have the same length, and ONNX Runtime's f32 kernels compute the same bits for a row of a matrix
//! product regardless of the other rows and of the number of threads. The tests check this for the default model (many
//! lengths, single texts against batches, 1 thread against 3), and [`Encoder::open`] checks each model with single and
//! batched token sequences; a model whose results differ (dynamic int8, whose scale depends on the batch) runs one text
//! at a time. So the cache, `--dedup`, the batch size and the number of threads change no byte.
//!
//! This costs no speed: the default model embeds 66 texts per CPU second in such batches, 56 in padded batches sorted by
//! length, and 30 % fewer in large batches, because the activations of about 500 tokens fit into a core's cache.
//!
//! Small models get one session with one thread per available thread; with large weights or limited memory, there are fewer
//! sessions with more threads each. Idle threads of ONNX Runtime do not spin.
//!
//! The arena of ONNX Runtime keeps the memory of the largest batch and grows for larger ones. Before a session runs a longer
//! text than any before, its arena is shrunk, so that it holds the memory of the longest text only and not that of several.
//! Shrinking after every text would make long texts up to a third slower, because of repeated allocation.

use std::fmt::Write as _;

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session};
use text_encoder::{normalize, pool};

use crate::dense::DenseLayers;
use crate::device::TOLERANCE;
use crate::error::Error;
use crate::library::{self, processor};
use crate::memory::{Cost, Lengths, PROBE, Share, resident};
use crate::model::Model;
use crate::options::{Device, Local, Pooling};
use crate::outputs::{Kind, ObservedShape, Output, Wanted, choose};
use crate::tensors::{Inputs, floats};
use crate::tokenizer::TextTokenizer;

/// Dimensions per attention head, if the model's configuration does not give the number of heads.
const HEAD_DIMENSIONS: usize = 64;
/// Maximum bytes of the weights of all sessions, if there is more than one session.
const MAX_WEIGHTS: u64 = 1 << 30;

/// A loaded model.
pub(crate) struct Encoder<'a> {
    environment: Environment,
    model: &'a Model,
    device: Device,
    session: Session,
    pub(crate) interface: Interface,
    /// The number of sessions to use, and their threads.
    pub(crate) share: Share,
    /// Threads that the sessions share.
    pub(crate) threads: usize,
    /// Bytes that loading a session took, if known.
    pub(crate) session_bytes: u64,
}

/// The loaded sessions.
pub(crate) struct SessionPool {
    /// The sessions; each runs one batch at a time.
    pub(crate) sessions: Vec<Session>,
    pub(crate) interface: Interface,
    /// Maximum number of tokens per batch of more than one text.
    pub(crate) budget: usize,
}

/// The inputs and the output of a session.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    inputs: Inputs,
    output: String,
    /// Whether the graph has other outputs too.
    among_others: bool,
    /// `None` if the output has one vector per text.
    pooling: Option<Pooling>,
    /// The linear layers after pooling.
    dense: DenseLayers,
    normalize: bool,
    /// Dimensions of a vector of the graph; 0 before the first run.
    width: usize,
    /// Number of token ids.
    vocabulary: usize,
    /// Dimensions of a vector.
    pub(crate) d: usize,
    /// Whether results depend on the other texts of a batch: then run one text at a time.
    pub(crate) alone: bool,
    /// Library version, CPU features and device, which can affect the bits of the result.
    engine: String,
}

/// Texts with the same number of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The ids of the texts.
    pub(crate) rows: Vec<u32>,
    /// Number of tokens per text.
    pub(crate) tokens: usize,
    /// Token ids, row-major.
    pub(crate) ids: Vec<u32>,
}

impl<'a> Encoder<'a> {
    /// Loads the library and one session of the model, for `threads` threads.
    pub(crate) fn open(
        model: &'a Model,
        tokenizer: &mut TextTokenizer,
        (device, local): (Device, &Local),
        threads: usize,
    ) -> Result<Self, Error> {
        let environment = library::load(local.onnxruntime.as_deref())?;
        device.check()?;
        let count = match device {
            Device::Cpu => (MAX_WEIGHTS / model.size.max(1)).clamp(1, threads as u64) as usize,
            // One copy of the model fills a device.
            _ => 1,
        };
        let share = Share::new(count, threads, local.batch_tokens);
        let before = resident();
        let mut session = session(&environment, model, device, share.threads_each)?;
        let loaded = before.and_then(|before| Some(resident()?.saturating_sub(before)));
        let interface = interface(model, tokenizer, device, &mut session)?;
        Ok(Self {
            environment,
            model,
            device,
            session,
            interface,
            share,
            threads,
            session_bytes: loaded.unwrap_or(2 * model.size),
        })
    }

    /// Engine, precision and device, for people.
    pub(crate) fn name(&self) -> String {
        match self.device {
            Device::Cpu => "ort fp32".to_owned(),
            device => format!("ort fp32 on {device}"),
        }
    }

    /// The memory cost of batches for texts of these `lengths`, measured with at most `room` bytes.
    pub(crate) fn cost(&mut self, lengths: &Lengths, room: u64) -> Result<Cost, Error> {
        let d = self.interface.d;
        let settings = &self.model.settings;
        let width = settings.hidden.unwrap_or(d);
        let heads = settings.heads.unwrap_or((width / HEAD_DIMENSIONS).max(1));
        let unmeasured = Cost::new(width, heads, None);
        let Some((longest, _)) = lengths.longest() else {
            return Ok(unmeasured);
        };
        let tokens = longest.min(PROBE);
        if unmeasured.text(tokens) > room {
            return Ok(unmeasured);
        }
        let text = Batch::probe(1, tokens, self.interface.vocabulary);
        self.interface.empty_arena(&mut self.session)?;
        let before = resident();
        self.interface.run(&mut self.session, &text)?;
        let after = resident();
        self.interface.empty_arena(&mut self.session)?;
        let taken = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        Ok(taken.map_or(unmeasured, |bytes| {
            Cost::new(width, heads, Some((tokens, bytes)))
        }))
    }

    /// Loads the sessions of `share`; reloads the first one if its number of threads changes.
    pub(crate) fn start(self, share: Share) -> Result<SessionPool, Error> {
        let threads = share.threads_each;
        let load = || session(&self.environment, self.model, self.device, threads);
        let mut sessions = Vec::with_capacity(share.sessions);
        if share.threads_each == self.share.threads_each {
            sessions.push(self.session);
        } else {
            drop(self.session);
        }
        while sessions.len() < share.sessions {
            sessions.push(load()?);
        }
        Ok(SessionPool {
            sessions,
            interface: self.interface,
            budget: share.budget,
        })
    }
}

fn session(
    environment: &Environment,
    model: &Model,
    device: Device,
    threads: usize,
) -> Result<Session, Error> {
    let fault = |error: ort::Error| Error::Session {
        path: model.graph.clone(),
        message: error.to_string(),
    };
    let builder = builder(environment, threads).map_err(fault)?;
    let mut builder = device.register(builder)?;
    builder.commit_from_file(&model.graph).map_err(fault)
}

fn builder(environment: &Environment, threads: usize) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        // Memory patterns are stored per shape, and there are many shapes.
        .with_memory_pattern(false)?
        .with_log_level(LogLevel::Fatal)?)
}

/// Determines inputs and output, and runs test batches to find the dimensions and whether results depend on the batch.
fn interface(
    model: &Model,
    tokenizer: &mut TextTokenizer,
    device: Device,
    session: &mut Session,
) -> Result<Interface, Error> {
    let inputs = Inputs::of(session, tokenizer.padding())?;
    if let Some(tokens) = inputs.tokens {
        tokenizer.limit(tokens)?;
    }
    let settings = &model.settings;
    let vocabulary = tokenizer.vocabulary();
    let tokens = tokenizer.max_tokens().min(24);
    let probes = Batch::probe(
        if inputs.rows.is_some() { 1 } else { 8 },
        tokens,
        vocabulary,
    );
    let shorter = Batch::probe(1, tokens.div_ceil(2), vocabulary);
    let outputs = inspect_outputs(session, &inputs, &probes, &shorter)?;
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
    let mut engine = format!("{} {}", ort::info(), processor());
    if device != Device::Cpu {
        let _ = write!(engine, " {device}");
    }
    let mut interface = Interface {
        alone: inputs.rows.is_some(),
        inputs,
        output: output.name.clone(),
        among_others: outputs.len() > 1,
        pooling,
        dense: DenseLayers::default(),
        normalize: settings.normalize,
        width: 0,
        vocabulary,
        d: 0,
        engine,
    };
    let first = interface.run(session, &probes.only(0))?;
    interface.width = first.len();
    if pooled {
        DenseLayers::check_pooled(model, interface.width)?;
    } else {
        interface.dense = DenseLayers::read(model, interface.width)?;
    }
    interface.d = interface.dense.outputs().unwrap_or(interface.width);
    let together = interface.run(session, &probes)?;
    for row in 0..probes.rows.len() {
        let alone = interface.run(session, &probes.only(row))?;
        let largest = alone
            .iter()
            .fold(0.0, |most: f32, value| most.max(value.abs()));
        let same = alone.iter().zip(&together[row * interface.d..]);
        let same = same.into_iter().all(|(a, b)| match device {
            Device::Cpu => a.to_bits() == b.to_bits(),
            _ => (a - b).abs() <= TOLERANCE * largest,
        });
        interface.alone |= !same;
    }
    Ok(interface)
}

/// The outputs with their shapes, from two test batches of different sizes.
fn inspect_outputs(
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
        let answer = session.run(inputs.tensors(batch)?)?;
        let shape = |name: &String| Some(floats(answer.get(name)?).ok()?.0);
        Ok(names.iter().map(shape).collect())
    };
    let first = shapes(one).map_err(|error| one.fault(&error))?;
    let second = shapes(other).map_err(|error| other.fault(&error))?;
    let seen = |batch: &Batch, shape| ObservedShape {
        rows: inputs.rows.unwrap_or(batch.rows.len()),
        tokens: inputs.tokens.unwrap_or(batch.tokens),
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

impl Interface {
    /// Everything besides model and settings that can change a vector, as text.
    pub(crate) fn identity(&self) -> String {
        if self.among_others {
            format!("{} output {}", self.engine, self.output)
        } else {
            self.engine.clone()
        }
    }

    /// Shrinks the arena of `session`.
    pub(crate) fn empty_arena(&self, session: &mut Session) -> Result<(), Error> {
        let tokens = self.inputs.tokens.map_or(8, |tokens| tokens.min(8));
        let batch = Batch::probe(1, tokens, self.vocabulary);
        let shrinking = || {
            let mut options = RunOptions::new()?;
            options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
            Ok((options, self.inputs.tensors(&batch)?))
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
        let inputs = self.inputs.tensors(batch).map_err(fault)?;
        let outputs = session.run(inputs).map_err(fault)?;
        let (shape, values) = floats(&outputs[self.output.as_str()]).map_err(fault)?;
        // A graph of fixed shape gives more: the padding.
        let given_rows = self.inputs.rows.unwrap_or(rows);
        let given_tokens = self.inputs.tokens.unwrap_or(tokens);
        let expected: &[i64] = if self.pooling.is_some() {
            &[given_rows as i64, given_tokens as i64]
        } else {
            &[given_rows as i64]
        };
        let (leading, width) = shape.split_at(shape.len().saturating_sub(1));
        let d = width.first().map_or(0, |&d| d as usize);
        if leading != expected || d == 0 || (self.width != 0 && d != self.width) {
            return Err(Error::Shape {
                found: format!("{shape:?}"),
                rows,
                tokens,
            });
        }
        let mut vectors = match self.pooling {
            None => values[..rows * d].to_vec(),
            Some(pooling) => {
                let mut vectors = vec![0.0; rows * d];
                for (vector, states) in vectors
                    .chunks_exact_mut(d)
                    .zip(values.chunks_exact(given_tokens * d))
                {
                    pool(&states[..tokens * d], pooling.into(), vector);
                }
                vectors
            }
        };
        vectors = self.dense.apply(vectors, d);
        if self.normalize {
            let d = self.dense.outputs().unwrap_or(d);
            vectors.chunks_exact_mut(d).for_each(normalize);
        }
        Ok(vectors)
    }
}

impl Batch {
    /// A test batch of tokens spread over the vocabulary.
    fn probe(rows: u32, tokens: usize, vocabulary: usize) -> Self {
        // Multiples of the golden ratio are spread evenly.
        let id = |i: u64| ((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) * vocabulary as u64) >> 32;
        Self {
            rows: (0..rows).collect(),
            tokens,
            ids: (0..u64::from(rows) * tokens as u64)
                .map(|i| id(i) as u32)
                .collect(),
        }
    }

    /// The texts `ids` with their tokens, for messages about them.
    pub(crate) fn of(ids: &[u32], tokens: &[Vec<u32>]) -> Self {
        Self {
            rows: ids.to_vec(),
            tokens: tokens.iter().map(Vec::len).max().unwrap_or(0),
            ids: Vec::new(),
        }
    }

    fn fault(&self, error: &ort::Error) -> Error {
        self.failed(error)
    }

    /// The error of a model that failed on this batch.
    pub(crate) fn failed(&self, error: &dyn std::fmt::Display) -> Error {
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
