//! ONNX graphs as exporters write them, recognized: the same bits as from safetensors.

use std::io;

use text_encoder::{Config, Encoder, Error, Kernel, Precision, Weights};

use crate::onnx_writer::GraphWriter;
use crate::tiny::{self, TINY, Tensors};

/// How an exporter writes a BERT.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent choices of exporters"
)]
#[derive(Clone, Copy, Default)]
struct Style {
    /// Normalizations as eight nodes.
    decomposed_norms: bool,
    /// Word embeddings and matrices in int8, dequantized by `DequantizeLinear`.
    quantized: bool,
    /// Integers times their scale, in the place of `DequantizeLinear`.
    multiplied: bool,
    /// The scale of attention on queries and keys, in the place of the scores.
    split_scale: bool,
    /// Matrices as `Gemm`, transposed.
    gemm: bool,
    /// Matrices in a file beside the graph.
    external: bool,
    /// The residual first in each sum.
    residual_first: bool,
}

/// A BERT as a graph, and the file beside it.
fn graph(tensors: &Tensors, style: Style) -> (GraphWriter, Vec<u8>) {
    let mut graph = GraphWriter {
        inputs: ["input_ids", "attention_mask", "token_type_ids"]
            .map(String::from)
            .to_vec(),
        outputs: vec!["last_hidden_state".into()],
        ..GraphWriter::default()
    };
    let mut beside = Vec::new();
    let (h, heads) = (TINY.hidden as i64, TINY.heads as i64);
    graph.integers("split", &[4], &[0, 0, heads, h / heads]);
    graph.integers("join", &[3], &[0, 0, h]);
    graph.integers(
        "positions",
        &[1, TINY.positions],
        &(0..TINY.positions as i64).collect::<Vec<_>>(),
    );
    graph.integers("zero", &[1], &[0]);
    graph.integers("one", &[1], &[1]);
    graph.floats("epsilon", &[], &[1e-12]);
    graph.floats("two", &[], &[2.0]);
    graph.floats("unit", &[], &[1.0]);
    graph.floats("half", &[], &[0.5]);
    graph.floats("root", &[], &[2.0_f32.sqrt()]);
    let scale = 1.0 / (TINY.hidden as f32 / TINY.heads as f32).sqrt();
    graph.floats("scale", &[], &[scale]);
    graph.floats("half_scale", &[], &[scale.sqrt()]);
    graph.floats("lowest", &[], &[-1e9]);

    let table = |graph: &mut GraphWriter, name: &str| {
        let (dims, values) = &tensors[name];
        if style.quantized && name.contains("word") {
            quantized(graph, name, dims, values, (0, style.multiplied))
        } else {
            graph.floats(name, dims, values)
        }
    };
    let words = table(&mut graph, "embeddings.word_embeddings.weight");
    let positions = table(&mut graph, "embeddings.position_embeddings.weight");
    let types = table(&mut graph, "embeddings.token_type_embeddings.weight");
    graph.node("Shape", &["input_ids"], "shape");
    graph.node("Slice", &["shape", "one", "two_"], "length");
    graph.node(
        "Slice",
        &["positions", "zero", "length", "one"],
        "position_ids",
    );
    graph.node("Gather", &[&words, "input_ids"], "word");
    graph.node("Gather", &[&positions, "position_ids"], "position");
    graph.node("Gather", &[&types, "token_type_ids"], "type");
    graph.node("Add", &["word", "type"], "sum0");
    graph.node("Add", &["sum0", "position"], "sum");
    // The mask: 0 or -1e9.
    graph.node_with("Cast", &["attention_mask"], "mask_float", &[("to", 1)]);
    graph.node("Sub", &["unit", "mask_float"], "masked");
    graph.node("Mul", &["masked", "lowest"], "mask");
    let mut x = norm(
        &mut graph,
        tensors,
        style,
        "sum",
        "embeddings.LayerNorm",
        "x0",
    );
    for at in 0..TINY.layers {
        let name = |part: &str| format!("encoder.layer.{at}.{part}");
        let mut add_map = |graph: &mut GraphWriter, input: &str, part: &str| {
            let name = name(part);
            let (dims, weight) = &tensors[&format!("{name}.weight")];
            let (n_out, n_in) = (dims[0], dims[1]);
            let transposed: Vec<f32> = (0..n_in * n_out)
                .map(|at| weight[at % n_out * n_in + at / n_out])
                .collect();
            // A name that says nothing.
            let matrix = format!("onnx::MatMul_{}", graph.initializers.len());
            let bias = graph.floats(
                &format!("{name}.bias"),
                &[n_out],
                &tensors[&format!("{name}.bias")].1,
            );
            if style.gemm {
                graph.floats(&matrix, dims, weight);
                return graph.node_with(
                    "Gemm",
                    &[input, &matrix, &bias],
                    &format!("{name}.y"),
                    &[("transB", 1)],
                );
            }
            let matrix = if style.quantized {
                quantized(
                    graph,
                    &matrix,
                    &[n_in, n_out],
                    &transposed,
                    (1, style.multiplied),
                )
            } else if style.external {
                let offset = beside.len();
                beside.extend(transposed.iter().flat_map(|value| value.to_le_bytes()));
                graph.external(&matrix, &[n_in, n_out], "weights.bin", offset)
            } else {
                graph.floats(&matrix, &[n_in, n_out], &transposed)
            };
            let product = graph.node("MatMul", &[input, &matrix], &format!("{name}.product"));
            graph.node("Add", &[&bias, &product], &format!("{name}.y"))
        };
        let maps = ["query", "key", "value"]
            .map(|part| add_map(&mut graph, &x, &format!("attention.self.{part}")));
        let [mut q, mut k, v] = maps.map(|map| {
            let split = graph.node("Reshape", &[&map, "split"], &format!("{map}.split"));
            graph.node("Transpose", &[&split], &format!("{map}.heads"))
        });
        let mut scores;
        if style.split_scale {
            q = graph.node("Mul", &[&q, "half_scale"], &name("q"));
            k = graph.node("Mul", &[&k, "half_scale"], &name("k"));
        }
        k = graph.node("Transpose", &[&k], &name("kt"));
        scores = graph.node("MatMul", &[&q, &k], &name("scores"));
        if !style.split_scale {
            scores = graph.node("Mul", &[&scores, "scale"], &name("scaled"));
        }
        scores = graph.node("Add", &[&scores, "mask"], &name("masked"));
        let probabilities = graph.node("Softmax", &[&scores], &name("softmax"));
        let context = graph.node("MatMul", &[&probabilities, &v], &name("context"));
        let context = graph.node("Transpose", &[&context], &name("context.t"));
        let context = graph.node("Reshape", &[&context, "join"], &name("context.r"));
        let update = add_map(&mut graph, &context, "attention.output.dense");
        let sum = |graph: &mut GraphWriter, update: &str, residual: &str, name: &str| {
            let inputs = if style.residual_first {
                [residual, update]
            } else {
                [update, residual]
            };
            graph.node("Add", &inputs, name)
        };
        let total = sum(&mut graph, &update, &x, &name("sum1"));
        let attended = norm(
            &mut graph,
            tensors,
            style,
            &total,
            &name("attention.output.LayerNorm"),
            &name("x1"),
        );
        let inner = add_map(&mut graph, &attended, "intermediate.dense");
        let erf = graph.node("Div", &[&inner, "root"], &name("div"));
        let erf = graph.node("Erf", &[&erf], &name("erf"));
        let erf = graph.node("Add", &[&erf, "unit"], &name("erf1"));
        let gelu = graph.node("Mul", &[&inner, &erf], &name("mul"));
        let gelu = graph.node("Mul", &[&gelu, "half"], &name("gelu"));
        let update = add_map(&mut graph, &gelu, "output.dense");
        let total = sum(&mut graph, &update, &attended, &name("sum2"));
        let output = if at + 1 == TINY.layers {
            "last_hidden_state".into()
        } else {
            name("x2")
        };
        x = norm(
            &mut graph,
            tensors,
            style,
            &total,
            &name("output.LayerNorm"),
            &output,
        );
    }
    (graph, beside)
}

