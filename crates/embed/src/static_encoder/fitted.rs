//! Weights and projection of a static encoder: fitted to a corpus, or read from the run of one.

use std::path::Path;

use artifacts::{Artifact as _, Footer, StaticProjection, StaticTokens};
use stage::Files;
use text_encoder::{TokenFrequencies, TokenProjection};

use crate::error::Error;
use crate::model::Model;

/// The input in the footer that is the fitted encoder itself: only vectors with the same one can be compared.
const ENCODER: &str = "static_encoder";
/// The input for the files of `--static-from`.
const FROM: &str = "static_from";

/// A fitted static encoder.
pub(super) struct Fitted {
    tokens: StaticTokens,
    projection: TokenProjection,
    /// The hash of the files that it was read from.
    from: Option<String>,
}

impl Fitted {
    /// Fits at most `components` components to the `vectors` (rows of `d` values) of the tokens `occurring`. Each token has the
    /// weight that it has in all texts together: its occurrences times its inverse document frequency.
    pub(super) fn of(
        frequencies: &TokenFrequencies,
        occurring: &[u32],
        vectors: &[f32],
        d: usize,
        components: usize,
    ) -> Result<Self, Error> {
        let weight = frequencies.idf();
        let count = |token: u32| frequencies.occurrences()[token as usize] as f64;
        let masses = occurring.iter();
        let masses: Vec<f64> = masses
            .map(|&token| count(token) * f64::from(weight[token as usize]))
            .collect();
        let projection =
            TokenProjection::fit(vectors, d, &masses, components).ok_or(Error::NoComponents)?;
        let documents = frequencies.documents();
        Ok(Self {
            tokens: StaticTokens {
                documents: documents
                    .iter()
                    .map(|&documents| documents as i64)
                    .collect(),
                weight,
            },
            projection,
            from: None,
        })
    }

    /// Reads the files of the run in `dir`, which are for vectors of `model` with this number of tokens and of dimensions.
    pub(super) fn read(
        dir: &Path,
        model: &Model,
        (vocabulary, d): (usize, usize),
    ) -> Result<Self, Error> {
        let tokens = StaticTokens::read(&dir.join(StaticTokens::FILE))?;
        let path = dir.join(StaticProjection::FILE);
        let projection = StaticProjection::read(&path)?;
        let misfit = || Error::StaticFrom {
            dir: dir.to_owned(),
            model: model.name.clone(),
        };
        let of_model = |footer: &Footer| footer.inputs.get("model") == Some(&model.fingerprint);
        let footers = [&tokens.footer, &projection.footer];
        if !footers.into_iter().flatten().all(of_model)
            || tokens.len() != vocabulary
            || projection.len() != d
        {
            return Err(misfit());
        }
        let StaticProjection { mean, loadings } = projection.value;
        let width = loadings.first().map_or(0, Vec::len);
        if loadings.iter().any(|row| row.len() != width) {
            return Err(misfit());
        }
        let projection = TokenProjection::from_parts(mean, loadings.concat()).ok_or_else(misfit)?;
        Ok(Self {
            tokens: tokens.value,
            projection,
            from: Some(fingerprint(dir)?),
        })
    }

    pub(super) fn projection(&self) -> &TokenProjection {
        &self.projection
    }

    /// The weight of `token`.
    pub(super) fn weight(&self, token: u32) -> f32 {
        self.tokens.weight[token as usize]
    }

    /// SHA-256 of all numbers that vectors depend on.
    fn hash(&self) -> String {
        let numbers = [
            &self.tokens.weight,
            self.projection.mean(),
            self.projection.loadings(),
        ];
        let bytes = numbers.into_iter().flatten();
        let bytes: Vec<u8> = bytes.flat_map(|number| number.to_le_bytes()).collect();
        artifacts::sha256_of(&bytes)
    }

    /// Writes the files among `files`, and records in `footer` what it is and what it was read from.
    pub(super) fn write(&self, files: &Files, footer: &mut Footer) -> Result<(), Error> {
        footer.inputs.insert(ENCODER.to_owned(), self.hash());
        if let Some(from) = &self.from {
            footer.inputs.insert(FROM.to_owned(), from.clone());
        }
        if let Some(path) = files.output("static_tokens") {
            self.tokens.write(path, footer)?;
        }
        if let Some(path) = files.output("static_projection") {
            let loadings = self.projection.loadings();
            let rows = loadings.chunks_exact(self.projection.components());
            let table = StaticProjection {
                mean: self.projection.mean().to_vec(),
                loadings: rows.map(<[f32]>::to_vec).collect(),
            };
            table.write(path, footer)?;
        }
        Ok(())
    }
}

/// The hash of the files of the static encoder in `dir`.
fn fingerprint(dir: &Path) -> Result<String, Error> {
    let tokens = artifacts::sha256(&dir.join(StaticTokens::FILE))?;
    let projection = artifacts::sha256(&dir.join(StaticProjection::FILE))?;
    Ok(artifacts::sha256_of(
        format!("{tokens} {projection}").as_bytes(),
    ))
}

/// What `fingerprints` of the stage adds: the files of `--static-from`; without it, an empty text if the embeddings among
/// `files` were made with it.
pub(crate) fn recorded(
    from: Option<&Path>,
    files: &Files,
) -> Result<Option<(String, String)>, Error> {
    if let Some(dir) = from {
        return Ok(Some((FROM.to_owned(), fingerprint(dir)?)));
    }
    let footer = files.output("embeddings").map(Footer::read).transpose()?;
    let had = footer
        .flatten()
        .is_some_and(|footer| footer.inputs.contains_key(FROM));
    Ok(had.then(|| (FROM.to_owned(), String::new())))
}
