//! The forms in which BGE-M3 is exported, by name, with its tokenizer and its 8,192 tokens.

use text_encoder::normalize;

use super::{BGE_M3, bge_m3_files, bge_m3_graph, close, place_with};
use crate::support::{CONSTANT, D, Head, Tiny, weight};

/// The state of token `at` of the text with these `ids`, of length 1.
fn cls(ids: &[usize]) -> Vec<f32> {
    let value = |dimension| {
        let mean: f32 = ids.iter().map(|&id| weight(id, dimension)).sum::<f32>() / ids.len() as f32;
        weight(ids[0], dimension) + mean
    };
    let mut vector: Vec<f32> = (0..D).map(value).collect();
    normalize(&mut vector);
    vector
}

#[test]
fn every_form_of_its_graph_gives_the_dense_vector() {
    const STATES: (&str, Head) = ("last_hidden_state", Head::States);
    let mean: Vec<f32> = {
        let ids = [0, 4, 7, 2];
        let value = |d| 2.0 * ids.iter().map(|&id| weight(id, d)).sum::<f32>() / 4.0;
        let mut vector: Vec<f32> = (0..D).map(value).collect();
        normalize(&mut vector);
        vector
    };
    // Token 0 where the graph gives the tokens; what the graph pooled (here the mean, to tell them apart) where it did.
    for (outputs, pooled) in [
        (&[STATES][..], false),
        (
            &[
                ("token_embeddings", Head::States),
                ("sentence_embedding", Head::Mean),
            ],
            true,
        ),
        (&[("sentence_embedding", Head::Mean)], true),
        (&[("dense_vecs", Head::Mean)], true),
        (
            &[
                ("dense_vecs", Head::Mean),
                ("sparse_vecs", Head::Weights),
                ("colbert_vecs", Head::Negated),
            ],
            true,
        ),
        (
            &[
                ("sparse_vecs", Head::Weights),
                ("colbert_vecs", Head::Negated),
                ("dense_vecs", Head::Mean),
            ],
            true,
        ),
    ] {
        for constant in [false, true] {
            let graph = Tiny {
                outputs,
                constant,
                ..Tiny::default()
            };
            let Some(place) = place_with(bge_m3_files(graph), &["red sea", "bird wind"]) else {
                return;
            };
            let report = place.report(BGE_M3, &[]);
            assert_eq!(
                (&report["model"], &report["dimensions"]),
                (&BGE_M3.into(), &D.into())
            );
            let expected = if pooled {
                mean.clone()
            } else {
                cls(&[0, 4, 7, 2])
            };
            close(place.bench.embeddings().row(0), &expected);
        }
    }
}

#[test]
fn texts_of_up_to_8192_tokens_are_read_whole_and_longer_ones_are_counted() {
    let whole = "red ".repeat(8190);
    let longer = "red ".repeat(8200);
    let texts = [whole.as_str(), &longer, "red sea"];
    let Some(place) = place_with(bge_m3_files(bge_m3_graph()), &texts) else {
        return;
    };
    let report = place.report(BGE_M3, &[]);
    assert_eq!(report["max_tokens"], 8192);
    assert_eq!(
        (&report["truncated"], &report["tokens_lost"]),
        (&1.into(), &10.into())
    );
    let found = place.bench.embeddings();
    let ids: Vec<usize> = [0]
        .into_iter()
        .chain(std::iter::repeat_n(4, 8190))
        .chain([2])
        .collect();
    close(found.row(0), &cls(&ids));
    close(found.row(1), &cls(&ids));
    close(found.row(2), &cls(&[0, 4, 7, 2]));
}

#[test]
fn an_external_file_that_the_repository_lacks_is_named() {
    let mut files = bge_m3_files(bge_m3_graph());
    files.remove(&format!("onnx/{CONSTANT}"));
    let Some(place) = place_with(files, &["red sea"]) else {
        return;
    };
    let said = place.failure(BGE_M3, &[]);
    assert!(
        said.contains("Constant_7_attr__value, which is missing"),
        "{said}"
    );
}

#[test]
fn an_external_file_of_any_name_is_found_by_the_graph() {
    // The same length, so that the graph stays one.
    let (old, new) = (CONSTANT.as_bytes(), b"encoder_attr_4.weights");
    assert_eq!(old.len(), new.len());
    let mut files = bge_m3_files(bge_m3_graph());
    let constant = files.remove(&format!("onnx/{CONSTANT}")).unwrap();
    files.insert("onnx/encoder_attr_4.weights".to_owned(), constant);
    let graph = files.get_mut("onnx/model.onnx").unwrap();
    let at = graph
        .windows(old.len())
        .position(|bytes| bytes == old)
        .unwrap();
    graph[at..at + new.len()].copy_from_slice(new);
    let Some(place) = place_with(files, &["red sea"]) else {
        return;
    };
    place.report(BGE_M3, &[]);
    close(place.bench.embeddings().row(0), &cls(&[0, 4, 7, 2]));
}
