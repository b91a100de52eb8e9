//! Writes ONNX graphs: the few fields of `onnx.proto` that matter.

/// A message in the making.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn integer(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    pub fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend(value.as_ref());
        self
    }
}

/// A graph: nodes in topological order, initializers, inputs and outputs.
#[derive(Clone, Default)]
pub struct GraphWriter {
    pub nodes: Vec<Message>,
    pub initializers: Vec<Message>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

impl GraphWriter {
    /// Adds a node with one output, which it returns.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(op, inputs, output, &[])
    }

    /// Adds a node with integer attributes.
    pub fn node_with(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, i64)],
    ) -> String {
        let mut node = Message::default();
        for input in inputs {
            node = node.bytes(1, input);
        }
        node = node.bytes(2, output).bytes(4, op);
        for (name, value) in attributes {
            node = node.bytes(5, Message::default().bytes(1, name).integer(3, *value).0);
        }
        self.nodes.push(node);
        output.to_owned()
    }

    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let raw: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.raw(name, dims, 1, &raw)
    }

    pub fn integers(&mut self, name: &str, dims: &[usize], values: &[i64]) -> String {
        let raw: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.raw(name, dims, 7, &raw)
    }

    /// Adds an initializer of an ONNX type.
    pub fn raw(&mut self, name: &str, dims: &[usize], data_type: i64, raw: &[u8]) -> String {
        let mut tensor = Message::default();
        for &dim in dims {
            tensor = tensor.integer(1, dim as i64);
        }
        self.initializers
            .push(tensor.integer(2, data_type).bytes(8, name).bytes(9, raw));
        name.to_owned()
    }

    /// Adds an initializer in a file beside the graph.
    pub fn external(
        &mut self,
        name: &str,
        dims: &[usize],
        location: &str,
        offset: usize,
    ) -> String {
        let mut tensor = Message::default();
        for &dim in dims {
            tensor = tensor.integer(1, dim as i64);
        }
        let pair = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value).0;
        let tensor = tensor
            .integer(2, 1)
            .bytes(8, name)
            .bytes(13, pair("location", location))
            .bytes(13, pair("offset", &offset.to_string()))
            .integer(14, 1);
        self.initializers.push(tensor);
        name.to_owned()
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph = graph.bytes(1, &node.0);
        }
        for initializer in &self.initializers {
            graph = graph.bytes(5, &initializer.0);
        }
        let named = |name: &String| Message::default().bytes(1, name).0;
        for input in &self.inputs {
            graph = graph.bytes(11, named(input));
        }
        for output in &self.outputs {
            graph = graph.bytes(12, named(output));
        }
        Message::default().integer(1, 8).bytes(7, graph.0).0
    }
}
