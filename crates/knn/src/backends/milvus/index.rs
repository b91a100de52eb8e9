//! The index: its kind, the parameters of its construction and of a search.

use exact_knn::Metric;
use serde_json::{Map, Value};

use crate::{MilvusIndex, Options};

/// Whether the index keeps the vectors as they are, so that its distances are true ones.
fn keeps_vectors(kind: MilvusIndex) -> bool {
    matches!(
        kind,
        MilvusIndex::Flat | MilvusIndex::Hnsw | MilvusIndex::IvfFlat
    )
}

/// An index with all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    pub(super) kind: MilvusIndex,
    /// `L2`, `COSINE` or `IP`.
    pub(super) metric: &'static str,
    /// Parameters of the construction, as JSON.
    pub(super) construction: String,
    /// Parameters of a search, as JSON.
    pub(super) search: String,
}

impl Index {
    /// The index of `n` vectors by the options, with defaults for parameters that a server demands; `k` is the number of
    /// neighbors per row.
    pub(super) fn new(
        options: &Options,
        metric: Metric,
        n: usize,
        k: usize,
    ) -> Result<Self, crate::Error> {
        let kind = options.milvus_index;
        let [mut construction, mut search] = given(options)?;
        let default = |map: &mut Map<String, Value>, name: &str, value: usize| {
            map.entry(name).or_insert_with(|| value.into());
        };
        let width = k + 1;
        match kind {
            MilvusIndex::Flat | MilvusIndex::AutoIndex => {}
            MilvusIndex::Hnsw => {
                default(&mut construction, "M", 16);
                default(&mut construction, "efConstruction", 200);
                default(&mut search, "ef", width.max(128));
            }
            MilvusIndex::DiskAnn => default(&mut search, "search_list", width.max(128)),
            MilvusIndex::IvfFlat | MilvusIndex::IvfSq8 | MilvusIndex::Scann => {
                // 4 sqrt(n), as Faiss and Milvus recommend.
                let lists = ((4.0 * (n as f64).sqrt()) as usize).clamp(1, 65_536);
                default(&mut construction, "nlist", lists);
                let lists = construction["nlist"].as_u64().unwrap_or(1) as usize;
                default(
                    &mut search,
                    "nprobe",
                    (lists / 16).clamp(16.min(lists), lists),
                );
                if kind == MilvusIndex::Scann {
                    default(&mut search, "reorder_k", 4 * width);
                }
            }
        }
        Ok(Self {
            kind,
            metric: match metric {
                Metric::Cosine => "COSINE",
                Metric::L2 => "L2",
                Metric::InnerProduct => "IP",
            },
            construction: Value::Object(construction).to_string(),
            search: Value::Object(search).to_string(),
        })
    }

    /// Parameters of a search for `width` answers, as JSON: a candidate list may not be shorter.
    pub(super) fn search_of(&self, width: usize) -> String {
        let mut parameters: Map<String, Value> =
            serde_json::from_str(&self.search).unwrap_or_default();
        for name in ["ef", "search_list", "reorder_k"] {
            if let Some(value) = parameters.get_mut(name)
                && value.as_u64().is_some_and(|given| given < width as u64)
            {
                *value = width.into();
            }
        }
        Value::Object(parameters).to_string()
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let mut text = self.kind.name().to_owned();
        for (what, parameters) in [
            ("built with", &self.construction),
            ("searched with", &self.search),
        ] {
            if parameters != "{}" {
                text += &format!(", {what} {}", plain(parameters));
            }
        }
        text
    }

    /// The largest difference between a distance of the server and ours, for rows of these lengths, that rounding explains;
    /// `None` if the index changes the vectors. Distances are on the scale of the server's scores.
    pub(super) fn tolerance(&self, metric: Metric, lengths: (f64, f64)) -> Option<f64> {
        // A sum of thousands of products in f32.
        const ROUNDING: f64 = 1e-3;
        keeps_vectors(self.kind).then(|| {
            ROUNDING
                * match metric {
                    Metric::Cosine => 1.0,
                    Metric::InnerProduct => lengths.0 * lengths.1,
                    Metric::L2 => (lengths.0 + lengths.1).powi(2),
                }
        })
    }
}

/// The parameters of the options: those of the construction, and those of a search.
pub(super) fn given(options: &Options) -> Result<[Map<String, Value>; 2], crate::Error> {
    Ok([
        parameters("--index-parameters", &options.index_parameters)?,
        parameters("--search-parameters", &options.search_parameters)?,
    ])
}

/// JSON without its punctuation.
fn plain(json: &str) -> String {
    json.replace(['{', '}', '"'], "").replace(':', "=")
}

/// Parameters given as `name=value,...`; keys are sorted.
fn parameters(option: &'static str, text: &str) -> Result<Map<String, Value>, crate::Error> {
    let mut map = Map::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(crate::Error::Option {
                option,
                value: pair.to_owned(),
                expected: "a list like M=16,efConstruction=200",
            });
        };
        let value = value.trim();
        // Numbers and booleans are sent as such.
        let parsed = serde_json::from_str(value).ok();
        let parsed = parsed.filter(|parsed: &Value| parsed.is_number() || parsed.is_boolean());
        let parsed = parsed.unwrap_or_else(|| value.into());
        map.insert(name.trim().to_owned(), parsed);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_typed() {
        let found = parameters("--index-parameters", "M=16, level = x ,b=true,f=0.5").unwrap();
        let text = Value::Object(found).to_string();
        assert_eq!(text, r#"{"M":16,"b":true,"f":0.5,"level":"x"}"#);
        assert_eq!(plain(&text), "M=16,b=true,f=0.5,level=x");
        let error = parameters("--index-parameters", "M").unwrap_err();
        assert!(error.to_string().contains("M=16,efConstruction=200"));
    }
}
