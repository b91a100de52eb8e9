//! Servers that misbehave.

use std::time::Duration;

use super::server::{FakeEndpoint, Reply, vector};
use super::{failure, report, run, said};
use crate::support::{Bench, documents};

const TEXTS: [&str; 4] = ["red", "green", "blue", "wind"];

/// A run with a server that answers the first request with texts by `reply`, then does nothing wrong.
fn once(reply: Reply, more: &[&str]) -> (serde_json::Value, Vec<super::server::Request>) {
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::new(move |before, request| {
        let is_first = before == 0 && !request.is_probe();
        if is_first {
            reply.clone()
        } else {
            Reply::Vectors
        }
    });
    let report = report(&bench, &server.url("/v1"), more);
    for (row, text) in TEXTS.iter().enumerate() {
        assert_eq!(bench.embeddings().row(row), vector(text));
    }
    (report, server.log())
}

#[test]
fn failures_that_pass_are_repeated() {
    let two = r#"{"data":[{"index":0,"embedding":[1,2,3,4]},{"index":1,"embedding":[1,2,3,4]}]}"#;
    for reply in [
        Reply::status(500, "oops"),
        Reply::status(503, r#"{"error":"Model is overloaded"}"#),
        Reply::status(429, "slow down"),
        Reply::Cut,
        Reply::Nothing,
        Reply::Body("<html>".to_owned()),
        Reply::Body(two.to_owned()),
        Reply::Slow(Duration::from_secs(3)),
    ] {
        let (report, log) = once(reply.clone(), &["--request-timeout", "2"]);
        let sent = &report["endpoint"];
        assert_eq!(
            (&sent["texts"], &sent["retries"]),
            (&4.into(), &1.into()),
            "{reply:?}"
        );
        assert_eq!(log[1].texts, log[2].texts);
    }
}

#[test]
fn requests_wait_as_long_as_the_server_asks() {
    let status = |status, header: (&'static str, &str)| {
        Reply::Status(status, vec![(header.0, header.1.to_owned())], String::new())
    };
    for reply in [
        status(429, ("Retry-After", "2")),
        status(503, ("Retry-After-Ms", "2000")),
    ] {
        let (_, log) = once(reply, &[]);
        assert!(log[2].at - log[1].at >= Duration::from_secs(2));
    }
    // A limit that is used up holds the next request back, too.
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::new(|before, request| {
        let vectors: Vec<_> = request.texts.iter().map(|text| vector(text)).collect();
        let items = vectors
            .iter()
            .map(|vector| serde_json::json!({ "embedding": vector }));
        let body = serde_json::json!({ "data": items.collect::<Vec<_>>() }).to_string();
        let left = if request.is_probe() || before > 0 {
            "7"
        } else {
            "0"
        };
        let headers = vec![
            ("x-ratelimit-remaining-requests", left.to_owned()),
            ("x-ratelimit-reset-requests", "2s".to_owned()),
        ];
        Reply::Status(200, headers, body)
    });
    let more = ["--batch-texts", "2", "--concurrency", "1"];
    report(&bench, &server.url("/v1"), &more);
    let log = server.log();
    assert!(log[2].at - log[1].at >= Duration::from_secs(2));
    // Longer than a run waits.
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::new(move |_, _| status(429, ("Retry-After", "86400")));
    let said = failure(&bench, &server.url("/v1"), &[]);
    assert!(said.contains("it asks to wait for 86,400 s"), "{said}");
    assert_eq!(server.log().len(), 1);
}

#[test]
fn failures_that_do_not_pass_are_errors() {
    for (reply, more, expected) in [
        (
            Reply::status(503, "down"),
            "1",
            "it answered 503 2 times: down",
        ),
        (Reply::Nothing, "1", "it cannot be reached: "),
        (
            Reply::Body("{}".to_owned()),
            "0",
            "its answer is not understood: it is not the expected JSON",
        ),
        (
            Reply::status(404, r#"{"error":{"message":"no model m-1"}}"#),
            "3",
            "it answered 404: no model m-1",
        ),
        (
            Reply::status(
                429,
                r#"{"error":{"message":"no credit","code":"insufficient_quota"}}"#,
            ),
            "3",
            "the quota of the account is exhausted: no credit",
        ),
        (Reply::status(400, "no"), "3", "it answered 400: no"),
    ] {
        let bench = Bench::new(&TEXTS);
        let server = FakeEndpoint::new(move |_, _| reply.clone());
        let said = failure(&bench, &server.url("/v1"), &["--retries", more]);
        assert!(
            said.contains(&format!("{}: {expected}", server.address())),
            "{said}"
        );
        let attempts = if more == "3" {
            1
        } else {
            more.parse::<usize>().unwrap() + 1
        };
        assert_eq!(server.log().len(), attempts);
    }
}

#[test]
fn without_a_key_the_error_names_the_variable() {
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::new(|_, _| Reply::status(401, "who are you?"));
    let output = run(&bench, &server.url("/v1"), &[], None);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("it answered 401: who are you?"), "{said}");
    assert!(said.contains("set SKERRY_ENDPOINT_KEY"), "{said}");
    assert_eq!(server.log().len(), 1);
}

#[test]
fn the_text_at_fault_is_found_and_all_others_are_kept() {
    let mut texts: Vec<String> = (0..40).map(|i| format!("text {i}")).collect();
    texts[29] =
        "a bad one\nwith a second line and more and more and more and more words".to_owned();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for status in [400, 422, 500] {
        let bench = Bench::new(&texts);
        let server = FakeEndpoint::new(move |_, request| {
            let bad = request
                .texts
                .iter()
                .any(|text| text.starts_with("a bad one"));
            if bad {
                Reply::status(status, "I do not like it")
            } else {
                Reply::Vectors
            }
        });
        let url = server.url("/v1");
        let more = ["--batch-texts", "8", "--concurrency", "1", "--retries", "1"];
        let said = failure(&bench, &url, &more);
        assert!(
            said.contains(r#"row 29 ("a bad one\nwith a second line and more and more and more and ..."; 70 characters): "#),
            "{said}"
        );
        assert!(said.contains("I do not like it"), "{said}");
        // Without that row, what was sent before is not sent again.
        let before = server.texts();
        let left: Vec<&str> = texts
            .iter()
            .copied()
            .filter(|text| *text != texts[29])
            .collect();
        documents(&bench.path("documents.parquet"), &left);
        report(&bench, &url, &more);
        let after = server.texts();
        assert!(before.contains(&"text 28".to_owned()));
        assert!(
            after
                .iter()
                .all(|text| !before.contains(text) || text == "text 30" || text == "text 31"),
            "{after:?}"
        );
    }
}

#[test]
fn vectors_are_checked_by_row() {
    for (bad, expected) in [
        (
            "[1,2,3]",
            "row 2: its vector has 3 dimensions, where others have 4",
        ),
        (
            "[1,2,null,4]",
            "row 2: the vector of the model is not finite",
        ),
        (
            "[1,2,3,1e39]",
            "row 2: the vector of the model is not finite",
        ),
        ("[0,0,0,0]", "row 2: the vector of the model is zero"),
        (
            "[1,2,NaN,4]",
            r#"row 2 ("blue"; 4 characters): its answer is not understood"#,
        ),
    ] {
        let bench = Bench::new(&TEXTS);
        let server = FakeEndpoint::new(move |_, request| {
            let of = |text: &String| {
                if text == "blue" {
                    bad.to_owned()
                } else {
                    serde_json::json!(vector(text)).to_string()
                }
            };
            let vectors: Vec<String> = request.texts.iter().map(of).collect();
            Reply::Body(format!("[{}]", vectors.join(",")))
        });
        let said = failure(&bench, &server.url("/embed"), &["--retries", "0"]);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn nothing_follows_a_redirect_to_another_host() {
    let other = FakeEndpoint::right();
    for status in [301, 302, 303, 307, 308] {
        let bench = Bench::new(&TEXTS);
        let to = other.url("/v1/embeddings");
        let server = FakeEndpoint::new(move |_, _| {
            Reply::Status(status, vec![("Location", to.clone())], String::new())
        });
        let said = failure(&bench, &server.url("/v1"), &[]);
        let target = format!("it redirects to {}", other.url("/v1/embeddings"));
        assert!(said.contains(&target), "{said}");
        assert_eq!(server.log().len(), 1);
    }
    assert!(other.log().is_empty());
    // Within the host it is followed.
    let bench = Bench::new(&TEXTS);
    let server = FakeEndpoint::new(|_, request| match request.path.as_str() {
        "/old/embeddings" => Reply::Status(
            308,
            vec![("Location", "/v1/embeddings".to_owned())],
            String::new(),
        ),
        _ => Reply::Vectors,
    });
    report(&bench, &server.url("/old/embeddings"), &[]);
    // For ever it is not.
    let bench = Bench::new(&TEXTS);
    let round = FakeEndpoint::new(|_, _| {
        Reply::Status(
            307,
            vec![("Location", "/v1/embeddings".to_owned())],
            String::new(),
        )
    });
    let said = failure(&bench, &round.url("/v1"), &[]);
    assert!(
        said.contains("redirects to itself again and again"),
        "{said}"
    );
}

#[test]
fn a_run_goes_on_when_its_server_is_back() {
    let texts: Vec<String> = (0..60).map(|i| format!("text {i}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let bench = Bench::new(&texts);
    let more = ["--batch-texts", "4", "--concurrency", "1", "--retries", "1"];
    let server = FakeEndpoint::new(|before, _| {
        if before < 6 {
            Reply::Vectors
        } else {
            Reply::Nothing
        }
    });
    let address = server.address();
    let said = failure(&bench, &server.url("/v1"), &more);
    assert!(said.contains("it cannot be reached"), "{said}");
    assert!(said.contains("the same command continues there"), "{said}");
    drop(server);
    let said = failure(&bench, &format!("http://{address}/v1"), &more);
    assert!(said.contains("it cannot be reached"), "{said}");
    let server = FakeEndpoint::at(address, |_, _| Reply::Vectors);
    let resumed = report(&bench, &server.url("/v1"), &more);
    assert_eq!(
        (&resumed["cached"], &resumed["embedded"]),
        (&24.into(), &36.into())
    );
    assert_eq!(server.texts().len(), 36);
    let whole = bench.bytes();
    // As if nothing had happened.
    let fresh = Bench::new(&texts);
    report(&fresh, &server.url("/v1"), &[]);
    assert!(fresh.bytes() == whole);
}

#[test]
fn texts_that_are_too_long_are_truncated_by_the_server_and_counted() {
    let long = "word ".repeat(600);
    let texts = ["red", long.trim_end(), "blue", "wind", long.trim_end()];
    let server = FakeEndpoint::new(|_, request| {
        let too_long = request.texts.iter().any(|text| text.len() > 100);
        if too_long && request.body["truncate"] == false {
            let message =
                "Input validation error: `inputs` must have less than 512 tokens. Given: 602";
            return Reply::status(
                413,
                &serde_json::json!({ "error": message, "error_type": "Validation" }).to_string(),
            );
        }
        Reply::Vectors
    });
    let bench = Bench::new(&texts);
    for embedded in [4, 0] {
        let report = report(&bench, &server.url("/embed"), &[]);
        assert_eq!(
            (&report["embedded"], &report["truncated"]),
            (&embedded.into(), &2.into())
        );
        let warnings = report["warnings"].to_string();
        assert!(
            warnings.contains("2 of 5 texts are longer than the model of"),
            "{warnings}"
        );
    }
    let truncating: Vec<_> = server
        .log()
        .into_iter()
        .filter(|request| request.body["truncate"] == true)
        .collect();
    assert_eq!(truncating.len(), 1);
    assert_eq!(truncating[0].texts, [long.trim_end()]);
    // If they are to be refused, they are, in the cache or not.
    for cache in [&[][..], &["--no-cache"]] {
        std::fs::remove_file(bench.path("embeddings.parquet")).ok();
        let said = failure(
            &bench,
            &server.url("/embed"),
            &[cache, &["--overflow", "error"]].concat(),
        );
        assert!(said.contains("row 1 (\"word word"), "{said}");
    }
    // The OpenAI API has no such request: the row is named.
    let bench = Bench::new(&texts);
    let server = FakeEndpoint::new(|_, request| {
        let too_long = request.texts.iter().any(|text| text.len() > 100);
        if too_long {
            Reply::status(
                400,
                r#"{"error":{"message":"maximum context length is 512 tokens"}}"#,
            )
        } else {
            Reply::Vectors
        }
    });
    let said = failure(&bench, &server.url("/v1"), &[]);
    assert!(
        said.contains("row 1 (\"word word") && said.contains("2,999 characters"),
        "{said}"
    );
}
