//! `cargo xtask ci`: everything that must pass before a change lands. With `SKERRY_CI_FEATURES=1` also the optional
//! backends, which are C++ and take minutes more.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{built, cargo, part, root, run, say};
use crate::{direction, features, pipeline};

/// What reads our files elsewhere; the newest of each that is to be had.
const READERS: [&str; 5] = ["pyarrow", "pandas", "polars", "duckdb", "numpy"];

pub(crate) fn ci() -> Result<()> {
    part("format", || run(cargo(&["fmt", "--all", "--check"])))?;
    part("dependency direction", direction::check)?;
    part("build", pipeline::build)?;
    part("set-up", || {
        let mut setup = Command::new(built("skerry")?);
        setup.arg("setup");
        run(setup)
    })?;
    part("tests", tests)?;
    part("pipeline on the sample", sample)?;
    part("reading the files from Python", readers)?;
    part("lints", || {
        run(cargo(&[
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    part("documentation", || {
        let mut doc = cargo(&["doc", "--release", "--workspace", "--no-deps", "--locked"]);
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        run(doc)
    })?;
    if std::env::var_os("SKERRY_CI_FEATURES").is_some_and(|value| value == "1") {
        features::features(&[])?;
    }
    say("\nall of it passed");
    Ok(())
}

fn tests() -> Result<()> {
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if nextest.is_ok_and(|status| status.success()) {
        run(cargo(&[
            "nextest",
            "run",
            "--release",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ]))?;
        run(cargo(&[
            "test",
            "--release",
            "--workspace",
            "--locked",
            "--doc",
        ]))
    } else {
        say("cargo-nextest is not installed; cargo test runs the tests");
        run(cargo(&[
            "test",
            "--release",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ]))
    }
}

fn sample_dir() -> PathBuf {
    root().join("target").join("ci").join("sample")
}

fn sample() -> Result<()> {
    let out = sample_dir();
    let words = [
        "--out".to_owned(),
        out.display().to_string(),
        "--force".to_owned(),
    ];
    pipeline::run_pipeline(&words)?;
    for file in [
        "map.html",
        "map.png",
        "map.svg",
        "figure.json",
        "map.parquet",
        "manifest.json",
    ] {
        let path = out.join(file);
        ensure!(
            path.metadata().is_ok_and(|data| data.len() > 0),
            "the pipeline wrote no {}",
            path.display()
        );
    }
    let mut verify = Command::new(built("skerry")?);
    verify.arg("verify").arg(&out);
    run(verify)
}

/// pandas, Polars, `DuckDB` and `PyArrow` open every file, in an environment of their own.
fn readers() -> Result<()> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let there = Command::new(python)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        say("skipped: there is no Python here");
        return Ok(());
    }
    let venv = root().join("target").join("ci").join("python");
    let program = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    if !program.exists() {
        let mut make = Command::new(python);
        make.args(["-m", "venv"]).arg(&venv);
        run(make).context("cannot make a Python environment (Debian: python3-venv)")?;
    }
    let mut install = Command::new(&program);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(READERS);
    run(install)?;
    let mut read = Command::new(&program);
    read.arg(
        root()
            .join("tests")
            .join("python")
            .join("read_artifacts.py"),
    )
    .arg(sample_dir());
    run(read)
}
