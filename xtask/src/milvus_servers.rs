//! The servers of Milvus that tests start, besides the Milvus Lite that Skerry installs: Milvus Lite 3.2.2 and the standalone
//! server 2.3.5, in a virtual environment in Skerry's cache.
//!
//! The two packages are pinned by their hashes, the packages that they need by their versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{built, run, say};

/// The servers.
const SERVERS: &str = "\
milvus-lite==3.2.2 --hash=sha256:106e2437054713afa31208cd081f1e2682253213949a5f544d983dfce1b3a16d
milvus==2.3.5 --hash=sha256:69515a0630ce29fd10e101fa442afea8ca1387b93a456cd9bd41fdf3deb93d04
";

/// What they need, and the client.
const NEEDS: [&str; 6] = [
    "pymilvus==2.6.4",
    "faiss-cpu==1.15.1",
    "grpcio==1.85.3",
    "protobuf==7.36.2",
    "numpy==2.4.6",
    "pyarrow==26.0.1",
];

/// Unpacks the programs of the standalone server, which its package does for every directory of data.
const UNPACK: &str =
    "import sys; from milvus import _initialize_data_files; _initialize_data_files(sys.argv[1])";

/// Installs them. A failure is no error: the tests that need them are counted as skipped, each with this command as the remedy.
pub(crate) fn install() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return;
    }
    if let Err(error) = try_install() {
        say(&format!(
            "the test servers of Milvus cannot be installed: {error:#}"
        ));
    }
}

fn try_install() -> Result<()> {
    let servers = cache()?.join("test-servers");
    let stamp = servers.join("installed.txt");
    let wanted = format!("{SERVERS}{}", NEEDS.join("\n"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("installing the test servers of Milvus (600 MB)");
    // From the start: a half one may be there.
    let _ = std::fs::remove_dir_all(&servers);
    std::fs::create_dir_all(&servers).with_context(|| servers.display().to_string())?;
    let venv = servers.join("venv");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&venv);
    run(make).context("cannot make a Python environment (Debian: python3-venv)")?;
    let python = venv.join("bin/python");
    let requirements = servers.join("servers.txt");
    std::fs::write(&requirements, SERVERS)?;
    let pip = |words: &[&str]| {
        let mut install = Command::new(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        install.args(words);
        run(install)
    };
    let list = requirements.display().to_string();
    pip(&["--no-deps", "--require-hashes", "--requirement", &list])?;
    pip(&NEEDS)?;
    let mut unpack = Command::new(&python);
    unpack
        .args(["-c", UNPACK])
        .arg(servers.join("milvus-2.3.5"));
    run(unpack)?;
    std::fs::write(&stamp, wanted)?;
    Ok(())
}

/// Skerry's cache.
fn cache() -> Result<PathBuf> {
    let mut command = Command::new(built("skerry")?);
    command.args(["setup", "--milvus-lite", "--json"]);
    let output = command.output().context("cannot start skerry")?;
    let report = String::from_utf8(output.stdout).context("a report is UTF-8")?;
    // The one value that is needed, without a parser of JSON.
    let path = report
        .split("\"cache\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let path = path.with_context(|| format!("`skerry setup --json` names no cache: {report}"))?;
    Ok(Path::new(path).to_owned())
}
