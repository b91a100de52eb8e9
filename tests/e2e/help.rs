//! The help of every program, compared with the reviewed snapshot. `UPDATE_SNAPSHOTS=1` rewrites it.

use pipeline_tests::{differs_from_snapshot, succeed};

/// All programs and subcommands with a help of their own.
const PROGRAMS: [(&str, &[&str]); 23] = [
    ("skerry", &[]),
    ("skerry", &["run"]),
    ("skerry", &["config"]),
    ("skerry", &["setup"]),
    ("skerry", &["models"]),
    ("skerry", &["models", "list"]),
    ("skerry", &["models", "remove"]),
    ("skerry", &["models", "cache"]),
    ("skerry", &["export"]),
    ("skerry", &["store"]),
    ("skerry", &["store", "list"]),
    ("skerry", &["store", "search"]),
    ("skerry", &["store", "drop"]),
    ("skerry", &["verify"]),
    ("skerry", &["sweep"]),
    ("skerry", &["predict"]),
    ("skerry-ingest", &[]),
    ("skerry-embed", &[]),
    ("skerry-knn", &[]),
    ("skerry-cluster", &[]),
    ("skerry-project", &[]),
    ("skerry-label", &[]),
    ("skerry-viz", &[]),
];

#[test]
fn help_texts_equal_their_snapshots() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut changed = Vec::new();
    for (program, words) in PROGRAMS {
        for flag in ["-h", "--help"] {
            let words: Vec<&str> = words.iter().copied().chain([flag]).collect();
            let help = succeed(dir.path(), program, &words);
            let name = [&[program], words.as_slice()].concat().join(" ");
            if differs_from_snapshot(&format!("help/{name}"), &help) {
                changed.push(name);
            }
        }
    }
    assert!(
        changed.is_empty(),
        "the help of {changed:?} has changed: review it, then run this test with UPDATE_SNAPSHOTS=1"
    );
}

#[test]
fn the_short_help_fits_a_screen_and_flags_are_kebab_case() {
    let dir = tempfile::tempdir().expect("a directory");
    for (program, words) in PROGRAMS {
        let help = |flag: &str| {
            let words: Vec<&str> = words.iter().copied().chain([flag]).collect();
            succeed(dir.path(), program, &words)
        };
        let short = help("-h");
        let flags = |help: &str| -> Vec<String> {
            help.lines()
                .filter_map(|line| line.trim_start().strip_prefix('-').map(|_| line))
                .filter_map(|line| Some(line.split_once("--")?.1))
                .map(|rest| {
                    let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=');
                    rest[..end.unwrap_or(rest.len())].to_owned()
                })
                .collect()
        };
        let listed = flags(&short);
        assert!(listed.len() <= 16, "{program} {words:?} lists {listed:?}");
        let lines = short.lines().count();
        assert!(lines <= 50, "{program} {words:?}: {lines} lines\n{short}");
        for flag in flags(&help("--help")) {
            assert!(!flag.contains('_'), "{program} {words:?}: --{flag}");
        }
    }
    let long = succeed(dir.path(), "skerry", &["run", "--help"]);
    for heading in [
        "Ingest:",
        "Embed:",
        "Neighbors:",
        "Cluster:",
        "Project:",
        "Label:",
        "Map:",
    ] {
        assert!(
            long.lines().any(|line| line == heading),
            "no heading {heading}"
        );
    }
}
