//! What goes wrong on the way, what is said about it, and what is kept.

use super::server::{Request, Wrong, hash};
use super::{BGE_M3, bge_m3_files, bge_m3_graph, failure, place, report, said, says};

const DATA: &str = "onnx/model.onnx_data";

/// Where the requests for the file at `path` began.
fn ranges(log: &[Request], path: &str) -> Vec<Option<u64>> {
    let of_file = log
        .iter()
        .filter(|request| request.path == format!("/cdn/{path}"));
    of_file.map(|request| request.range).collect()
}

#[test]
fn a_download_that_breaks_off_is_continued() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    place.hub.wrong(
        DATA,
        Wrong::Breaks {
            after: 50,
            times: 2,
        },
    );
    let report = place.report(BGE_M3, &[]);
    says(
        &said(&report),
        &["onnx/model.onnx_data: ", "continuing at byte 100"],
    );
    let log = place.hub.log();
    assert_eq!(ranges(&log, DATA), [None, Some(50), Some(100)]);
}

#[test]
fn a_download_that_was_given_up_is_continued_by_the_next_run() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    // Nothing more comes after the first bytes.
    place.hub.wrong(
        DATA,
        Wrong::Breaks {
            after: 60,
            times: 1,
        },
    );
    place.report(BGE_M3, &[]);
    std::fs::remove_dir_all(place.bench.path("hf")).unwrap();
    place.hub.log();
    place.hub.wrong(DATA, Wrong::Stalls { after: 60 });
    let mut command = place.command(BGE_M3, &[]);
    command.env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    // Each answer brings 60 bytes, so the file arrives in the end.
    report(command);
    assert_eq!(
        ranges(&place.hub.log(), DATA),
        [None, Some(60), Some(120), Some(180)]
    );

    std::fs::remove_dir_all(place.bench.path("hf")).unwrap();
    place.hub.wrong(DATA, Wrong::Breaks { after: 0, times: 9 });
    let said = place.failure(BGE_M3, &[]);
    says(
        &said,
        &[
            "BAAI/bge-m3: the download of onnx/model.onnx_data broke off after 0 of 192 bytes",
            "continues there",
        ],
    );
    let waiting: Vec<String> = place
        .blobs()
        .into_iter()
        .filter(|name| name.ends_with(".incomplete"))
        .collect();
    assert_eq!(waiting.len(), 1);
    // As if more of it had come; and without a network that is known to be too little.
    let files = bge_m3_files(bge_m3_graph());
    let blobs = place.folder().join("blobs");
    std::fs::write(blobs.join(&waiting[0]), &files[DATA][..100]).unwrap();
    let mut command = place.command(BGE_M3, &[]);
    command.env("HF_HUB_OFFLINE", "1");
    says(
        &failure(command),
        &[
            "BAAI/bge-m3: the model is not in the cache of the hub",
            "HF_HUB_OFFLINE is set",
        ],
    );
    place.hub.right();
    place.hub.log();
    place.report(BGE_M3, &[]);
    let log = place.hub.log();
    assert_eq!(ranges(&log, DATA), [Some(100)]);
    // What had come before it, because it is smaller.
    assert_eq!(ranges(&log, "onnx/Constant_7_attr__value"), []);
}

#[test]
fn a_server_without_ranges_sends_the_file_again() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    let files = bge_m3_files(bge_m3_graph());
    let blobs = place.folder().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let part = blobs.join(format!("{}.incomplete", hash(DATA, &files[DATA])));
    std::fs::write(&part, &files[DATA][..100]).unwrap();
    place.hub.wrong(DATA, Wrong::NoRanges);
    place.report(BGE_M3, &[]);
    assert_eq!(ranges(&place.hub.log(), DATA), [Some(100)]);
    assert_eq!(
        std::fs::read(place.snapshot().join(DATA)).unwrap(),
        files[DATA]
    );
}

#[test]
fn a_file_with_another_hash_is_not_kept() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    for path in [DATA, "tokenizer.json"] {
        place.hub.wrong(path, Wrong::Corrupt);
        let said = place.failure(BGE_M3, &[]);
        says(
            &said,
            &[
                &format!("BAAI/bge-m3: {path} has the hash "),
                "expected",
                "nothing was kept of it",
            ],
        );
        assert!(!place.snapshot().join(path).exists());
        assert!(
            !place
                .blobs()
                .iter()
                .any(|name| name.ends_with(".incomplete"))
        );
        place.hub.right();
    }
    // The beginning of another file is noticed, and the file comes whole.
    let files = bge_m3_files(bge_m3_graph());
    std::fs::remove_dir_all(place.bench.path("hf")).unwrap();
    let blobs = place.folder().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let part = blobs.join(format!("{}.incomplete", hash(DATA, &files[DATA])));
    std::fs::write(&part, [7; 100]).unwrap();
    place.hub.log();
    place.report(BGE_M3, &[]);
    assert_eq!(ranges(&place.hub.log(), DATA), [Some(100), None]);
}

