//! Tokenization.
//!
//! The tokenizer is the `tokenizer.json` of the model, or BERT's tokenizer with a plain `WordPiece` vocabulary (`vocab.txt`):
//! clean the text, separate Chinese characters, lower case, split at white space and punctuation, longest piece first,
//! `[CLS]` text `[SEP]`. Padding and truncation in `tokenizer.json` are disabled: texts are truncated here, and the lost
//! tokens are counted.

use std::path::{Path, PathBuf};

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::error::Error;
use crate::model::Model;
use crate::settings::Vocabulary;

/// Maximum number of bytes to tokenize at once: the tokenizer takes about 90 bytes of memory per byte.
const CHUNK_BYTES: usize = 1 << 20;

/// The tokens of one text after truncation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    /// Number of tokens lost to truncation.
    pub(crate) lost: usize,
}

/// The tokenizer of a model, with the prefix.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    path: PathBuf,
    prefix: String,
    lower_case: bool,
    max_tokens: usize,
}

impl TextTokenizer {
    pub(crate) fn open(model: &Model) -> Result<Self, Error> {
        let path = model.tokenizer.clone();
        let mut tokenizer = if path.extension().is_some_and(|end| end == "json") {
            Tokenizer::from_file(&path)
        } else {
            word_piece(&path, model.settings.vocabulary)
        }
        .map_err(|error| Error::Tokenizer {
            path: path.clone(),
            message: error.to_string(),
        })?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| Error::Tokenizer {
                path: path.clone(),
                message: error.to_string(),
            })?;
        let settings = &model.settings;
        let this = Self {
            tokenizer,
            path,
            prefix: settings.prefix.clone(),
            lower_case: settings.lower_case,
            max_tokens: settings.max_tokens,
        };
        this.check_length(settings.positions)?;
        Ok(this)
    }

    /// Checks that the maximum length allows the special tokens and one more, and does not exceed the positions of the model.
    fn check_length(&self, positions: Option<usize>) -> Result<(), Error> {
        let special = self.raw("")?.len();
        let most = positions.unwrap_or(usize::MAX);
        if self.max_tokens <= special || self.max_tokens > most {
            return Err(Error::MaxTokens {
                asked: self.max_tokens,
                least: special + 1,
                most,
            });
        }
        Ok(())
    }

    /// Maximum number of tokens per text.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Number of token ids of the model.
    pub(crate) fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(false)
    }

    /// The input of the tokenizer for `text`.
    pub(crate) fn given(&self, text: &str) -> String {
        let mut given = format!("{}{text}", self.prefix);
        if self.lower_case {
            given = given.to_lowercase();
        }
        given
    }

    /// The tokens of `text`. Only the first chunk can contain tokens within the maximum length; the others are tokenized to count
    /// the lost tokens.
    pub(crate) fn encode(&self, text: &str) -> Result<Tokens, Error> {
        let given = self.given(text);
        let mut pieces = pieces(&given);
        let encoding = self.raw(pieces.next().unwrap_or_default())?;
        let beyond: usize = pieces
            .map(|piece| Ok(self.tokens(piece, false)?.len()))
            .sum::<Result<_, Error>>()?;
        let ids = encoding.get_ids();
        if ids.len() <= self.max_tokens {
            return Ok(Tokens {
                ids: ids.to_vec(),
                lost: beyond,
            });
        }
        // The special tokens at the end are kept; the text before them is truncated.
        let tail = encoding
            .get_special_tokens_mask()
            .iter()
            .rev()
            .take_while(|&&special| special == 1)
            .count();
        let lost = ids.len() - self.max_tokens + beyond;
        let cut = [&ids[..self.max_tokens - tail], &ids[ids.len() - tail..]].concat();
        Ok(Tokens { ids: cut, lost })
    }

    fn raw(&self, given: &str) -> Result<tokenizers::Encoding, Error> {
        self.tokens(given, true)
    }

    fn tokens(&self, given: &str, special: bool) -> Result<tokenizers::Encoding, Error> {
        self.tokenizer
            .encode_fast(given, special)
            .map_err(|error| Error::Tokenizer {
                path: self.path.clone(),
                message: error.to_string(),
            })
    }
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

/// BERT's tokenizer with the vocabulary in `path`, one piece per line.
fn word_piece(path: &Path, reads: Vocabulary) -> tokenizers::Result<Tokenizer> {
    let vocabulary = WordPiece::read_bytes(&std::fs::read(path)?)?;
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
    fn accents_and_chinese_characters_are_taken_as_the_model_says() {
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
    fn a_text_of_any_length_is_read_piece_by_piece() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nsea\n").unwrap();
        let tokenizer = TextTokenizer {
            tokenizer: word_piece(&path, USUAL).unwrap(),
            path,
            prefix: String::new(),
            lower_case: false,
            max_tokens: 6,
        };
        let times = 3 * CHUNK_BYTES / 8;
        let tokens = tokenizer.encode(&"red sea ".repeat(times)).unwrap();
        assert_eq!(tokens.ids, [2, 4, 5, 4, 5, 3]);
        assert_eq!(tokens.lost, 2 * times + 2 - 6);
        let text = "é".repeat(CHUNK_BYTES);
        assert_eq!(pieces(&text).collect::<String>(), text);
        assert!(pieces(&text).all(|piece| piece.len() <= CHUNK_BYTES));
        assert_eq!(pieces("").collect::<Vec<_>>(), [""]);
    }
}
