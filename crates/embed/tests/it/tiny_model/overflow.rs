//! Texts that are longer than the model takes: here 6 tokens, of which two are special.

use super::{Place, close, place, state};
use crate::support::{D, Tiny, documents};

const CHUNKS: [&str; 2] = ["--overflow", "chunk-mean"];

impl Place {
    fn vectors(&self, more: &[&str]) -> (serde_json::Value, Vec<f32>) {
        let report = self.bench.report(&self.arguments(more));
        (report, self.bench.embeddings().values().to_vec())
    }
}

#[test]
fn long_texts_get_the_mean_of_their_chunks_weighted_by_tokens() {
    let texts = [
        "red green blue sea salt",
        "red sea",
        "red sea stone bird red sea stone bird",
        "red sea stone bird",
    ];
    let Some(place) = place(Tiny::default(), &texts) else {
        return;
    };
    let (report, vectors) = place.vectors(&CHUNKS);
    assert_eq!(
        (&report["chunked"], &report["chunked_tokens"]),
        (&2.into(), &5.into())
    );
    assert_eq!(
        (&report["truncated"], &report["tokens_lost"]),
        (&0.into(), &0.into())
    );
    let row = |row: usize| &vectors[row * D..(row + 1) * D];
    let (one, other) = (state(&[0, 4, 5, 6, 7, 2], 0), state(&[0, 8, 2], 0));
    let mean: Vec<f32> = one
        .iter()
        .zip(&other)
        .map(|(a, b)| (4.0 * a + b) / 5.0)
        .collect();
    close(row(0), &mean);
    close(row(1), &state(&[0, 4, 7, 2], 0));
    // Two equal halves.
    assert_eq!(row(2), row(3));
    // The footer tells it, too.
    let path = place.bench.path("embeddings.parquet");
    let footer = artifacts::Footer::read(&path).unwrap().unwrap();
    let facts = footer.facts::<artifacts::EmbeddingsFacts>();
    assert_eq!(
        (facts.chunked, facts.truncated, facts.tokens_lost),
        (Some(2), Some(0), Some(0))
    );
}

#[test]
fn texts_that_fit_have_the_same_bytes_by_every_rule() {
    let Some(place) = place(Tiny::default(), &["red sea", "bird", "red sea stone bird"]) else {
        return;
    };
    let (_, expected) = place.vectors(&["--no-cache"]);
    for rule in ["truncate", "chunk-mean", "error"] {
        for threads in ["1", "3"] {
            let (_, found) =
                place.vectors(&["--no-cache", "--overflow", rule, "--threads", threads]);
            assert_eq!(found, expected, "{rule}");
        }
    }
}

#[test]
fn chunks_have_the_prefix_each() {
    let Some(place) = place(Tiny::default(), &["red sea salt bird"]) else {
        return;
    };
    let (_, found) = place.vectors(&["--prefix", "blue ", CHUNKS[0], CHUNKS[1]]);
    let (one, other) = (state(&[0, 6, 4, 7, 8, 2], 0), state(&[0, 6, 10, 2], 0));
    let mean: Vec<f32> = one
        .iter()
        .zip(&other)
        .map(|(a, b)| (3.0 * a + b) / 4.0)
        .collect();
    close(&found, &mean);
}

#[test]
fn the_cache_keeps_both_vectors_of_a_long_text_and_one_of_a_short_one() {
    let long = "red green blue sea salt stone";
    let Some(place) = place(Tiny::default(), &[long, "red sea", "bird"]) else {
        return;
    };
    let (first, truncated) = place.vectors(&[]);
    assert_eq!(
        (&first["embedded"], &first["truncated"]),
        (&3.into(), &1.into())
    );
    let (chunked, mean) = place.vectors(&CHUNKS);
    assert_eq!(
        (&chunked["embedded"], &chunked["cached"]),
        (&1.into(), &2.into())
    );
    assert_ne!(mean[..D], truncated[..D]);
    assert_eq!(mean[D..], truncated[D..]);
    for (more, expected) in [(&[][..], &truncated), (&CHUNKS, &mean)] {
        let (report, found) = place.vectors(more);
        assert_eq!((&report["embedded"], &found), (&0.into(), expected));
        let longer = [&report["truncated"], &report["chunked"]];
        assert_eq!(
            longer,
            if more.is_empty() { [1, 0] } else { [0, 1] }
                .map(serde_json::Value::from)
                .each_ref()
        );
    }
    // As without a cache.
    let (_, found) = place.vectors(&["--no-cache", CHUNKS[0], CHUNKS[1]]);
    assert_eq!(found, mean);
}

#[test]
fn long_texts_are_refused_by_row() {
    let texts = [
        "red sea",
        "red green blue sea salt",
        "bird",
        "red sea stone bird red sea stone bird",
    ];
    let Some(place) = place(Tiny::default(), &texts) else {
        return;
    };
    let expected = "2 of 4 texts are longer than 6 tokens: row 1 (7 tokens), row 3 (10 tokens)";
    let refuse = ["--overflow", "error"];
    let said = place.bench.failure(&place.arguments(&refuse));
    assert!(said.contains(expected), "{said}");
    // Also where all vectors are in the cache.
    place.vectors(&[]);
    let said = place.bench.failure(&place.arguments(&refuse));
    assert!(said.contains(expected), "{said}");
    documents(&place.bench.path("documents.parquet"), &["red sea", "bird"]);
    place.vectors(&refuse);
}

#[test]
fn a_prefix_that_leaves_no_room_is_refused() {
    let Some(place) = place(Tiny::default(), &["red sea salt bird"]) else {
        return;
    };
    let prefix = ["--prefix", "blue blue blue blue ", CHUNKS[0], CHUNKS[1]];
    let said = place.bench.failure(&place.arguments(&prefix));
    let expected = "the prefix and the special tokens are 6 tokens, where a text may have 6";
    assert!(said.contains(expected), "{said}");
}
