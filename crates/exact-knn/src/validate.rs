//! Checks of the lists that a caller passes.

use crate::Error;

/// Checks that all of `ids` are below `n`.
pub(crate) fn check_ids(ids: &[u32], n: usize) -> Result<(), Error> {
    match ids.iter().find(|&&id| id as usize >= n) {
        Some(&id) => Err(Error::NoSuchRow {
            row: id as usize,
            n,
        }),
        None => Ok(()),
    }
}

/// `ids` in ascending order, if each is below `n` and occurs once.
pub(crate) fn sorted_distinct(ids: &[u32], n: usize) -> Result<Vec<u32>, Error> {
    check_ids(ids, n)?;
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::RepeatedRow {
            row: pair[0] as usize,
        }),
        None => Ok(sorted),
    }
}

/// Checks that each list (what it holds, its length, the required length) has the required length.
pub(crate) fn check_lengths(lengths: &[(&'static str, usize, usize)]) -> Result<(), Error> {
    match lengths
        .iter()
        .find(|(_, found, expected)| found != expected)
    {
        Some(&(what, found, expected)) => Err(Error::Length {
            what,
            found,
            expected,
        }),
        None => Ok(()),
    }
}
