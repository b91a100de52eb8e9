//! The settings of a model, from the files that Sentence Transformers writes.
//!
//! | file | settings |
//! |---|---|
//! | `modules.json` | modules after the transformer: pooling, linear layers, normalization; others are an error |
//! | `1_Pooling/config.json` | pooling mode, and whether the prompt is included |
//! | `sentence_bert_config.json`, or one of its other names | maximum length, lower case |
//! | `config_sentence_transformers.json` | prompts, and the default one |
//! | `tokenizer_config.json` | maximum length, options of a plain vocabulary |
//! | `config.json` | number of positions, hidden size, attention heads, dimensions to which vectors may be cut; of static models, normalization |
//!
//! Flags override each of them. Pooling is never assumed; other assumptions are reported to the user.

use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::model_dir::{self, file_in};
use crate::model2vec;
use crate::options::{Options, Pooling};

/// The settings of a model.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one setting in the model's files"
)]
pub(crate) struct Settings {
    /// The pooling; `None` if it is not specified, which is valid only if the graph includes pooling.
    pub(crate) pooling: Option<Pooling>,
    /// Whether `pooling` was given by flag: then pooled outputs of the graph are ignored.
    pub(crate) pooling_asked: bool,
    pub(crate) normalize: bool,
    /// Maximum number of tokens, including special tokens.
    pub(crate) max_tokens: usize,
    /// The file that gives it, unless it was given by flag or assumed.
    pub(crate) max_tokens_of: Option<&'static str>,
    /// The output of `--graph-output`.
    pub(crate) output: Option<String>,
    /// The hidden size, if it is known.
    pub(crate) hidden: Option<usize>,
    /// The number of attention heads, if it is known.
    pub(crate) heads: Option<usize>,
    /// The number of positions, if it is known.
    pub(crate) positions: Option<usize>,
    pub(crate) prefix: String,
    /// Whether to lower-case texts before tokenization.
    pub(crate) lower_case: bool,
    /// Options of a plain vocabulary.
    pub(crate) vocabulary: Vocabulary,
    /// Whether the prefix is included in pooling.
    pub(crate) prefix_pooled: bool,
    /// The folders of the linear layers after pooling, in order.
    pub(crate) dense: Vec<String>,
    /// The dimensions to which vectors may be cut, as the model says.
    pub(crate) matryoshka: Vec<usize>,
    /// Whether it has one vector per token and nothing else (`model2vec`).
    pub(crate) is_static: bool,
    /// An unsupported module after the transformer, which is valid only if the graph includes it.
    pub(crate) unknown_module: Option<String>,
    /// Assumptions made, as sentences.
    pub(crate) assumed: Vec<String>,
}

/// Options of a plain vocabulary; the defaults are those of BERT's tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    pub(crate) lower_case: bool,
    /// Whether to strip accents; `None`: if it lower-cases.
    pub(crate) strip_accents: Option<bool>,
    /// Whether each Chinese character is a word.
    pub(crate) split_chinese: bool,
}

impl Settings {
    /// All settings that can change a vector, as text.
    pub(crate) fn identity(&self) -> String {
        // All fields are named, so that a new one is either part of the identity or known not to matter.
        let Self {
            pooling,
            pooling_asked,
            normalize,
            max_tokens,
            prefix,
            lower_case,
            vocabulary,
            prefix_pooled,
            unknown_module,
            // Part of the identity of the engine.
            output: _,
            // The hash of config.json covers these.
            hidden: _,
            heads: _,
            positions: _,
            is_static: _,
            // The hashes of the layers cover this.
            dense: _,
            // Vectors are cut after they were cached.
            matryoshka: _,
            max_tokens_of: _,
            assumed: _,
        } = self;
        let said = (
            pooling,
            pooling_asked,
            normalize,
            max_tokens,
            prefix,
            lower_case,
            vocabulary,
            prefix_pooled,
            unknown_module,
        );
        format!("{said:?}")
    }
}

