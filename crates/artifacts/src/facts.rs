//! Facts: figures that a stage records in the footers of its files, beside options and hashes.
//!
//! Each kind of file has one struct here. Its writer sets every field, and its readers access fields, so a fact that is
//! read but never written does not compile. A fact that an older file lacks is `None`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::intake::Intake;

/// The facts of one kind of file.
pub trait Facts: Default + Serialize + DeserializeOwned {
    /// Its facts, in the order of the struct.
    const FIELDS: &'static [Fact];
}

/// A fact, as `docs/artifacts.md` lists it.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// Its meaning.
    pub about: &'static str,
}

/// The name of a JSON type in the docs.
pub(crate) trait JsonType {
    const NAME: &'static str;
}

macro_rules! json_types {
    ($($name:literal: $($type:ty),+;)+) => {
        $($(impl JsonType for $type { const NAME: &'static str = $name; })+)+
    };
}

json_types! {
    "true or false": bool;
    "integer": usize;
    "number": f64;
    "text": String;
    "list of texts": Vec<String>;
    "list of pairs": Vec<(String, usize)>;
    "object (sample, recall, low, high)": Recall;
    "object (subsamples, stable, doubtful, unstable, sentence)": Stability;
    "list of objects (column, clusters, parent)": Vec<Layer>;
}

impl<T: JsonType> JsonType for Option<T> {
    const NAME: &'static str = T::NAME;
}

macro_rules! facts {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $field:ident: $type:ty,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: $type,)+ }

        impl $crate::Facts for $name {
            const FIELDS: &'static [$crate::Fact] = &[$($crate::Fact {
                name: stringify!($field),
                kind: <$type as $crate::facts::JsonType>::NAME,
                about: concat!($($doc),+),
            },)+];
        }
    };
}
pub(crate) use facts;

facts! {
    /// Facts of `embeddings.parquet` from `embed`. A layout of more than two components has [`ProjectionFacts`].
    EmbeddingsFacts {
        /// Name of the model.
        model: Option<String>,
        /// Engine that ran the model, and its precision.
        engine: Option<String>,
        /// Number of texts that were truncated to the token limit of the model.
        truncated: Option<usize>,
        /// Whether the vectors are a preview by the static encoder.
        preview: Option<bool>,
        /// Number of tokens that these texts lost; a server does not say it.
        tokens_lost: Option<usize>,
        /// Number of texts that were longer and embedded as the mean of their chunks.
        chunked: Option<usize>,
        /// Whether the same texts give the same bytes; false if a server or a device other than the CPU computed.
        reproducible: Option<bool>,
    }
}

facts! {
    /// Facts of `neighbors.parquet`.
    NeighborsFacts {
        /// Search backend.
        backend: Option<String>,
        /// Whether the neighbors are proven exact.
        certified: Option<bool>,
        /// Whether the same input, options and seed give the same bytes.
        reproducible: Option<bool>,
        /// Number of rows that cannot be searched (not finite, or zero under cosine) and were isolated.
        isolated: Option<usize>,
        /// Recall, where it was measured.
        recall: Option<Recall>,
    }
}

facts! {
    /// Measured recall of a search.
    Recall {
        /// Number of rows that were searched again exactly.
        sample: usize,
        /// Share of the true neighbors that were found.
        recall: f64,
        /// Lower end of the 95 % confidence interval.
        low: f64,
        /// Upper end of the 95 % confidence interval.
        high: f64,
    }
}

facts! {
    /// Facts of `clusters.parquet` and of the other files of `cluster`.
    ClusterFacts {
        /// Number of neighbors used for the core distance (`min_samples`).
        min_samples_others: Option<usize>,
        /// Minimum number of documents of a cluster, given or chosen by default.
        min_cluster_size: Option<usize>,
        /// Number of neighbors used per document.
        k: Option<usize>,
        /// Number of components of the neighbor graph.
        components: Option<usize>,
        /// Number of edges of the spanning tree that are not in the neighbor graph.
        edges_added: Option<usize>,
        /// Number of edges of the spanning tree that are as long as the preceding edge.
        tied_edges: Option<usize>,
        /// Relative validity (DBCV on the spanning tree), -1 to 1, where there are two clusters or more.
        relative_validity: Option<f64>,
        /// Bootstrap stability of the clustering, if it was computed.
        stability: Option<Stability>,
        /// Coarser layers, finest first.
        layers: Option<Vec<Layer>>,
    }
}

facts! {
    /// Bootstrap stability of a clustering.
    Stability {
        /// Number of subsamples.
        subsamples: usize,
        /// Number of stable clusters.
        stable: usize,
        /// Number of clusters between stable and unstable.
        doubtful: usize,
        /// Number of unstable clusters.
        unstable: usize,
        /// The three counts as a sentence.
        sentence: String,
    }
}

