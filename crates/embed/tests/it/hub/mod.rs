//! Models by name, against a hub on this machine: a graph in the shape of BGE-M3's repository.

mod bge_m3;
mod faults;
mod own_encoder;
mod server;
mod shared_cache;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use self::server::{COMMIT, FakeHub, hash};
use crate::support::{Bench, Tiny, WORDS, library};

const BGE_M3: &str = "BAAI/bge-m3";

/// A run directory, a cache of the hub, and a hub.
struct Place {
    bench: Bench,
    hub: FakeHub,
    library: PathBuf,
}

/// The repository of BGE-M3 with a small graph; `None` where ONNX Runtime is not set up.
fn place(texts: &[&str]) -> Option<Place> {
    place_with(bge_m3_files(bge_m3_graph()), texts)
}

fn place_with(files: BTreeMap<String, Vec<u8>>, texts: &[&str]) -> Option<Place> {
    let library = library()?;
    let bench = Bench::new(texts);
    let hub = FakeHub::new(BGE_M3, files);
    Some(Place {
        bench,
        hub,
        library,
    })
}

/// The graph as BGE-M3's repository has it, small: weights and a constant in files of their own.
fn bge_m3_graph() -> Tiny {
    Tiny {
        constant: true,
        ..Tiny::default()
    }
}

