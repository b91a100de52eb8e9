//! HTTP to the hub.
//!
//! Redirects are followed here, because the answer before them has the hash of the file, and because the token goes to the hub
//! alone: files in Git LFS are served by other hosts.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::http;

use super::environment::Environment;
use super::error::Fault;
use super::listing::{Entry, Hash, Listing};
use super::name::Repo;

const MAX_REDIRECTS: usize = 10;
/// Largest list of files.
const MAX_LISTING: u64 = 64 << 20;

/// A connection to the hub.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    timeout: Duration,
}

/// The bytes of a file from an offset on.
pub(super) struct Part {
    /// Where they start: the requested offset, or 0.
    pub(super) start: u64,
    pub(super) body: Box<dyn Read>,
}

impl Client {
    pub(super) fn new(environment: &Environment) -> Result<Self, Fault> {
        let endpoint = &environment.endpoint;
        let is_address = ["https://", "http://"].iter().any(|scheme| {
            endpoint
                .strip_prefix(scheme)
                .is_some_and(|host| !host.is_empty())
        });
        if !is_address || endpoint.parse::<ureq::http::Uri>().is_err() {
            return Err(Fault::Endpoint {
                endpoint: shown(endpoint),
            });
        }
        let is_visible = |c: char| c.is_ascii_graphic();
        if !environment
            .token
            .iter()
            .all(|token| token.chars().all(is_visible))
        {
            return Err(Fault::Token);
        }
        let timeout = Some(environment.timeout);
        let agent = http::agent()
            .timeout_connect(timeout)
            .timeout_recv_response(timeout)
            .timeout_per_read(timeout)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            endpoint: endpoint.clone(),
            token: environment.token.clone(),
            timeout: environment.timeout,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The files of `repo` at `revision`.
    pub(super) fn listing(&self, repo: &Repo, revision: &str) -> Result<Listing, Fault> {
        const WHAT: &str = "the list of files";
        let revision = revision.replace('/', "%2F");
        let url = format!(
            "{}/api/models/{}/revision/{revision}?blobs=true",
            self.endpoint, repo.id
        );
        let (_, answer) = self.follow("GET", &url, None, WHAT)?;
        let answer = self.successful(answer, WHAT)?;
        let mut bytes = Vec::new();
        let mut body = answer.into_body().into_reader().take(MAX_LISTING);
        body.read_to_end(&mut bytes)
            .map_err(|error| unreachable(&url, &self.reading(&error)))?;
        Listing::parse(&bytes)
    }

    /// Hash and size of `entry` from its headers, where the list of files lacks them.
    pub(super) fn completed(
        &self,
        repo: &Repo,
        commit: &str,
        mut entry: Entry,
    ) -> Result<Entry, Fault> {
        if entry.hash.is_some() && entry.size.is_some() {
            return Ok(entry);
        }
        let url = self.url(repo, commit, &entry.path);
        let (first, answer) = self.follow("HEAD", &url, None, &entry.path)?;
        let answer = self.successful(answer, &entry.path)?;
        let header = |name: &str| first.get(name).and_then(|value| value.to_str().ok());
        entry.hash = entry.hash.or_else(|| {
            ["x-linked-etag", "etag"]
                .into_iter()
                .filter_map(header)
                .find_map(Hash::of_tag)
        });
        let last = answer.headers().get("content-length");
        let length = header("x-linked-size").or_else(|| last?.to_str().ok());
        entry.size = entry.size.or_else(|| length?.parse().ok());
        Ok(entry)
    }

    /// The bytes of the file `path` from `start` on. A server without ranges sends the whole file.
    pub(super) fn part(
        &self,
        repo: &Repo,
        commit: &str,
        path: &str,
        start: u64,
    ) -> Result<Part, Fault> {
        let url = self.url(repo, commit, path);
        let range = (start > 0).then_some(start);
        let (_, answer) = self.follow("GET", &url, range, path)?;
        let answer = self.successful(answer, path)?;
        let start = match answer.status().as_u16() {
            206 => {
                let range = answer.headers().get("content-range");
                let from = range.and_then(|range| {
                    let (from, _) = range
                        .to_str()
                        .ok()?
                        .strip_prefix("bytes ")?
                        .split_once('-')?;
                    from.parse().ok()
                });
                from.unwrap_or(start)
            }
            _ => 0,
        };
        Ok(Part {
            start,
            body: Box::new(answer.into_body().into_reader()),
        })
    }

    /// What went wrong while a body was read.
    pub(super) fn reading(&self, error: &std::io::Error) -> String {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        if let Some(ureq::Error::Timeout(_)) = cause {
            self.silence()
        } else {
            error.to_string()
        }
    }

    fn silence(&self) -> String {
        format!(
            "no byte arrived for {} s (HF_HUB_DOWNLOAD_TIMEOUT)",
            self.timeout.as_secs()
        )
    }

    fn url(&self, repo: &Repo, commit: &str, path: &str) -> String {
        let path: Vec<String> = path.split('/').map(encoded).collect();
        let path = path.join("/");
        format!("{}/{}/resolve/{commit}/{path}", self.endpoint, repo.id)
    }

    /// Requests `url` and follows redirects. Returns the headers of the hub's own answer, which the last one may not have.
    fn follow(
        &self,
        method: &str,
        url: &str,
        start: Option<u64>,
        what: &str,
    ) -> Result<(HeaderMap, Response<Body>), Fault> {
        let (mut url, mut first) = (url.to_owned(), None);
        for _ in 0..MAX_REDIRECTS {
            let mut request = ureq::http::Request::builder().method(method).uri(&url);
            if let (true, Some(token)) = (self.is_of_hub(&url), &self.token) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            if let Some(start) = start {
                request = request.header("range", format!("bytes={start}-"));
            }
            let request = request
                .body(())
                .map_err(|error| unreachable(&url, &error))?;
            let answer = self.agent.run(request).map_err(|error| match error {
                ureq::Error::Timeout(_) => unreachable(&url, &self.silence()),
                error => unreachable(&url, &error),
            })?;
            let status = answer.status().as_u16();
            let headers = first.get_or_insert_with(|| answer.headers().clone());
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Ok((headers.clone(), answer));
            }
            let refused = |message: String| Fault::Redirect {
                what: what.to_owned(),
                message,
            };
            let target = answer
                .headers()
                .get("location")
                .and_then(|value| value.to_str().ok())
                .and_then(|location| joined(&url, location))
                .ok_or_else(|| refused(format!("{} redirects to no address", shown(&url))))?;
            if url.starts_with("https:") && !target.starts_with("https:") {
                return Err(refused(format!(
                    "{} redirects to {}, which is not encrypted",
                    shown(&url),
                    shown(&target)
                )));
            }
            // Within the hub (a repository that was renamed) the answer with the hash is still to come; that of another host
            // has another ETag.
            if self.is_of_hub(&target) && !headers.contains_key("x-linked-etag") {
                first = None;
            }
            url = target;
        }
        Err(Fault::Redirect {
            what: what.to_owned(),
            message: format!("more than {MAX_REDIRECTS} redirects"),
        })
    }

