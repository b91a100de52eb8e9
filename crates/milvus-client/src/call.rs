//! One call: encoding, headers, deadline, and repetition of calls that may be repeated.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use crate::proto::{self, Answer};
use crate::{Error, Settings};

/// The largest message in either direction. A server takes 64 MiB unless it is configured otherwise.
const MESSAGE_LIMIT: usize = 256 << 20;

/// The wait before a call is repeated: 16 seconds in all, in which a server can restart. No call is repeated after its
/// deadline.
const WAITS: [Duration; 7] = [
    Duration::from_millis(125),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A call of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    path: &'static str,
    /// Whether it may be repeated when its outcome is unknown.
    repeatable: bool,
}

macro_rules! calls {
    ($($name:ident: $method:literal $repeatable:literal;)*) => {
        impl Call {
            $(pub(crate) const $name: Call = Call {
                name: $method,
                path: concat!("/milvus.proto.milvus.MilvusService/", $method),
                repeatable: $repeatable,
            };)*
        }
    };
}

// A call that creates something is not repeated: it would find what it made and fail. A row that is inserted twice is there
// twice, so an insert is repeated as an upsert.
calls! {
    CREATE_COLLECTION: "CreateCollection" false;
    CREATE_DATABASE: "CreateDatabase" false;
    CREATE_INDEX: "CreateIndex" true;
    DELETE: "Delete" true;
    DESCRIBE_COLLECTION: "DescribeCollection" true;
    DESCRIBE_INDEX: "DescribeIndex" true;
    DROP_COLLECTION: "DropCollection" true;
    FLUSH: "Flush" true;
    GET_LOADING_PROGRESS: "GetLoadingProgress" true;
    GET_VERSION: "GetVersion" true;
    INSERT: "Insert" false;
    LIST_DATABASES: "ListDatabases" true;
    LOAD_COLLECTION: "LoadCollection" true;
    QUERY: "Query" true;
    RELEASE_COLLECTION: "ReleaseCollection" true;
    SEARCH: "Search" true;
    SHOW_COLLECTIONS: "ShowCollections" true;
    UPSERT: "Upsert" true;
}

/// A connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    channel: Channel,
    headers: Arc<MetadataMap>,
    pub(crate) address: Arc<str>,
    deadline: Duration,
    has_token: bool,
}

impl Connection {
    /// Connects, without a repetition: a wrong address is reported at once.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Error> {
        let address = settings.address();
        let failed = |error: tonic::transport::Error| Error::Connect {
            address: address.clone(),
            message: root_cause(&error),
        };
        let mut endpoint = Endpoint::from(settings.uri.clone())
            .connect_timeout(Duration::from_secs(10).min(settings.deadline))
            // A whole batch of vectors fits into the window.
            .initial_stream_window_size(16 << 20)
            .initial_connection_window_size(32 << 20)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        if settings.is_encrypted() {
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(failed)?;
        }
        let mut headers = MetadataMap::new();
        if let Some(token) = &settings.token {
            let mut value: AsciiMetadataValue = token.header().parse().map_err(|_| Error::Token)?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        if !settings.database.is_empty()
            && let Ok(value) = settings.database.parse()
        {
            headers.insert("dbname", value);
        }
        Ok(Self {
            channel: endpoint.connect().await.map_err(failed)?,
            headers: Arc::new(headers),
            address: address.into(),
            deadline: settings.deadline,
            has_token: settings.token.is_some(),
        })
    }

    /// Makes a call and checks the status in its answer. A call that may be repeated is repeated while the server cannot be
    /// reached or is busy; one that may not is repeated only if the server was busy and did nothing.
    pub(crate) async fn call<A: Answer>(
        &self,
        call: Call,
        request: impl Message,
    ) -> Result<A, Error> {
        let request = Bytes::from(request.encode_to_vec());
        self.call_encoded(call, call, request).await
    }

    /// Like [`Self::call`], with another call from the second attempt on.
    pub(crate) async fn call_encoded<A: Answer>(
        &self,
        first: Call,
        then: Call,
        request: Bytes,
    ) -> Result<A, Error> {
        let began = tokio::time::Instant::now();
        let mut call = first;
        for wait in WAITS {
            if began.elapsed() + wait > self.deadline {
                break;
            }
            match self.attempt(call, request.clone()).await {
                Err((_, Repeat::Always)) => {}
                Err((_, Repeat::IfHarmless)) if then.repeatable => {}
                ended => return ended.map_err(|(error, _)| error),
            }
            tokio::time::sleep(wait).await;
            call = then;
        }
        let last = self.attempt(call, request).await;
        last.map_err(|(error, _)| error)
    }