#[test]
fn refusals_say_what_to_do() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    for (wrong, token, parts) in [
        (
            Wrong::Status(401, "GatedRepo"),
            None,
            [
                "the hub answered 401 (GatedRepo) for the list of files",
                "accept its terms on its page and set HF_TOKEN",
            ],
        ),
        (
            Wrong::Status(403, "GatedRepo"),
            Some("hf_x"),
            [
                "the hub answered 403",
                "check that the token in HF_TOKEN is valid",
            ],
        ),
        (
            Wrong::Status(404, "RepoNotFound"),
            None,
            [
                "the hub answered 404 (RepoNotFound)",
                "check the name and the revision",
            ],
        ),
        (
            Wrong::Status(503, ""),
            None,
            ["the hub answered 503", "try again later"],
        ),
        (
            Wrong::Redirects("ftp://elsewhere/x".to_owned()),
            None,
            ["redirects to no address", "check HF_ENDPOINT"],
        ),
        (
            Wrong::Redirects("/api/models/BAAI/bge-m3/revision/main".to_owned()),
            None,
            ["more than 10 redirects", "check HF_ENDPOINT"],
        ),
    ] {
        place.hub.wrong("", wrong);
        let mut command = place.command(BGE_M3, &[]);
        if let Some(token) = token {
            command.env("HF_TOKEN", token);
        }
        let said = failure(command);
        says(&said, &["BAAI/bge-m3: "]);
        says(&said, &parts);
    }
    place.hub.right();
    place
        .hub
        .wrong("config.json", Wrong::Status(404, "EntryNotFound"));
    says(
        &place.failure(BGE_M3, &[]),
        &["the hub answered 404 (EntryNotFound) for config.json"],
    );
}

#[test]
fn a_hub_that_is_slow_or_away_is_not_waited_for() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    place.hub.wrong("", Wrong::Stalls { after: 20 });
    let mut slow = place.command(BGE_M3, &[]);
    slow.env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    says(
        &failure(slow),
        &[
            "cannot be reached",
            "no byte arrived for 1 s (HF_HUB_DOWNLOAD_TIMEOUT)",
        ],
    );
    let away = || {
        let mut command = place.command(BGE_M3, &[]);
        // Nobody listens at the first port.
        command.env("HF_ENDPOINT", "http://127.0.0.1:1");
        command
    };
    let remedies = [
        "check the network, HTTPS_PROXY and HF_ENDPOINT",
        "--model DIR",
        "all-MiniLM-L6-v2",
    ];
    let said_away = failure(away());
    says(
        &said_away,
        &["BAAI/bge-m3: http://127.0.0.1:1/api/models/BAAI/bge-m3/revision/main cannot be reached"],
    );
    says(&said_away, &remedies);
    let mut offline = place.command(BGE_M3, &[]);
    offline.env("HF_HUB_OFFLINE", "1");
    let said_offline = failure(offline);
    says(
        &said_offline,
        &[
            "BAAI/bge-m3: the model is not in the cache of the hub",
            "unset HF_HUB_OFFLINE",
        ],
    );
    says(&said_offline, &remedies[1..]);

    // What another program left in the cache serves, with a warning, since nobody knows what it lacks.
    place.hub.right();
    place.report(BGE_M3, &[]);
    std::fs::remove_dir_all(place.bench.cache.join("hub")).unwrap();
    let report_away = report(away());
    says(
        &said(&report_away),
        &["the model is used as it is in the cache of the hub, where files may be missing"],
    );
    assert_eq!(report_away["cached"], 1);
    // With the hub, what is missing comes.
    std::fs::remove_file(place.snapshot().join("modules.json")).unwrap();
    place.report(BGE_M3, &[]);
    assert!(place.snapshot().join("modules.json").exists());
    std::fs::remove_file(place.snapshot().join("modules.json")).unwrap();
    let mut offline = place.command(BGE_M3, &[]);
    offline.env("HF_HUB_OFFLINE", "1");
    says(
        &failure(offline),
        &["modules.json is missing in the cache of the hub, and HF_HUB_OFFLINE is set"],
    );
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    // A file where a directory belongs, which also stops the administrator.
    std::fs::create_dir_all(place.bench.path("hf")).unwrap();
    std::fs::write(place.bench.path("hf/hub"), "").unwrap();
    let said = place.failure(BGE_M3, &[]);
    says(
        &said,
        &[
            "BAAI/bge-m3: cannot create",
            "set HF_HOME to a directory that you can write",
        ],
    );
}

#[test]
fn a_list_of_files_that_cannot_be_kept_is_no_error() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    std::fs::create_dir_all(&place.bench.cache).unwrap();
    std::fs::write(place.bench.cache.join("hub"), "").unwrap();
    let report = place.report(BGE_M3, &[]);
    says(
        &said(&report),
        &["the list of its files is not kept in Skerry's cache (SKERRY_CACHE)"],
    );
}

#[test]
fn a_name_that_is_none_is_answered_with_what_is_possible() {
    let Some(place) = place(&["red sea"]) else {
        return;
    };
    for name in ["bge-m3", "BAAI/bge-m3/onnx", "./BAAI/bge-m3"] {
        let said = place.failure(name, &[]);
        says(
            &said,
            &[
                &format!("`{name}` is neither a model directory"),
                "such as BAAI/bge-m3",
                "all-MiniLM-L6-v2",
            ],
        );
    }
    assert_eq!(place.hub.log(), []);
}
