//! Models and hubs that others made: what is changed, replaced, damaged or secret.

use std::collections::BTreeMap;
use std::path::Path;

use super::own_encoder::{NORMALIZE, OWN, POOL, files, own_place};
use super::server::{COMMIT, Wrong};
use super::{BGE_M3, Place, errors, failure, says};

/// The files as a directory beside the run.
fn directory(place: &Place, files: &BTreeMap<String, Vec<u8>>) -> String {
    let dir = place.bench.path("model");
    for (name, bytes) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir.to_str().unwrap().to_owned()
}

fn replaced(path: &Path, old: &str, new: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{text}");
    std::fs::write(path, text.replace(old, new)).unwrap();
}

#[test]
fn a_changed_configuration_is_another_model() {
    let files = files(&[POOL, NORMALIZE]);
    let place = own_place(files.clone());
    let model = directory(&place, &files);
    let config = Path::new(&model).join("config.json");
    let run = || {
        let report = place.report(&model, &OWN);
        let vectors = place.bench.embeddings().values().to_vec();
        let footer = artifacts::Footer::read(&place.bench.path("embeddings.parquet"));
        let fingerprint = footer.unwrap().unwrap().inputs["model"].clone();
        (report["cached"].as_u64().unwrap(), vectors, fingerprint)
    };
    let first = run();
    assert_eq!(first.0, 0);
    for (old, new) in [
        ("\"num_attention_heads\":2", "\"num_attention_heads\":4"),
        (
            "\"model_type\":\"bert\"",
            "\"model_type\":\"bert\",\"hidden_act\":\"relu\"",
        ),
        (
            "\"model_type\":\"bert\"",
            "\"model_type\":\"bert\",\"layer_norm_eps\":0.5",
        ),
        (
            "\"model_type\":\"bert\"",
            "\"model_type\":\"roberta\",\"pad_token_id\":3",
        ),
    ] {
        replaced(&config, old, new);
        let changed = run();
        assert_eq!(changed.0, 0, "{new}");
        assert_ne!(changed.1, first.1, "{new}");
        assert_ne!(changed.2, first.2, "{new}");
        std::fs::write(&config, &files["config.json"]).unwrap();
        let again = run();
        assert_eq!(again, (3, first.1.clone(), first.2.clone()), "{new}");
    }
}

#[test]
fn cached_vectors_do_not_hide_a_prompt_that_is_excluded() {
    let mut files = files(&[POOL, NORMALIZE]);
    files.insert(
        "config_sentence_transformers.json".to_owned(),
        br#"{"prompts":{"query":"blue "},"default_prompt_name":"query"}"#.to_vec(),
    );
    let place = own_place(files.clone());
    let model = directory(&place, &files);
    place.report(&model, &OWN);
    let pooling = Path::new(&model).join("1_Pooling/config.json");
    std::fs::write(
        &pooling,
        r#"{"pooling_mode":"mean","include_prompt":false}"#,
    )
    .unwrap();
    says(&place.failure(&model, &OWN), &["include_prompt"]);
    std::fs::write(&pooling, &files["1_Pooling/config.json"]).unwrap();
    let modules = Path::new(&model).join("modules.json");
    replaced(&modules, ".Normalize", ".LayerNorm");
    says(&place.failure(&model, &OWN), &["LayerNorm"]);
}

#[test]
fn a_commit_is_not_replaced_by_another() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    place.hub.answers_for_every_revision();
    let pinned = "a".repeat(40);
    let said = place.failure(&format!("{BGE_M3}@{pinned}"), &OWN);
    says(
        &said,
        &[
            &format!("the hub answered with commit {COMMIT} where {pinned} was asked for"),
            "nothing was downloaded",
        ],
    );
    assert!(place.blobs().is_empty());
    // A commit in capital letters is the same commit, also in the cache.
    let name = format!("{BGE_M3}@{}", COMMIT.to_uppercase());
    place.report(&name, &OWN);
    let asked = place.hub.log().len();
    assert!(asked > 0);
    place.report(&name, &OWN);
    assert_eq!(place.hub.log(), []);
}

#[test]
fn logins_and_signatures_are_printed_nowhere() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    let endpoint = place.hub.endpoint();
    let with_login = endpoint.replace("://", "://user:PWSECRET@");
    let mut command = place.command(BGE_M3, &OWN);
    command.env("HF_ENDPOINT", &with_login);
    let output = command.output().unwrap();
    let all = format!(
        "{}{}",
        errors(&output),
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(output.status.success(), "{all}");
    assert!(!all.contains("PWSECRET"), "{all}");
    says(&all, &[&endpoint.replace("://", "://...@")]);
    std::fs::remove_dir_all(place.bench.path("hf")).unwrap();

    let mut away = place.command(BGE_M3, &OWN);
    away.env("HF_ENDPOINT", "http://user:PWSECRET@127.0.0.1:1");
    let said = failure(away);
    says(&said, &["http://...@127.0.0.1:1/api/models/BAAI/bge-m3/"]);
    assert!(!said.contains("PWSECRET"), "{said}");

    let signed = "http://127.0.0.1:1/x?X-Amz-Signature=SECRETSIG";
    for path in ["", "config.json"] {
        place.hub.wrong(path, Wrong::Redirects(signed.to_owned()));
        let said = place.failure(BGE_M3, &OWN);
        says(&said, &["127.0.0.1:1"]);
        assert!(!said.contains("SECRETSIG"), "{said}");
        place.hub.right();
    }
}