/// A coarser layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Column of `clusters.parquet` with the cluster of each document in this layer.
    pub column: String,
    /// Number of its clusters.
    pub clusters: usize,
    /// For each cluster of the next finer layer (for the first layer: of the column `cluster`), the cluster of this layer
    /// that holds it.
    pub parent: Vec<i32>,
}

facts! {
    /// Facts of `projection.parquet`, and of a layout of more than two components, which is a file of kind `embeddings`.
    ProjectionFacts {
        /// Number of neighbors per document, counting the document itself.
        n_neighbors: Option<usize>,
        /// Number of documents that have the position of the document they are a copy of.
        gathered: Option<usize>,
        /// Number of edges of the fuzzy graph.
        edges: Option<usize>,
        /// Number of epochs.
        epochs: Option<usize>,
        /// Parameter a of the curve 1 / (1 + a d^(2b)).
        a: Option<f64>,
        /// Parameter b of the curve.
        b: Option<f64>,
        /// Whether the same input, options and seed give the same bytes.
        reproducible: Option<bool>,
        /// Number of nearest neighbors k of `preserved` and `trustworthiness`.
        quality_k: Option<usize>,
        /// Mean share of the k true neighbors that are among the k nearest in the layout.
        preserved: Option<f64>,
        /// Number of documents in the sample for `preserved`.
        preserved_rows: Option<usize>,
        /// Trustworthiness (Venna and Kaski 2001), where it was measured.
        trustworthiness: Option<f64>,
        /// Number of documents in the sample for `trustworthiness`.
        trustworthiness_rows: Option<usize>,
        /// Number of components of the neighbor graph, if they were counted.
        graph_components: Option<usize>,
        /// Residual of the eigenvectors of the spectral initialization.
        start_residual: Option<f64>,
        /// Metric of the neighbors.
        neighbors_metric: Option<String>,
    }
}

facts! {
    /// Facts of `topics.parquet`.
    TopicsFacts {
        /// Languages by ISO 639-1 code, each with its number of documents, most frequent first.
        languages: Option<Vec<(String, usize)>>,
    }
}

/// Facts of `documents.parquet`: the counts of [`Intake`], and the columns of the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentsFacts {
    /// Counts of the rows of the source; `None` if the file lacks one of them.
    #[serde(flatten)]
    pub intake: Option<Intake>,
    /// Columns of the source that the text was made of.
    pub text: Option<Vec<String>>,
}

impl Facts for DocumentsFacts {
    const FIELDS: &'static [Fact] = {
        const COUNTS: usize = Intake::FIELDS.len();
        const TEXT: Fact = Fact {
            name: "text",
            kind: <Vec<String>>::NAME,
            about: " Columns of the source that the text was made of.",
        };
        const ALL: [Fact; COUNTS + 1] = {
            let mut all = [TEXT; COUNTS + 1];
            let mut at = 0;
            while at < COUNTS {
                all[at] = Intake::FIELDS[at];
                at += 1;
            }
            all
        };
        &ALL
    };
}

/// The facts that are not `None`, as a JSON object.
pub fn object<F: Facts>(facts: &F) -> Map<String, Value> {
    let value = serde_json::to_value(facts).expect("facts are plain data");
    let Value::Object(mut facts) = value else {
        unreachable!("a struct is a JSON object");
    };
    facts.retain(|_, value| !value.is_null());
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Footer;

    fn of(facts: &Value) -> Footer {
        let footer = json!({
            "kind": "", "version": 1, "producer": "", "options": {}, "seed": 1, "inputs": {}, "facts": facts
        });
        serde_json::from_value(footer).expect("it is a footer")
    }

    #[test]
    fn facts_of_older_files_are_read_and_missing_facts_are_none() {
        let old = of(
            &json!({ "backend": "flat", "certified": true, "recall": null, "shape": { "hubs": 3 } }),
        );
        let expected = NeighborsFacts {
            backend: Some("flat".to_owned()),
            certified: Some(true),
            ..NeighborsFacts::default()
        };
        assert_eq!(old.facts::<NeighborsFacts>(), expected);
        assert_eq!(
            of(&json!({})).facts::<ClusterFacts>(),
            ClusterFacts::default()
        );
        let odd = of(&json!({ "certified": "perhaps" }));
        assert_eq!(odd.facts::<NeighborsFacts>(), NeighborsFacts::default());
    }

    #[test]
    fn facts_are_read_back_and_unknown_facts_are_not_written() {
        let facts = ClusterFacts {
            k: Some(15),
            layers: Some(vec![Layer {
                column: "cluster_l0".to_owned(),
                clusters: 2,
                parent: vec![0, 1, 1],
            }]),
            ..ClusterFacts::default()
        };
        let mut footer = Footer::default();
        footer.set_facts(&facts);
        assert_eq!(footer.facts::<ClusterFacts>(), facts);
        assert_eq!(footer.facts.0.keys().collect::<Vec<_>>(), ["k", "layers"]);
    }
}
