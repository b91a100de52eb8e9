//! The tables behind the first hidden states.

use super::flow::{Flow, LONGEST, only, unrecognized};
use crate::Error;
use crate::config::Config;
use crate::weights::onnx::protobuf::{Graph, Node};
use crate::weights::table::Table;
use crate::weights::{Embeddings, positions};

impl<'g> Flow<'g> {
    /// The tables behind the first hidden states.
    pub(super) fn embeddings(
        &self,
        graph: &Graph<'g>,
        hidden: &str,
        configuration: &Config,
    ) -> Result<Embeddings, Error> {
        let node = only(
            self.norms.iter().filter(|norm| norm.output == hidden),
            || "normalization of the embeddings".into(),
        )?;
        let norm = self.norm(node)?;
        let h = norm.weight.len();
        let (mut words, mut positions_table, mut types) = (None, None, None);
        let mut pending = vec![self.source(node.input)];
        let mut steps = 0;
        while let Some(value) = pending.pop() {
            steps += 1;
            if steps > LONGEST {
                return Err(unrecognized("the sum of embeddings has no end"));
            }
            let repeated = |what: &str| unrecognized(format!("there are two tables of {what}"));
            if self.is_constant(value) {
                let row = self.constants.get(value)?.into_floats();
                if row.len() != h || types.replace(row).is_some() {
                    return Err(unrecognized(
                        "a constant that is no row of token types is added to the embeddings",
                    ));
                }
                continue;
            }
            let part = self
                .constants
                .producer(value)
                .ok_or_else(|| unrecognized(format!("{value} is added to the embeddings")))?;
            match (part.op, part.inputs.as_slice()) {
                ("Add", &[a, b]) => pending.extend([self.source(a), self.source(b)]),
                ("Slice", &[table, starts, ..]) if self.is_constant(table) => {
                    let start = if self.is_constant(starts) {
                        self.constants.get(starts)?.integers().first().copied()
                    } else {
                        None
                    };
                    let start = start.and_then(|start| usize::try_from(start).ok());
                    let start =
                        start.ok_or_else(|| unrecognized("positions start at a computed row"))?;
                    let values = self.constants.get(table)?.into_floats();
                    if positions_table.replace((values, start)).is_some() {
                        return Err(repeated("positions"));
                    }
                }
                ("Gather" | "GatherBlockQuantized", &[table, indices, ..])
                    if self.is_constant(table) =>
                {
                    let rows = self
                        .constants
                        .dims(table)
                        .and_then(|dims| dims.first().copied())
                        .unwrap_or(0);
                    let source = self.source(indices);
                    let is_input = graph.inputs.contains(&source);
                    let what = match source {
                        _ if is_input && source.contains("token_type") => "token types",
                        _ if is_input && !source.contains("position") => "words",
                        _ if !is_input && rows <= 2 => "token types",
                        _ => "positions",
                    };
                    let values = self.table(part)?;
                    let replaced = match what {
                        "words" => words.replace(values).is_some(),
                        "token types" => types.replace(values.to_floats()).is_some(),
                        _ => {
                            let start = self
                                .first_position(source)
                                .unwrap_or(configuration.first_position());
                            let values = values.to_floats();
                            positions_table.replace((values, start)).is_some()
                        }
                    };
                    if replaced {
                        return Err(repeated(what));
                    }
                }
                (op, _) => {
                    return Err(unrecognized(format!(
                        "the result of {op} is added to the embeddings"
                    )));
                }
            }
        }
        let words = words.ok_or_else(|| unrecognized("there is no table of words"))?;
        let (table, start) =
            positions_table.ok_or_else(|| unrecognized("there is no table of positions"))?;
        let types = types.unwrap_or_default();
        Ok(Embeddings {
            words,
            positions: positions(&table, h, start, &types[..h.min(types.len())])?,
            token_type: Vec::new(),
            max_tokens: 0,
            norm,
        }
        .with_table())
    }

    /// The table whose rows a node looks up.
    pub(super) fn table(&self, node: &Node<'g>) -> Result<Table, Error> {
        if node.op == "GatherBlockQuantized" {
            let dims = self.constants.dims(node.inputs[0]).unwrap_or_default();
            let per_byte = if node.integer("bits", 4) == 4 { 2 } else { 1 };
            if let (&[rows, bytes], 0, 1) = (
                dims,
                node.integer("gather_axis", 0),
                node.integer("quantize_axis", 1),
            ) {
                return self.constants.blocks(node, 0, rows, bytes * per_byte);
            }
        } else if node.integer("axis", 0) == 0 {
            return self.constants.table(node.inputs[0]);
        }
        Err(unrecognized(
            "a table of embeddings is not looked up by rows",
        ))
    }

    /// The first of the positions that a slice of a constant list gives.
    pub(super) fn first_position(&self, indices: &str) -> Option<usize> {
        let slice = self.constants.producer(indices)?;
        let list = slice
            .inputs
            .first()
            .filter(|_| matches!(slice.op, "Slice" | "Gather"))?;
        if !self.is_constant(list) {
            return None;
        }
        let list = self.constants.get(list).ok()?;
        usize::try_from(*list.integers().first()?).ok()
    }
}
