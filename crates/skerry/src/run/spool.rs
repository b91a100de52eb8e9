//! Spools standard input to a file, so that every step can read it.

use std::fs::File;
use std::path::Path;

use ingest::source::STDIN_COPY as COPY;
use stage::Failure;

/// Removes the copy of standard input.
pub(super) fn remove(dir: &Path) {
    // Errors are ignored: if something is in the way, creating a new copy reports it.
    let _ = std::fs::remove_file(dir.join(COPY));
}

/// Copies standard input to a file, because a step may read its source twice. The file exists while the run lasts, or is removed
/// at the start of the next one.
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
            "give a file as the input, or another directory with `--out`",
        ));
    };
    // Created anew, so that nothing is written through a link.
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
