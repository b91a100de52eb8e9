//! Finds the external weight files of an ONNX file.
//!
//! ONNX is Protocol Buffers; this parser follows the fields to `TensorProto.external_data` and skips all others, without
//! copying. Field numbers are those of `onnx.proto`. O(size of the file).

use text_encoder::protobuf::{Fields, Value};

/// The distinct external files of the graph in `bytes`, in order of appearance.
pub(crate) fn external_files(bytes: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut found = Vec::new();
    let mut has_graph = false;
    for field in Fields(bytes) {
        // ModelProto: graph = 7, training_info = 20, functions = 25.
        match field? {
            (7, Value::Bytes(graph)) => {
                has_graph = true;
                graph_files(graph, &mut found, MAX_DEPTH)?;
            }
            (20, Value::Bytes(training)) => training_files(training, &mut found)?,
            (25, Value::Bytes(function)) => function_files(function, &mut found)?,
            _ => {}
        }
    }
    if has_graph {
        Ok(found)
    } else {
        Err("it has no graph")
    }
}

/// Maximum nesting of graphs, which bounds the stack.
const MAX_DEPTH: usize = 64;

/// `GraphProto`: node = 1, initializer = 5, `sparse_initializer` = 15.
fn graph_files(graph: &[u8], found: &mut Vec<String>, depth: usize) -> Result<(), &'static str> {
    let depth = depth
        .checked_sub(1)
        .ok_or("its graphs are nested too deeply")?;
    for field in Fields(graph) {
        match field? {
            (1, Value::Bytes(node)) => node_files(node, found, depth)?,
            (5, Value::Bytes(tensor)) => tensor_files(tensor, found)?,
            (15, Value::Bytes(tensor)) => sparse_files(tensor, found)?,
            _ => {}
        }
    }
    Ok(())
}

/// `NodeProto`: attribute = 5.
fn node_files(node: &[u8], found: &mut Vec<String>, depth: usize) -> Result<(), &'static str> {
    for field in Fields(node) {
        if let (5, Value::Bytes(attribute)) = field? {
            attribute_files(attribute, found, depth)?;
        }
    }
    Ok(())
}

/// `AttributeProto`: t = 5, g = 6, tensors = 10, graphs = 11, `sparse_tensor` = 22, `sparse_tensors` = 23.
fn attribute_files(
    attribute: &[u8],
    found: &mut Vec<String>,
    depth: usize,
) -> Result<(), &'static str> {
    for field in Fields(attribute) {
        match field? {
            (5 | 10, Value::Bytes(tensor)) => tensor_files(tensor, found)?,
            (6 | 11, Value::Bytes(graph)) => graph_files(graph, found, depth)?,
            (22 | 23, Value::Bytes(tensor)) => sparse_files(tensor, found)?,
            _ => {}
        }
    }
    Ok(())
}

/// `TrainingInfoProto`: initialization = 1, algorithm = 2, both graphs.
fn training_files(training: &[u8], found: &mut Vec<String>) -> Result<(), &'static str> {
    for field in Fields(training) {
        if let (1 | 2, Value::Bytes(graph)) = field? {
            graph_files(graph, found, MAX_DEPTH)?;
        }
    }
    Ok(())
}

/// `FunctionProto`: node = 7, `attribute_proto` = 11.
fn function_files(function: &[u8], found: &mut Vec<String>) -> Result<(), &'static str> {
    for field in Fields(function) {
        match field? {
            (7, Value::Bytes(node)) => node_files(node, found, MAX_DEPTH)?,
            (11, Value::Bytes(attribute)) => attribute_files(attribute, found, MAX_DEPTH)?,
            _ => {}
        }
    }
    Ok(())
}

/// `SparseTensorProto`: values = 1, indices = 2, both tensors.
fn sparse_files(sparse: &[u8], found: &mut Vec<String>) -> Result<(), &'static str> {
    for field in Fields(sparse) {
        if let (1 | 2, Value::Bytes(tensor)) = field? {
            tensor_files(tensor, found)?;
        }
    }
    Ok(())
}

