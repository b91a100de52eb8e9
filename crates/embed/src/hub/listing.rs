//! The files of a repository, and which of them a model needs.

use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::name::is_commit;
use crate::options::Engine;
use crate::settings::SENTENCE_CONFIGS;
use crate::weights::{NoWeights, SHARDS, WeightsFile, choose};

/// The files of a repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    /// The commit.
    pub(crate) commit: String,
    /// Its files.
    pub(crate) files: Vec<Entry>,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its path, with `/`.
    pub(crate) path: String,
    /// Its size in bytes, if the hub gives it.
    pub(crate) size: Option<u64>,
    /// Its hash, if the hub gives one.
    pub(crate) hash: Option<Hash>,
}

/// What a file is checked with. Its text is also the name of the file in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hash {
    /// SHA-256, of files in Git LFS.
    Sha256(String),
    /// SHA-1 of the Git object, of all other files.
    Git(String),
}

impl Hash {
    /// The hash in an `ETag`, or `None` if it is something else.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let text = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        let hex = text.chars().all(|c| c.is_ascii_hexdigit());
        match text.len() {
            64 if hex => Some(Self::Sha256(text.to_ascii_lowercase())),
            40 if hex => Some(Self::Git(text.to_ascii_lowercase())),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Sha256(text) | Self::Git(text) => text,
        }
    }
}

/// The answer of the hub, as far as it matters.
#[derive(Deserialize)]
struct Answer {
    sha: Option<String>,
    siblings: Option<Vec<Sibling>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Listing {
    /// Reads the answer of `/api/models/OWNER/NAME/revision/REVISION?blobs=true`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let fault = |message: String| Fault::Listing { message };
        let answer: Answer =
            serde_json::from_slice(bytes).map_err(|error| fault(error.to_string()))?;
        let commit = answer
            .sha
            .filter(|sha| is_commit(sha))
            .map(|sha| sha.to_ascii_lowercase())
            .ok_or_else(|| fault("it names no commit (`sha`)".to_owned()))?;
        let siblings = answer
            .siblings
            .ok_or_else(|| fault("it names no files (`siblings`)".to_owned()))?;
        let entry = |file: Sibling| {
            // In Git LFS, `size` and `blobId` may be those of the pointer.
            let (size, hash) = match file.lfs {
                Some(lfs) => (lfs.size.or(file.size), lfs.sha256),
                None => (file.size, file.blob_id),
            };
            Entry {
                path: file.rfilename,
                size,
                hash: hash.as_deref().and_then(Hash::of_tag),
            }
        };
        // Names that lead elsewhere are no files of a repository.
        let files = siblings
            .into_iter()
            .map(entry)
            .filter(|entry| is_inside(&entry.path))
            .collect();
        Ok(Self { commit, files })
    }

    /// The files that `engine` needs, the large ones last, so that a download that breaks off lacks weights, not settings.
    pub(crate) fn wanted(&self, engine: Engine) -> Result<Vec<Entry>, Fault> {
        let names: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let weights = choose(&names, engine).map_err(|fault| without(fault, &names))?;
        let tokenizer = ["tokenizer.json", "vocab.txt"]
            .into_iter()
            .find(|name| names.contains(name))
            .ok_or(Fault::NoTokenizer)?;
        let mut wanted: Vec<Entry> = self
            .files
            .iter()
            .filter(|file| {
                file.path == tokenizer || is_setting(&file.path) || is_of(&weights, &file.path)
            })
            .cloned()
            .collect();
        wanted.sort_by_key(|file| (file.size.unwrap_or(u64::MAX), file.path.clone()));
        Ok(wanted)
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|file| file.path == path)
    }
}

