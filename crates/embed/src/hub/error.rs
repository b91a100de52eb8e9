//! Errors of the hub.

use std::path::PathBuf;

/// Why a model of the hub cannot be used: the repository and the fault.
#[derive(Debug, thiserror::Error)]
#[error("{repo}: {fault}")]
pub struct Error {
    /// The repository, as it was given.
    pub repo: String,
    /// The fault.
    pub fault: Fault,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no directory for the cache of the hub.
    #[error("there is no directory for the cache of the hub: this user has no home directory")]
    NoCache,
    /// The network may not be used, and the model is not in the cache.
    #[error("the model is not in the cache of the hub ({}), and HF_HUB_OFFLINE is set", cache.display())]
    Offline {
        /// The cache of the hub.
        cache: PathBuf,
    },
    /// The model is not in the cache; nothing was downloaded, because only the cache was asked for.
    #[error("the model is not in the cache of the hub ({})", cache.display())]
    NotCached {
        /// The cache of the hub.
        cache: PathBuf,
    },
    /// Files are missing in the cache, and the network may not be used.
    #[error("{file} is missing in the cache of the hub, and HF_HUB_OFFLINE is set")]
    Incomplete {
        /// The first missing file.
        file: String,
    },
    /// No connection.
    #[error("{url} cannot be reached: {message}")]
    Unreachable {
        /// The requested address, without credentials.
        url: String,
        /// The cause.
        message: String,
    },
    /// A status other than success.
    #[error("the hub answered {status}{} for {what}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        /// The HTTP status.
        status: u16,
        /// The header `X-Error-Code`, such as `RepoNotFound`.
        code: Option<String>,
        /// The file, or "the list of files".
        what: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// A redirect that is not followed.
    #[error("{what}: {message}")]
    Redirect {
        /// The file, or "the list of files".
        what: String,
        /// The reason.
        message: String,
    },
    /// `HF_ENDPOINT` is not an address.
    #[error(
        "HF_ENDPOINT is {endpoint}, which is not an address that begins with https:// or http://"
    )]
    Endpoint {
        /// Its value, without credentials.
        endpoint: String,
    },
    /// The token cannot be sent.
    #[error("the token of the hub contains a line break or another character that no token has")]
    Token,
    /// The hub answered for another commit than the one that was asked for.
    #[error("the hub answered with commit {found} where {asked} was asked for")]
    Commit {
        /// The commit that was given, or that is in the cache.
        asked: String,
        /// The commit of the answer.
        found: String,
    },
    /// The answer is not a list of files.
    #[error("the list of files is not understood: {message}")]
    Listing {
        /// What is wrong with it.
        message: String,
    },
    /// A download that broke off again and again.
    #[error("the download of {file} broke off after {got} of {size} bytes: {message}")]
    Interrupted {
        /// The file.
        file: String,
        /// Bytes on the disk.
        got: u64,
        /// Bytes of the file.
        size: u64,
        /// The last cause.
        message: String,
    },
    /// A file with another hash than the hub gives.
    #[error("{file} has the hash {found}, expected {expected}")]
    Hash {
        /// The file.
        file: String,
        /// The hash that the hub gives.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// The repository has no weights that can be run.
    #[error("it has neither an ONNX graph nor model.safetensors ({found})")]
    NoWeights {
        /// Its weight files.
        found: String,
    },
    /// The repository has weights for the other engine only.
    #[error("it has model.safetensors, but no ONNX graph, which `--engine ort` needs")]
    NoGraph,
    /// The repository has several graphs, none of which is `model.onnx`.
    #[error("it has several graphs ({names}) and no model.onnx")]
    ManyGraphs {
        /// Their names.
        names: String,
    },
    /// The repository has no tokenizer.
    #[error("it has neither tokenizer.json nor vocab.txt")]
    NoTokenizer,
    /// The cache cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// "create", "write" ...
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Fault {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether a copy in the cache may be used in spite of it: the hub did not answer, or does not have the model at that commit.
    pub(super) fn allows_cached(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Status { .. }
                | Self::Redirect { .. }
                | Self::Commit { .. }
        )
    }
}

/// How to go on without the hub.
const ELSEWHERE: &str = "download the model where there is a network and copy the cache of the hub (HF_HOME), or give its \
                         directory with --model DIR, or use another --model (all-MiniLM-L6-v2 is the default)";

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match &self.fault {
            Fault::NoCache => "set HF_HOME to a directory that you can write".to_owned(),
            Fault::Offline { .. } | Fault::Incomplete { .. } => {
                format!("unset HF_HUB_OFFLINE to download it; without a network, {ELSEWHERE}")
            }
            Fault::NotCached { .. } => "it is downloaded when it is needed".to_owned(),
            Fault::Unreachable { .. } => format!(
                "check the network, HTTPS_PROXY and HF_ENDPOINT; without a network, {ELSEWHERE}"
            ),
            Fault::Status {
                status: 401 | 403,
                with_token: false,
                ..
            } => "check the name; if the repository is private or gated, accept its terms on its page and set HF_TOKEN to a \
                  token of your account"
                .to_owned(),
            Fault::Status {
                status: 401 | 403, ..
            } => "check the name; accept the terms of the repository on its page, and check that the token in HF_TOKEN is valid \
                  and may read it"
                .to_owned(),
            Fault::Status {
                status: 404 | 410, ..
            } => "check the name and the revision (owner/name@revision); a directory is given with its path, such as ./owner/name"
                .to_owned(),
            Fault::Status { .. } | Fault::Interrupted { .. } => {
                "try again later: what has arrived is kept, and the download continues there".to_owned()
            }
            Fault::Redirect { .. } | Fault::Listing { .. } => {
                "check HF_ENDPOINT: it must be the address of a hub, such as https://huggingface.co".to_owned()
            }
            Fault::Endpoint { .. } => {
                "give HF_ENDPOINT as an address, such as https://huggingface.co, or unset it".to_owned()
            }
            Fault::Token => "correct HF_TOKEN, or the file `token` in HF_HOME".to_owned(),
            Fault::Commit { .. } => {
                "nothing was downloaded: a proxy or mirror (HF_ENDPOINT) replaces the model; use the hub itself".to_owned()
            }
            Fault::Hash { .. } => {
                "nothing was kept of it: try again; if it happens again, a proxy or mirror (HF_ENDPOINT) changes the file"
                    .to_owned()
            }
            Fault::NoWeights { .. } => {
                "export the model to ONNX and give its directory with --model DIR, or choose a repository that has one of them"
                    .to_owned()
            }
            Fault::NoGraph => "use Skerry's own encoder: --engine skerry".to_owned(),
            Fault::ManyGraphs { .. } => {
                "download the repository and give one of them: --model DIR/NAME.onnx".to_owned()
            }
            Fault::NoTokenizer => "choose a repository with a tokenizer.json".to_owned(),
            Fault::Io { .. } => {
                "free space on the disk, or set HF_HOME to a directory that you can write; what has arrived is kept".to_owned()
            }
        })
    }
}