/// A normalization, as one node or as eight.
fn norm(
    graph: &mut GraphWriter,
    tensors: &Tensors,
    style: Style,
    input: &str,
    name: &str,
    output: &str,
) -> String {
    let weight = graph.floats(
        &format!("{name}.weight"),
        &[TINY.hidden],
        &tensors[&format!("{name}.weight")].1,
    );
    let bias = graph.floats(
        &format!("{name}.bias"),
        &[TINY.hidden],
        &tensors[&format!("{name}.bias")].1,
    );
    if !style.decomposed_norms {
        graph.node("LayerNormalization", &[input, &weight, &bias], output);
        let node = graph.nodes.pop().unwrap();
        let epsilon = crate::onnx_writer::Message::default()
            .bytes(1, "epsilon")
            .float(2, 1e-12);
        graph.nodes.push(node.bytes(5, epsilon.0));
        return output.into();
    }
    let part = |part: &str| format!("{name}.{part}");
    let mean = graph.node("ReduceMean", &[input], &part("mean"));
    let deviation = graph.node("Sub", &[input, &mean], &part("deviation"));
    let square = graph.node("Pow", &[&deviation, "two"], &part("square"));
    let variance = graph.node("ReduceMean", &[&square], &part("variance"));
    let variance = graph.node("Add", &[&variance, "epsilon"], &part("stable"));
    let root = graph.node("Sqrt", &[&variance], &part("root"));
    let divided = graph.node("Div", &[&deviation, &root], &part("divided"));
    let scaled = graph.node("Mul", &[&divided, &weight], &part("scaled"));
    graph.node("Add", &[&scaled, &bias], output)
}

