//! The fields of a Protocol Buffers message, without copying: what reading ONNX files takes.
//!
//! Source: Protocol Buffers, *Encoding*. Cost: linear in the message; bytes of a field are borrowed.

/// What is wrong with a message.
pub type Fault = &'static str;

/// The fault of bytes that are no message.
pub const CUT: Fault = "it is not a Protocol Buffers message, or truncated";

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A whole number, as 64 bits.
    Varint(u64),
    /// Four bytes, as a little-endian number.
    Fixed32(u32),
    /// Eight bytes, which are skipped.
    Fixed64,
    /// Bytes: a text, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// Iterates over the fields of a message: their numbers and values. Ends after an error.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// Takes the next varint.
    pub fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(CUT)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CUT)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let (taken, rest) = usize::try_from(count)
            .ok()
            .and_then(|count| self.0.split_at_checked(count))
            .ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Fault> {
        let key = self.varint()?;
        // Parsers disagree on what a longer tag means: some cut it to 32 bits, and see another field.
        if key > u64::from(u32::MAX) {
            return Err(CUT);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Fixed64
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(*self.take(4)?.first_chunk().ok_or(CUT)?)),
            _ => return Err(CUT),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_and_long_tags_are_refused() {
        let fields = |bytes: &'static [u8]| Fields(bytes).collect::<Result<Vec<_>, _>>();
        // 1: 150 as a varint, 2: "ab", 3: four bytes.
        let expected = vec![
            (1, Value::Varint(150)),
            (2, Value::Bytes(b"ab")),
            (3, Value::Fixed32(1)),
        ];
        assert_eq!(
            fields(b"\x08\x96\x01\x12\x02ab\x1d\x01\0\0\0"),
            Ok(expected)
        );
        // Cut, a group, and field 13 with a bit beyond the 32 of a tag.
        for wrong in [&b"\x12\x03ab"[..], b"\x0b", b"\xea\x80\x80\x80\x10\x00"] {
            assert_eq!(fields(wrong), Err(CUT), "{wrong:?}");
        }
    }
}
