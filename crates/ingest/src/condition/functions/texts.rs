//! Functions of texts.

use super::{Argument, Cell, Function, Returns, T, W, function, string, text, whole};
use crate::condition::Fault;

pub(super) static FUNCTIONS: &[Function] = &[
    function("length", &[T], 1, Returns::Whole, length),
    function("char_length", &[T], 1, Returns::Whole, length),
    function("character_length", &[T], 1, Returns::Whole, length),
    function("octet_length", &[T], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(string(&cells[0]).len() as i64))
    }),
    function("bit_length", &[T], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(string(&cells[0]).len() as i64 * 8))
    }),
    function("lower", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).to_lowercase()))
    }),
    function("upper", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).to_uppercase()))
    }),
    function("initcap", &[T], 1, Returns::Text, |cells| {
        Ok(text(capitals(string(&cells[0]))))
    }),
    function("reverse", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).chars().rev().collect::<String>()))
    }),
    function("trim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(string(&cells[0]).trim_matches(|c: char| letters(c))))
    }),
    function("btrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(string(&cells[0]).trim_matches(|c: char| letters(c))))
    }),
    function("ltrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(
            string(&cells[0]).trim_start_matches(|c: char| letters(c)),
        ))
    }),
    function("rtrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(
            string(&cells[0]).trim_end_matches(|c: char| letters(c)),
        ))
    }),
    function("substr", &[T, W, W], 2, Returns::Text, substr),
    function("substring", &[T, W, W], 2, Returns::Text, substr),
    function("left", &[T, W], 2, Returns::Text, |cells| {
        let (letters, n) = (string(&cells[0]), whole(&cells[1]));
        let kept = if n < 0 {
            letters.chars().count() as i64 + n
        } else {
            n
        };
        Ok(text(
            letters
                .chars()
                .take(kept.max(0) as usize)
                .collect::<String>(),
        ))
    }),
    function("right", &[T, W], 2, Returns::Text, |cells| {
        let (letters, n) = (string(&cells[0]), whole(&cells[1]));
        let all = letters.chars().count() as i64;
        let dropped = if n < 0 {
            n.saturating_neg()
        } else {
            all - n.min(all)
        };
        Ok(text(
            letters
                .chars()
                .skip(dropped.max(0) as usize)
                .collect::<String>(),
        ))
    }),
    function("lpad", &[T, W, T], 2, Returns::Text, |cells| {
        let (kept, fill) = padded(cells)?;
        Ok(text(fill + &kept))
    }),
    function("rpad", &[T, W, T], 2, Returns::Text, |cells| {
        let (kept, fill) = padded(cells)?;
        Ok(text(kept + &fill))
    }),
    function("replace", &[T, T, T], 3, Returns::Text, |cells| {
        let (from, to) = (string(&cells[1]), string(&cells[2]));
        let all = string(&cells[0]);
        Ok(text(if from.is_empty() {
            all.to_owned()
        } else {
            all.replace(from, to)
        }))
    }),
    function("strpos", &[T, T], 2, Returns::Whole, |cells| {
        let all = string(&cells[0]);
        let found = all.find(string(&cells[1]));
        Ok(Cell::Whole(
            found.map_or(0, |at| all[..at].chars().count() as i64 + 1),
        ))
    }),
    function("split_part", &[T, T, W], 3, Returns::Text, |cells| {
        let parts: Vec<&str> = string(&cells[0]).split(string(&cells[1])).collect();
        let n = whole(&cells[2]);
        let at = if n < 0 { parts.len() as i64 + n } else { n - 1 };
        let part = usize::try_from(at)
            .ok()
            .and_then(|at| parts.get(at).copied());
        Ok(text(part.unwrap_or_default()))
    }),
    function("starts_with", &[T, T], 2, Returns::Truth, |cells| {
        Ok(Cell::Truth(
            string(&cells[0]).starts_with(string(&cells[1])),
        ))
    }),
    function("ends_with", &[T, T], 2, Returns::Truth, |cells| {
        Ok(Cell::Truth(string(&cells[0]).ends_with(string(&cells[1]))))
    }),
    Function {
        repeats: true,
        skips_null: true,
        ..function("concat", &[Argument::Any], 1, Returns::Text, |cells| {
            Ok(text(cells.iter().map(string).collect::<String>()))
        })
    },
    Function {
        repeats: true,
        skips_null: true,
        ..function(
            "concat_ws",
            &[T, Argument::Any],
            1,
            Returns::Text,
            |cells| {
                let separator = string(&cells[0]);
                let rest = cells[1..].iter().filter(|cell| **cell != Cell::Null);
                Ok(text(rest.map(string).collect::<Vec<_>>().join(separator)))
            },
        )
    },
];

#[expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]
fn length<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, Fault> {
    Ok(Cell::Whole(string(&cells[0]).chars().count() as i64))
}

/// `SUBSTR(text, start, length)`, counted from 1 in characters; as in `PostgreSQL`, positions before the text count too.
fn substr<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, Fault> {
    let start = whole(&cells[1]);
    let end = match cells.get(2) {
        None => i64::MAX,
        Some(length) if whole(length) < 0 => {
            return Err(Fault::bare("the length of SUBSTR is negative"));
        }
        Some(length) => start.saturating_add(whole(length)),
    };
    let letters = (1..).zip(string(&cells[0]).chars());
    let kept = letters.filter(|(at, _)| (start..end).contains(at));
    Ok(text(kept.map(|(_, letter)| letter).collect::<String>()))
}

fn capitals(letters: &str) -> String {
    let mut result = String::with_capacity(letters.len());
    let mut inside = false;
    for letter in letters.chars() {
        if inside {
            result.extend(letter.to_lowercase());
        } else {
            result.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric();
    }
    result
}

/// The characters to trim: blanks by default.
fn letters<'c>(cells: &'c [Cell<'_>]) -> impl Fn(char) -> bool + 'c {
    let given = cells.get(1).map(string);
    move |c| given.map_or(c.is_whitespace(), |given| given.contains(c))
}

/// A text truncated to `length`, and the padding that it needs.
fn padded(cells: &[Cell<'_>]) -> Result<(String, String), Fault> {
    const LONGEST: i64 = 1 << 20;
    let (letters, length) = (string(&cells[0]), whole(&cells[1]));
    if length > LONGEST {
        return Err(Fault::bare(format!(
            "a text of {length} characters is too long"
        )));
    }
    let length = length.max(0) as usize;
    let fill = cells.get(2).map_or(" ", string);
    let lacking = length.saturating_sub(letters.chars().count());
    Ok((
        letters.chars().take(length).collect(),
        fill.chars()
            .cycle()
            .take(if fill.is_empty() { 0 } else { lacking })
            .collect(),
    ))
}