/// The files of BGE-M3's repository, with a small graph.
fn bge_m3_files(graph: Tiny) -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    graph.write(dir.path());
    let mut files = BTreeMap::new();
    for name in ["model.onnx", "model.onnx_data", "Constant_7_attr__value"] {
        if let Ok(bytes) = std::fs::read(dir.path().join(name)) {
            files.insert(format!("onnx/{name}"), bytes);
        }
    }
    let modules = r#"[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
        {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
        {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]"#;
    for (name, text) in [
        (".gitattributes", "*.onnx filter=lfs"),
        ("README.md", "# A model"),
        ("modules.json", modules),
        (
            "1_Pooling/config.json",
            r#"{"word_embedding_dimension":4,"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#,
        ),
        (
            "config.json",
            r#"{"model_type":"xlm-roberta","hidden_size":4,"num_attention_heads":2,"max_position_embeddings":8194,"pad_token_id":1}"#,
        ),
        (
            "sentence_bert_config.json",
            r#"{"max_seq_length":8192,"do_lower_case":false}"#,
        ),
        ("tokenizer_config.json", r#"{"model_max_length":8192}"#),
        ("pytorch_model.bin", "pickled"),
        ("colbert_linear.pt", "pickled"),
        ("onnx/tokenizer.json", "{}"),
        ("tokenizer.json", &unigram()),
    ] {
        files.insert(name.to_owned(), text.as_bytes().to_vec());
    }
    files
}

/// A tokenizer as XLM-R has it, with the words of the small models: Unigram, `▁` before words, pad id 1, a truncation and a
/// padding that must not be obeyed.
fn unigram() -> String {
    let words: Vec<String> = WORDS
        .iter()
        .map(|word| format!(r#",["▁{word}",-1.0]"#))
        .collect();
    let words = words.concat();
    let special = |token: &str, id: usize| {
        format!(
            r#"{{"id":{id},"content":"{token}","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}}"#
        )
    };
    let added =
        [("<s>", 0), ("<pad>", 1), ("</s>", 2), ("<unk>", 3)].map(|(token, id)| special(token, id));
    let added = added.join(",");
    let space = r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#;
    format!(
        r#"{{"version":"1.0",
"truncation":{{"direction":"Right","max_length":3,"strategy":"LongestFirst","stride":0}},
"padding":{{"strategy":{{"Fixed":16}},"direction":"Right","pad_to_multiple_of":null,"pad_id":1,"pad_type_id":0,"pad_token":"<pad>"}},
"added_tokens":[{added}],
"normalizer":{{"type":"NFKC"}},
"pre_tokenizer":{{"type":"Sequence","pretokenizers":[{{"type":"WhitespaceSplit"}},{space}]}},
"post_processor":{{"type":"TemplateProcessing",
 "single":[{{"SpecialToken":{{"id":"<s>","type_id":0}}}},{{"Sequence":{{"id":"A","type_id":0}}}},{{"SpecialToken":{{"id":"</s>","type_id":0}}}}],
 "pair":[{{"Sequence":{{"id":"A","type_id":0}}}},{{"Sequence":{{"id":"B","type_id":0}}}}],
 "special_tokens":{{"<s>":{{"id":"<s>","ids":[0],"tokens":["<s>"]}},"</s>":{{"id":"</s>","ids":[2],"tokens":["</s>"]}}}}}},
"decoder":{space},
"model":{{"type":"Unigram","unk_id":3,"vocab":[["<s>",0.0],["<pad>",0.0],["</s>",0.0],["<unk>",0.0]{words}]}}}}"#
    )
}

impl Place {
    /// The program, with this hub.
    fn command(&self, model: &str, more: &[&str]) -> Command {
        self.command_in(self.bench.dir.path(), model, more)
    }

    /// The program in another run directory, with this hub and the cache of this place.
    fn command_in(&self, run: &Path, model: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-embed"));
        command
            .args(["--json", "--model", model, "--run"])
            .arg(run)
            .arg("--onnxruntime")
            .arg(&self.library)
            .args(more)
            .env("SKERRY_CACHE", &self.bench.cache)
            .env("HF_ENDPOINT", self.hub.endpoint())
            .env("HF_HOME", self.bench.path("hf"))
            .env("NO_PROXY", "127.0.0.1");
        for name in [
            "HF_HUB_CACHE",
            "HUGGINGFACE_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "TRANSFORMERS_OFFLINE",
            "HF_TOKEN",
            "HUGGING_FACE_HUB_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_DOWNLOAD_TIMEOUT",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn report(&self, model: &str, more: &[&str]) -> serde_json::Value {
        report(self.command(model, more))
    }

    fn failure(&self, model: &str, more: &[&str]) -> String {
        failure(self.command(model, more))
    }

    /// The folder of BGE-M3 in the cache of the hub.
    fn folder(&self) -> PathBuf {
        self.bench.path("hf/hub/models--BAAI--bge-m3")
    }

    fn snapshot(&self) -> PathBuf {
        self.folder().join("snapshots").join(COMMIT)
    }

    /// The names in its folder of files.
    fn blobs(&self) -> Vec<String> {
        names_in(&self.folder().join("blobs"))
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(mut command: Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn failure(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    errors(&output)
}

/// All notes and warnings of a report.
fn said(report: &serde_json::Value) -> String {
    let lines = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let lines = [lines("notes"), lines("warnings")].concat();
    lines
        .iter()
        .filter_map(|line| line.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn a_model_by_name_is_downloaded_once_into_the_cache_that_others_share() {
    let Some(place) = place(&["red sea", "bird"]) else {
        return;
    };
    let first = place.report(BGE_M3, &[]);
    assert_eq!(
        (&first["model"], &first["embedded"]),
        (&BGE_M3.into(), &2.into())
    );
    says(
        &said(&first),
        &[
            "BAAI/bge-m3 (commit 5617a9f61b02): downloading",
            "more files",
            "KiB in all",
            &place.hub.endpoint(),
        ],
    );
    let mut asked: Vec<String> = place
        .hub
        .log()
        .into_iter()
        .map(|request| request.path)
        .collect();
    asked.sort();
    let resolved = |name: &str| format!("/BAAI/bge-m3/resolve/{COMMIT}/{name}");
    let mut expected = vec![
        "/api/models/BAAI/bge-m3/revision/main".to_owned(),
        "/cdn/onnx/Constant_7_attr__value".to_owned(),
        "/cdn/onnx/model.onnx".to_owned(),
        "/cdn/onnx/model.onnx_data".to_owned(),
    ];
    let wanted = [
        "1_Pooling/config.json",
        "config.json",
        "modules.json",
        "onnx/Constant_7_attr__value",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    expected.extend(wanted.map(resolved));
    expected.sort();
    assert_eq!(asked, expected);

    // The layout of Hugging Face's client.
    let commit = std::fs::read_to_string(place.folder().join("refs/main")).unwrap();
    assert_eq!(commit, COMMIT);
    let files = bge_m3_files(bge_m3_graph());
    for name in wanted {
        let path = place.snapshot().join(name);
        assert_eq!(std::fs::read(&path).unwrap(), files[name], "{name}");
        #[cfg(unix)]
        {
            let up = "../".repeat(2 + name.matches('/').count());
            let target = format!("{up}blobs/{}", hash(name, &files[name]));
            assert_eq!(std::fs::read_link(&path).unwrap(), Path::new(&target));
        }
    }
    assert_eq!(place.blobs().len(), wanted.len());

    // The second time nobody is asked, and the vectors are cached; as a directory it is the same model.
    let offline = |model: &str| {
        let mut command = place.command(model, &[]);
        command.env("HF_HUB_OFFLINE", "1");
        report(command)
    };
    let second = offline(BGE_M3);
    assert_eq!(
        (&second["embedded"], &second["cached"]),
        (&0.into(), &2.into())
    );
    let bytes = place.bench.bytes();
    let directory = offline(place.snapshot().to_str().unwrap());
    assert_eq!(directory["cached"], 2);
    assert_eq!(place.hub.log(), []);
    let fingerprint = |bytes: &[u8]| {
        let path = place.bench.path("copy.parquet");
        std::fs::write(&path, bytes).unwrap();
        artifacts::Footer::read(&path).unwrap().unwrap().inputs["model"].clone()
    };
    assert_eq!(fingerprint(&bytes), fingerprint(&place.bench.bytes()));
}

#[test]
fn a_revision_is_a_branch_a_tag_or_a_commit() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    for revision in ["v1", "refs/pr/3", COMMIT] {
        let name = format!("{BGE_M3}@{revision}");
        assert_eq!(place.report(&name, &[])["model"], name.as_str());
        let known = place.folder().join("refs").join(revision);
        let commit = std::fs::read_to_string(known).ok();
        assert_eq!(commit.as_deref(), (revision != COMMIT).then_some(COMMIT));
    }
    // The files of the first served the others.
    let fetched = place
        .hub
        .log()
        .into_iter()
        .filter(|request| request.path.starts_with("/cdn"));
    assert_eq!(fetched.count(), 3);
    let said = place.failure(&format!("{BGE_M3}@v7"), &[]);
    says(
        &said,
        &[
            "BAAI/bge-m3@v7: the hub answered 404 (RevisionNotFound)",
            "check the name and the revision",
        ],
    );
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    let mut command = place.command(BGE_M3, &[]);
    command.env("HF_TOKEN", "hf_secret");
    let said = report(command).to_string();
    assert!(!said.contains("hf_secret"), "{said}");
    let log = place.hub.log();
    assert!(log.iter().any(|request| request.to_cdn));
    for request in log {
        let expected = (!request.to_cdn).then_some("Bearer hf_secret");
        assert_eq!(request.token.as_deref(), expected, "{request:?}");
    }
}

#[test]
fn a_repository_that_was_renamed_is_found() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    place.hub.renamed_from("OLD/name");
    assert_eq!(place.report("OLD/name", &[])["model"], "OLD/name");
    assert!(
        place
            .bench
            .path("hf/hub/models--OLD--name/refs/main")
            .is_file()
    );
}

#[test]
fn hashes_come_from_the_headers_where_the_list_has_none() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    place.hub.without_hashes();
    let report = place.report(BGE_M3, &[]);
    says(
        &said(&report),
        &["downloading 9 files of unknown size from"],
    );
    let files = bge_m3_files(bge_m3_graph());
    let graph = hash("onnx/model.onnx", &files["onnx/model.onnx"]);
    assert!(place.blobs().contains(&graph), "{:?}", place.blobs());
    assert!(
        place
            .blobs()
            .contains(&hash("config.json", &files["config.json"]))
    );
}

#[test]
fn two_programs_download_a_model_once() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    let start = |number: usize| {
        let run = place.bench.path(&format!("run{number}"));
        std::fs::create_dir(&run).unwrap();
        let documents = run.join("documents.parquet");
        std::fs::copy(place.bench.path("documents.parquet"), documents).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-embed"));
        let of = place.command(BGE_M3, &[]);
        for (name, value) in of.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .args(["--json", "--model", BGE_M3, "--run"])
            .arg(run);
        command.arg("--onnxruntime").arg(&place.library);
        let quiet = std::process::Stdio::null;
        command.stdout(quiet()).stderr(quiet()).spawn().unwrap()
    };
    let running = [0, 1, 2].map(start);
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    let fetched = place
        .hub
        .log()
        .into_iter()
        .filter(|request| request.path.starts_with("/cdn"));
    assert_eq!(fetched.count(), 3);
}

/// Checks that two lists of values are the same to 1e-5.
#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    let near = found
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        found.len() == expected.len() && near,
        "{found:?} is not {expected:?}"
    );
}
