//! Faults of real servers: in each no wrong file is written, the message says what happened and what to do, and the next run
//! goes on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use milvus_client::{Collection, Field, Kind as FieldKind};
use serde_json::Value;

use super::namespace;
use super::servers::{Kind, Server};
use super::{agreement, command, embeddings, fails, succeeds};

/// Few rows, because Milvus Lite 3 is slow, and long ones, so that they are inserted in several requests.
const ROWS: usize = 1000;
const D: usize = 4096;

/// The bytes of all vectors.
const ALL: u64 = (4 * ROWS * D) as u64;

/// A server and a directory with vectors, and their neighbors by `flat`.
struct Setup {
    dir: PathBuf,
    server: Server,
}

impl Setup {
    fn new(kind: Kind, dir: &Path) -> Option<Self> {
        let server = Server::start(kind, dir)?;
        embeddings(dir, ROWS, D);
        succeeds(
            &command(dir, "flat.parquet", &["--metric", "l2"])
                .output()
                .unwrap(),
        );
        Some(Self {
            dir: dir.to_owned(),
            server,
        })
    }

    fn command(&self, more: &[&str]) -> Command {
        let _ = std::fs::remove_file(self.dir.join("found.parquet"));
        let words = self.server.words();
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        command(&self.dir, "found.parquet", &words)
    }

    /// A run that succeeds, with the neighbors of `flat`: its report.
    fn succeeds(&self, more: &[&str]) -> Value {
        let report = succeeds(&self.command(more).output().unwrap());
        self.is_right();
        let rows = &report["engine"]["rows_inserted"];
        assert_eq!(
            rows["now"].as_u64().unwrap() + rows["before"].as_u64().unwrap(),
            ROWS as u64
        );
        report
    }

    fn is_right(&self) {
        let same = agreement(&self.dir, "found.parquet", "flat.parquet");
        assert!(same >= 0.9999, "{same}");
    }

    /// A run that fails: its message.
    fn fails(&self, more: &[&str]) -> String {
        let output = self.command(more).output().unwrap();
        fails(&self.dir, "found.parquet", &output)
    }

    /// Kills the server when the client has sent `bytes`: the message of the run. The server is started again.
    fn killed_after(&mut self, bytes: u64) -> String {
        self.server.proxy.hold_after(bytes);
        let mut command = self.command(&["--deadline", "5"]);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.server.proxy.wait_until_it_holds();
        self.server.kill();
        self.server.proxy.open();
        let message = fails(
            &self.dir,
            "found.parquet",
            &child.wait_with_output().unwrap(),
        );
        self.server.start_again();
        message
    }

    fn drop_all(&self) {
        let client = self.server.client();
        for name in client.collections().unwrap() {
            client.drop_collection(&name).unwrap();
        }
    }
}

fn killed(kind: Kind, dir: &Path) {
    let Some(mut setup) = Setup::new(kind, dir) else {
        return;
    };
    for (bytes, call) in [(ALL * 9 / 10, "Insert"), (ALL * 3 / 2, "Search")] {
        let message = setup.killed_after(bytes);
        // An insert is repeated as an upsert. On a busy machine the deadline may come first.
        let calls: &[&str] = if call == "Insert" {
            &["Insert", "Upsert"]
        } else {
            &["Search"]
        };
        let failed = |call: &&str| {
            message.contains(&format!("broke off {call}"))
                || message.contains(&format!("did not answer {call}"))
        };
        assert!(
            calls.iter().any(failed) && message.contains("the same command continues"),
            "{kind:?}: {message}"
        );
        setup.succeeds(&[]);
        setup.drop_all();
    }
    rows_deleted(&setup, kind);
    foreign(&setup, kind);
    databases(&setup, kind);
}

/// 1 % of the rows, deleted behind our back.
fn rows_deleted(setup: &Setup, kind: Kind) {
    let name = setup.succeeds(&[])["engine"]["collection"]
        .as_str()
        .unwrap()
        .to_owned();
    let client = setup.server.client();
    let ids: Vec<String> = (7..ROWS).step_by(100).map(|id| id.to_string()).collect();
    client.load(&name).unwrap();
    client
        .delete(&name, &format!("id in [{}]", ids.join(",")))
        .unwrap();
    let left = client.count(&name, "").unwrap();
    assert_eq!(left, (ROWS - ids.len()) as u64, "{kind:?}");
    let report = setup.succeeds(&[]);
    assert!(
        report["engine"]["rows_inserted"]["now"].as_u64().unwrap() > 0,
        "{kind:?}"
    );
    assert_eq!(client.count(&name, "").unwrap(), ROWS as u64, "{kind:?}");
    setup.drop_all();
}

/// Collections of others under our name: of another dimension, with another field, and with an index of another metric.
fn foreign(setup: &Setup, kind: Kind) {
    let name = setup.succeeds(&["--drop"])["engine"]["collection"]
        .as_str()
        .unwrap()
        .to_owned();
    let client = setup.server.client();
    let number = Field {
        name: "number".to_owned(),
        kind: FieldKind::Integer,
    };
    let description = "of somebody else".to_owned();
    for (dimensions, fields, metric) in [
        (D + 1, vec![], "L2"),
        (D, vec![number], "L2"),
        (D, vec![], "IP"),
    ] {
        let other = Collection {
            name: name.clone(),
            // With that of ours, the index tells.
            description: if metric == "IP" {
                String::new()
            } else {
                description.clone()
            },
            dimensions,
            fields,
        };
        client.create(&other).unwrap();
        client.create_index(&name, "FLAT", metric, "{}").unwrap();
        let before = client.describe(&name).unwrap();
        let message = setup.fails(&[]);
        assert!(
            message.contains("is not as Skerry made it") && message.contains("nothing was changed"),
            "{kind:?}: {message}"
        );
        assert_eq!(client.describe(&name).unwrap(), before);
        client.drop_collection(&name).unwrap();
    }
    setup.succeeds(&["--drop"]);
}

