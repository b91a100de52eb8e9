//! The key of an endpoint: from the environment alone, and in no message, file or cache.

use std::fmt;

use super::address::Address;
use super::error::Error;

/// The variable with the key of any endpoint.
pub(crate) const VARIABLE: &str = "SKERRY_ENDPOINT_KEY";
/// The variable with the key of `OpenAI`, which no other host gets.
pub(crate) const OPENAI_VARIABLE: &str = "OPENAI_API_KEY";

const OPENAI: &str = "https://api.openai.com/";

/// A key. It is not printed.
#[derive(Clone)]
pub(crate) struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key for `address`, from the variables that `get` reads; `None` if there is none.
    pub(crate) fn of(
        address: &Address,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let read = |variable: &'static str| {
            let value = get(variable)?.trim().to_owned();
            (!value.is_empty()).then_some((variable, value))
        };
        let openai = || {
            let is_openai = address.url.starts_with(OPENAI);
            is_openai.then(|| read(OPENAI_VARIABLE)).flatten()
        };
        let Some((variable, key)) = read(VARIABLE).or_else(openai) else {
            return Ok(None);
        };
        // Others cannot be in a header.
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Key { variable });
        }
        Ok(Some(Self(key)))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` without the key, which a server may repeat in a message.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let key = Key::of(&Address::parse(url).unwrap(), get);
        key.unwrap().map(|key| key.header())
    }

    #[test]
    fn the_key_of_openai_goes_to_openai_alone() {
        let both = [(VARIABLE, "mine"), (OPENAI_VARIABLE, "theirs")];
        let openai = "https://api.openai.com/v1";
        assert_eq!(key(openai, &both).as_deref(), Some("Bearer mine"));
        assert_eq!(key(openai, &both[1..]).as_deref(), Some("Bearer theirs"));
        assert_eq!(
            key(openai, &[(VARIABLE, " "), both[1]]).as_deref(),
            Some("Bearer theirs")
        );
        for other in [
            "https://api.openai.com.example/v1",
            "http://api.openai.com/v1",
            "http://127.0.0.1:8080/embed",
        ] {
            assert_eq!(key(other, &both[1..]), None, "{other}");
            assert_eq!(key(other, &both).as_deref(), Some("Bearer mine"));
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let address = Address::parse("https://a.example/v1").unwrap();
        let key = Key::of(&address, |_| Some(" hunter2\n".to_owned()))
            .unwrap()
            .unwrap();
        assert_eq!(format!("{key:?}"), "Key");
        assert_eq!(
            key.redact("the key hunter2 is wrong"),
            "the key [key] is wrong"
        );
        let error = Key::of(&address, |_| Some("hunter\u{e9}2 x".to_owned())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter"));
    }
}
