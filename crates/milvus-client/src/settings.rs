//! The address of a server, and the token, which nothing prints.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

use crate::Error;

/// The port of Milvus, which an address without a port means.
const DEFAULT_PORT: u16 = 19530;

/// A token: an API key, or `USER:PASSWORD`. Neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value of the header `authorization`.
    pub(crate) fn header(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(crate) uri: Uri,
    /// The token, if the server has logins.
    pub token: Option<Token>,
    /// The database; empty for the default one.
    pub database: String,
    /// The longest that a call may take before it fails.
    pub deadline: Duration,
}

impl Settings {
    /// The server at `uri`, which is `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`, without a login, in the default
    /// database, with a deadline of 60 seconds per call.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn new(uri: &str) -> Result<Self, Error> {
        let (_, after) = uri.split_once("://").unwrap_or(("", uri));
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        let fault = |fault| Error::Address {
            uri: shown(uri),
            fault,
        };
        // A password may contain a slash, so that the login may reach beyond the authority.
        if after.contains('@') {
            return Err(fault("it contains a login; give it as the token"));
        }
        let text = if uri.contains("://") {
            uri.to_owned()
        } else {
            format!("http://{uri}")
        };
        let parsed: Uri = text.parse().map_err(|_| fault("it cannot be parsed"))?;
        let Some(scheme @ ("http" | "https")) = parsed.scheme_str() else {
            return Err(fault("its scheme is neither http nor https"));
        };
        let Some(host) = parsed.host().filter(|host| !host.is_empty()) else {
            return Err(fault("it has no host"));
        };
        let after_host = authority.rsplit(']').next().unwrap_or_default();
        if after_host.contains(':') && parsed.port_u16().is_none() {
            return Err(fault("its port is not a number up to 65535"));
        }
        if parsed.path() != "/" || parsed.query().is_some() {
            return Err(fault("it has a path"));
        }
        let port = parsed
            .port_u16()
            .unwrap_or(if scheme == "https" { 443 } else { DEFAULT_PORT });
        let uri = format!("{scheme}://{host}:{port}/");
        Ok(Self {
            uri: uri.parse().map_err(|_| fault("it cannot be parsed"))?,
            token: None,
            database: String::new(),
            deadline: Duration::from_mins(1),
        })
    }

    /// Host and port, for messages.
    pub fn address(&self) -> String {
        self.uri
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

/// `uri` without what may be a secret: a query, and all before an `@`.
fn shown(uri: &str) -> String {
    let (rest, query) = uri.split_at(uri.find(['?', '#']).unwrap_or(uri.len()));
    match rest.rsplit_once('@') {
        // Either the query or a password with such a character.
        _ if query.contains('@') => "...".to_owned(),
        Some((_, rest)) => format!("...@{rest}"),
        None if query.is_empty() => rest.to_owned(),
        None => format!("{rest}?..."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port_and_no_login() {
        for (uri, address, encrypted) in [
            ("http://localhost:1234", "localhost:1234", false),
            ("127.0.0.1:9", "127.0.0.1:9", false),
            ("milvus", "milvus:19530", false),
            ("https://in01.example.org", "in01.example.org:443", true),
            ("http://[::1]:5/", "[::1]:5", false),
        ] {
            let settings = Settings::new(uri).unwrap();
            assert_eq!(
                (settings.address().as_str(), settings.is_encrypted()),
                (address, encrypted),
                "{uri}"
            );
        }
        for uri in [
            "",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a b",
            "http://a:99999",
        ] {
            assert!(Settings::new(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn nothing_shows_a_token() {
        for uri in [
            "http://root:secret@host:1",
            "http://root:PW/secret@host:1",
            "root:PW/secret@host:1",
            "http://root:PW?secret@host:1",
            "http://root:PW#secret@host:1",
            "http://root:secret/@/x@host:1",
            "http://host:1/?token=secret",
            "http://host:99999/?token=a@secret",
            "ftp://root:secret@host:1",
        ] {
            assert!(!crate::lite::is_file(uri), "{uri}");
            let error = Settings::new(uri).unwrap_err();
            let all = format!("{error} {error:?} {:?}", error.hint());
            assert!(!all.contains("secret"), "{all}");
        }
        let mut settings = Settings::new("http://host:1").unwrap();
        settings.token = Some(Token::new("root:secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        assert_eq!(settings.token.unwrap().header(), "cm9vdDpzZWNyZXQ=");
    }
}
