//! `--encoder static`: a preview of the vectors of a model.
//!
//! The vector of a text is the mean of the word vectors of its tokens, weighted by inverse document frequency and projected
//! onto the principal components of the corpus (`text_encoder::StaticEncoder`). So it depends on the other texts: the
//! cache of vectors is not used, and weights and projection are kept beside the embeddings, for rows that are compared
//! with them (`--static-from`).
//!
//! 1. Tokenize each distinct text, without special tokens and without a limit of length (`tokens`).
//! 2. Read the word vectors of the tokens that occur: the input embeddings of the model.
//! 3. Fit weights and projection, or read those of another run (`fitted`).
//! 4. Encode, one row group of the file at a time.
//!
//! On news titles with descriptions, k-means clusters of these vectors agree with the labels almost as well as those of the
//! model (`docs/guide.md`), but fewer than half of the 15 nearest neighbors are the same.

mod fitted;
mod tokens;

use artifacts::{Embeddings, Footer};
use rayon::prelude::*;
use stage::{Files, thousands};
use text_encoder::{StaticEncoder, TokenFrequencies};

use self::fitted::Fitted;
pub(crate) use self::fitted::recorded;
use self::tokens::TokenizedTexts;
use crate::error::Error;
use crate::model::Model;
use crate::model2vec::StaticModel;
use crate::own_weights::weights;
use crate::report::Report;
use crate::run::Job;
use crate::tokenizer::TextTokenizer;

/// The most principal components, unless `--dimensions` gives their number.
const COMPONENTS: usize = 256;

/// Embeds the texts of `job`, and writes the outputs among `files` with `footer`.
pub(crate) fn run(job: &Job<'_>, files: &Files, footer: &mut Footer) -> Result<Report, Error> {
    let (model, options, progress) = (job.model, job.options, job.progress);
    progress.warn("static vectors are a preview: less than half of their nearest neighbors are those of the model");
    let tokenizer = TextTokenizer::open(model)?.bare();
    let texts = TokenizedTexts::of(job.documents, &tokenizer, progress)?;
    job.check_unknown(&texts.unknown_rows())?;
    let vocabulary = tokenizer.size();
    let counting = TokenFrequencies::count(texts.sequences(), vocabulary);
    let frequencies = counting.map_err(|source| failed(model, source))?;
    let occurring: Vec<u32> = (0..vocabulary as u32)
        .filter(|&token| frequencies.documents()[token as usize] > 0)
        .collect();
    let (vectors, d) = word_vectors(model, &occurring)?;
    let fitted = match &job.local.static_from {
        None => {
            // The first component is left out.
            let most = d.saturating_sub(1);
            let components = options.dimensions.unwrap_or(COMPONENTS.min(most));
            if components > most {
                return Err(Error::Dimensions {
                    asked: components,
                    model: model.name.clone(),
                    most,
                });
            }
            Fitted::of(&frequencies, &occurring, &vectors, d, components)?
        }
        Some(dir) => Fitted::read(dir, model, (vocabulary, d))?,
    };
    let projection = fitted.projection();
    let weights: Vec<f32> = occurring
        .iter()
        .map(|&token| fitted.weight(token))
        .collect();
    let encoder = StaticEncoder::projected(vocabulary, &occurring, &vectors, &weights, projection);
    drop(vectors);
    let bare = texts.rows_without_tokens();
    if bare > 0 {
        progress.warn(&format!(
            "{} texts have no tokens: their vectors are 0",
            thousands(bare)
        ));
    }
    let counts = texts.counts();
    if counts.longer > 0 {
        progress.warn(&format!(
            "{} texts are longer than 1 MiB and were truncated; {} tokens were lost",
            counts.longer, counts.beyond
        ));
    }
    let report = Report {
        rows: texts.len(),
        dimensions: encoder.dimensions(),
        model: model.name.clone(),
        engine: Some("static".to_owned()),
        embedded: counts.distinct,
        cached: 0,
        repeated: texts.len() - counts.distinct,
        truncated: counts.longer,
        tokens_lost: counts.beyond,
        chunked: 0,
        chunked_tokens: 0,
        max_tokens: None,
        unknown: texts.unknown_rows().len(),
        preview: true,
        reproducible: true,
        endpoint: None,
    };
    fitted.write(files, footer)?;
    // Of the embeddings alone.
    footer.set_facts(&report.facts());
    if let Some(path) = files.output("embeddings") {
        let (n, k) = (texts.len(), encoder.dimensions());
        progress.begin("embedding", Some(n as u64), "texts");
        Embeddings::write_by(path, footer, (n, k), |rows, values| {
            let first = rows.start;
            let encoding =
                values
                    .par_chunks_exact_mut(k)
                    .enumerate()
                    .try_for_each(|(at, vector)| {
                        encoder.encode(first + at, texts.of_row(first + at), vector)
                    });
            progress.advance(rows.len() as u64);
            encoding.map_err(|source| failed(model, source))
        })?;
        progress.end();
    }
    Ok(report)
}

/// The word vectors of `tokens`, and their dimensions: the input embeddings of a transformer, or the vectors of a static
/// model.
fn word_vectors(model: &Model, tokens: &[u32]) -> Result<(Vec<f32>, usize), Error> {
    let fault = |source| Error::WordVectors {
        path: model.graph.clone(),
        source,
    };
    if model.settings.is_static {
        // The lengths of the vectors are weights.
        let encoder = StaticModel::read(model, false)?;
        let vectors = encoder.word_vectors(tokens).map_err(fault)?;
        return Ok((vectors, encoder.dimensions()));
    }
    let weights = weights(model).map_err(|error| match error {
        Error::OwnEncoder { path, source } => Error::WordVectors { path, source },
        other => other,
    })?;
    let vectors = weights.word_vectors(tokens).map_err(fault)?;
    Ok((vectors, weights.dimensions()))
}

fn failed(model: &Model, source: text_encoder::Error) -> Error {
    Error::WordVectors {
        path: model.graph.clone(),
        source,
    }
}
