//! `cargo xtask ci`: all checks that must pass before a change is merged. With `SKERRY_CI_FEATURES=1` also the optional
//! backends, whose C++ takes minutes to build.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{built, cargo, part, root, run, say};
use crate::{direction, features, pipeline, skipped};

/// Python packages that must be able to read the files.
const READERS: [&str; 5] = [
    "pyarrow==26.0.1",
    "pandas==3.1.1",
    "polars==2.1.0",
    "duckdb==2.0.1",
    "numpy==2.4.6",
];

pub(crate) fn ci() -> Result<()> {
    part("format", || run(cargo(&["fmt", "--all", "--check"])))?;
    part("dependency direction", direction::check)?;
    part("build", || pipeline::build(&["--bins"]))?;
    part("set-up", || {
        pipeline::download()?;
        pipeline::download_milvus_lite()
    })?;
    let mut skips = String::new();
    part("tests", || {
        skips = tests()?;
        Ok(())
    })?;
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
    part("packages of the method crates", || {
        let mut package = cargo(&[
            "package",
            "--locked",
            "--no-verify",
            "--allow-dirty",
            "--quiet",
        ]);
        for name in direction::methods() {
            package.args(["--package", name]);
        }
        run(package)
    })?;
    if std::env::var_os("SKERRY_CI_FEATURES").is_some_and(|value| value == "1") {
        features::features(&[])?;
    }
    say(&format!("\n{skips}"));
    say("\nall checks passed");
    Ok(())
}

/// Runs the tests and lists skipped ones.
fn tests() -> Result<String> {
    let record = skipped::begin()?;
    let test = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.env(skipped::VARIABLE, &record);
        run(command)
    };
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if nextest.is_ok_and(|status| status.success()) {
        test(&[
            "nextest",
            "run",
            "--release",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ])?;
        test(&["test", "--release", "--workspace", "--locked", "--doc"])?;
    } else {
        say("cargo-nextest is not installed; cargo test runs the tests");
        test(&[
            "test",
            "--release",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ])?;
    }
    skipped::summary(&record)
}

fn sample() -> Result<()> {
    let out = root().join("target").join("ci").join("sample");
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

/// A run with every kind of Parquet file; its input is the sample and a copy of it, so that there are duplicates.
fn every_kind() -> Result<PathBuf> {
    let ci = root().join("target").join("ci");
    let out = ci.join("every-kind");
    let sample = root().join("data").join("headlines.csv");
    let copy = ci.join("headlines-copy.csv");
    std::fs::copy(&sample, &copy).context("cannot copy the sample")?;
    let skerry = |name: &str| -> Result<Command> {
        let mut command = Command::new(built("skerry")?);
        command.arg(name);
        Ok(command)
    };
    let mut first = skerry("run")?;
    first.args([&sample, &copy]).arg("--out").arg(&out);
    first.args(["--preset", "direct", "--dedup", "--membership", "3"]);
    run(first)?;
    let mut sweep = skerry("sweep")?;
    sweep.arg("--run").arg(&out);
    run(sweep)?;
    let mut predict = skerry("predict")?;
    predict
        .arg("--run")
        .arg(&out)
        .arg(out.join("embeddings.parquet"));
    run(predict)?;
    Ok(out)
}

/// Reads every kind of file with pandas, Polars, `DuckDB` and `PyArrow`, in a virtual environment.
fn readers() -> Result<()> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let there = Command::new(python)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        say("skipped: Python is not installed");
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
    .arg(every_kind()?);
    run(read)
}