/// The file names that Sentence Transformers uses for the maximum length, in search order.
pub(crate) const SENTENCE_CONFIGS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The limit of BERT, XLM-R and model2vec, used if a directory gives none.
const USUAL_TOKENS: usize = 512;
/// Larger values of `model_max_length` mean no limit.
const NO_LIMIT: u64 = 1 << 20;

/// Reads the settings of a directory; `options` override them.
pub(crate) fn read(dir: &Path, options: &Options) -> Result<Settings, Error> {
    let modules = json(dir, "modules.json")?;
    let tokenizer = json(dir, "tokenizer_config.json")?;
    let sentence = SENTENCE_CONFIGS
        .into_iter()
        .find_map(|name| Some((json(dir, name).transpose()?, name)));
    let (sentence, sentence_config) = match sentence {
        Some((config, name)) => (Some(config?), name),
        None => (None, SENTENCE_CONFIGS[0]),
    };
    let prompts = json(dir, "config_sentence_transformers.json")?;
    let config = json(dir, "config.json")?;
    let is_static = config.as_ref().is_some_and(model2vec::is_static);
    let mut assumed = Vec::new();

    let steps = modules
        .as_ref()
        .map(|modules| steps(&dir.join("modules.json"), modules))
        .transpose()?;
    let folder = match (options.pooling, &steps) {
        (Some(_), _) => None,
        (None, Some(steps)) => steps.pooling.as_deref(),
        (None, None) => Some("1_Pooling"),
    };
    let said = folder
        .map(|folder| pooling_of(dir, folder))
        .transpose()?
        .flatten();
    let pooling = options.pooling.or(said.map(|(pooling, _)| pooling));
    let flag = |from: &Option<Value>, name: &str| {
        from.as_ref()
            .and_then(|from| from.get(name))
            .and_then(Value::as_bool)
    };
    let of_static = is_static.then(|| flag(&config, "normalize")).flatten();
    let normalize = match (options.normalize.or(of_static), &steps) {
        (Some(normalize), _) => normalize,
        (None, Some(steps)) => steps.normalize,
        (None, None) if is_static => false,
        (None, None) => {
            assumed.push("there is no modules.json: vectors are scaled to length 1 (disable with --normalize false)".to_owned());
            true
        }
    };
    let number = |from: &Option<Value>, name: &str| {
        from.as_ref()
            .and_then(|from| from.get(name))
            .and_then(whole)
            .filter(|&value| value < NO_LIMIT)
    };
    let positions = number(&config, "max_position_embeddings").map(|most| {
        // RoBERTa models count positions from the padding id on.
        let family = config
            .as_ref()
            .and_then(|config| config.get("model_type"))
            .and_then(Value::as_str)
            .unwrap_or("");
        let offset = if ["roberta", "xlm-roberta", "camembert", "mpnet"].contains(&family) {
            2
        } else {
            0
        };
        (most.saturating_sub(offset)) as usize
    });
    let of_files = [
        (number(&sentence, "max_seq_length"), sentence_config),
        (
            number(&tokenizer, "model_max_length"),
            "tokenizer_config.json",
        ),
    ];
    let of_files = of_files
        .into_iter()
        .find_map(|(most, file)| Some((most? as usize, file)));
    let max_tokens_of = of_files
        .filter(|_| options.max_tokens.is_none())
        .map(|(_, file)| file);
    let max_tokens = match options.max_tokens {
        Some(most) => most,
        None => of_files
            .map(|(most, _)| most)
            .or(positions)
            .or(is_static.then_some(USUAL_TOKENS))
            .unwrap_or_else(|| {
                assumed.push(format!("the model gives no maximum length: texts are truncated to {USUAL_TOKENS} tokens (--max-tokens)"));
                USUAL_TOKENS
            }),
    };
    let prefix = match (&options.prefix, &options.prompt_name) {
        (Some(prefix), _) => prefix.clone(),
        (None, Some(name)) => prompt_named(dir, prompts.as_ref(), name)?,
        (None, None) => prompt(prompts.as_ref(), &mut assumed),
    };
    // The usual name, then those of T5, DistilBERT and GPT-2.
    let of_model = |names: [&str; 4]| {
        let found = names.iter().find_map(|name| number(&config, name))?;
        usize::try_from(found).ok().filter(|&found| found > 0)
    };
    Ok(Settings {
        pooling,
        pooling_asked: options.pooling.is_some(),
        normalize,
        output: options.graph_output.clone(),
        hidden: of_model(["hidden_size", "d_model", "dim", "n_embd"]),
        heads: of_model(["num_attention_heads", "num_heads", "n_heads", "n_head"]),
        max_tokens,
        max_tokens_of,
        positions,
        prefix,
        lower_case: flag(&sentence, "do_lower_case").unwrap_or(false),
        vocabulary: Vocabulary {
            lower_case: flag(&tokenizer, "do_lower_case").unwrap_or(true),
            strip_accents: flag(&tokenizer, "strip_accents"),
            split_chinese: flag(&tokenizer, "tokenize_chinese_chars").unwrap_or(true),
        },
        prefix_pooled: said.is_none_or(|(_, prefix)| prefix),
        matryoshka: [&config, &prompts]
            .into_iter()
            .flatten()
            .find_map(matryoshka)
            .unwrap_or_default(),
        dense: steps
            .as_ref()
            .map(|steps| steps.dense.clone())
            .unwrap_or_default(),
        is_static,
        unknown_module: steps.and_then(|steps| steps.unknown),
        assumed,
    })
}

