//! Which file holds the weights of a model: one rule for directories and for repositories of the hub.

use std::path::Path;

use crate::model2vec;
use crate::options::Engine;

/// The file with the weights, relative to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WeightsFile {
    /// An ONNX graph.
    Graph(String),
    /// `model.safetensors`, or the index of its shards.
    Safetensors(String),
}

/// Why there is no such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoWeights {
    /// There is neither.
    Neither,
    /// There are safetensors only, which the engine does not run.
    NoGraph,
    /// There are several graphs, none of which is `model.onnx`: their names.
    ManyGraphs(String),
}

pub(crate) const SAFETENSORS: &str = "model.safetensors";
/// The list of the shards of `model.safetensors`.
pub(crate) const SHARDS: &str = "model.safetensors.index.json";
const GRAPHS: [&str; 2] = ["model.onnx", "onnx/model.onnx"];

/// The weights to run with `engine`, among the `files` of a model (paths with `/`).
///
/// 1. `model.onnx`, else `onnx/model.onnx`, else the only graph in these two places. Both engines run graphs, so a model is
///    the same model, with one download and one fingerprint, whichever engine runs it. Variants beside it (`model_O2.onnx`,
///    `model_qint8.onnx` ...) are not taken, because they give other vectors.
/// 2. For Skerry's own encoder, `model.safetensors`, whole or in shards, if there is no graph. ONNX Runtime cannot read it.
///
/// Pickled weights (`pytorch_model.bin`) are never read: reading them runs code.
pub(crate) fn choose(files: &[&str], engine: Engine) -> Result<WeightsFile, NoWeights> {
    let has = |name: &str| files.contains(&name);
    if let Some(usual) = GRAPHS.into_iter().find(|name| has(name)) {
        return Ok(WeightsFile::Graph(usual.to_owned()));
    }
    let mut graphs: Vec<&str> = files
        .iter()
        .copied()
        .filter(|name| !name.strip_prefix("onnx/").unwrap_or(name).contains('/'))
        .filter(|name| name.rsplit_once('.').is_some_and(|(_, end)| end == "onnx"))
        .collect();
    graphs.sort_unstable();
    let safetensors = [SAFETENSORS, SHARDS].into_iter().find(|name| has(name));
    match (&graphs[..], safetensors, engine) {
        ([only], ..) => Ok(WeightsFile::Graph((*only).to_owned())),
        ([], Some(_), Engine::Ort) => Err(NoWeights::NoGraph),
        ([], Some(name), _) => Ok(WeightsFile::Safetensors(name.to_owned())),
        ([], None, _) => Err(NoWeights::Neither),
        (many, ..) => Err(NoWeights::ManyGraphs(many.join(", "))),
    }
}

/// The files of the model in `dir` among which [`choose`] chooses: those in `dir` and in `dir/onnx`.
pub(crate) fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, prefix) in [(dir.to_owned(), ""), (dir.join("onnx"), "onnx/")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let (true, Some(name)) = (entry.path().is_file(), entry.file_name().to_str()) {
                found.push(format!("{prefix}{name}"));
            }
        }
    }
    found
}

/// The weights of the model in `dir` for `engine`.
pub(crate) fn choose_in(dir: &Path, engine: Engine) -> Result<WeightsFile, NoWeights> {
    // A graph beside them takes other inputs than those of a text.
    if model2vec::is_in(dir) {
        return match engine {
            Engine::Ort => Err(NoWeights::NoGraph),
            _ => Ok(WeightsFile::Safetensors(SAFETENSORS.to_owned())),
        };
    }
    let files = files(dir);
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    choose(&names, engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_graph_then_the_only_one_then_safetensors() {
        let graph = |name: &str| Ok(WeightsFile::Graph(name.to_owned()));
        let safetensors = |name: &str| Ok(WeightsFile::Safetensors(name.to_owned()));
        for (files, ort, own) in [
            (
                &["model.onnx", "onnx/model.onnx"][..],
                graph("model.onnx"),
                graph("model.onnx"),
            ),
            (
                &["onnx/model_O4.onnx", "onnx/model.onnx", "model.safetensors"],
                graph("onnx/model.onnx"),
                graph("onnx/model.onnx"),
            ),
            (
                &["onnx/encoder.onnx", "other/x.onnx", "a.onnx.txt"],
                graph("onnx/encoder.onnx"),
                graph("onnx/encoder.onnx"),
            ),
            (
                &["model.safetensors"],
                Err(NoWeights::NoGraph),
                safetensors("model.safetensors"),
            ),
            (
                &[
                    "model.safetensors.index.json",
                    "model-00001-of-00002.safetensors",
                ],
                Err(NoWeights::NoGraph),
                safetensors("model.safetensors.index.json"),
            ),
            (
                &["pytorch_model.bin", "2_Dense/model.safetensors"],
                Err(NoWeights::Neither),
                Err(NoWeights::Neither),
            ),
            (
                &["onnx/b.onnx", "a.onnx"],
                Err(NoWeights::ManyGraphs("a.onnx, onnx/b.onnx".to_owned())),
                Err(NoWeights::ManyGraphs("a.onnx, onnx/b.onnx".to_owned())),
            ),
        ] {
            assert_eq!(choose(files, Engine::Ort), ort, "{files:?}");
            assert_eq!(choose(files, Engine::Skerry), own, "{files:?}");
        }
    }
}
