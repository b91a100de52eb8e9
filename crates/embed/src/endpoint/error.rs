//! Errors of endpoints.

use stage::thousands;

use super::address::AddressFault;
use super::key::{OPENAI_VARIABLE, VARIABLE};

/// Why vectors of an endpoint cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is refused.
    #[error("--endpoint {0}")]
    Address(AddressFault),
    /// An option that has no meaning for an endpoint.
    #[error("--{option} does not apply to `--endpoint`")]
    Setting {
        /// The option.
        option: &'static str,
    },
    /// An option that has a meaning for an endpoint only.
    #[error("--{option} applies only to `--endpoint`")]
    Alone {
        /// The option.
        option: &'static str,
    },
    /// The name of the model is missing.
    #[error("--endpoint needs the name of the model")]
    NoModel,
    /// The key cannot be in a header.
    #[error("{variable} holds characters that cannot be in a key")]
    Key {
        /// The environment variable.
        variable: &'static str,
    },
    /// A fault of the server or of the way to it.
    #[error("{host}: {fault}")]
    At {
        /// Host and port.
        host: String,
        /// The fault.
        fault: Fault,
    },
}

/// What went wrong with a server. Messages of servers are shortened.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No answer, after all attempts.
    #[error("it cannot be reached: {message} ({attempts} attempts)")]
    Unreachable {
        /// The last cause.
        message: String,
        /// Number of attempts.
        attempts: u32,
    },
    /// Answers of an overloaded or failing server, after all attempts.
    #[error("it answered {status} {attempts} times: {message}")]
    Failing {
        /// The last HTTP status.
        status: u16,
        /// Its message.
        message: String,
        /// Number of attempts.
        attempts: u32,
    },
    /// It asks for a longer wait than a run waits.
    #[error("it asks to wait for {} s: {message}", thousands(*seconds as usize))]
    Wait {
        /// The wait.
        seconds: u64,
        /// Its message.
        message: String,
    },
    /// It does not accept the key.
    #[error("it answered {status}: {message}")]
    Denied {
        /// The HTTP status.
        status: u16,
        /// Its message.
        message: String,
        /// Whether a key was sent.
        with_key: bool,
    },
    /// The account has no credit left.
    #[error("the quota of the account is exhausted: {message}")]
    Quota {
        /// Its message.
        message: String,
    },
    /// Another status, for all texts.
    #[error("it answered {status}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// A redirect that is not followed.
    #[error("it redirects to {to}, to which nothing is sent")]
    Redirect {
        /// The address, or "no address".
        to: String,
    },
    /// An answer that is not understood, after all attempts.
    #[error("its answer is not understood: {message}")]
    Garbled {
        /// What is wrong with it.
        message: String,
    },
    /// One text fails, and others do not.
    #[error("row {row} ({beginning}; {characters} characters): {message}", characters = thousands(*characters))]
    Text {
        /// The row.
        row: usize,
        /// The beginning of the text, in quotes.
        beginning: String,
        /// The length of the text.
        characters: usize,
        /// What the server says.
        message: String,
    },
    /// The vector of a text has another number of dimensions than those before.
    #[error("row {row}: its vector has {found} dimensions, where others have {expected}")]
    Dimensions {
        /// The row.
        row: usize,
        /// The dimensions of this vector.
        found: usize,
        /// The dimensions of the others.
        expected: usize,
    },
}

impl Error {
    /// The error with the index of a distinct text replaced by its row.
    pub(crate) fn at_row(mut self, row_of: impl Fn(usize) -> usize) -> Self {
        if let Self::At {
            fault: Fault::Text { row, .. } | Fault::Dimensions { row, .. },
            ..
        } = &mut self
        {
            *row = row_of(*row);
        }
        self
    }
}

/// What remains of an interrupted run.
const RESUME: &str =
    "the vectors that arrived are in the cache, so that the same command continues there";

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        let fault = match self {
            Self::Address(AddressFault::Password | AddressFault::Key { .. }) => {
                return Some(format!(
                    "give the key in {VARIABLE}, so that it is in no file"
                ));
            }
            Self::Address(_) => {
                return Some(
                    "give the whole address, such as https://api.openai.com/v1/embeddings (OpenAI API) or http://127.0.0.1:8080/embed \
                     (text-embeddings-inference)"
                        .to_owned(),
                );
            }
            Self::Setting { option: "model" } => {
                return Some(
                    "name the server's model with --endpoint-model, or omit --endpoint".to_owned(),
                );
            }
            Self::Setting {
                option: "prompt-name",
            } => {
                return Some("give the prompt itself, such as --prefix \"query: \"".to_owned());
            }
            Self::Setting { option: "overflow" } => {
                return Some(
                    "omit --overflow: only the server knows how many tokens a text has; text-embeddings-inference truncates long texts, which \
                     are counted, or refuses them with `--overflow error`, and the OpenAI API refuses them"
                        .to_owned(),
                );
            }
            Self::Setting { option } => {
                return Some(format!(
                    "omit --{option}: the server runs the model, with settings of its own"
                ));
            }
            Self::Alone { option } => {
                return Some(format!("omit --{option}, or give --endpoint URL"));
            }
            Self::NoModel => {
                return Some(
                    "give --endpoint-model NAME, such as text-embedding-3-small; for a server with one model, its name: it is recorded, and \
                     vectors in the cache go by it"
                        .to_owned(),
                );
            }
            Self::Key { variable } => {
                return Some(format!(
                    "check {variable}: keys consist of letters, digits and punctuation"
                ));
            }
            Self::At { fault, .. } => fault,
        };
        Some(match fault {
            Fault::Unreachable { .. } => {
                format!("check --endpoint, the server and HTTPS_PROXY; {RESUME}")
            }
            Fault::Failing { .. } | Fault::Wait { .. } | Fault::Quota { .. } => {
                format!(
                    "try again later, with a smaller --concurrency if the server is overloaded; {RESUME}"
                )
            }
            Fault::Denied {
                with_key: false, ..
            } => {
                format!(
                    "set {VARIABLE} to the key of the endpoint ({OPENAI_VARIABLE} is sent to https://api.openai.com alone)"
                )
            }
            Fault::Denied { .. } => format!("check the key in {VARIABLE}, and what it allows"),
            Fault::Status {
                status: 404 | 405 | 410,
                ..
            } => "check the path of --endpoint, and the name in --endpoint-model".to_owned(),
            Fault::Status { .. } => "check --endpoint and --endpoint-model".to_owned(),
            Fault::Redirect { .. } => {
                "if that is the right address, give it with --endpoint".to_owned()
            }
            Fault::Garbled { .. } => format!(
                "check that the server speaks the protocol of the path of --endpoint; {RESUME}"
            ),
            Fault::Text { .. } => format!(
                "change the text, or leave such rows out (`skerry ingest --where`, such as \"LENGTH(text) < 20000\"); {RESUME}"
            ),
            Fault::Dimensions { .. } => {
                "the server has changed its model: name the new one with --endpoint-model"
                    .to_owned()
            }
        })
    }
}
