//! What is known of a model with its settings before it is loaded: enough to find its vectors in the cache. So a run whose
//! texts are all cached loads neither the model nor its tokenizer.

use serde::{Deserialize, Serialize};

use crate::cache_files;
use crate::library;
use crate::model::Model;
use crate::options::{Local, Options};
use crate::own_weights::SCHEME;

/// Changes with the meaning of [`Known`].
const FORMAT: u32 = 1;

/// Directory in the cache.
const KIND: &str = "engines";

/// An engine with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Everything besides model and settings that can change a vector, as text: part of the key of the vector cache.
    pub(crate) identity: String,
    /// Engine and precision, for people.
    pub(crate) engine: String,
    /// Dimensions of a vector.
    pub(crate) dimensions: usize,
    /// The largest number of tokens of a text.
    pub(crate) max_tokens: usize,
    /// ONNX Runtime: the library and the processor.
    pub(crate) library: Option<String>,
}

/// Where it is kept.
pub(crate) struct Place(String);

impl Place {
    /// For `model` with these settings.
    pub(crate) fn of(model: &Model, options: &Options) -> Self {
        Self(format!(
            "{FORMAT} {} {SCHEME} {} {} {:?} {:?} {:?} {}",
            env!("CARGO_PKG_VERSION"),
            model.fingerprint,
            model.settings.identity(),
            model.settings.output,
            options.engine(),
            options.precision,
            options.device(),
        ))
    }

    /// What an earlier run wrote; `None` if it was with another library or processor that could change a vector.
    pub(crate) fn read(&self, local: &Local) -> Option<Known> {
        let known: Known = serde_json::from_str(&cache_files::read(KIND, &self.0)?).ok()?;
        let same = |library: &String| *library == library_state(local);
        known.library.as_ref().is_none_or(same).then_some(known)
    }

    /// Keeps `known`. Without a library file that can be identified before it is loaded, ONNX Runtime is loaded each time.
    pub(crate) fn write(&self, known: &Known) {
        if known.library.as_ref().is_some_and(String::is_empty) {
            return;
        }
        let text = serde_json::to_string(known).expect("text and numbers are JSON");
        cache_files::write(KIND, &self.0, text.as_bytes());
    }
}

/// The library of ONNX Runtime and the processor; empty if the library file is not known.
pub(crate) fn library_state(local: &Local) -> String {
    library::state(local.onnxruntime.as_deref()).unwrap_or_default()
}
