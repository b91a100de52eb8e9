//! One request to an endpoint, and what its answer means.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use super::address::{Address, Protocol};
use super::answer::Answer;
use super::error::Fault;
use super::key::Key;
use super::limits::{LONGEST_ASKED, exhausted, retry_after};
use crate::http;
use crate::hub::{joined, origin};

const MAX_REDIRECTS: usize = 5;
/// Largest answer.
const MAX_ANSWER: u64 = 1 << 30;
/// Largest answer that only explains a failure.
const MAX_MESSAGE: u64 = 1 << 16;
/// Longest message of a server in an error, in characters.
const MESSAGE: usize = 300;
/// Longest time until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to an endpoint.
pub(super) struct Client {
    agent: Agent,
    pub(super) address: Address,
    key: Option<Key>,
    /// What all requests have beside their texts.
    base: Value,
}

/// What a request did not give.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The same request may succeed later.
    Again(Again),
    /// The server does not accept one of the texts, or their number.
    Refused {
        status: u16,
        message: String,
        /// Whether a text is too long for text-embeddings-inference, which truncates it if it is asked to.
        too_long: bool,
    },
    /// No request will succeed.
    Fatal(Fault),
}

/// A failure that may pass.
#[derive(Debug)]
pub(super) struct Again {
    /// The HTTP status; `None` if there was no answer.
    pub(super) status: Option<u16>,
    pub(super) message: String,
    /// The wait that the server asks for.
    pub(super) after: Option<Duration>,
}

impl Again {
    /// Whether one text can be the cause: the server works otherwise.
    pub(super) fn may_be_a_text(&self) -> bool {
        matches!(self.status, Some(200..=299 | 424 | 500))
    }
}

impl Client {
    pub(super) fn new(
        address: &Address,
        key: Option<Key>,
        (model, prompt): (&str, Option<&str>),
        (timeout, connections): (Duration, usize),
    ) -> Self {
        let agent = http::agent()
            .timeout_connect(Some(CONNECT.min(timeout)))
            .timeout_global(Some(timeout))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .build()
            .new_agent();
        let base = match (address.protocol, prompt) {
            // Servers that do not know base64 send numbers.
            (Protocol::OpenAi, _) => json!({ "model": model, "encoding_format": "base64" }),
            (Protocol::Tei, None) => json!({}),
            (Protocol::Tei, Some(prompt)) => json!({ "prompt_name": prompt }),
        };
        Self {
            agent,
            address: address.clone(),
            key,
            base,
        }
    }

    /// The vectors of `texts`, and for how long no request should follow. `truncate` allows text-embeddings-inference to truncate
    /// them.
    pub(super) fn request(
        &self,
        texts: &[String],
        truncate: bool,
    ) -> Result<(Answer, Option<Duration>), Trouble> {
        let mut body = self.base.clone();
        match self.address.protocol {
            Protocol::OpenAi => body["input"] = json!(texts),
            Protocol::Tei => {
                body["inputs"] = json!(texts);
                body["truncate"] = json!(truncate);
            }
        }
        let body = serde_json::to_vec(&body).expect("texts are JSON");
        let answer = self.post(&body)?;
        let status = answer.status().as_u16();
        if !answer.status().is_success() {
            return Err(self.failure(answer));
        }
        let again = |message: String| {
            Trouble::Again(Again {
                status: Some(status),
                message,
                after: None,
            })
        };
        let pause = exhausted(answer.headers(), SystemTime::now());
        let body = answer.into_body().into_with_config().limit(MAX_ANSWER);
        let bytes = body
            .read_to_vec()
            .map_err(|error| Trouble::Again(broken(&error)))?;
        let answer = Answer::read(self.address.protocol, &bytes, texts.len())
            .map_err(|message| again(self.shortened(&message)))?;
        Ok((answer, pause))
    }

