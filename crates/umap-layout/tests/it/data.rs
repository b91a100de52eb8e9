//! Inputs: generated rows, and the digits.

use arrow::array::{AsArray, FixedSizeListArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float32Type};
use exact_knn::{Metric, Points, knn};
use knn_graph::{KnnGraph, KnnView};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use random_streams::Seed;
use umap_layout::{
    Init, Kernel, Layout, Options, layout, nearest_in_plane, preserved, trustworthiness,
};

/// Rows of `d` values around `groups` centers, in no order; the last tenth lies anywhere.
pub(crate) fn groups(n: usize, d: usize, groups: usize) -> Vec<f32> {
    // The sum of four is near enough to a normal distribution.
    let normal = |item: u64| {
        let mut stream = Seed(7).stream("test/groups", item);
        (0..4).map(|_| stream.next_f32() - 0.5).sum::<f32>() * 1.7
    };
    let value = |i: usize, at: usize| {
        let own = normal((i * d + at) as u64 + 1_000_000);
        let group = i * 7919 % groups;
        if i % 10 == 9 {
            own
        } else {
            normal((group * d + at) as u64) + 0.35 * own
        }
    };
    (0..n * d).map(|at| value(at / d, at % d)).collect()
}

/// The digits of scikit-learn: rows of values, and their length.
pub(crate) fn digits() -> (Vec<f32>, usize) {
    let file = std::fs::File::open(test_support::data("digits/points.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let table = concat_batches(&batches[0].schema(), &batches).unwrap();
    let rows: &FixedSizeListArray = table
        .column_by_name("embedding")
        .unwrap()
        .as_fixed_size_list();
    let values = cast(rows.values(), &DataType::Float32).unwrap();
    let values = values.as_primitive::<Float32Type>().values().to_vec();
    (values, rows.value_length() as usize)
}

/// The graph of rows of `d` values under L2.
pub(crate) fn graph_of(values: &[f32], d: usize, k: usize) -> KnnGraph {
    let points = Points::new(values, d).unwrap();
    let (knn, _) = knn(points, Metric::L2, k, &|_| ()).unwrap();
    KnnGraph::new(knn.ids, knn.distances, knn.k).unwrap()
}

pub(crate) fn lay_out(
    graph: KnnView<'_>,
    points: Option<Points<'_>>,
    options: &Options,
    kernel: Kernel,
) -> Layout {
    layout(&graph, points, options, Seed(42), kernel, &|| {}).unwrap()
}

pub(crate) fn with_init(init: Init) -> Options {
    Options {
        init,
        ..Options::default()
    }
}

/// Trustworthiness and the share of neighbors kept, at 15, over all rows.
pub(crate) fn figures(positions: &[f32], values: &[f32], d: usize) -> (f64, f64) {
    let nearest = nearest_in_plane(positions.as_chunks().0, 15);
    let all: Vec<u32> = (0..(positions.len() / 2) as u32).collect();
    let points = Points::new(values, d).unwrap();
    let trust = trustworthiness(Kernel::best(), points, Metric::L2, &all, &nearest, 15).unwrap();
    let truth = graph_of(values, d, 15);
    let shares = preserved(&nearest, &all, &truth.view());
    (
        trust,
        shares.iter().map(|&share| f64::from(share)).sum::<f64>() / shares.len() as f64,
    )
}
