//! Searches and their answers.

use prost::Message;

use crate::client::{columns_of, pair};
use crate::proto::{self, PlaceholderGroup, PlaceholderValue};
use crate::{Collection, Column};

/// A search for the nearest rows of some vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The collection.
    pub collection: String,
    /// The vectors to search for, row after row; at most 16,384 of them.
    pub queries: Vec<f32>,
    /// The number of values of a vector.
    pub dimensions: usize,
    /// The number of answers per vector, at most 16,384.
    pub limit: usize,
    /// `L2`, `COSINE` or `IP`: that of the index.
    pub metric: &'static str,
    /// Parameters of the index as a JSON object.
    pub parameters: String,
    /// The fields to return, besides the ids.
    pub columns: Vec<String>,
}

impl Search {
    /// The number of vectors to search for.
    pub fn count(&self) -> usize {
        self.queries.len() / self.dimensions.max(1)
    }

    pub(crate) fn into_request(self, db_name: String) -> proto::SearchRequest {
        let nq = self.count() as i64;
        let group = PlaceholderGroup {
            placeholders: vec![PlaceholderValue {
                tag: "$0".to_owned(),
                kind: PlaceholderValue::FLOAT_VECTOR,
                values: self
                    .queries
                    .chunks_exact(self.dimensions.max(1))
                    .map(|query| query.iter().flat_map(|value| value.to_le_bytes()).collect())
                    .collect(),
            }],
        };
        // Milvus Lite 3 returns whole rows unless fields are named.
        let mut output_fields = vec![Collection::ID.to_owned()];
        output_fields.extend(self.columns);
        proto::SearchRequest {
            db_name,
            collection_name: self.collection,
            dsl: String::new(),
            placeholder_group: group.encode_to_vec(),
            dsl_type: 1,
            output_fields,
            search_params: vec![
                pair("anns_field", Collection::VECTOR),
                pair("topk", self.limit.to_string()),
                pair("metric_type", self.metric),
                pair("params", self.parameters),
                pair("round_decimal", "-1"),
            ],
            nq,
            consistency_level: 0,
        }
    }
}

/// The answers to a search, in the order of its vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Hits {
    /// The number of answers of each vector, which may be fewer than asked for.
    pub counts: Vec<usize>,
    /// The ids of the answers of all vectors, one vector after another, nearest first.
    pub ids: Vec<i64>,
    /// Their scores: the **squared** distance under `L2`; the similarity, largest first, under `COSINE` and `IP`.
    pub scores: Vec<f32>,
    /// The fields that were asked for.
    pub columns: Vec<Column>,
}

impl Hits {
    /// Checks an answer to `count` vectors with at most `limit` answers each.
    pub(crate) fn of(
        results: proto::SearchResultData,
        count: usize,
        limit: usize,
        columns: &[String],
    ) -> Result<Self, String> {
        let ids = results.ids.unwrap_or_default().int_id.unwrap_or_default();
        let ids = ids.data;
        let counts: Vec<usize> = results
            .topks
            .iter()
            .map(|&found| usize::try_from(found).unwrap_or(usize::MAX))
            .collect();
        if counts.len() != count {
            return Err(format!("{} answers to {count} vectors", counts.len()));
        }
        if let Some(&most) = counts.iter().max().filter(|&&most| most > limit) {
            return Err(format!("{most} neighbors of a vector instead of {limit}"));
        }
        let total: usize = counts.iter().sum();
        if ids.len() != total || results.scores.len() != total {
            return Err(format!(
                "{} ids and {} scores instead of {total}",
                ids.len(),
                results.scores.len()
            ));
        }
        let columns = columns_of(results.fields_data, columns);
        if let Some(column) = columns.iter().find(|column| column.values.len() != total) {
            return Err(format!(
                "{} values of {} instead of {total}",
                column.values.len(),
                column.name
            ));
        }
        Ok(Self {
            counts,
            ids,
            scores: results.scores,
            columns,
        })
    }

    /// Ids and scores of the answers of each vector.
    pub fn iter(&self) -> impl Iterator<Item = (&[i64], &[f32])> {
        let mut from = 0;
        self.counts.iter().map(move |&count| {
            let range = from..from + count;
            from += count;
            (&self.ids[range.clone()], &self.scores[range])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Ids, LongArray, SearchResultData};

    fn answer(ids: &[i64], scores: &[f32], topks: &[i64]) -> SearchResultData {
        SearchResultData {
            num_queries: topks.len() as i64,
            ids: Some(Ids {
                int_id: Some(LongArray { data: ids.to_vec() }),
            }),
            scores: scores.to_vec(),
            topks: topks.to_vec(),
            ..SearchResultData::default()
        }
    }

    #[test]
    fn answers_are_split_by_their_counts() {
        let found = Hits::of(answer(&[4, 5, 6], &[0.1, 0.2, 0.3], &[2, 0, 1]), 3, 2, &[]).unwrap();
        let lists: Vec<_> = found.iter().map(|(ids, _)| ids.to_vec()).collect();
        assert_eq!(lists, [vec![4, 5], vec![], vec![6]]);
    }

    #[test]
    fn answers_that_do_not_add_up_are_refused() {
        for (found, count) in [
            (answer(&[4, 5], &[0.1, 0.2], &[2]), 2),
            (answer(&[4, 5], &[0.1], &[2]), 1),
            (answer(&[4], &[0.1, 0.2], &[2]), 1),
            (answer(&[4, 5, 6], &[0.1, 0.2, 0.3], &[3]), 1),
            (answer(&[4], &[0.1], &[-1]), 1),
            (SearchResultData::default(), 1),
        ] {
            assert!(Hits::of(found.clone(), count, 2, &[]).is_err(), "{found:?}");
        }
        assert!(Hits::of(SearchResultData::default(), 0, 2, &[]).is_ok());
    }
}