pub(super) fn without(fault: NoWeights, names: &[&str]) -> Fault {
    match fault {
        NoWeights::NoGraph => Fault::NoGraph,
        NoWeights::ManyGraphs(names) => Fault::ManyGraphs { names },
        NoWeights::Neither => {
            const ENDS: [&str; 6] = [".bin", ".safetensors", ".onnx", ".gguf", ".h5", ".msgpack"];
            let is_weights = |name: &&&str| ENDS.iter().any(|end| name.ends_with(end));
            let found: Vec<&str> = names.iter().filter(is_weights).copied().collect();
            let found = match found[..] {
                [] => "no weights at all".to_owned(),
                _ => format!("it has {}", found.join(", ")),
            };
            Fault::NoWeights { found }
        }
    }
}

/// The configuration files of a model.
const SETTINGS: [&str; 5] = [
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

fn is_setting(path: &str) -> bool {
    if SETTINGS.contains(&path) || SENTENCE_CONFIGS.contains(&path) {
        return true;
    }
    // The modules after the transformer: `1_Pooling/config.json`, `2_Dense/model.safetensors`.
    path.split_once('/').is_some_and(|(folder, file)| {
        folder.starts_with(|c: char| c.is_ascii_digit())
            && ["config.json", "model.safetensors"].contains(&file)
    })
}

/// Whether `path` is a file of these weights. Which external files a graph has is known only after it was read, so those
/// named as exporters name them are taken: `model.onnx_data`, `Constant_7_attr__value`.
fn is_of(weights: &WeightsFile, path: &str) -> bool {
    match weights {
        WeightsFile::Graph(graph) => {
            let folder = graph.rsplit_once('/').map_or("", |(folder, _)| folder);
            let (in_folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let external = path
                .strip_prefix(graph.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.']));
            external || (in_folder == folder && name.starts_with("Constant_"))
        }
        WeightsFile::Safetensors(name) => {
            let shard = path
                .strip_prefix("model-")
                .is_some_and(|rest| rest.contains("-of-") && rest.ends_with(".safetensors"));
            path == name || (name == SHARDS && shard)
        }
    }
}

/// Whether `path` stays in the repository.
pub(super) fn is_inside(path: &str) -> bool {
    !path.contains(['\\', ':', '\0'])
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn listing(paths: &[(&str, u64)]) -> Listing {
        let files = paths.iter().map(|&(path, size)| Entry {
            path: path.to_owned(),
            size: Some(size),
            hash: None,
        });
        Listing {
            commit: COMMIT.to_owned(),
            files: files.collect(),
        }
    }

    fn wanted(paths: &[(&str, u64)], engine: Engine) -> Vec<String> {
        let wanted = listing(paths).wanted(engine).unwrap();
        wanted.into_iter().map(|entry| entry.path).collect()
    }

    /// As in the repository of BGE-M3.
    const BGE_M3: [(&str, u64); 22] = [
        (".gitattributes", 1),
        ("1_Pooling/config.json", 191),
        ("README.md", 15_822),
        ("colbert_linear.pt", 2_100_674),
        ("config.json", 687),
        ("config_sentence_transformers.json", 123),
        ("imgs/bm25.jpg", 131_961),
        ("long.jpg", 485_432),
        ("modules.json", 349),
        ("onnx/Constant_7_attr__value", 65_552),
        ("onnx/config.json", 698),
        ("onnx/model.onnx", 724_923),
        ("onnx/model.onnx_data", 2_266_820_608),
        ("onnx/sentencepiece.bpe.model", 5_069_051),
        ("onnx/special_tokens_map.json", 964),
        ("onnx/tokenizer.json", 17_082_821),
        ("onnx/tokenizer_config.json", 1_173),
        ("pytorch_model.bin", 2_271_145_830),
        ("sentence_bert_config.json", 54),
        ("sparse_linear.pt", 3_516),
        ("tokenizer.json", 17_098_108),
        ("tokenizer_config.json", 444),
    ];

    #[test]
    fn of_bge_m3_the_graph_its_data_the_tokenizer_and_the_settings_are_taken() {
        let expected = [
            "sentence_bert_config.json",
            "config_sentence_transformers.json",
            "1_Pooling/config.json",
            "modules.json",
            "tokenizer_config.json",
            "config.json",
            "onnx/Constant_7_attr__value",
            "onnx/model.onnx",
            "tokenizer.json",
            "onnx/model.onnx_data",
        ];
        assert_eq!(wanted(&BGE_M3, Engine::Ort), expected);
        assert_eq!(wanted(&BGE_M3, Engine::Skerry), expected);
    }

    #[test]
    fn safetensors_come_whole_or_in_shards_and_variants_of_the_graph_do_not_come() {
        let files = [
            ("model.safetensors.index.json", 3),
            ("model-00001-of-00002.safetensors", 5),
            ("model-00002-of-00002.safetensors", 6),
            ("2_Dense/config.json", 1),
            ("2_Dense/model.safetensors", 4),
            ("2_Dense/pytorch_model.bin", 4),
            ("vocab.txt", 2),
        ];
        let found = wanted(&files, Engine::Skerry);
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(!found.contains(&"2_Dense/pytorch_model.bin".to_owned()));
        let files = [
            ("onnx/model.onnx", 5),
            ("onnx/model_O2.onnx", 5),
            ("onnx/model_qint8_avx512.onnx", 5),
            ("model.safetensors", 5),
            ("tokenizer.json", 2),
            ("vocab.txt", 2),
        ];
        assert_eq!(
            wanted(&files, Engine::Ort),
            ["tokenizer.json", "onnx/model.onnx"]
        );
    }

    #[test]
    fn what_is_lacking_is_named() {
        let fault = |paths: &[(&str, u64)]| listing(paths).wanted(Engine::Ort).unwrap_err();
        assert!(matches!(fault(&[("model.onnx", 1)]), Fault::NoTokenizer));
        let only = [("model.safetensors", 1), ("vocab.txt", 1)];
        assert!(matches!(fault(&only), Fault::NoGraph));
        let pickled = fault(&[("pytorch_model.bin", 1), ("vocab.txt", 1)]).to_string();
        assert!(pickled.contains("it has pytorch_model.bin"), "{pickled}");
    }

    #[test]
    fn the_answer_of_the_hub_is_read_and_names_that_lead_elsewhere_are_left_out() {
        let answer = format!(
            r#"{{"sha":"{COMMIT}","siblings":[
            {{"rfilename":"config.json","size":7,"blobId":"{COMMIT}"}},
            {{"rfilename":"model.onnx","size":9,"blobId":"{COMMIT}","lfs":{{"sha256":"{}","size":90,"pointerSize":133}}}},
            {{"rfilename":"vocab.txt"}}, {{"rfilename":"../secret"}}, {{"rfilename":"/etc/passwd"}},
            {{"rfilename":"a\\..\\b"}}]}}"#,
            "ab".repeat(32)
        );
        let listing = Listing::parse(answer.as_bytes()).unwrap();
        let names: Vec<&str> = listing
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(names, ["config.json", "model.onnx", "vocab.txt"]);
        assert_eq!(listing.files[0].hash, Some(Hash::Git(COMMIT.to_owned())));
        assert_eq!(listing.files[1].hash, Some(Hash::Sha256("ab".repeat(32))));
        assert_eq!(
            (listing.files[1].size, listing.files[2].size),
            (Some(90), None)
        );
        for wrong in ["<html>", "{}", r#"{"sha":"../x","siblings":[]}"#] {
            let fault = Listing::parse(wrong.as_bytes()).unwrap_err();
            assert!(matches!(fault, Fault::Listing { .. }), "{wrong}");
        }
    }

    #[test]
    fn tags_are_hashes_or_nothing() {
        let sha = "AB".repeat(32);
        assert_eq!(
            Hash::of_tag(&format!("\"{sha}\"")),
            Some(Hash::Sha256("ab".repeat(32)))
        );
        assert_eq!(
            Hash::of_tag(&format!("W/\"{COMMIT}\"")),
            Some(Hash::Git(COMMIT.to_owned()))
        );
        assert_eq!(Hash::of_tag("\"5f-3b\""), None);
    }
}