/// The modules of `modules.json` after the transformer.
struct Steps {
    pooling: Option<String>,
    normalize: bool,
    dense: Vec<String>,
    unknown: Option<String>,
}

fn steps(path: &Path, modules: &Value) -> Result<Steps, Error> {
    let fault = |message: &str| Error::Config {
        path: path.to_owned(),
        message: message.to_owned(),
    };
    let mut steps = Steps {
        pooling: None,
        normalize: false,
        dense: Vec::new(),
        unknown: None,
    };
    for module in modules
        .as_array()
        .ok_or_else(|| fault("it is not a list of modules"))?
    {
        let kind = module
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| fault("a module has no `type`"))?;
        match kind.rsplit('.').next().unwrap_or(kind) {
            "Transformer" | "StaticEmbedding" => {}
            "Pooling" => {
                let folder = module
                    .get("path")
                    .and_then(Value::as_str)
                    .unwrap_or("1_Pooling");
                steps.pooling = Some(folder.to_owned());
            }
            "Normalize" => steps.normalize = true,
            // After pooling and before normalization, as all known models have it.
            "Dense" if steps.pooling.is_some() && !steps.normalize => {
                let folder = module
                    .get("path")
                    .and_then(Value::as_str)
                    .ok_or_else(|| fault("a module `Dense` has no `path`"))?;
                steps.dense.push(folder.trim_end_matches('/').to_owned());
            }
            _ => steps.unknown = Some(kind.to_owned()),
        }
    }
    Ok(steps)
}

/// The pooling in `folder/config.json`, and whether it includes the prompt; `None` without the file.
fn pooling_of(dir: &Path, folder: &str) -> Result<Option<(Pooling, bool)>, Error> {
    let name = if folder.is_empty() {
        "config.json".to_owned()
    } else {
        format!("{}/config.json", folder.trim_end_matches('/'))
    };
    let path = dir.join(&name);
    let Some(config) = json(dir, &name)? else {
        return Ok(None);
    };
    let fault = |message: String| Error::Config {
        path: path.clone(),
        message,
    };
    let prompt = config.get("include_prompt").and_then(Value::as_bool);
    let named = |name: &str| {
        let pooling = match name {
            "mean" | "mean_tokens" => Pooling::Mean,
            "cls" | "cls_token" => Pooling::Cls,
            "lasttoken" => Pooling::Last,
            "max" | "max_tokens" => Pooling::Max,
            other => return Err(fault(format!("pooling `{other}` is not supported"))),
        };
        Ok(Some((pooling, prompt.unwrap_or(true))))
    };
    if let Some(name) = config.get("pooling_mode").and_then(Value::as_str) {
        return named(name);
    }
    let on: Vec<&str> = config
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.as_bool() == Some(true))
        .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
        .collect();
    match on[..] {
        [one] => named(one),
        [] => Err(fault("no pooling_mode is enabled".to_owned())),
        _ => Err(fault(format!(
            "several pooling modes are enabled ({}): concatenating them is not supported",
            on.join(", ")
        ))),
    }
}

