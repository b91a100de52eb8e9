//! `clusters.parquet`: the cluster of each document.

use std::collections::BTreeMap;

use crate::columns::Columns;
use crate::declare::{Codec, table};
use crate::table::{Stored, Table};
use crate::{ClusterFacts, Error};

table! {
    /// The cluster of each document.
    Clusters: "clusters", version 1, by "cluster", "the cluster of each document",
    facts ClusterFacts;
    id optional of cluster: "Document";
    {
        /// Cluster, from 0; -1 for noise.
        cluster: Vec<i32> as NoiseIsMinusOne,
        /// Membership probability in that cluster, 0 to 1; 0 for noise. A foreign file may lack it, then it is 1.
        probability: Vec<f32> => |rows| vec![1.0; rows],
        /// GLOSH outlier score, 0 to 1. A foreign file may lack it, then it is 0.
        outlier_score: Vec<f32> => |rows| vec![0.0; rows],
        /// `cluster` with noise assigned to clusters (only with `--assign-noise`).
        assigned = "cluster_assigned": Option<Vec<i32>>,
        /// Coarser layers from the same tree, finest first: each merges clusters of the next finer one; noise stays -1.
        layers = "cluster_l0 ...": Vec<Vec<i32>> as LayerColumns,
    }
}

/// Cluster numbers, at least -1.
struct NoiseIsMinusOne;

impl Codec<Vec<i32>> for NoiseIsMinusOne {
    const KIND: &'static str = "int32";

    fn read(table: &Table, name: &str) -> Result<Vec<i32>, Error> {
        let cluster = table.i32(name)?;
        match cluster.iter().position(|&cluster| cluster < -1) {
            None => Ok(cluster),
            Some(row) => Err(table.at(row, format!("`{name}` is {}; noise is -1", cluster[row]))),
        }
    }

    fn write(values: &Vec<i32>, name: &str, columns: &mut Columns) {
        columns.i32(name, values);
    }
}

/// One column per layer, numbered from 0.
struct LayerColumns;

impl Codec<Vec<Vec<i32>>> for LayerColumns {
    const KIND: &'static str = "int32";

    fn read(table: &Table, _: &str) -> Result<Vec<Vec<i32>>, Error> {
        let names = (0..).map(Clusters::layer_column);
        let names = names.take_while(|name| table.has(name));
        names.map(|name| table.i32(&name)).collect()
    }

    fn write(layers: &Vec<Vec<i32>>, _: &str, columns: &mut Columns) {
        for (at, layer) in layers.iter().enumerate() {
            columns.i32(&Clusters::layer_column(at), layer);
        }
    }
}

impl Clusters {
    /// The number of clusters, noise not counted.
    pub fn count(&self) -> usize {
        let last = self.cluster.iter().max();
        last.and_then(|&last| usize::try_from(last).ok())
            .map_or(0, |last| last + 1)
    }

    /// The name of the column with the cluster of each document in layer `layer`.
    pub fn layer_column(layer: usize) -> String {
        format!("cluster_l{layer}")
    }

    /// The column `cluster`, then the columns of the layers, finest first, each with its layer number in `cluster_info`.
    pub fn levels(&self) -> impl Iterator<Item = (i32, &[i32])> {
        let columns = std::iter::once(&self.cluster).chain(&self.layers);
        (-1..).zip(columns.map(Vec::as_slice))
    }
}

impl Stored<Clusters> {
    /// For each layer, the cluster of the layer that holds each cluster of the next finer level (for the first layer: of
    /// the column `cluster`), by the number of the latter.
    ///
    /// Read from the footer, where `cluster` records it. For other files: the cluster that holds most of the documents, the
    /// smallest number among equals; none if all are noise. This takes O(n log n) per layer.
    pub fn parents(&self) -> Vec<BTreeMap<i32, i32>> {
        let footer = self.footer.as_ref();
        let layers = footer.and_then(|footer| footer.facts::<ClusterFacts>().layers);
        if let Some(layers) = layers.filter(|layers| layers.len() == self.layers.len()) {
            let parents = layers.into_iter().map(|layer| (0..).zip(layer.parent));
            return parents.map(Iterator::collect).collect();
        }
        let finer = self.levels().map(|(_, finer)| finer);
        let coarser = self.layers.iter();
        finer
            .zip(coarser)
            .map(|(finer, coarser)| majority(finer, coarser))
            .collect()
    }
}

/// For each cluster of `finer`, the cluster of `coarser` that holds most of its documents, the smallest number among equals.
fn majority(finer: &[i32], coarser: &[i32]) -> BTreeMap<i32, i32> {
    let pairs = finer.iter().copied().zip(coarser.iter().copied());
    let mut pairs: Vec<(i32, i32)> = pairs
        .filter(|&(inner, outer)| inner >= 0 && outer >= 0)
        .collect();
    pairs.sort_unstable();
    let mut most: BTreeMap<i32, (usize, i32)> = BTreeMap::new();
    for same in pairs.chunk_by(|a, b| a == b) {
        let (inner, outer) = same[0];
        let found = most.entry(inner).or_default();
        if same.len() > found.0 {
            *found = (same.len(), outer);
        }
    }
    let outer = |(inner, (_, outer))| (inner, outer);
    most.into_iter().map(outer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Footer, Layer};

    fn stored(footer: Option<Footer>) -> Stored<Clusters> {
        Stored {
            value: Clusters {
                cluster: vec![0, 0, 7, 7, 7, -1, 9],
                layers: vec![vec![3, 1, 1, 3, 3, -1, -1], vec![0, 0, 0, 0, 0, -1, -1]],
                ..Clusters::default()
            },
            footer,
        }
    }

    #[test]
    fn parents_come_from_the_tree_or_from_the_majority_of_documents() {
        let most: [BTreeMap<i32, i32>; 2] = [[(0, 1), (7, 3)].into(), [(1, 0), (3, 0)].into()];
        assert_eq!(stored(None).parents(), most);
        assert_eq!(stored(Some(Footer::default())).parents(), most);
        let layer = |column: &str, parent: &[i32]| Layer {
            column: column.to_owned(),
            clusters: 2,
            parent: parent.to_vec(),
        };
        let mut footer = Footer::default();
        footer.set_facts(&ClusterFacts {
            layers: Some(vec![
                layer("cluster_l0", &[1, 1, 0]),
                layer("cluster_l1", &[0, 0]),
            ]),
            ..ClusterFacts::default()
        });
        let expected: [BTreeMap<i32, i32>; 2] =
            [[(0, 1), (1, 1), (2, 0)].into(), [(0, 0), (1, 0)].into()];
        assert_eq!(stored(Some(footer)).parents(), expected);
    }
}
