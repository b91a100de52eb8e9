//! A whole run whose vectors come from a server, which is here on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use pipeline_tests::{command, errors, manifest_of, write_texts};
use serde_json::{Value, json};

const KEY: &str = "sk-of-this-test-0123456789";

/// Answers one request in the form of the `OpenAI` API, and adds it to `log`. A vector counts the letters of its text.
fn serve(stream: TcpStream, log: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let vector = |text: &Value| {
        let mut counts = [1.0; 26];
        for letter in text
            .as_str()
            .expect("a text")
            .bytes()
            .filter(u8::is_ascii_lowercase)
        {
            counts[usize::from(letter - b'a')] += 1.0;
        }
        json!({ "embedding": counts.to_vec() })
    };
    let texts = request["input"].as_array().into_iter().flatten();
    let answer = json!({ "data": texts.map(vector).collect::<Vec<_>>() }).to_string();
    log.lock().expect("no thread panics").push(request);
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    reader.get_mut().write_all((head + &answer).as_bytes())
}

fn skerry(dir: &Path, words: &[&str]) -> Output {
    let mut command = command(dir, "skerry", words);
    command.env("SKERRY_ENDPOINT_KEY", KEY);
    for proxy in ["HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"] {
        command.env_remove(proxy);
    }
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{words:?}: {}", errors(&output));
    output
}

/// Checks that no file below `dir` holds the key; returns their number.
fn check_absent(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).expect("it can be listed");
    let paths = entries.map(|entry| entry.expect("it is there").path());
    paths
        .map(|path| {
            if path.is_dir() {
                return check_absent(&path);
            }
            let bytes = std::fs::read(&path).expect("it reads");
            let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
            assert!(!found, "{} holds the key", path.display());
            1
        })
        .sum()
}

#[test]
fn a_run_goes_through_an_endpoint_and_new_rows_go_to_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    let log: Mutex<Vec<Value>> = Mutex::default();
    let requests = || std::mem::take(&mut *log.lock().expect("no thread panics"));
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let url = format!("http://{address}/v1");
    std::thread::scope(|scope| {
        let log = &log;
        scope.spawn(move || {
            // An empty connection ends it.
            for stream in listener.incoming().map_while(Result::ok) {
                if serve(stream, log).is_err() {
                    return;
                }
                if log.lock().expect("no thread panics").last() == Some(&Value::Null) {
                    return;
                }
            }
        });
        let end = end_of(address);
        let words = [
            "run",
            "texts.csv",
            "--endpoint",
            &url,
            "--endpoint-model",
            "letters",
            "--k",
            "20",
            "--min-cluster-size",
            "8",
        ];
        let dry = skerry(dir.path(), &[&words[..], &["--dry-run"]].concat());
        let verdicts = String::from_utf8_lossy(&dry.stdout).into_owned();
        assert!(
            verdicts.contains(&format!(
                "it sends the texts that are not in the cache to {url}"
            )),
            "{verdicts}"
        );
        assert!(requests().is_empty());
        // The model of the preset is that of the server, too.
        let preset = skerry(
            dir.path(),
            &[&words[..6], &["--dry-run", "--preset", "notebook"]].concat(),
        );
        assert!(!errors(&preset).contains("bge-m3"));
        skerry(dir.path(), &words);
        assert!(!requests().is_empty());
        let manifest = manifest_of(dir.path());
        let embed = manifest["steps"].as_array().expect("a list");
        let embed = embed
            .iter()
            .find(|step| step["step"] == "embed")
            .expect("it is there");
        assert_eq!(embed["report"]["endpoint"]["host"], address.to_string());
        assert_eq!(embed["report"]["model"], "letters");
        // Continued, nothing is sent; with other settings of later steps neither.
        skerry(dir.path(), &["run"]);
        skerry(dir.path(), &["run", "--min-cluster-size", "9"]);
        assert!(requests().is_empty());
        std::fs::write(
            dir.path().join("new.csv"),
            "text\nthe ferry is late again\na quarterly profit\na goal in the last minute\n",
        )
        .expect("it can be written");
        skerry(dir.path(), &["ingest", "new.csv", "--run", "new"]);
        skerry(
            dir.path(),
            &[
                "embed",
                "--config",
                "runs/latest/pipeline.toml",
                "--run",
                "new",
            ],
        );
        let sent = requests();
        assert!(
            sent.iter()
                .any(|request| request["input"][0] == "the ferry is late again")
        );
        assert!(sent.iter().all(|request| request["model"] == "letters"));
        skerry(
            dir.path(),
            &["predict", "--run", "runs/latest", "new/embeddings.parquet"],
        );
        drop(end);
    });
    assert!(check_absent(dir.path()) > 20);
}

/// Ends the server when it is dropped, also if an assertion fails.
fn end_of(address: std::net::SocketAddr) -> impl Drop {
    struct End(std::net::SocketAddr);
    impl Drop for End {
        fn drop(&mut self) {
            drop(TcpStream::connect(self.0));
        }
    }
    End(address)
}