/// The default prompt of the model.
fn prompt(config: Option<&Value>, assumed: &mut Vec<String>) -> String {
    let Some(prompts) = config
        .and_then(|config| config.get("prompts"))
        .and_then(Value::as_object)
    else {
        return String::new();
    };
    let default = config
        .and_then(|config| config.get("default_prompt_name"))
        .and_then(Value::as_str);
    if let Some(prompt) = default
        .and_then(|name| prompts.get(name))
        .and_then(Value::as_str)
    {
        return prompt.to_owned();
    }
    let known: Vec<String> = prompts
        .iter()
        .filter_map(|(name, text)| {
            text.as_str()
                .filter(|text| !text.is_empty())
                .map(|text| format!("{name} {text:?}"))
        })
        .collect();
    if !known.is_empty() {
        assumed.push(format!(
            "the model has prompts but no default one; none is used (--prompt-name; {})",
            known.join(", ")
        ));
    }
    String::new()
}

/// The prompt `name` of the model.
fn prompt_named(dir: &Path, config: Option<&Value>, name: &str) -> Result<String, Error> {
    let prompts = config
        .and_then(|config| config.get("prompts"))
        .and_then(Value::as_object);
    let found = prompts.and_then(|prompts| prompts.get(name)?.as_str());
    found.map(str::to_owned).ok_or_else(|| Error::PromptName {
        dir: dir.to_owned(),
        name: name.to_owned(),
        known: prompts
            .into_iter()
            .flat_map(serde_json::Map::keys)
            .cloned()
            .collect(),
    })
}

/// The list `matryoshka_dimensions` of a configuration.
fn matryoshka(config: &Value) -> Option<Vec<usize>> {
    let list = config.get("matryoshka_dimensions")?.as_array()?;
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    Some(list.iter().filter_map(number).collect())
}

/// An integer, possibly written by Python as 1e30.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|value| *value >= 0.0)
            .map(|value| value as u64)
    })
}

