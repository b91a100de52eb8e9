//! The address of an endpoint, which says by its path what is spoken there.

use std::fmt;

use ureq::http::Uri;

/// What an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `POST .../embeddings` of the `OpenAI` API, which many servers and services offer.
    OpenAi,
    /// `POST .../embed` of Hugging Face's text-embeddings-inference.
    Tei,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenAi => "OpenAI API",
            Self::Tei => "text-embeddings-inference",
        })
    }
}

/// A checked address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address to which requests go.
    pub(crate) url: String,
    /// Host and port.
    pub(crate) host: String,
    pub(crate) protocol: Protocol,
}

/// Why an address is refused. No message repeats the address, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// It is no address of HTTP.
    #[error("is not an address of HTTP")]
    NotHttp,
    /// It holds a user name or a password.
    #[error("holds a user name or a password")]
    Password,
    /// A parameter that holds a key.
    #[error("holds a key in its parameter `{name}`")]
    Key {
        /// The parameter.
        name: String,
    },
    /// The path belongs to neither protocol.
    #[error("has the path `{path}`, which ends in neither /embeddings nor /embed")]
    Path {
        /// The path.
        path: String,
    },
}

/// Names of parameters that hold keys, in lower case without `-` and `_`.
const KEYS: [&str; 12] = [
    "key",
    "apikey",
    "token",
    "accesstoken",
    "authorization",
    "auth",
    "secret",
    "password",
    "sig",
    "signature",
    "subscriptionkey",
    "code",
];

impl Address {
    /// Checks `text`. A path that ends in `/embed` is of text-embeddings-inference, one in `/embeddings` of the `OpenAI` API;
    /// `/embeddings` is appended to one that ends in `/v1`.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressFault> {
        let uri: Uri = text.trim().parse().map_err(|_| AddressFault::NotHttp)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(AddressFault::NotHttp);
        };
        if !["http", "https"].contains(&scheme) || authority.host().is_empty() {
            return Err(AddressFault::NotHttp);
        }
        if authority.as_str().contains('@') {
            return Err(AddressFault::Password);
        }
        for parameter in uri.query().unwrap_or_default().split('&') {
            let name = parameter.split('=').next().unwrap_or_default();
            let plain = name.to_lowercase().replace(['-', '_'], "");
            if KEYS.contains(&plain.as_str()) {
                return Err(AddressFault::Key {
                    name: name.to_owned(),
                });
            }
        }
        let path = uri.path().trim_end_matches('/');
        let (protocol, end) = if path.ends_with("/embed") {
            (Protocol::Tei, "")
        } else if path.ends_with("/embeddings") {
            (Protocol::OpenAi, "")
        } else if path.ends_with("/v1") {
            (Protocol::OpenAi, "/embeddings")
        } else {
            return Err(AddressFault::Path {
                path: uri.path().to_owned(),
            });
        };
        let query = uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        Ok(Self {
            url: format!("{scheme}://{authority}{path}{end}{query}"),
            host: authority.to_string(),
            protocol,
        })
    }

    /// Whether what is sent could be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self
            .host
            .rsplit_once(':')
            .map_or(self.host.as_str(), |(host, _)| host);
        let here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        self.url.starts_with("http:") && !here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_the_protocol() {
        for (text, url, protocol) in [
            (
                "https://api.example/v1/embeddings",
                "https://api.example/v1/embeddings",
                Protocol::OpenAi,
            ),
            (
                "https://api.example/v1",
                "https://api.example/v1/embeddings",
                Protocol::OpenAi,
            ),
            (
                "https://api.example/v1/",
                "https://api.example/v1/embeddings",
                Protocol::OpenAi,
            ),
            (
                "https://a.example/openai/deployments/d/embeddings?api-version=2024-02-01",
                "https://a.example/openai/deployments/d/embeddings?api-version=2024-02-01",
                Protocol::OpenAi,
            ),
            (
                " http://127.0.0.1:8080/embed ",
                "http://127.0.0.1:8080/embed",
                Protocol::Tei,
            ),
            (
                "http://[::1]:80/x/embed/",
                "http://[::1]:80/x/embed",
                Protocol::Tei,
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.url.as_str(), address.protocol), (url, protocol));
        }
    }

    #[test]
    fn addresses_with_secrets_or_of_other_protocols_are_refused_without_repeating_them() {
        let fault = |text: &str| Address::parse(text).unwrap_err().to_string();
        for text in [
            "",
            "api.example/v1",
            "ftp://a/embed",
            "/embed",
            "http://",
            "C:\\embed",
        ] {
            assert_eq!(fault(text), "is not an address of HTTP", "{text}");
        }
        let password = fault("https://me:hunter2@a.example/v1");
        assert_eq!(password, "holds a user name or a password");
        for name in ["api-key", "API_KEY", "key", "access_token", "sig"] {
            let said = fault(&format!(
                "https://a.example/v1/embeddings?x=1&{name}=hunter2"
            ));
            assert_eq!(said, format!("holds a key in its parameter `{name}`"));
        }
        for path in ["/", "/v1/chat/completions", "/embedded"] {
            let said = fault(&format!("https://a.example{path}"));
            assert!(said.contains("ends in neither"), "{said}");
        }
    }

    #[test]
    fn plain_http_is_exposed_beyond_this_machine() {
        for (text, exposed) in [
            ("http://10.0.0.1/v1", true),
            ("https://10.0.0.1/v1", false),
            ("http://127.0.0.1:8080/v1", false),
            ("http://localhost/v1", false),
            ("http://[::1]:8080/v1", false),
            ("http://localhost.example/v1", true),
        ] {
            assert_eq!(
                Address::parse(text).unwrap().is_exposed(),
                exposed,
                "{text}"
            );
        }
    }
}
