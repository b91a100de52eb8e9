//! Runs a test again in namespaces of its own, where it may mount a small disk, and where servers that listen on all interfaces
//! are reached by nobody. When the test ends, however it ends, so does everything that it started.

use std::process::Command;

/// Set in the namespaces.
const INSIDE: &str = "SKERRY_TEST_NAMESPACE";

/// Whether the test `name` (`real::faults::...`) is to do its work: it is in the namespaces. Otherwise it is run there, and
/// has to succeed; where that is not allowed, it is counted as skipped.
pub(super) fn is_inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let flags = [
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ];
    // A user other than root needs a namespace of users, too.
    let of_users: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let allowed = of_users.into_iter().find(|more| {
        let mut probe = Command::new("unshare");
        probe.args(flags).args(*more).args(["sh", "-c", PROBE]);
        probe.output().is_ok_and(|output| output.status.success())
    });
    let Some(more) = allowed else {
        test_support::skip("namespaces or mounts are not allowed (unshare --net --mount --pid)");
        return false;
    };
    let script = "ip link set lo up && exec \"$@\"";
    let status = Command::new("unshare")
        .args(flags)
        .args(more)
        .args(["sh", "-c", script, "test"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--include-ignored", name])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} fails in its namespaces");
    false
}

/// What the tests do there.
const PROBE: &str = "ip link set lo up && mount -t tmpfs -o size=1m tmpfs /mnt";