fn databases(setup: &Setup, kind: Kind) {
    if kind == Kind::Lite2 {
        let message = setup.fails(&["--database", "other"]);
        assert!(message.contains("has no database other"), "{message}");
        return;
    }
    let message = setup.fails(&["--database", "other"]);
    assert!(
        message.contains("has no database other; it has default"),
        "{kind:?}: {message}"
    );
    let client = setup.server.client();
    client.create_database("other").unwrap();
    setup.succeeds(&["--database", "other"]);
    assert!(client.collections().unwrap().is_empty(), "{kind:?}");
    let names = setup.server.client_of("other").collections().unwrap();
    assert!(
        names.len() == 1 && names[0].starts_with("skerry_"),
        "{kind:?}: {names:?}"
    );
}

#[test]
fn lite_2_goes_on_after_faults() {
    let dir = tempfile::tempdir().unwrap();
    killed(Kind::Lite2, dir.path());
}

#[test]
fn lite_3_goes_on_after_faults() {
    let dir = tempfile::tempdir().unwrap();
    killed(Kind::Lite3, dir.path());
}

#[test]
fn standalone_goes_on_after_faults() {
    if !namespace::is_inside("real::faults::standalone_goes_on_after_faults") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    killed(Kind::Standalone, dir.path());
}

/// A server that is back within seconds: the run does not even end.
#[test]
fn a_run_survives_a_restart_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut setup) = Setup::new(Kind::Lite2, dir.path()) else {
        return;
    };
    setup.server.proxy.hold_after(ALL * 9 / 10);
    let mut command = setup.command(&[]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    setup.server.proxy.wait_until_it_holds();
    setup.server.kill();
    setup.server.proxy.open();
    setup.server.start_again();
    succeeds(&child.wait_with_output().unwrap());
    setup.is_right();
}

#[test]
fn the_standalone_server_refuses_logins() {
    if !namespace::is_inside("real::faults::the_standalone_server_refuses_logins") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let Some(setup) = Setup::new(Kind::Standalone, dir.path()) else {
        return;
    };
    let uri = setup.server.words()[5].clone();
    let words = ["--backend", "milvus", "--metric", "l2", "--uri", &uri];
    for (login, hint) in [
        (None, "give a token"),
        (Some("root:secret"), "check the token"),
    ] {
        let mut command = command(&setup.dir, "found.parquet", &words);
        command.envs(login.map(|login| ("MILVUS_TOKEN", login)));
        let message = fails(&setup.dir, "found.parquet", &command.output().unwrap());
        assert!(
            message.contains("refuses the login") && message.contains(hint),
            "{message}"
        );
    }
    let mut command = command(&setup.dir, "found.parquet", &words);
    succeeds(
        &command
            .env("MILVUS_TOKEN", super::servers::LOGIN)
            .output()
            .unwrap(),
    );
    setup.is_right();
}

/// A disk that is full in mid-insert, and has room again.
fn full_disk(kind: Kind, name: &str) {
    if !namespace::is_inside(name) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let disk = root.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=600m", "tmpfs"])
        .arg(&disk)
        .status();
    assert!(mounted.unwrap().success());
    let Some(server) = Server::start(kind, &disk) else {
        return;
    };
    let dir = root.path().to_owned();
    embeddings(&dir, ROWS, D);
    succeeds(
        &command(&dir, "flat.parquet", &["--metric", "l2"])
            .output()
            .unwrap(),
    );
    let mut setup = Setup { dir, server };
    let filler = disk.join("filler");
    // No request fits.
    fill(&filler, &disk, 512 << 10);
    let message = setup.fails(&["--deadline", "5"]);
    // The remedy names the disk, unless the server says nothing at all.
    let remedy = message.lines().last().unwrap();
    assert!(
        remedy.contains("disk") || message.contains("did not answer"),
        "{kind:?}: {message}"
    );
    std::fs::remove_file(&filler).unwrap();
    // Some do not live on after that: Lite ends at once, the standalone server at any time.
    if kind == Kind::Standalone || setup.server.has_ended() {
        setup.server.kill();
        setup.server.start_again();
    }
    setup.succeeds(&[]);
}

/// Fills the disk until `left` bytes are free.
fn fill(filler: &Path, disk: &Path, left: u64) {
    let output = Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(disk)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
    let size = (free - left).to_string();
    let filled = Command::new("fallocate")
        .args(["-l", &size])
        .arg(filler)
        .status();
    assert!(filled.unwrap().success());
}

#[test]
fn lite_2_goes_on_after_a_full_disk() {
    full_disk(
        Kind::Lite2,
        "real::faults::lite_2_goes_on_after_a_full_disk",
    );
}

#[test]
fn lite_3_goes_on_after_a_full_disk() {
    full_disk(
        Kind::Lite3,
        "real::faults::lite_3_goes_on_after_a_full_disk",
    );
}

#[test]
fn standalone_goes_on_after_a_full_disk() {
    full_disk(
        Kind::Standalone,
        "real::faults::standalone_goes_on_after_a_full_disk",
    );
}
