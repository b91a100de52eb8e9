//! The collection of a finished run, and the rows in it that are nearest to one vector.

use std::path::Path;

use artifacts::{Embeddings, Footer, NeighborsFacts};
use exact_knn::Metric;
use milvus_client::Search;
use stage::Progress;

use super::collection::{self, Content};
use super::index::Index;
use super::server::Server;
use super::{Error, insert};
use crate::{BackendKind, Options};

/// When rows are counted outside a run.
pub(super) const NOW: &str = "now";

/// The collection that a run stored its vectors in.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// The metric of its index.
    pub metric: Metric,
    /// Number of its vectors.
    pub rows: usize,
    /// Values per vector.
    pub dimensions: usize,
    index: Index,
}

/// A row of a collection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: usize,
    /// Its distance, as the server computed it.
    pub distance: f32,
}

impl Stored {
    /// The collection of a run, by the footer of the file of neighbors at `neighbors` and the shape of `embeddings`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBackend`], and those of reading the files.
    pub fn of_run(neighbors: &Path, embeddings: &Path) -> Result<Self, crate::Error> {
        let other = || Error::OtherBackend {
            path: neighbors.to_owned(),
        };
        let footer = Footer::read(neighbors)?.ok_or_else(other)?;
        let options: Options =
            serde_json::from_value(footer.options.clone()).map_err(|_| other())?;
        let hash = footer.inputs.get("embeddings").ok_or_else(other)?;
        if options.backend != BackendKind::Milvus {
            return Err(other().into());
        }
        let shape = Embeddings::shape(embeddings)?.ok_or_else(other)?;
        let isolated = footer.facts::<NeighborsFacts>().isolated.unwrap_or(0);
        let rows = shape.rows.saturating_sub(isolated);
        let k = options.k.min(rows.saturating_sub(1));
        let index = Index::new(&options, options.metric, rows, k)?;
        let content = Content {
            rows,
            dimensions: shape.dimensions,
            embeddings: hash,
            table: footer.inputs.get("documents").map(String::as_str),
        };
        Ok(Self {
            name: collection::name_of(&content.describe(&index)),
            metric: options.metric,
            rows,
            dimensions: shape.dimensions,
            index,
        })
    }

    /// The `limit` rows nearest to the vector `query`, nearest first. `deadline`: seconds that loading may take without progress.
    ///
    /// # Errors
    ///
    /// [`Error::NotStored`], [`Error::Rows`] if the collection lacks rows or has others, and those of the client.
    pub fn nearest(
        &self,
        server: &Server,
        query: Vec<f32>,
        limit: usize,
        deadline: u64,
        progress: &dyn Progress,
    ) -> Result<Vec<Found>, Error> {
        let client = &server.client;
        if client.describe(&self.name)?.is_none() {
            return Err(Error::NotStored {
                address: client.address().to_owned(),
                name: self.name.clone(),
            });
        }
        insert::load_named(client, &self.name, deadline, progress)?;
        insert::check_rows(client, &self.name, self.rows, NOW)?;
        let hits = client.search(Search {
            collection: self.name.clone(),
            queries: query,
            dimensions: self.dimensions,
            limit: limit.min(self.rows),
            metric: self.index.metric,
            parameters: self.index.search_of(limit),
            columns: Vec::new(),
        })?;
        let found = hits.ids.iter().zip(&hits.scores);
        let found = found.map(|(&id, &score)| Found {
            id: usize::try_from(id).unwrap_or(usize::MAX),
            distance: match self.metric {
                Metric::L2 => score.max(0.0).sqrt(),
                Metric::Cosine | Metric::InnerProduct => 1.0 - score,
            },
        });
        Ok(found.collect())
    }
}