    async fn attempt<A: Answer>(&self, call: Call, request: Bytes) -> Result<A, (Error, Repeat)> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let answer = async {
            let ready = grpc.ready().await;
            ready.map_err(|error| Status::unavailable(root_cause(&error)))?;
            let mut request = tonic::Request::new(request);
            *request.metadata_mut() = (*self.headers).clone();
            let path = PathAndQuery::from_static(call.path);
            grpc.unary(request, path, Codes(PhantomData)).await
        };
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(Ok(answer)) => {
                let answer: A = answer.into_inner();
                self.check(call, answer.status())?;
                Ok(answer)
            }
            Ok(Err(status)) => Err(self.failed(call, &status)),
            Err(_) => Err((self.too_slow(call), Repeat::Never)),
        }
    }

    fn too_slow(&self, call: Call) -> Error {
        Error::Deadline {
            address: self.address.to_string(),
            call: call.name,
            seconds: self.deadline.as_secs(),
        }
    }

    /// The error of a call that failed in the transport, and whether it may be repeated.
    fn failed(&self, call: Call, status: &Status) -> (Error, Repeat) {
        let address = self.address.to_string();
        let message = match std::error::Error::source(status) {
            Some(cause) => root_cause(cause),
            None => status.message().to_owned(),
        };
        let interrupted = |message| Error::Interrupted {
            address: address.clone(),
            call: call.name,
            message,
        };
        match status.code() {
            Code::Unavailable => (interrupted(message), Repeat::IfHarmless),
            // A connection that breaks is reported as one of these.
            Code::Unknown | Code::Internal | Code::Cancelled
                if std::error::Error::source(status).is_some() =>
            {
                (interrupted(message), Repeat::IfHarmless)
            }
            Code::DeadlineExceeded => (self.too_slow(call), Repeat::Never),
            // Milvus Lite reports so what its engine refuses.
            Code::Unimplemented
                if message.is_empty() || message.to_lowercase().contains("implemented") =>
            {
                (
                    Error::Unimplemented {
                        address,
                        call: call.name,
                    },
                    Repeat::Never,
                )
            }
            Code::Unauthenticated | Code::PermissionDenied => (self.login(message), Repeat::Never),
            Code::ResourceExhausted => (self.refused(call, 0, &message), Repeat::Never),
            _ if is_login(&message) => (self.login(message), Repeat::Never),
            _ => (
                self.refused(call, status.code().into(), &message),
                Repeat::Never,
            ),
        }
    }

    /// Checks the status that an answer carries.
    fn check(&self, call: Call, status: Option<&proto::Status>) -> Result<(), (Error, Repeat)> {
        /// "The service is not ready", "the rate limit is exceeded", of the codes since version 2.3 and of the old ones.
        const BUSY: [i32; 2] = [1, 8];
        const BUSY_BEFORE_2_3: [i32; 3] = [49, 55, 56];
        let Some(status) = status else {
            // An absent message is one whose fields have their defaults: success.
            return Ok(());
        };
        if status.code == 0 && status.error_code == 0 {
            return Ok(());
        }
        let message = one_line(&status.reason);
        if is_login(&message) {
            return Err((self.login(message), Repeat::Never));
        }
        let busy = status.retriable && BUSY.contains(&status.code)
            || BUSY_BEFORE_2_3.contains(&status.error_code);
        let code = if status.code == 0 {
            status.error_code
        } else {
            status.code
        };
        let repeat = if busy { Repeat::Always } else { Repeat::Never };
        Err((self.refused(call, code, &message), repeat))
    }

    fn login(&self, message: String) -> Error {
        Error::Login {
            address: self.address.to_string(),
            sent: self.has_token,
            message,
        }
    }

    fn refused(&self, call: Call, code: i32, message: &str) -> Error {
        Error::Refused {
            address: self.address.to_string(),
            call: call.name,
            code,
            message: one_line(message),
        }
    }

    /// The error of an answer that contradicts the protocol or the request.
    pub(crate) fn invalid(&self, call: Call, fault: impl Into<String>) -> Error {
        Error::Answer {
            address: self.address.to_string(),
            call: call.name,
            fault: fault.into(),
        }
    }
}

/// Whether a call that failed may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It had no effect, and may succeed later.
    Always,
    /// Its effect is unknown.
    IfHarmless,
    Never,
}

/// Whether the message of a server says that the login failed. Servers report it with codes of many kinds.
fn is_login(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "auth check failure",
        "missing authorization",
        "unauthenticated",
        "invalid credential",
    ]
    .iter()
    .any(|part| message.contains(part))
}

/// The text without line breaks: servers append stack traces.
fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("no reason given").to_owned()
}

/// The innermost cause of an error, which names what happened.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    one_line(&cause.to_string())
}

/// Sends encoded messages and receives messages of type `A`.
struct Codes<A>(PhantomData<A>);

impl<A: Answer> Codec for Codes<A> {
    type Encode = Bytes;
    type Decode = A;
    type Encoder = Encoded;
    type Decoder = Codes<A>;

    fn encoder(&mut self) -> Encoded {
        Encoded
    }

    fn decoder(&mut self) -> Codes<A> {
        Codes(PhantomData)
    }
}

impl<A: Answer> Decoder for Codes<A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        let bytes = source.copy_to_bytes(source.remaining());
        let message = A::decode(bytes).map_err(|error| Status::data_loss(error.to_string()))?;
        Ok(Some(message))
    }
}

/// Copies a message that is already encoded.
struct Encoded;

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.reserve(message.len());
        target.put(message);
        Ok(())
    }
}
