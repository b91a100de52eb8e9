//! The crate from the outside.

#![allow(clippy::unwrap_used, reason = "tests")]

use knn_graph::{Components, Error, KnnGraph, KnnView, UnionFind};
use proptest::prelude::*;

/// 0 and 1 list each other, 2 lists 1, 3 and 4 list each other; k = 1.
const IDS: [u32; 5] = [1, 0, 1, 4, 3];
const DISTANCES: [f32; 5] = [1.0, 1.0, 2.0, 0.5, 0.5];

#[test]
fn components_are_named_by_their_smallest_point() {
    let found = KnnView::new(&IDS, &DISTANCES, 1).unwrap().components();
    assert_eq!(found.root, [0, 0, 0, 3, 3]);
    assert_eq!((found.count, found.largest), (2, 3));
}

#[test]
fn a_prefix_is_a_view_of_the_first_neighbors_of_each_row() {
    let lists = KnnView::new(&[1, 2, 0, 2, 1, 0], &[1.0, 2.0, 1.0, 1.5, 1.5, 2.0], 2).unwrap();
    let first = lists.first(1);
    assert_eq!((first.n(), first.k()), (3, 1));
    assert_eq!(first.row(2), (&[1][..], &[1.5][..]));
    assert_eq!(first.radius(1), 1.0);
    assert!(lists.is_complete() && !first.is_complete());
}

#[test]
fn invalid_neighbor_graphs_are_refused_by_row() {
    let check = |ids: &[u32], distances: &[f32], k| KnnView::new(ids, distances, k).unwrap_err();
    assert_eq!(
        check(&[1, 0, 0], &[1.0; 3], 2),
        Error::Shape {
            ids: 3,
            distances: 3,
            k: 2
        }
    );
    assert_eq!(
        check(&[1, 2], &[1.0; 2], 1),
        Error::UnknownNeighbor {
            row: 1,
            neighbor: 2,
            n: 2
        }
    );
    assert_eq!(check(&[1, 1], &[1.0; 2], 1), Error::ListsItself { row: 1 });
    assert!(matches!(
        check(&[1, 0], &[1.0, f32::NAN], 1),
        Error::BadDistance {
            row: 1,
            neighbor: 0,
            ..
        }
    ));
    // Inner products have negative distances; methods that cannot use them refuse them.
    let negative = KnnView::new(&[1, 0], &[-1.0, 1.0], 1).unwrap();
    assert!(matches!(
        negative.check_non_negative().unwrap_err(),
        Error::BadDistance { row: 0, .. }
    ));
    assert_eq!(negative.min_distance(), -1.0);
    assert_eq!(
        check(&[1, 2, 0, 0, 0, 1], &[1.0; 6], 2),
        Error::ListedTwice {
            row: 1,
            neighbor: 0
        }
    );
    let falling = check(&[1, 2, 0, 2, 0, 1], &[1.0, 0.5, 1.0, 1.0, 1.0, 1.0], 2);
    assert_eq!(
        falling,
        Error::NotAscending {
            row: 0,
            before: 1.0,
            after: 0.5
        }
    );
    assert!(falling.hint().is_some());
}

#[test]
fn members_are_grouped_by_component_the_largest_first() {
    let components = Components::of_edges(6, [(1, 4), (2, 5), (5, 3)]);
    assert_eq!(components.members(), [vec![2, 3, 5], vec![1, 4], vec![0]]);
}

#[test]
fn copies_are_represented_by_the_first() {
    // 0, 2 and 3 are copies, 2 only through 3; 1 is not.
    let (ids, distances) = ([3, 0, 3, 2], [0.0, 1.0, 0.0, 0.0]);
    let graph = KnnGraph::new(ids.to_vec(), distances.to_vec(), 1).unwrap();
    assert_eq!(graph.view().first_copies(), [0, 1, 0, 0]);
    assert_eq!(
        graph,
        KnnGraph::from_checked(ids.to_vec(), distances.to_vec(), 1)
    );
}

proptest! {
    /// The components are those that a union-find finds edge by edge, whichever end lists the other.
    #[test]
    fn an_edge_of_either_end_joins(targets in proptest::collection::vec((0_u32..40, 0_u32..40), 40)) {
        let n = 40_u32;
        let mut ids = Vec::new();
        let mut distances = Vec::new();
        for (i, &(a, b)) in (0..n).zip(&targets) {
            let a = if a == i { (a + 1) % n } else { a };
            let mut b = if b == i { (b + 1) % n } else { b };
            while b == a || b == i { b = (b + 1) % n; }
            // The distance of a pair is a function of the pair, as it is of two points.
            let d = |j: u32| (i.min(j) * 41 + i.max(j)) as f32;
            let mut row = [(d(a), a), (d(b), b)];
            row.sort_by(|x, y| x.0.total_cmp(&y.0));
            for (distance, j) in row { ids.push(j); distances.push(distance); }
        }
        let lists = KnnView::new(&ids, &distances, 2).unwrap();
        let mut sets = UnionFind::new(n as usize);
        for i in 0..n {
            for &j in lists.row(i as usize).0 {
                sets.union(j, i);
            }
        }
        prop_assert_eq!(sets.roots(), lists.components().root);
    }
}