    /// Sends `body`; follows redirects within the host. Neither texts nor the key go to another one.
    fn post(&self, body: &[u8]) -> Result<Response<Body>, Trouble> {
        let mut url = self.address.url.clone();
        for _ in 0..MAX_REDIRECTS {
            let mut request = Request::builder()
                .method("POST")
                .uri(&url)
                .header("content-type", "application/json")
                .header("accept", "application/json");
            if let Some(key) = &self.key {
                request = request.header("authorization", key.header());
            }
            let redirects = |to: String| Trouble::Fatal(Fault::Redirect { to });
            let request = request.body(body).map_err(|_| redirects(url.clone()))?;
            let answer = self.agent.run(request);
            let answer = answer.map_err(|error| Trouble::Again(broken(&error)))?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let location = answer.headers().get("location");
            let target = location
                .and_then(|value| value.to_str().ok())
                .and_then(|location| joined(&url, location))
                .ok_or_else(|| redirects("no address".to_owned()))?;
            // 303 asks for another method, to which texts do not belong.
            if origin(&target) != origin(&self.address.url) || answer.status().as_u16() == 303 {
                return Err(redirects(self.shortened(&target)));
            }
            url = target;
        }
        Err(Trouble::Fatal(Fault::Redirect {
            to: "itself again and again".to_owned(),
        }))
    }

    /// What an answer without vectors means.
    fn failure(&self, answer: Response<Body>) -> Trouble {
        let status = answer.status().as_u16();
        let after = retry_after(answer.headers(), SystemTime::now());
        let body = answer.into_body().into_with_config().limit(MAX_MESSAGE);
        let text = body.lossy_utf8(true).read_to_string().unwrap_or_default();
        let message = self.shortened(&message_in(&text));
        match status {
            400 | 413 | 422 => Trouble::Refused {
                too_long: self.address.protocol == Protocol::Tei
                    && text.contains("must have less than"),
                status,
                message,
            },
            401 | 403 => Trouble::Fatal(Fault::Denied {
                status,
                message,
                with_key: self.key.is_some(),
            }),
            402 => Trouble::Fatal(Fault::Quota { message }),
            429 if text.contains("insufficient_quota") => Trouble::Fatal(Fault::Quota { message }),
            408 | 409 | 424 | 425 | 429 | 500.. => match after {
                Some(after) if after > LONGEST_ASKED => Trouble::Fatal(Fault::Wait {
                    seconds: after.as_secs(),
                    message,
                }),
                _ => Trouble::Again(Again {
                    status: Some(status),
                    message,
                    after,
                }),
            },
            _ => Trouble::Fatal(Fault::Status { status, message }),
        }
    }

    /// `text` on one line, shortened, without the key.
    fn shortened(&self, text: &str) -> String {
        let text = match &self.key {
            Some(key) => key.redact(text),
            None => text.to_owned(),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        beginning(&words.join(" "), MESSAGE)
    }
}

/// The first `length` characters of `text`, with an ellipsis if there are more.
pub(super) fn beginning(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A request without an answer, or with a part of one.
fn broken(error: &ureq::Error) -> Again {
    Again {
        status: None,
        message: match error {
            ureq::Error::Timeout(_) => "it does not answer in time (--request-timeout)".to_owned(),
            error => error.to_string(),
        },
        after: None,
    }
}

/// The message in the body of a failure: that of its JSON, in the forms of the known servers, or the text itself.
fn message_in(text: &str) -> String {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let found = [
        json.pointer("/error/message"),
        json.get("error"),
        json.get("message"),
        json.get("detail"),
    ];
    let found = found.into_iter().flatten().find_map(Value::as_str);
    match found.unwrap_or(text).trim() {
        "" => "no message".to_owned(),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_servers_are_found() {
        for (text, expected) in [
            (
                r#"{"error":{"message":"Rate limit","type":"x"}}"#,
                "Rate limit",
            ),
            (
                r#"{"error":"Model is overloaded","error_type":"Overloaded"}"#,
                "Model is overloaded",
            ),
            (
                r#"{"object":"error","message":"no such model"}"#,
                "no such model",
            ),
            (r#"{"detail":"Unauthorized"}"#, "Unauthorized"),
            (r#"{"detail":[{"msg":"x"}]}"#, r#"{"detail":[{"msg":"x"}]}"#),
            ("<h1>Bad gateway</h1>\n", "<h1>Bad gateway</h1>"),
            (" ", "no message"),
        ] {
            assert_eq!(message_in(text), expected);
        }
    }

    #[test]
    fn beginnings_end_between_characters() {
        assert_eq!(beginning("äöü", 3), "äöü");
        assert_eq!(beginning("äöü", 2), "äö...");
    }
}