/// A matrix in int8 and its dequantization: a scale per row (`axis` 0) or column.
fn quantized(
    graph: &mut GraphWriter,
    name: &str,
    dims: &[usize],
    values: &[f32],
    (axis, multiplied): (usize, bool),
) -> String {
    let index = |at: usize| {
        if axis == 0 {
            at / dims[1]
        } else {
            at % dims[1]
        }
    };
    let mut scales = vec![0.0_f32; dims[axis]];
    for (at, value) in values.iter().enumerate() {
        let scale = &mut scales[index(at)];
        *scale = scale.max(value.abs() / 127.0);
    }
    let codes: Vec<u8> = values
        .iter()
        .enumerate()
        .map(|(at, value)| (value / scales[index(at)]).round() as i8 as u8)
        .collect();
    let codes = graph.raw(&format!("{name}_q"), dims, 3, &codes);
    if multiplied {
        let dims = [[dims[0], 1], [1, dims[1]]][axis];
        let scales = graph.floats(&format!("{name}_s"), &dims, &scales);
        let cast = format!("{name}_f");
        graph.node_with("Cast", &[&codes], &cast, &[("to", 1)]);
        return graph.node("Mul", &[&cast, &scales], name);
    }
    let scales = graph.floats(&format!("{name}_s"), &[dims[axis]], &scales);
    graph.node_with(
        "DequantizeLinear",
        &[&codes, &scales],
        name,
        &[("axis", axis as i64)],
    )
}

fn none(name: &str, _: u64, _: usize) -> io::Result<Vec<u8>> {
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("{name} is not expected"),
    ))
}

fn hidden_states(file: &[u8], config: &Config, beside: &[u8]) -> Result<Vec<f32>, Error> {
    let read = |name: &str, offset: u64, length: usize| {
        assert_eq!(name, "weights.bin");
        let bytes = beside
            .get(offset as usize..)
            .and_then(|rest| rest.get(..length));
        bytes
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    };
    let weights = Weights::from_onnx(file, config, &read)?;
    Encoder::with_kernel(weights, Precision::Fp32, None, Kernel::Portable)?
        .hidden_states(&[1, 5, 9, 3])
}

#[test]
fn graphs_of_all_styles_give_the_bits_of_safetensors() {
    let tensors = tiny::bert(TINY, 7);
    let expected = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32)
        .unwrap()
        .hidden_states(&[1, 5, 9, 3]);
    let plain = Style::default();
    for (at, style) in [
        plain,
        Style {
            decomposed_norms: true,
            ..plain
        },
        Style {
            split_scale: true,
            residual_first: true,
            ..plain
        },
        Style {
            gemm: true,
            decomposed_norms: true,
            ..plain
        },
        Style {
            external: true,
            ..plain
        },
    ]
    .into_iter()
    .enumerate()
    {
        let (graph, beside) = graph(&tensors, style);
        let found = hidden_states(&graph.file(), &tiny::config("bert", TINY), &beside);
        assert_eq!(found, expected, "style {at}");
    }
}

#[test]
fn integers_are_dequantized() {
    let tensors = tiny::bert(TINY, 7);
    let expected = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32)
        .unwrap()
        .hidden_states(&[1, 5, 9, 3])
        .unwrap();
    let [found, other] = [false, true].map(|multiplied| {
        let style = Style {
            quantized: true,
            multiplied,
            ..Style::default()
        };
        let (graph, _) = graph(&tensors, style);
        hidden_states(&graph.file(), &tiny::config("bert", TINY), &[]).unwrap()
    });
    assert_eq!(found, other);
    let largest = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(largest > 0.0 && largest < 0.1, "{largest}");
}

