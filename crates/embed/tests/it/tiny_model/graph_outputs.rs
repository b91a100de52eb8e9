//! The choice of the graph output that is the embedding of a text, and pooling.

use super::{close, place, state};
use crate::support::{D, Element, Head, Tiny, describe, weight};

#[test]
fn the_pooled_output_is_used_unless_pooling_is_given() {
    let Some(place) = place(
        Tiny {
            outputs: &[
                ("token_embeddings", Head::States),
                ("sentence_embedding", Head::Mean),
            ],
            ..Tiny::default()
        },
        &["red sea"],
    ) else {
        return;
    };
    place.bench.report(&place.arguments(&[]));
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    let mean: Vec<f32> = (0..D)
        .map(|dimension| states.iter().map(|state| state[dimension]).sum::<f32>() / 4.0)
        .collect();
    close(place.bench.embeddings().row(0), &mean);
    place.bench.report(&place.arguments(&["--pooling", "cls"]));
    close(place.bench.embeddings().row(0), &states[0]);
}

#[test]
fn pooled_outputs_are_found_under_any_name() {
    let tiny = Tiny {
        outputs: &[("pooled", Head::Mean)],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    std::fs::remove_file(place.model.join("1_Pooling/config.json")).unwrap();
    place.bench.report(&place.arguments(&[]));
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    let mean: Vec<f32> = (0..D)
        .map(|dimension| states.iter().map(|state| state[dimension]).sum::<f32>() / 4.0)
        .collect();
    close(place.bench.embeddings().row(0), &mean);
}

/// The vectors of the heads of a small model for `red sea`.
fn largest() -> Vec<f32> {
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    (0..D)
        .map(|dimension| {
            states
                .iter()
                .map(|state| state[dimension])
                .fold(f32::MIN, f32::max)
        })
        .collect()
}

const DENSE: (&str, Head) = ("dense_vecs", Head::Largest);
const SPARSE: (&str, Head) = ("sparse_vecs", Head::Weights);
const COLBERT: (&str, Head) = ("colbert_vecs", Head::Negated);

#[test]
fn the_dense_output_is_chosen_in_any_order() {
    for outputs in [
        &[DENSE, SPARSE, COLBERT],
        &[DENSE, COLBERT, SPARSE],
        &[SPARSE, DENSE, COLBERT],
        &[SPARSE, COLBERT, DENSE],
        &[COLBERT, DENSE, SPARSE],
        &[COLBERT, SPARSE, DENSE],
        &[
            ("sparse", Head::FlatWeights),
            COLBERT,
            ("dense", Head::Largest),
        ],
    ] {
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        let report = place.bench.report(&place.arguments(&[]));
        assert_eq!(report["dimensions"], 4, "{outputs:?}");
        close(place.bench.embeddings().row(0), &largest());
    }
}

#[test]
fn token_vectors_are_pooled_beside_other_outputs() {
    for outputs in [
        &[
            ("last_hidden_state", Head::States),
            ("pooler_output", Head::Largest),
        ][..],
        &[
            ("pooler_output", Head::Largest),
            ("last_hidden_state", Head::States),
        ],
        &[
            ("hidden_states.1", Head::Negated),
            ("last_hidden_state", Head::States),
        ],
        &[("1547", Head::States)],
        &[("1548", Head::Twice), ("1547", Head::States)],
    ] {
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        describe(&place.model, "config.json", r#"{"hidden_size":4}"#);
        place.bench.report(&place.arguments(&[]));
        close(place.bench.embeddings().row(0), &state(&[0, 4, 7, 2], 0));
    }
}

#[test]
fn an_output_of_another_shape_is_refused_with_its_shape() {
    for (output, hidden, shape) in [
        (
            ("output", Head::Weights),
            "{}",
            "it has output [texts, tokens, 1]",
        ),
        (
            ("output", Head::FlatWeights),
            "{}",
            "it has output [texts, tokens]",
        ),
        (
            ("colbert_vecs", Head::States),
            "{}",
            "it has colbert_vecs [texts, tokens, 4]",
        ),
        (
            ("output", Head::Twice),
            r#"{"hidden_size":4}"#,
            "of the model's hidden size of 4; it has output [texts, tokens, 8]",
        ),
    ] {
        let outputs = Box::leak(Box::new([output]));
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        describe(&place.model, "config.json", hidden);
        let message = place.bench.failure(&place.arguments(&[]));
        assert!(
            message.contains("no output of the graph has one vector per text")
                && message.contains(shape),
            "{message}"
        );
        assert!(message.contains("--graph-output"), "{message}");
    }
}

#[test]
fn ambiguous_outputs_have_to_be_named() {
    let tiny = Tiny {
        outputs: &[("first", Head::States), ("second", Head::Negated), SPARSE],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(
        message.contains("several outputs of the graph could be the embedding: first, second; it has first [texts, tokens, 4]")
            && message.contains("select one: --graph-output NAME"),
        "{message}"
    );
    let expected = state(&[0, 4, 7, 2], 0);
    place
        .bench
        .report(&place.arguments(&["--graph-output", "first"]));
    close(place.bench.embeddings().row(0), &expected);
    // The same text, model and cache, but another vector.
    let report = place
        .bench
        .report(&place.arguments(&["--graph-output", "second"]));
    assert_eq!(report["cached"], 0);
    let negated: Vec<f32> = expected.iter().map(|value| -value).collect();
    close(place.bench.embeddings().row(0), &negated);
    let footer = artifacts::Footer::read(&place.bench.path("embeddings.parquet"))
        .unwrap()
        .unwrap();
    assert_eq!(footer.options["graph_output"], "second");
    for (name, fact) in [
        ("third", "the graph has no output `third`"),
        (
            "sparse_vecs",
            "output `sparse_vecs` of the graph holds no vectors",
        ),
    ] {
        let message = place
            .bench
            .failure(&place.arguments(&["--graph-output", name]));
        assert!(
            message.contains(fact) && message.contains("omit --graph-output"),
            "{message}"
        );
    }
}

#[test]
fn pooling_that_the_graph_cannot_use_is_refused() {
    let tiny = Tiny {
        outputs: &[DENSE, SPARSE, COLBERT],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let message = place
        .bench
        .failure(&place.arguments(&["--pooling", "mean"]));
    assert!(
        message.contains("--pooling cannot be applied") && message.contains("omit --pooling"),
        "{message}"
    );
}

#[test]
fn half_precision_models_run() {
    for element in [Element::F16, Element::Bf16] {
        let tiny = Tiny {
            element,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        place.bench.report(&place.arguments(&[]));
        let found = place.bench.embeddings();
        // Weights are halves, which both types hold; states are rounded to 8 bits at worst.
        for (found, expected) in found.row(0).iter().zip(state(&[0, 4, 7, 2], 0)) {
            assert!(
                (found - expected).abs() <= expected.abs() / 128.0,
                "{element:?}"
            );
        }
    }
}

/// Exports for accelerators fix the number of texts, of tokens, or both.
#[test]
fn graphs_of_fixed_shape_are_run() {
    for shape in [["1", "sequence"], ["batch", "5"], ["1", "5"], ["3", "5"]] {
        let tiny = Tiny {
            shape,
            ..Tiny::default()
        };
        let texts = ["red sea", "green", "salt salt salt salt", "blue wind"];
        let Some(place) = place(tiny, &texts) else {
            return;
        };
        describe(
            &place.model,
            "1_Pooling/config.json",
            r#"{"pooling_mode":"mean"}"#,
        );
        let report = place.bench.report(&place.arguments(&["--no-cache"]));
        let found = place.bench.embeddings();
        let ids: [&[usize]; 4] = [&[0, 4, 7, 2], &[0, 5, 2], &[0, 8, 8, 8, 2], &[0, 6, 11, 2]];
        // The small model adds the mean of all positions, padding included, to each token.
        for (row, ids) in ids.iter().enumerate() {
            let ids = if shape[1] == "5" || row != 2 {
                *ids
            } else {
                &[0, 8, 8, 8, 8, 2]
            };
            let positions = if shape[1] == "5" { 5 } else { ids.len() };
            let expected: Vec<f32> = (0..D)
                .map(|dimension| {
                    let sum: f32 = ids.iter().map(|&id| weight(id, dimension)).sum();
                    sum / ids.len() as f32 + sum / positions as f32
                })
                .collect();
            close(found.row(row), &expected);
        }
        let lost = usize::from(shape[1] == "5");
        assert_eq!(report["truncated"], lost, "{shape:?}");
        assert_eq!(report["max_tokens"], 6 - lost, "{shape:?}");
    }
}
