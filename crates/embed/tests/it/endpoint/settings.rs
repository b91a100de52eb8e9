//! Settings that do not fit an endpoint.

use super::server::FakeEndpoint;
use super::{run, said};
use crate::support::Bench;

#[test]
fn settings_of_local_models_are_refused() {
    let bench = Bench::new(&["red"]);
    let server = FakeEndpoint::right();
    for (path, more, expected) in [
        (
            "/v1",
            &["--model", "BAAI/bge-m3"][..],
            "--model does not apply to `--endpoint`",
        ),
        ("/v1", &["--encoder", "hash"], "--encoder does not apply"),
        ("/v1", &["--device", "cpu"], "--device does not apply"),
        (
            "/v1",
            &["--overflow", "truncate"],
            "--overflow does not apply",
        ),
        (
            "/embed",
            &["--overflow", "chunk-mean"],
            "--overflow does not apply",
        ),
        ("/v1", &["--pooling", "mean"], "--pooling does not apply"),
        ("/v1", &["--max-tokens", "9"], "--max-tokens does not apply"),
        ("/v1", &["--engine", "ort"], "--engine does not apply"),
        (
            "/v1",
            &["--precision", "int8"],
            "--precision does not apply",
        ),
        (
            "/v1",
            &["--graph-output", "x"],
            "--graph-output does not apply",
        ),
        (
            "/v1",
            &["--prompt-name", "query"],
            "--prompt-name does not apply",
        ),
        (
            "/v1",
            &["--endpoint-model", " "],
            "--endpoint needs the name of the model",
        ),
        ("/v1", &["--concurrency", "0"], "--concurrency is 0"),
        ("/v1", &["--batch-texts", "0"], "--batch-texts is 0"),
        ("/v1", &["--request-timeout", "0"], "--request-timeout is 0"),
        ("/chat", &[], "--endpoint has the path `/chat`"),
        (
            "/v1/embeddings?api_key=hunter2",
            &[],
            "--endpoint holds a key in its parameter `api_key`",
        ),
    ] {
        let output = run(&bench, &server.url(path), more, None);
        assert_eq!(output.status.code(), Some(2), "{more:?} {}", said(&output));
        let said = said(&output);
        assert!(
            said.contains(expected) && !said.contains("hunter2"),
            "{said}"
        );
    }
    let output = bench.run(&["--endpoint-model", "m"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--endpoint-model applies only to `--endpoint`"));
    assert!(server.log().is_empty());
}

#[test]
fn prompts_of_the_server_are_asked_for_by_name() {
    let bench = Bench::new(&["red"]);
    let server = FakeEndpoint::right();
    super::report(&bench, &server.url("/embed"), &["--prompt-name", "query"]);
    assert!(
        server
            .log()
            .iter()
            .all(|request| request.body["prompt_name"] == "query")
    );
}