#[test]
fn heads_are_found_in_the_graph() {
    let (graph, _) = graph(&tiny::bert(TINY, 7), Style::default());
    let config = serde_json::from_str(r#"{"model_type": "bert"}"#).unwrap();
    let expected = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32)
        .unwrap()
        .hidden_states(&[1, 5, 9, 3]);
    assert_eq!(hidden_states(&graph.file(), &config, &[]), expected);
    let config =
        serde_json::from_str(r#"{"model_type": "bert", "num_attention_heads": 6}"#).unwrap();
    let refused = hidden_states(&graph.file(), &config, &[]).unwrap_err();
    assert!(matches!(refused, Error::Graph { .. }), "{refused}");
}

#[test]
fn graphs_that_deviate_are_refused() {
    let tensors = tiny::bert(TINY, 7);
    let config = tiny::config("bert", TINY);
    let (whole, _) = graph(&tensors, Style::default());
    let replaced = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut file = whole.file();
        let mut count = 0;
        while let Some(at) = file.windows(from.len()).position(|window| window == from) {
            file[at..at + from.len()].copy_from_slice(to);
            count += 1;
        }
        assert!(count > 0);
        Weights::from_onnx(&file, &config, &none).unwrap_err()
    };
    for (from, to) in [
        ("Softmax", "Hardmax"),
        ("Erf", "Cos"),
        ("LayerNormalization", "LayerNormalizatiun"),
    ] {
        let refused = replaced(from.as_bytes(), to.as_bytes());
        assert!(matches!(refused, Error::Graph { .. }), "{from}: {refused}");
    }
    let mut pooled = whole.clone();
    pooled.outputs = vec!["sentence_embedding".into()];
    let refused = Weights::from_onnx(&pooled.file(), &config, &none).unwrap_err();
    assert!(
        refused.to_string().contains("sentence_embedding"),
        "{refused}"
    );
    // A node less, any of them.
    for at in 0..whole.nodes.len() {
        let mut cut = whole.clone();
        cut.nodes.remove(at);
        // The shapes of positions and the mask are not part of what is recognized.
        if let Ok(weights) = Weights::from_onnx(&cut.file(), &config, &none) {
            assert!(at < 11, "{at}: {} dimensions", weights.dimensions());
        }
    }
}

#[test]
fn cut_files_and_missing_files_are_refused() {
    let (graph, beside) = graph(
        &tiny::bert(TINY, 7),
        Style {
            external: true,
            ..Style::default()
        },
    );
    let config = tiny::config("bert", TINY);
    let file = graph.file();
    for cut in [0, 1, 10, 100, file.len() / 2, file.len() - 1] {
        assert!(
            Weights::from_onnx(&file[..cut], &config, &none).is_err(),
            "{cut}"
        );
    }
    assert!(matches!(
        Weights::from_onnx(b"version https://git-lfs", &config, &none),
        Err(Error::Format { .. })
    ));
    assert!(matches!(
        Weights::from_onnx(&file, &config, &none),
        Err(Error::ExternalData { .. })
    ));
    let refused = hidden_states(&file, &config, &beside[..beside.len() - 4]).unwrap_err();
    assert!(matches!(refused, Error::ExternalData { .. }), "{refused}");
}

#[test]
fn graphs_with_circles_and_nodes_without_inputs_are_refused() {
    let config = tiny::config("bert", TINY);
    let (whole, _) = graph(&tiny::bert(TINY, 7), Style::default());
    // Each node again under the name of its own input, and without inputs.
    for op in ["Identity", "Where", "Add", "MatMul", "Softmax", "Mul"] {
        let mut circle = GraphWriter {
            outputs: vec!["last_hidden_state".into()],
            initializers: whole.initializers.clone(),
            ..GraphWriter::default()
        };
        circle.node(op, &["b", "b"], "a");
        circle.node(op, &["a", "a"], "b");
        circle.node("Softmax", &["a"], "b");
        circle.node("Softmax", &[], "c");
        circle.node("MatMul", &["a"], "d");
        let refused = Weights::from_onnx(&circle.file(), &config, &none);
        assert!(matches!(refused, Err(Error::Graph { .. })), "{op}");
    }
}
