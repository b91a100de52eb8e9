//! Remote encoders, against an endpoint on this machine.

mod faults;
mod server;
mod settings;

use std::path::Path;
use std::process::{Command, Output};

use self::server::{D, FakeEndpoint, Reply, vector};
use crate::support::Bench;

const TEXTS: [&str; 6] = [
    "red sea",
    "green stone",
    "red sea",
    "blue bird",
    "ünï",
    "a \"quoted\"\nline",
];
const KEY: &str = "sk-test-hunter2-0123456789";

/// Runs the program on `bench` with an endpoint, and a key if `key`.
fn run(bench: &Bench, url: &str, more: &[&str], key: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-embed"));
    command
        .arg("--run")
        .arg(bench.dir.path())
        .args(["--json", "--endpoint", url])
        .args(more)
        .env("SKERRY_CACHE", &bench.cache)
        .env("OPENAI_API_KEY", "sk-of-openai-alone")
        .env_remove("SKERRY_ENDPOINT_KEY");
    if !more.contains(&"--endpoint-model") {
        command.args(["--endpoint-model", "m-1"]);
    }
    for proxy in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(proxy);
    }
    if let Some(key) = key {
        command.env("SKERRY_ENDPOINT_KEY", key);
    }
    command.output().unwrap()
}

/// The report of a run that must succeed.
fn report(bench: &Bench, url: &str, more: &[&str]) -> serde_json::Value {
    let output = run(bench, url, more, Some(KEY));
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a run that must fail says.
fn failure(bench: &Bench, url: &str, more: &[&str]) -> String {
    let output = run(bench, url, more, Some(KEY));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!bench.path("embeddings.parquet").exists());
    said(&output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks that no file below `dir` holds `secret`; returns their number.
fn check_absent(dir: &Path, secret: &str) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += check_absent(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{} holds the key", path.display());
        files += 1;
    }
    files
}

#[test]
fn vectors_of_both_protocols_are_those_of_the_server() {
    for (path, engine) in [
        ("/v1/embeddings", "endpoint, OpenAI API"),
        ("/v1", "endpoint, OpenAI API"),
        ("/embed", "endpoint, text-embeddings-inference"),
    ] {
        let bench = Bench::new(&TEXTS);
        let server = FakeEndpoint::right();
        let report = report(&bench, &server.url(path), &[]);
        assert_eq!(report["model"], "m-1");
        assert_eq!(report["engine"], engine);
        assert_eq!(
            (&report["embedded"], &report["repeated"]),
            (&5.into(), &1.into())
        );
        let sent = &report["endpoint"];
        assert_eq!(sent["host"], server.address().to_string());
        assert_eq!((&sent["texts"], &sent["requests"]), (&5.into(), &1.into()));
        assert_eq!(sent["characters"], 7 + 11 + 9 + 3 + 15);
        let embeddings = bench.embeddings();
        for (row, text) in TEXTS.iter().enumerate() {
            assert_eq!(embeddings.row(row), vector(text), "{path}");
        }
        for request in server.log() {
            assert_eq!(
                request.key.as_deref(),
                Some(format!("Bearer {KEY}").as_str())
            );
            if path == "/embed" {
                assert_eq!(
                    (request.path.as_str(), &request.body["truncate"]),
                    ("/embed", &false.into())
                );
            } else {
                assert_eq!(
                    (request.path.as_str(), &request.body["model"]),
                    ("/v1/embeddings", &"m-1".into())
                );
            }
        }
    }
}

#[test]
fn numbers_in_any_order_give_the_same_bytes_as_base64() {
    let bytes = [Reply::Vectors, Reply::Shuffled].map(|reply| {
        let bench = Bench::new(&TEXTS);
        let server = FakeEndpoint::new(move |_, _| reply.clone());
        // The same address, which the footer knows by its hash.
        report(&bench, &server.url("/v1"), &["--normalize", "true"]);
        bench.embeddings().values().to_vec()
    });
    assert_eq!(bytes[0], bytes[1]);
    for row in bytes[0].chunks_exact(D) {
        let square: f32 = row.iter().map(|value| value * value).sum();
        assert!((square - 1.0).abs() < 1e-5);
    }
}

#[test]
fn batches_and_concurrency_change_no_byte() {
    let texts: Vec<String> = (0..97)
        .map(|i| format!("text {i} {}", "x".repeat(i % 7)))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let server = FakeEndpoint::right();
    let mut first = None;
    for more in [
        &["--concurrency", "1", "--batch-texts", "1000"][..],
        &["--concurrency", "3", "--batch-texts", "5"],
        &["--concurrency", "16", "--batch-texts", "1"],
        &["--concurrency", "2", "--batch-characters", "40"],
    ] {
        let bench = Bench::new(&texts);
        let sent = report(&bench, &server.url("/v1"), more)["endpoint"].clone();
        assert_eq!(sent["texts"], 97);
        assert_eq!(sent["tokens"], 3 * 97);
        let log = server.log();
        let requests = log.iter().filter(|request| !request.is_probe());
        let most = requests.clone().map(|request| request.texts.len()).max();
        match more[3] {
            "1000" => assert_eq!(requests.count(), 1),
            "40" => {
                let long = |request: &&server::Request| {
                    let characters: usize = request.texts.iter().map(String::len).sum();
                    characters > 40
                };
                assert_eq!(requests.filter(long).count(), 0);
            }
            number => assert_eq!(most, number.parse().ok()),
        }
        let bytes = bench.bytes();
        assert!(
            *first.get_or_insert_with(|| bytes.clone()) == bytes,
            "{more:?}"
        );
    }
}

#[test]
fn a_text_is_sent_once() {
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::right();
    let url = server.url("/v1");
    report(&bench, &url, &[]);
    let whole = bench.bytes();
    server.log();
    let again = report(&bench, &url, &["--concurrency", "2"]);
    assert_eq!(
        (&again["embedded"], &again["cached"]),
        (&0.into(), &5.into())
    );
    assert_eq!(again["endpoint"]["requests"], 0);
    assert!(server.log().is_empty());
    assert!(bench.bytes() == whole);
    // Another model, address or prefix has other vectors.
    report(&bench, &url, &["--endpoint-model", "m-2"]);
    assert_eq!(server.texts().len(), 5);
    report(&bench, &server.url("/v2/embeddings"), &[]);
    assert_eq!(server.texts().len(), 5);
    report(&bench, &url, &["--prefix", "query: "]);
    assert!(
        server
            .texts()
            .iter()
            .all(|text| text.starts_with("query: "))
    );
    report(&bench, &url, &["--no-cache"]);
    assert_eq!(server.texts().len(), 5);
}

#[test]
fn a_server_with_another_model_is_noticed_by_its_dimensions() {
    let server = FakeEndpoint::right();
    let bench = Bench::new(&["red", "green"]);
    report(&bench, &server.url("/embed"), &[]);
    // The same server now gives other dimensions.
    let address = server.address();
    drop(server);
    let other = FakeEndpoint::at(address, |_, request| {
        Reply::Body(serde_json::json!(vec![[1.0, 2.0]; request.texts.len()]).to_string())
    });
    crate::support::documents(&bench.path("documents.parquet"), &["red", "green", "blue"]);
    let report = report(&bench, &other.url("/embed"), &[]);
    assert_eq!(
        (&report["dimensions"], &report["embedded"]),
        (&2.into(), &3.into())
    );
}

#[test]
fn the_key_is_in_no_file_and_no_output() {
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::right();
    let output = run(&bench, &server.url("/v1"), &["--verbose"], Some(KEY));
    assert!(output.status.success());
    let wrong = FakeEndpoint::new(|_, request| {
        let key = request.key.clone().unwrap();
        Reply::status(
            401,
            &format!(r#"{{"error":{{"message":"no such key: {key}"}}}}"#),
        )
    });
    let refused = run(&bench, &wrong.url("/v1"), &["--verbose"], Some(KEY));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("it answered 401: no such key: Bearer [key]"),
        "{}",
        said(&refused)
    );
    for output in [&output, &refused] {
        let all = [&output.stdout[..], &output.stderr].concat();
        assert!(!String::from_utf8_lossy(&all).contains(KEY));
    }
    let files = check_absent(bench.dir.path(), KEY);
    assert!(files > 4, "{files}");
    // The key of OpenAI goes to OpenAI alone.
    server.log();
    let output = run(&bench, &server.url("/v2/embeddings"), &[], None);
    assert!(output.status.success());
    assert!(server.log().iter().all(|request| request.key.is_none()));
}

#[test]
fn vectors_can_be_cut() {
    let bench = Bench::new(&["red", "green"]);
    let server = FakeEndpoint::right();
    let report = report(&bench, &server.url("/v1"), &["--dimensions", "2"]);
    assert_eq!(report["dimensions"], 2);
    let [a, b, ..] = vector("red");
    let length = (a * a + b * b).sqrt();
    let embeddings = bench.embeddings();
    let found = embeddings.row(0);
    assert!((found[0] - a / length).abs() < 1e-6 && (found[1] - b / length).abs() < 1e-6);
    std::fs::remove_file(bench.path("embeddings.parquet")).unwrap();
    let said = failure(&bench, &server.url("/v1"), &["--dimensions", "5"]);
    assert!(
        said.contains("--dimensions is 5, but the vectors of m-1 have 4 dimensions"),
        "{said}"
    );
}
