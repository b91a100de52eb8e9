//! Prints the lines of standard input as plain text: `echo 'Tom &amp; <b>Jerry</b>' | cargo run --example readable`.

use std::io::{BufRead, Write};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", html_text::readable(&line?))?;
    }
    Ok(())
}
