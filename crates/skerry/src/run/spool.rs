//! Standard input, where every step can read it.

use std::fs::File;
use std::path::Path;

use crate::failure::Failure;

/// The name of the copy of standard input.
const COPY: &str = ".standard input.tmp";

/// Removes the copy of standard input.
pub(super) fn remove(dir: &Path) {
    // Where there is none there is nothing to remove; what is in the way is named when a new one is made.
    let _ = std::fs::remove_file(dir.join(COPY));
}

/// Standard input can be read once, but a step may look at its source twice: it is kept in a file while the run lasts,
/// and cleared with what killed writers leave when the next one begins.
pub(super) fn spool(input: &[String], dir: &Path) -> Result<Vec<String>, Failure> {
    if !input.iter().any(|source| source == "-") {
        return Ok(input.to_vec());
    }
    let path = dir.join(COPY);
    let Some(kept) = path.to_str().map(str::to_owned) else {
        return Err(Failure::usage(
            format_args!(
                "standard input cannot be kept in {}, whose name is not UTF-8",
                dir.display()
            ),
            "name a file as the input, or another directory with `--out`",
        ));
    };
    // A new one, so that nothing is written through a link of that name.
    let mut file = File::create_new(&path).map_err(Failure::io("create", &path))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file)
        .map_err(Failure::io("keep standard input in", &path))?;
    let sources = input.iter().map(|source| {
        if source == "-" {
            kept.clone()
        } else {
            source.clone()
        }
    });
    Ok(sources.collect())
}
