//! Tables of a graph in the form in which they are stored.

use super::constants::Constants;
use super::protobuf::{Node, Tensor};
use crate::Error;
use crate::weights::table::{Quantized, Table};

/// Types of values in ONNX.
const UINT8: u64 = 2;
const INT8: u64 = 3;
const FLOAT16: u64 = 10;
const BFLOAT16: u64 = 16;

/// What turns codes of eight bits with a sign into codes without, and moves the code of 0 as far.
const SIGN: u8 = 0x80;

impl<'g> Constants<'g> {
    /// The table that a constant of two dimensions holds.
    pub(super) fn table(&self, value: &str) -> Result<Table, Error> {
        let stored = match (self.initializer(value), self.producer(value)) {
            (Some(tensor), _) => self.halves(tensor)?,
            (_, Some(node)) if matches!(node.op, "Identity" | "Cast") => {
                match node
                    .inputs
                    .first()
                    .and_then(|&input| self.initializer(input))
                {
                    Some(tensor) => self.halves(tensor)?,
                    None => None,
                }
            }
            (_, Some(node)) if node.op == "DequantizeLinear" => self.dequantized(node)?,
            (_, Some(node)) if node.op == "Mul" => self.multiplied(node)?,
            _ => None,
        };
        if let Some(table) = stored {
            return Ok(table);
        }
        let array = self.get(value)?;
        let &[_, columns] = array.dims.as_slice() else {
            return Err(Error::Tensor {
                name: value.into(),
                message: format!("it has {} dimensions instead of 2", array.dims.len()),
            });
        };
        Ok(Table::float(array.into_floats(), columns))
    }

    /// A table of 16-bit numbers.
    fn halves(&self, tensor: &Tensor<'g>) -> Result<Option<Table>, Error> {
        let table = match tensor.data_type {
            FLOAT16 => Table::half,
            BFLOAT16 => Table::bfloat,
            _ => return Ok(None),
        };
        let bytes = self.raw(tensor)?;
        let &[rows, columns] = tensor.dims.as_slice() else {
            return Ok(None);
        };
        if bytes.len() != rows.saturating_mul(columns).saturating_mul(2) {
            return Ok(None);
        }
        let values = bytes.as_chunks().0.iter();
        let values = values.map(|&bits| u16::from_le_bytes(bits)).collect();
        Ok(Some(table(values, columns)))
    }

    /// A table of integers of eight bits with a scale for all values, or one for each row: `DequantizeLinear`.
    fn dequantized(&self, node: &Node<'g>) -> Result<Option<Table>, Error> {
        let &[codes, scales, ref zeros @ ..] = node.inputs.as_slice() else {
            return Ok(None);
        };
        let Some(tensor) = self.initializer(codes) else {
            return Ok(None);
        };
        let scales = self.get(scales)?.into_floats();
        if scales.len() > 1 && !matches!(node.integer("axis", 1), 0 | -2) {
            return Ok(None);
        }
        let zeros: Vec<u8> = match zeros.first() {
            Some(zeros) if !zeros.is_empty() => {
                let zeros = self.get(zeros)?.into_floats();
                zeros.iter().map(|&zero| zero as i16 as u8).collect()
            }
            _ => vec![0],
        };
        self.integers(tensor, scales, zeros)
    }

    /// The same, written as a product: `Mul(Cast(codes), scales)`.
    fn multiplied(&self, node: &Node<'g>) -> Result<Option<Table>, Error> {
        let &[cast, scales] = node.inputs.as_slice() else {
            return Ok(None);
        };
        let cast = self.producer(cast).filter(|cast| cast.op == "Cast");
        let codes = cast.and_then(|cast| cast.inputs.first());
        let Some(tensor) = codes.and_then(|&codes| self.initializer(codes)) else {
            return Ok(None);
        };
        let scales = self.get(scales)?;
        if !matches!(scales.dims.as_slice(), [] | [1] | [_, 1]) {
            return Ok(None);
        }
        self.integers(tensor, scales.into_floats(), vec![0])
    }

    /// The table of the integers of eight bits in `tensor`, with one scale or one for each row.
    fn integers(
        &self,
        tensor: &Tensor<'g>,
        mut scales: Vec<f32>,
        mut zeros: Vec<u8>,
    ) -> Result<Option<Table>, Error> {
        let (&[rows, columns], UINT8 | INT8) = (tensor.dims.as_slice(), tensor.data_type) else {
            return Ok(None);
        };
        let mut codes = self.raw(tensor)?.into_owned();
        if scales.len() == 1 {
            scales = vec![scales[0]; rows];
        }
        if tensor.data_type == INT8 {
            codes
                .iter_mut()
                .chain(&mut zeros)
                .for_each(|code| *code ^= SIGN);
        }
        let values = Quantized {
            bits: 8,
            codes,
            block: columns,
            scales,
            zeros,
        };
        Ok(Table::quantized(values, columns))
    }

    /// Codes that ONNX Runtime's operators store in blocks of a row: `rows` rows of `columns` values. The codes are input `at`
    /// of the node, their scales are its third input, and zero points would follow.
    pub(super) fn blocks(
        &self,
        node: &Node<'g>,
        at: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Table, Error> {
        let name = node.inputs[at];
        let fault = |message: &str| Error::Tensor {
            name: name.into(),
            message: message.into(),
        };
        let bits = node.integer("bits", 4);
        let block = usize::try_from(node.integer("block_size", 0)).unwrap_or(0);
        if !matches!(bits, 4 | 8) || block == 0 || rows == 0 || columns == 0 {
            return Err(fault("only blocks of 4 or 8 bits are read"));
        }
        let has_zeros = node
            .inputs
            .get(3..)
            .is_some_and(|rest| rest.iter().any(|input| !input.is_empty()));
        if has_zeros {
            return Err(fault("blocks with zero points are not read"));
        }
        let tensor = self
            .initializer(name)
            .filter(|tensor| tensor.data_type == UINT8)
            .ok_or_else(|| fault("it holds no bytes"))?;
        let mut codes = if tensor.integers.is_empty() {
            self.raw(tensor)?.into_owned()
        } else {
            tensor.integers.iter().map(|&code| code as u8).collect()
        };
        let scales = node.inputs.get(2).copied().unwrap_or_default();
        let scales = self.get(scales)?.into_floats();
        let bits = if bits == 4 { 4 } else { 8 };
        let stride = (columns * bits).div_ceil(8);
        // The last block of a row may be padded.
        if codes.len().is_multiple_of(rows) && codes.len() / rows > stride {
            let padded = codes.chunks_exact(codes.len() / rows);
            codes = padded.flat_map(|row| &row[..stride]).copied().collect();
        }
        let values = Quantized {
            bits,
            codes,
            block,
            scales,
            zeros: vec![1 << (bits - 1)],
        };
        Table::quantized(values, columns)
            .filter(|table| table.rows() == rows)
            .ok_or_else(|| fault("its shape does not match its scales"))
    }
}
