//! Layouts are as good as they should be.

use artifacts::Embeddings;
use project::layout::Rows;
use project::optimize::Kernel;
use project::{Init, Options};

use crate::data::{Graph, figures, groups, lay_out, with_init};

#[test]
fn digits_are_laid_out_with_high_trustworthiness() {
    let points = Embeddings::read(&test_support::data("digits/points.parquet")).unwrap();
    let d = points.dim();
    let graph = Graph::of(points.values(), d, 14);
    for init in [Init::Spectral, Init::Pca] {
        let rows = Rows {
            values: points.values(),
            d,
        };
        let layout = lay_out(&graph, Some(rows), &with_init(init), Kernel::best());
        let (trust, kept) = figures(&layout.positions, points.values(), d);
        eprintln!("digits, {init:?}: trustworthiness@15 {trust:.4}, kept {kept:.4}");
        assert!(trust >= 0.98, "{init:?}: {trust}");
        assert!(kept >= 0.51, "{init:?}: {kept}");
    }
}

#[test]
fn groups_are_laid_out_with_high_trustworthiness_from_every_start() {
    let (n, d) = (1200, 24);
    let values = groups(n, d, 20);
    let graph = Graph::of(&values, d, 14);
    for (init, least) in [
        (Init::Spectral, 0.95),
        (Init::Pca, 0.95),
        (Init::Random, 0.93),
    ] {
        let layout = lay_out(
            &graph,
            Some(Rows { values: &values, d }),
            &with_init(init),
            Kernel::best(),
        );
        let (trust, kept) = figures(&layout.positions, &values, d);
        eprintln!("groups, {init:?}: trustworthiness@15 {trust:.4}, kept {kept:.4}");
        assert!(trust >= least, "{init:?}: {trust}");
    }
}

#[test]
fn five_dimensions_keep_more_neighbors_than_two() {
    let (n, d) = (800, 24);
    let values = groups(n, d, 12);
    let graph = Graph::of(&values, d, 14);
    let kept = |components: usize| {
        let options = Options {
            components,
            min_dist: 0.0,
            ..Options::default()
        };
        let layout = lay_out(&graph, None, &options, Kernel::best());
        let all: Vec<u32> = (0..n as u32).collect();
        let nearest = project::quality::nearest_in_space(&layout.positions, components, &all, 14);
        project::quality::preserved(&nearest, 14, &graph.ids, 14)
            .iter()
            .sum::<f32>()
            / n as f32
    };
    let (two, five) = (kept(2), kept(5));
    assert!(five > two, "{five} against {two}");
}

#[test]
fn groups_without_an_edge_between_them_stay_apart() {
    // Two far groups of 60: with 14 neighbors there is no edge from one to the other.
    let mut values = groups(120, 6, 1);
    for value in &mut values[60 * 6..] {
        *value += 1000.0;
    }
    let graph = Graph::of(&values, 6, 14);
    let layout = lay_out(&graph, None, &Options::default(), Kernel::best());
    assert_eq!(layout.components, Some(2));
    let points: &[[f32; 2]] = layout.positions.as_chunks().0;
    let distance =
        |a: [f32; 2], b: [f32; 2]| ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt();
    let gap = points[..60]
        .iter()
        .flat_map(|&a| points[60..].iter().map(move |&b| distance(a, b)))
        .fold(f32::MAX, f32::min);
    assert!(gap > 1.0, "{gap}");
}
