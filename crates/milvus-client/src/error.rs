//! Errors of a call, with remedies.

use std::path::PathBuf;

/// Why a call failed. `Display` states the fact, [`Error::hint`] the remedy. No message contains a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    #[error("{uri} is not the address of a Milvus server: {fault}")]
    Address {
        /// The address, without credentials.
        uri: String,
        /// Its fault.
        fault: &'static str,
    },
    /// The token cannot be sent.
    #[error("the token contains a character that cannot be sent")]
    Token,
    /// The server cannot be reached.
    #[error("no connection to Milvus at {address}: {message}")]
    Connect {
        /// Host and port.
        address: String,
        /// The cause.
        message: String,
    },
    /// The token is missing or wrong.
    #[error("Milvus at {address} refuses the login: {message}")]
    Login {
        /// Host and port.
        address: String,
        /// Whether a token was sent.
        sent: bool,
        /// The message of the server.
        message: String,
    },
    /// The connection broke during a call, also when it was repeated.
    #[error("Milvus at {address} broke off {call}: {message}")]
    Interrupted {
        /// Host and port.
        address: String,
        /// The name of the call.
        call: &'static str,
        /// The cause.
        message: String,
    },
    /// The server did not answer in time.
    #[error("Milvus at {address} did not answer {call} within {seconds} s")]
    Deadline {
        /// Host and port.
        address: String,
        /// The name of the call.
        call: &'static str,
        /// The deadline.
        seconds: u64,
    },
    /// The server does not have the call.
    #[error("Milvus at {address} does not have the call {call}")]
    Unimplemented {
        /// Host and port.
        address: String,
        /// The name of the call.
        call: &'static str,
    },
    /// The server refused the call.
    #[error("Milvus at {address} refused {call}: {message}")]
    Refused {
        /// Host and port.
        address: String,
        /// The name of the call.
        call: &'static str,
        /// The code of the server.
        code: i32,
        /// Its message.
        message: String,
    },
    /// The answer contradicts the protocol or the request.
    #[error("Milvus at {address} gave an invalid answer to {call}: {fault}")]
    Answer {
        /// Host and port.
        address: String,
        /// The name of the call.
        call: &'static str,
        /// The contradiction.
        fault: String,
    },
    /// The runtime of the client could not be started.
    #[error("cannot start the threads of the client: {message}")]
    Threads {
        /// The cause.
        message: String,
    },
    /// Milvus Lite could not be started.
    #[error("cannot start Milvus Lite on {}: {message}", database.display())]
    Lite {
        /// The file of its data.
        database: PathBuf,
        /// The cause.
        message: String,
    },
}

impl Error {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "give http://HOST:PORT or https://HOST:PORT".to_owned(),
            Self::Token => "give an API key, or `USER:PASSWORD`, in ASCII".to_owned(),
            Self::Connect { message, .. } if message.contains("certificate") => {
                "the certificate of the server is not trusted: add its authority to those of the system, or name its file in SSL_CERT_FILE"
                    .to_owned()
            }
            Self::Connect { .. } => {
                "check the address, and that the server runs and may be reached from here".to_owned()
            }
            Self::Login { sent: true, .. } => {
                "check the token: `USER:PASSWORD` or an API key".to_owned()
            }
            Self::Login { sent: false, .. } => {
                "give a token: `USER:PASSWORD` or an API key, best in MILVUS_TOKEN".to_owned()
            }
            Self::Interrupted { .. } => {
                "see the log of the server; what it has stored is kept, so the same command continues once it runs"
                    .to_owned()
            }
            Self::Deadline { .. } => {
                "see whether the server is overloaded, or allow more time; the same command continues".to_owned()
            }
            Self::Unimplemented { .. } => "use another version of Milvus".to_owned(),
            Self::Answer { .. } => {
                "the server or a proxy before it is at fault: see its log, or use another version".to_owned()
            }
            Self::Threads { .. } => "allow this process more threads".to_owned(),
            Self::Refused { .. } | Self::Lite { .. } => return None,
        })
    }
}
