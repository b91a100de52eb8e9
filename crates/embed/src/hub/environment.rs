//! What the environment says about the hub: the variables of Hugging Face's own client, with their defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings of the hub.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Address of the hub, without a slash at its end: `HF_ENDPOINT`.
    pub(crate) endpoint: String,
    /// The cache of the hub: `HF_HUB_CACHE`, else `HF_HOME/hub`; `None` without a home directory.
    pub(crate) cache: Option<PathBuf>,
    /// `HF_TOKEN`, else the file that a login wrote.
    pub(crate) token: Option<String>,
    /// `HF_HUB_OFFLINE`: use no network.
    pub(crate) offline: bool,
    /// The longest wait for a connection or for bytes: `HF_HUB_DOWNLOAD_TIMEOUT`, in seconds.
    pub(crate) timeout: Duration,
}

const ENDPOINT: &str = "https://huggingface.co";
/// The default of Hugging Face's client.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self::of(
            |name| std::env::var_os(name),
            std::env::home_dir(),
            |path| std::fs::read_to_string(path).ok(),
        )
    }

    fn of(
        variable: impl Fn(&str) -> Option<OsString>,
        home: Option<PathBuf>,
        read: impl Fn(&Path) -> Option<String>,
    ) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| given(name).map(PathBuf::from);
        let text = |name: &str| given(name)?.into_string().ok();
        let yes = |name: &str| {
            text(name).is_some_and(|value| {
                ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str())
            })
        };
        let base = path("HF_HOME").or_else(|| {
            let cache = path("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")));
            Some(cache?.join("huggingface"))
        });
        let cache = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| Some(base.as_ref()?.join("hub")));
        let stored = || {
            if yes("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
                return None;
            }
            let file = path("HF_TOKEN_PATH").or_else(|| Some(base.as_ref()?.join("token")))?;
            read(&file)
        };
        let token = text("HF_TOKEN")
            .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
            .or_else(stored)
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty());
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache,
            token,
            offline: yes("HF_HUB_OFFLINE") || yes("TRANSFORMERS_OFFLINE"),
            timeout: text("HF_HUB_DOWNLOAD_TIMEOUT")
                .and_then(|seconds| seconds.trim().parse().ok())
                .filter(|&seconds| seconds > 0)
                .map_or(TIMEOUT, Duration::from_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Environment {
        let variable = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name)?;
            Some(found.1.into())
        };
        let read = |path: &Path| {
            let stored = path == Path::new("/home/u/.cache/huggingface/token");
            stored.then(|| "hf_stored\n".to_owned())
        };
        Environment::of(variable, Some("/home/u".into()), read)
    }

    #[test]
    fn the_cache_is_that_of_other_programs() {
        for (set, expected) in [
            (&[][..], "/home/u/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/h/hub"),
            (&[("HUGGINGFACE_HUB_CACHE", "/o"), ("HF_HOME", "/h")], "/o"),
            (
                &[("HF_HUB_CACHE", "/c"), ("HUGGINGFACE_HUB_CACHE", "/o")],
                "/c",
            ),
            (&[("HF_HUB_CACHE", "")], "/home/u/.cache/huggingface/hub"),
        ] {
            assert_eq!(
                of(set).cache.as_deref(),
                Some(Path::new(expected)),
                "{set:?}"
            );
        }
    }

    #[test]
    fn address_token_and_switches() {
        let none = of(&[]);
        assert_eq!(none.endpoint, "https://huggingface.co");
        assert_eq!(none.token.as_deref(), Some("hf_stored"));
        assert!(!none.offline);
        assert_eq!(none.timeout, Duration::from_secs(10));
        let set = of(&[
            ("HF_ENDPOINT", "http://mirror.example/hub/"),
            ("HF_TOKEN", " hf_given "),
            ("HF_HUB_OFFLINE", "true"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "3"),
        ]);
        assert_eq!(set.endpoint, "http://mirror.example/hub");
        assert_eq!(set.token.as_deref(), Some("hf_given"));
        assert!(set.offline);
        assert_eq!(set.timeout, Duration::from_secs(3));
        assert_eq!(of(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token, None);
        assert!(!of(&[("HF_HUB_OFFLINE", "0")]).offline);
    }
}