/// `TensorProto`: `external_data` = 13, pairs of key = 1 and value = 2.
fn tensor_files(tensor: &[u8], found: &mut Vec<String>) -> Result<(), &'static str> {
    for field in Fields(tensor) {
        let (13, Value::Bytes(pair)) = field? else {
            continue;
        };
        let (mut key, mut value) = (&[][..], &[][..]);
        for field in Fields(pair) {
            match field? {
                (1, Value::Bytes(bytes)) => key = bytes,
                (2, Value::Bytes(bytes)) => value = bytes,
                _ => {}
            }
        }
        if key == b"location" {
            let name = String::from_utf8(value.to_vec())
                .map_err(|_| "the name of a weight file is not UTF-8")?;
            // The marker of ONNX Runtime for weights at a memory address.
            if name.contains("_ORT_MEM_ADDR_") {
                return Err("it gives a memory address instead of a weight file");
            }
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(field: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![
            (field << 3) | 2,
            (body.len() % 128) as u8 | 0x80,
            (body.len() / 128) as u8,
        ];
        bytes.extend(body);
        bytes
    }

    /// A message of any length.
    fn varint_message(field: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![(field << 3) | 2];
        let mut length = body.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn weights_of_initializers_and_constants_are_found() {
        let pair =
            |key: &[u8], value: &[u8]| message(13, &[message(1, key), message(2, value)].concat());
        let tensor = [pair(b"location", b"model.onnx_data"), pair(b"offset", b"0")].concat();
        let constant = pair(b"location", b"Constant_7_attr__value");
        let node = message(5, &message(5, &constant));
        let graph = [message(1, &node), message(5, &tensor), message(5, &tensor)].concat();
        let model = [vec![0x08, 0x0a], message(7, &graph)].concat();
        assert_eq!(
            external_files(&model).unwrap(),
            ["Constant_7_attr__value", "model.onnx_data"]
        );
        assert!(external_files(&model[..model.len() - 1]).is_err());
        // Field 13, external_data, with a bit beyond the 32 of a tag.
        let pair_body = message(13, &[message(1, b"location"), message(2, b"x")].concat());
        let hidden = [&[0xea, 0x80, 0x80, 0x80, 0x10], &pair_body[1..]].concat();
        let model = message(7, &message(5, &hidden));
        assert!(external_files(&model).is_err());
        // Wherever a model can hold a tensor.
        let sparse = |name: &[u8]| message(1, &pair(b"location", name));
        // The numbers of fields from 16 on take two bytes.
        let wide = |field: u8, body: &[u8]| {
            let inner = message(1, body);
            [&[(field << 3) | 2 | 0x80, field >> 4], &inner[1..]].concat()
        };
        let attribute = message(5, &wide(22, &sparse(b"c")));
        let function = [
            message(7, &attribute),
            message(11, &message(5, &pair(b"location", b"d"))),
        ]
        .concat();
        let graph = message(15, &sparse(b"b"));
        let training = message(2, &message(5, &pair(b"location", b"e")));
        let model = [message(7, &graph), wide(25, &function), wide(20, &training)].concat();
        assert_eq!(external_files(&model).unwrap(), ["b", "c", "d", "e"]);
        let address = message(5, &pair(b"location", b"*/_ORT_MEM_ADDR_/*"));
        assert!(external_files(&message(7, &address)).is_err());
    }

    #[test]
    fn nesting_of_graphs_is_limited() {
        let nested = |depth: usize| {
            let mut graph = Vec::new();
            for _ in 0..depth {
                graph = varint_message(1, &varint_message(5, &varint_message(6, &graph)));
            }
            varint_message(7, &graph)
        };
        assert!(external_files(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(external_files(&nested(10_000)).is_err());
    }

    #[test]
    fn a_text_file_is_not_a_graph() {
        assert!(
            external_files(b"version https://example.org/spec/v1\noid sha256:0\nsize 90387606\n")
                .is_err()
        );
        assert!(external_files(b"").is_err());
    }
}
