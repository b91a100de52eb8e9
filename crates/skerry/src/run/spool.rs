//! Standard input, where every step can read it.

use std::fs::File;
use std::path::Path;

use crate::failure::Failure;

/// Standard input can be read once, but a step may look at its source twice: it is kept in a file while the run lasts,
/// and cleared with what killed writers leave when the next one begins.
pub(super) fn spool(input: &[String], dir: &Path) -> Result<Vec<String>, Failure> {
    if !input.iter().any(|source| source == "-") {
        return Ok(input.to_vec());
    }
    let path = dir.join(".standard input.tmp");
    let mut file = File::create(&path).map_err(Failure::io("create", &path))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file)
        .map_err(Failure::io("keep standard input in", &path))?;
    let kept = path.to_string_lossy().into_owned();
    let sources = input.iter().map(|source| {
        if source == "-" {
            kept.clone()
        } else {
            source.clone()
        }
    });
    Ok(sources.collect())
}