#[test]
fn settings_of_the_hub_that_cannot_be_used_are_named() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    for (name, value, parts) in [
        (
            "HF_ENDPOINT",
            "127.0.0.1:18081",
            ["HF_ENDPOINT is 127.0.0.1:18081", "such as https://"],
        ),
        (
            "HF_TOKEN",
            "hf_SECRET\nsecond",
            [
                "the token of the hub contains a line break",
                "correct HF_TOKEN",
            ],
        ),
        (
            "HF_TOKEN",
            "hf_SECRETé",
            ["the token of the hub contains", "correct HF_TOKEN"],
        ),
    ] {
        let mut command = place.command(BGE_M3, &OWN);
        command.env(name, value);
        let said = failure(command);
        says(&said, &parts);
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn tokenizers_that_break_the_library_are_errors() {
    let tokenizer = |normalizer: &str, processor: &str| {
        format!(
            r#"{{"version":"1.0","added_tokens":[],"normalizer":{normalizer},"post_processor":{processor},
            "model":{{"type":"WordLevel","vocab":{{"red":0,"<unk>":1}},"unk_token":"<unk>"}}}}"#
        )
    };
    let charsmap = |map: &str| {
        let normalizer = format!(r#"{{"type":"Precompiled","precompiled_charsmap":"{map}"}}"#);
        tokenizer(&normalizer, "null")
    };
    let double = r#"{"type":"Replace","pattern":{"String":"e"},"content":"ee"}"#;
    let doubles = format!(
        r#"{{"type":"Sequence","normalizers":[{}]}}"#,
        [double; 40].join(",")
    );
    let template = r#"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"X","type_id":0}},
        {"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}"#;
    for (json, part) in [
        (tokenizer("null", template), "failed: "),
        (charsmap("AAAA"), "precompiled_charsmap is damaged"),
        (charsmap("/////w=="), "precompiled_charsmap is damaged"),
        (charsmap("BAAAAP////8="), "failed: "),
        (tokenizer(&doubles, "null"), "can lengthen a text"),
    ] {
        let mut files = files(&[POOL, NORMALIZE]);
        files.insert("tokenizer.json".to_owned(), json.clone().into_bytes());
        let said = own_place(files).failure(BGE_M3, &OWN);
        says(
            &said,
            &["the tokenizer ", part, "check that the file is complete"],
        );
        assert!(!said.contains("panicked"), "{json}: {said}");
    }
}

#[test]
fn what_cannot_be_run_is_told_with_a_remedy_that_works() {
    let files = files(&[POOL, NORMALIZE]);
    let place = own_place(files.clone());
    place.report(BGE_M3, &OWN);
    let blob = place.snapshot().join("model.safetensors").canonicalize();
    std::fs::write(blob.unwrap(), &files["model.safetensors"][..500]).unwrap();
    let said = place.failure(BGE_M3, &OWN);
    says(
        &said,
        &[
            "not a safetensors file",
            "`skerry models remove BAAI/bge-m3`",
        ],
    );
    assert!(
        !said.contains("because:") && !said.contains("--engine ort"),
        "{said}"
    );

    let model = directory(&place, &files);
    std::fs::write(Path::new(&model).join("model.safetensors"), "short").unwrap();
    let said = place.failure(&model, &OWN);
    says(
        &said,
        &["not a safetensors file", "download the model again"],
    );
    assert!(!said.contains("--engine ort"), "{said}");
    directory(&place, &files);

    let config = Path::new(&model).join("config.json");
    replaced(
        &config,
        "\"num_attention_heads\":2",
        "\"num_attention_heads\":0",
    );
    says(&place.failure(&model, &OWN), &["num_attention_heads is 0"]);
    directory(&place, &files);

    let tokenizer = Path::new(&model).join("tokenizer_config.json");
    std::fs::write(&tokenizer, r#"{"model_max_length":64}"#).unwrap();
    says(
        &place.failure(&model, &OWN),
        &["--max-tokens is 64 (in tokenizer_config.json), but the model allows 3 to 16"],
    );
    std::fs::remove_file(&tokenizer).unwrap();

    std::fs::remove_file(Path::new(&model).join("model.safetensors")).unwrap();
    std::fs::write(
        Path::new(&model).join("model.safetensors.index.json"),
        r#"{"weight_map":{"x":"model-00002-of-00002.safetensors"}}"#,
    )
    .unwrap();
    let said = place.failure(&model, &OWN);
    says(
        &said,
        &[
            "model-00002-of-00002.safetensors, which is missing",
            "download the model again",
        ],
    );
}
