//! Layouts are as good as they should be.

use exact_knn::{Metric, Points};
use random_streams::Seed;
use umap_layout::{Init, Kernel, Options, nearest_in_space, preserved, quality};

use crate::data::{digits, figures, graph_of, groups, lay_out, with_init};

#[test]
fn digits_are_laid_out_with_high_trustworthiness() {
    let (values, d) = digits();
    let points = Points::new(&values, d).unwrap();
    let graph = graph_of(&values, d, 14);
    for init in [Init::Spectral, Init::Pca] {
        let layout = lay_out(graph.view(), Some(points), &with_init(init), Kernel::best());
        let (trust, kept) = figures(&layout.positions, &values, d);
        eprintln!("digits, {init:?}: trustworthiness@15 {trust:.4}, kept {kept:.4}");
        assert!(trust >= 0.98, "{init:?}: {trust}");
        assert!(kept >= 0.51, "{init:?}: {kept}");
    }
}

#[test]
fn groups_are_laid_out_with_high_trustworthiness_from_every_start() {
    let (n, d) = (1200, 24);
    let values = groups(n, d, 20);
    let graph = graph_of(&values, d, 14);
    for (init, least) in [
        (Init::Spectral, 0.95),
        (Init::Pca, 0.95),
        (Init::Random, 0.93),
    ] {
        let layout = lay_out(
            graph.view(),
            Some(Points::new(&values, d).unwrap()),
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
    let graph = graph_of(&values, d, 14);
    let kept = |components: usize| {
        let options = Options {
            components,
            min_dist: 0.0,
            ..Options::default()
        };
        let layout = lay_out(graph.view(), None, &options, Kernel::best());
        let all: Vec<u32> = (0..n as u32).collect();
        let nearest = nearest_in_space(&layout.positions, components, &all, 14);
        preserved(&nearest, &all, &graph.view()).iter().sum::<f32>() / n as f32
    };
    let (two, five) = (kept(2), kept(5));
    assert!(five > two, "{five} against {two}");
}

#[test]
fn components_stay_separated() {
    // Two far groups of 60: with 14 neighbors there is no edge from one to the other.
    let mut values = groups(120, 6, 1);
    for value in &mut values[60 * 6..] {
        *value += 1000.0;
    }
    let graph = graph_of(&values, 6, 14);
    let layout = lay_out(graph.view(), None, &Options::default(), Kernel::best());
    assert_eq!(layout.connected_components, Some(2));
    let points: &[[f32; 2]] = layout.positions.as_chunks().0;
    let distance =
        |a: [f32; 2], b: [f32; 2]| ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt();
    let gap = points[..60]
        .iter()
        .flat_map(|&a| points[60..].iter().map(move |&b| distance(a, b)))
        .fold(f32::MAX, f32::min);
    assert!(gap > 1.0, "{gap}");
}

#[test]
fn quality_of_few_rows_is_computed_on_all_of_them() {
    let (n, d) = (300, 8);
    let values = groups(n, d, 5);
    let points = Points::new(&values, d).unwrap();
    let graph = graph_of(&values, d, 20);
    let layout = lay_out(
        graph.view().first(14),
        None,
        &Options::default(),
        Kernel::best(),
    );
    let measured = Some((points, Metric::L2));
    let (found, shares) = quality(&layout.positions, 2, &graph.view(), measured, Seed(1));
    let (trust, kept) = figures(&layout.positions, &values, d);
    assert_eq!((found.k, found.preserved_rows), (15, n));
    assert_eq!(found.trustworthiness, Some(trust));
    assert_eq!(found.preserved, kept);
    assert_eq!(shares.unwrap().len(), n);
    // Without points there is no trustworthiness.
    let (found, _) = quality(&layout.positions, 2, &graph.view(), None, Seed(1));
    assert_eq!(
        (found.trustworthiness, found.trustworthiness_rows),
        (None, 0)
    );
    assert_eq!(found.preserved, kept);
}
