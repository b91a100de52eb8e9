//! The vectors in the answer of an endpoint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::address::Protocol;

/// The vectors of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// One per text, in the order of the texts. A number that is missing is NaN.
    pub(super) vectors: Vec<Vec<f32>>,
    /// The number of tokens that the server counted.
    pub(super) tokens: Option<u64>,
}

#[derive(serde::Deserialize)]
struct OpenAi {
    data: Vec<Item>,
    usage: Option<Usage>,
}

#[derive(serde::Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Numbers,
}

#[derive(serde::Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
    prompt_tokens: Option<u64>,
}

/// A list of numbers, or f32 in little-endian order as base64.
#[derive(Default)]
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers or base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Numbers, E> {
        let bytes = STANDARD.decode(text).map_err(E::custom)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(E::custom("base64 of a part of a number"));
        }
        Ok(Numbers(
            numbers
                .iter()
                .map(|four| f32::from_le_bytes(*four))
                .collect(),
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::with_capacity(list.size_hint().unwrap_or(0));
        while let Some(number) = list.next_element::<Option<f32>>()? {
            numbers.push(number.unwrap_or(f32::NAN));
        }
        Ok(Numbers(numbers))
    }
}

impl Answer {
    /// Reads the answer to a request with `n` texts, or says what is wrong with it.
    pub(super) fn read(protocol: Protocol, bytes: &[u8], n: usize) -> Result<Self, String> {
        let json = |error: serde_json::Error| format!("it is not the expected JSON ({error})");
        let (vectors, tokens) = match protocol {
            Protocol::Tei => {
                let vectors: Vec<Numbers> = serde_json::from_slice(bytes).map_err(json)?;
                (vectors, None)
            }
            Protocol::OpenAi => {
                let answer: OpenAi = serde_json::from_slice(bytes).map_err(json)?;
                let usage = answer.usage;
                let tokens = usage.and_then(|usage| usage.total_tokens.or(usage.prompt_tokens));
                (in_order(answer.data)?, tokens)
            }
        };
        if vectors.len() != n {
            return Err(format!("it has {} vectors for {n} texts", vectors.len()));
        }
        Ok(Self {
            vectors: vectors.into_iter().map(|numbers| numbers.0).collect(),
            tokens,
        })
    }
}

/// The vectors in the order of their `index`; in the given order if none has one.
fn in_order(items: Vec<Item>) -> Result<Vec<Numbers>, String> {
    if items.iter().all(|item| item.index.is_none()) {
        return Ok(items.into_iter().map(|item| item.embedding).collect());
    }
    let n = items.len();
    let mut places: Vec<Option<Numbers>> = (0..n).map(|_| None).collect();
    for item in items {
        let Some(index) = item.index else {
            return Err("a vector has no index".to_owned());
        };
        let place = places
            .get_mut(index)
            .ok_or_else(|| format!("a vector has the index {index}, but there are {n} vectors"))?;
        if place.replace(item.embedding).is_some() {
            return Err(format!("two vectors have the index {index}"));
        }
    }
    Ok(places.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openai(text: &str, n: usize) -> Result<Vec<Vec<f32>>, String> {
        Answer::read(Protocol::OpenAi, text.as_bytes(), n).map(|answer| answer.vectors)
    }

    #[test]
    fn vectors_are_ordered_by_index() {
        let text = r#"{"object":"list","model":"m","usage":{"prompt_tokens":5,"total_tokens":7},
            "data":[{"object":"embedding","index":1,"embedding":[3,-4.5]},{"index":0,"embedding":[0.25,2e-3]}]}"#;
        let answer = Answer::read(Protocol::OpenAi, text.as_bytes(), 2).unwrap();
        assert_eq!(answer.vectors, [[0.25, 0.002], [3.0, -4.5]]);
        assert_eq!(answer.tokens, Some(7));
        let without = r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
        assert_eq!(openai(without, 2).unwrap(), [[1.0], [2.0]]);
    }

    #[test]
    fn base64_is_little_endian_f32() {
        // 1.0 is 00 00 80 3f, -2.0 is 00 00 00 c0.
        let text = r#"{"data":[{"index":0,"embedding":"AACAPwAAAMA="}]}"#;
        assert_eq!(openai(text, 1).unwrap(), [[1.0, -2.0]]);
        for wrong in ["AACAPwA=", "A*", "AACAPwAAAMA"] {
            let text = format!(r#"{{"data":[{{"index":0,"embedding":"{wrong}"}}]}}"#);
            assert!(openai(&text, 1).is_err(), "{wrong}");
        }
    }

    #[test]
    fn wrong_counts_and_indices_are_refused() {
        let two = |a: &str, b: &str| {
            format!(r#"{{"data":[{{{a}"embedding":[1]}},{{{b}"embedding":[2]}}]}}"#)
        };
        for (text, expected) in [
            (two("", ""), "it has 2 vectors for 3 texts"),
            (two(r#""index":0,"#, ""), "a vector has no index"),
            (
                two(r#""index":1,"#, r#""index":1,"#),
                "two vectors have the index 1",
            ),
            (
                two(r#""index":0,"#, r#""index":2,"#),
                "a vector has the index 2, but there are 2 vectors",
            ),
        ] {
            assert_eq!(openai(&text, 3).unwrap_err(), expected);
        }
        for text in [
            "",
            "[]",
            "{\"data\":[{\"embedding\":[NaN]}]}",
            "<html>",
            "{\"data\":[{\"embed",
        ] {
            let error = openai(text, 1).unwrap_err();
            assert!(
                error.starts_with("it is not the expected JSON"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn missing_numbers_are_not_numbers() {
        let read = |text: &str| {
            Answer::read(Protocol::Tei, text.as_bytes(), 2)
                .unwrap()
                .vectors
        };
        let vectors = read("[[1, null], [1e39, 2]]");
        assert!(vectors[0][1].is_nan() && vectors[1][0].is_infinite());
    }
}