    fn successful(&self, answer: Response<Body>, what: &str) -> Result<Response<Body>, Fault> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let code = answer.headers().get("x-error-code");
        Err(Fault::Status {
            status: answer.status().as_u16(),
            code: code.and_then(|code| code.to_str().ok()).map(str::to_owned),
            what: what.to_owned(),
            with_token: self.token.is_some(),
        })
    }

    /// Whether `url` is an address of the hub itself, which gets the token.
    fn is_of_hub(&self, url: &str) -> bool {
        origin(url) == origin(&self.endpoint)
    }
}

fn unreachable(url: &str, error: &dyn std::fmt::Display) -> Fault {
    let shown = shown(url);
    Fault::Unreachable {
        message: error.to_string().replace(url, &shown),
        url: shown,
    }
}

/// `url` as it may be printed: without a login, which some mirrors need, and without a query, which has the signature of a
/// redirect.
pub(super) fn shown(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if query.contains('@') {
        // Either the query or a password with such a character.
        return format!("{scheme}...");
    }
    // A password may contain a slash, so that all before the last `@` counts as login.
    match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}...@{rest}"),
        None => format!("{scheme}{rest}"),
    }
}

/// Scheme and host with port.
pub(crate) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']);
    &url[..end.map_or(url.len(), |end| host + end)]
}

/// The address that `location` means in an answer from `url`; `None` if it is none of HTTP.
pub(crate) fn joined(url: &str, location: &str) -> Option<String> {
    if location.starts_with("https://") || location.starts_with("http://") {
        return Some(location.to_owned());
    }
    if let Some(rest) = location.strip_prefix("//") {
        let (scheme, _) = url.split_once("://")?;
        return Some(format!("{scheme}://{rest}"));
    }
    location
        .starts_with('/')
        .then(|| format!("{}{location}", origin(url)))
}

/// Percent-encodes what may not be in a path.
fn encoded(part: &str) -> String {
    let mut text = String::new();
    for &byte in part.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_joined_and_the_token_stays_with_the_hub() {
        let url = "https://hub.example/a/b/resolve/main/x?y=1";
        for (location, expected) in [
            ("/c/d", Some("https://hub.example/c/d")),
            ("//cdn.example/x", Some("https://cdn.example/x")),
            (
                "https://cdn.example/x?s=1",
                Some("https://cdn.example/x?s=1"),
            ),
            ("ftp://x/y", None),
            ("relative", None),
        ] {
            assert_eq!(joined(url, location).as_deref(), expected, "{location}");
        }
        assert_eq!(origin("http://127.0.0.1:80/x"), "http://127.0.0.1:80");
        assert_eq!(origin("https://h?x=/"), "https://h");
        // Names that only begin like the hub's are other hosts.
        assert_ne!(origin("https://hub.example.evil/x"), origin(url));
        assert_ne!(origin("http://hub.example/x"), origin(url));
        assert_ne!(origin("https://hub.example@evil/x"), origin(url));
    }

    #[test]
    fn logins_and_signatures_are_not_shown() {
        for (url, expected) in [
            (
                "https://hub.example/a/b?blobs=true",
                "https://hub.example/a/b",
            ),
            (
                "http://user:PW@hub.example:1/a",
                "http://...@hub.example:1/a",
            ),
            ("http://user:P/W@hub.example/a", "http://...@hub.example/a"),
            ("http://user:P?W@hub.example/a", "http://..."),
            ("https://cdn.example/x?by=a@b&sig=S", "https://..."),
            (
                "https://cdn.example/x?X-Amz-Signature=S",
                "https://cdn.example/x",
            ),
            ("https://cdn.example/x#S", "https://cdn.example/x"),
            ("user:PW@hub.example", "...@hub.example"),
        ] {
            assert_eq!(shown(url), expected);
        }
        let fault = unreachable("http://u:PW@h/x?sig=S", &"bad uri: http://u:PW@h/x?sig=S");
        assert_eq!(
            fault.to_string(),
            "http://...@h/x cannot be reached: bad uri: http://...@h/x"
        );
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encoded("a b+ü%.json"), "a%20b%2B%C3%BC%25.json");
    }
}