/// The JSON in the file `name` of the model in `dir`; `None` if there is no such file.
fn json(dir: &Path, name: &str) -> Result<Option<Value>, Error> {
    let path = &file_in(dir, name)?;
    let bytes = match model_dir::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::Config {
                path: path.to_owned(),
                message: error.to_string(),
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::Config {
            path: path.to_owned(),
            message: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    const MODULES: &str = r#"[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
        {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
        {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]"#;

    #[test]
    fn settings_are_read_from_a_complete_directory() {
        let dir = directory(&[
            ("modules.json", MODULES),
            (
                "1_Pooling/config.json",
                r#"{"word_embedding_dimension":8,"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false,"include_prompt":true}"#,
            ),
            (
                "sentence_bert_config.json",
                r#"{"max_seq_length":8192,"do_lower_case":false}"#,
            ),
            ("tokenizer_config.json", r#"{"model_max_length":512}"#),
            (
                "config.json",
                r#"{"model_type":"xlm-roberta","max_position_embeddings":8194}"#,
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts":{"query":"query: "},"default_prompt_name":"query"}"#,
            ),
        ]);
        let settings = read(dir.path(), &Options::default()).unwrap();
        assert_eq!(settings.pooling, Some(Pooling::Cls));
        assert!(settings.normalize);
        assert_eq!(
            (settings.max_tokens, settings.positions),
            (8192, Some(8192))
        );
        assert_eq!(settings.prefix, "query: ");
        assert_eq!(settings.assumed, Vec::<String>::new());
    }

    #[test]
    fn the_maximum_length_is_read_under_each_of_its_keys() {
        for name in SENTENCE_CONFIGS {
            let dir = directory(&[
                (name, r#"{"max_seq_length":77,"do_lower_case":true}"#),
                ("tokenizer_config.json", r#"{"model_max_length":512}"#),
            ]);
            let settings = read(dir.path(), &Options::default()).unwrap();
            assert_eq!((settings.max_tokens, settings.lower_case), (77, true));
        }
    }

    #[test]
    fn a_plain_vocabulary_follows_its_configuration() {
        let vocabulary = |config| {
            let dir = directory(&[("tokenizer_config.json", config)]);
            read(dir.path(), &Options::default()).unwrap().vocabulary
        };
        let usual = vocabulary(r#"{"strip_accents":null}"#);
        assert_eq!(
            (usual.lower_case, usual.strip_accents, usual.split_chinese),
            (true, None, true)
        );
        let said = vocabulary(
            r#"{"do_lower_case":false,"strip_accents":true,"tokenize_chinese_chars":false}"#,
        );
        assert_eq!(
            (said.lower_case, said.strip_accents, said.split_chinese),
            (false, Some(true), false)
        );
    }

    #[test]
    fn flags_override_the_model_directory() {
        let dir = directory(&[
            ("modules.json", MODULES),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_mean_tokens":true}"#,
            ),
        ]);
        let options = Options {
            pooling: Some(Pooling::Last),
            normalize: Some(false),
            max_tokens: Some(99),
            prefix: Some("x".to_owned()),
            ..Options::default()
        };
        let settings = read(dir.path(), &options).unwrap();
        assert_eq!(settings.pooling, Some(Pooling::Last));
        assert_eq!(
            (
                settings.normalize,
                settings.max_tokens,
                settings.prefix.as_str()
            ),
            (false, 99, "x")
        );
    }

    #[test]
    fn prompts_have_names_and_linear_layers_folders() {
        let modules = r#"[{"type":"x.Transformer"},{"type":"x.Pooling","path":"1_Pooling"},
            {"type":"x.Dense","path":"2_Dense"},{"type":"x.Dense","path":"3_Dense/"},{"type":"x.Normalize"}]"#;
        let dir = directory(&[
            ("modules.json", modules),
            ("1_Pooling/config.json", r#"{"pooling_mode":"mean"}"#),
            (
                "config_sentence_transformers.json",
                r#"{"prompts":{"query":"query: ","document":""}}"#,
            ),
            ("config.json", r#"{"matryoshka_dimensions":[64,256]}"#),
        ]);
        let named = |name: &str| {
            let options = Options {
                prompt_name: Some(name.to_owned()),
                ..Options::default()
            };
            read(dir.path(), &options)
        };
        let settings = named("query").unwrap();
        assert_eq!(settings.prefix, "query: ");
        assert_eq!(settings.dense, ["2_Dense", "3_Dense"]);
        assert_eq!(settings.matryoshka, [64, 256]);
        assert_eq!(settings.unknown_module, None);
        assert_eq!(named("document").unwrap().prefix, "");
        let error = named("passage").unwrap_err();
        assert!(
            matches!(&error, Error::PromptName { known, .. } if known == &["document", "query"]),
            "{error}"
        );
    }

    #[test]
    fn an_empty_model_directory_is_refused() {
        let settings = read(directory(&[]).path(), &Options::default()).unwrap();
        assert_eq!(settings.pooling, None);
        assert_eq!(settings.assumed.len(), 2, "{:?}", settings.assumed);
    }

    #[test]
    fn unsupported_modules_are_refused() {
        // A linear layer without pooling before it.
        let dense = r#"[{"type":"sentence_transformers.models.Dense","path":"2_Dense"}]"#;
        let settings = read(
            directory(&[("modules.json", dense)]).path(),
            &Options::default(),
        )
        .unwrap();
        assert!(settings.unknown_module.unwrap().ends_with("Dense"));
        let two = r#"{"pooling_mode_cls_token":true,"pooling_mode_max_tokens":true}"#;
        let error = read(
            directory(&[("1_Pooling/config.json", two)]).path(),
            &Options::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("several"), "{error}");
    }
}
