//! Plain text: one text per line, in a column named `text`.

use super::{Bad, Fault, OnBadRow, Parsed, Text};

/// Reads the lines of `source`; blank lines are rows without text.
pub fn read(source: Text<'_>, on_bad_row: OnBadRow) -> Result<Parsed, Bad> {
    let (mut kept, mut source_row, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (row, line) in (0..).zip(source.text.lines()) {
        (source.read)(source.place(line));
        if !source.is_faulty(line) {
            kept.push(line);
            source_row.push(row);
        } else if on_bad_row == OnBadRow::Skip {
            skipped.push(row);
        } else {
            return Err(Bad {
                line: row as u64 + 1,
                fault: Fault::Bytes,
            });
        }
    }
    Ok(Parsed {
        source_row,
        skipped,
        ..Parsed::single("text", kept.into_iter())
    })
}
