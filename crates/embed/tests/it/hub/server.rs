//! A hub on this machine, and the host beside it that serves large files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sha1::{Digest as _, Sha1};

pub(crate) const COMMIT: &str = "5617a9f61b028005a4858fdac845db406aefb181";

/// A request, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range: Option<u64>,
    pub(crate) token: Option<String>,
    /// Whether the host for large files got it.
    pub(crate) to_cdn: bool,
}

/// What the hub does wrong with the file of this path, or with its list of files (`""`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Breaks off after so many bytes of an answer, so many times.
    Breaks { after: usize, times: usize },
    /// Sends so many bytes of each answer, then nothing, for longer than clients wait.
    Stalls { after: usize },
    /// Sends other bytes.
    Corrupt,
    /// Sends the whole file, whatever the range.
    NoRanges,
    /// Answers with a status and an error code.
    Status(u16, &'static str),
    /// Redirects to an address.
    Redirects(String),
}

#[derive(Default)]
struct State {
    repo: String,
    files: BTreeMap<String, Vec<u8>>,
    wrong: BTreeMap<String, Wrong>,
    without_hashes: bool,
    every_revision: bool,
    renamed_from: Option<String>,
    log: Vec<Request>,
    cdn: Option<SocketAddr>,
}

/// A hub with one repository.
pub(crate) struct FakeHub {
    state: Arc<Mutex<State>>,
    addresses: [SocketAddr; 2],
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl FakeHub {
    pub(crate) fn new(repo: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = [0, 1].map(|at: usize| listeners[at].local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            repo: repo.to_owned(),
            files,
            cdn: Some(addresses[1]),
            ..State::default()
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = listeners.into_iter().enumerate().map(|(at, listener)| {
            let (state, stop) = (Arc::clone(&state), Arc::clone(&stop));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let (state, stop) = (Arc::clone(&state), Arc::clone(&stop));
                    // A client that goes away is no fault of the hub.
                    let answer = move |stream| answer(stream, &state, at == 1, &stop);
                    std::thread::spawn(move || stream.and_then(answer));
                }
            })
        });
        let threads = threads.collect();
        Self {
            state,
            addresses,
            stop,
            threads,
        }
    }

    /// Its address, as `HF_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    pub(crate) fn wrong(&self, path: &str, wrong: Wrong) {
        self.state().wrong.insert(path.to_owned(), wrong);
    }

    pub(crate) fn right(&self) {
        self.state().wrong.clear();
    }

    /// Lists names only, as some mirrors do.
    pub(crate) fn without_hashes(&self) {
        self.state().without_hashes = true;
    }

    /// Answers for each revision with the files of the one commit.
    pub(crate) fn answers_for_every_revision(&self) {
        self.state().every_revision = true;
    }

    /// Redirects from this name of the repository.
    pub(crate) fn renamed_from(&self, name: &str) {
        self.state().renamed_from = Some(name.to_owned());
    }

    /// The requests so far; forgets them.
    pub(crate) fn log(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().log)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for address in self.addresses {
            let _ = TcpStream::connect(address);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The name of a file in the cache: its SHA-256 in Git LFS, else that of its Git object.
pub(crate) fn hash(path: &str, bytes: &[u8]) -> String {
    if is_large(path) {
        return artifacts::sha256_of(bytes);
    }
    let mut sha = Sha1::new();
    sha.update(format!("blob {}\0", bytes.len()));
    sha.update(bytes);
    let mut text = String::new();
    for byte in sha.finalize() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// Whether the file is in Git LFS.
fn is_large(path: &str) -> bool {
    [".onnx", "_data", ".safetensors", ".bin", "__value"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// Reads a request and answers it.
fn answer(
    stream: TcpStream,
    state: &Mutex<State>,
    to_cdn: bool,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let (mut range, mut token) = (None, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let from = value
                    .strip_prefix("bytes=")
                    .and_then(|v| v.strip_suffix('-'));
                range = from.and_then(|from| from.parse().ok());
            }
            "authorization" => token = Some(value.to_owned()),
            _ => {}
        }
    }
    let path = target.split('?').next().unwrap_or("").to_owned();
    let request = Request {
        method,
        path,
        range,
        token,
        to_cdn,
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.log.push(request.clone());
        state.reply(&request)
    };
    reply.send(stream, request.method == "HEAD", stop)
}

/// An answer.
#[derive(Default)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Bytes to send before the connection is closed, or before nothing comes any more.
    cut: Option<usize>,
    stalls: bool,
}

impl Reply {
    fn send(self, mut stream: TcpStream, head: bool, stop: &AtomicBool) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(text, "Content-Length: {}\r\n\r\n", self.body.len()).unwrap();
        stream.write_all(text.as_bytes())?;
        if head {
            return Ok(());
        }
        let cut = self.cut.unwrap_or(usize::MAX).min(self.body.len());
        stream.write_all(&self.body[..cut])?;
        stream.flush()?;
        for _ in 0..400 {
            if !self.stalls || stop.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Ok(())
    }
}

impl State {
    fn reply(&mut self, request: &Request) -> Reply {
        let not_found = |code: &str| Reply {
            status: 404,
            headers: vec![("X-Error-Code", code.to_owned())],
            ..Reply::default()
        };
        if let Some(path) = request.path.strip_prefix("/cdn/") {
            let (path, wrong) = (path.to_owned(), self.wrong.get(path).cloned());
            return match wrong {
                Some(Wrong::Status(..) | Wrong::Redirects(_)) | None => self.file(&path, request),
                Some(_) => self.wrong_file(&path, request),
            };
        }
        if let Some(old) = &self.renamed_from
            && request.path.contains(old.as_str())
        {
            let target = request.path.replace(old.as_str(), &self.repo);
            let query = if target.starts_with("/api") {
                "?blobs=true"
            } else {
                ""
            };
            return Reply {
                status: 307,
                headers: vec![("Location", format!("{target}{query}"))],
                ..Reply::default()
            };
        }
        let api = format!("/api/models/{}/revision/", self.repo);
        if let Some(revision) = request.path.strip_prefix(&api) {
            if let Some(reply) = self.refused("") {
                return reply;
            }
            return match revision {
                "main" | "v1" | "refs%2Fpr%2F3" | COMMIT => self.listing(),
                _ if self.every_revision => self.listing(),
                _ => not_found("RevisionNotFound"),
            };
        }
        let resolve = format!("/{}/resolve/{COMMIT}/", self.repo);
        let Some(path) = request.path.strip_prefix(&resolve).map(str::to_owned) else {
            return not_found("RepoNotFound");
        };
        if let Some(reply) = self.refused(&path) {
            return reply;
        }
        let Some(bytes) = self.files.get(&path) else {
            return not_found("EntryNotFound");
        };
        if !is_large(&path) {
            return self.wrong_file(&path, request);
        }
        let cdn = self.cdn.expect("it has one");
        Reply {
            status: 302,
            headers: vec![
                ("Location", format!("http://{cdn}/cdn/{path}?signed=1")),
                ("X-Linked-Etag", format!("\"{}\"", hash(&path, bytes))),
                ("X-Linked-Size", bytes.len().to_string()),
                ("ETag", "\"of-the-answer\"".to_owned()),
            ],
            body: b"Found. Redirecting.".to_vec(),
            ..Reply::default()
        }
    }

    fn refused(&self, path: &str) -> Option<Reply> {
        let (status, header) = match self.wrong.get(path)? {
            Wrong::Status(status, code) => (*status, ("X-Error-Code", (*code).to_owned())),
            Wrong::Redirects(to) => (302, ("Location", to.clone())),
            Wrong::Stalls { after } if path.is_empty() => {
                let mut reply = self.listing();
                (reply.cut, reply.stalls) = (Some(*after), true);
                return Some(reply);
            }
            _ => return None,
        };
        Some(Reply {
            status,
            headers: vec![header],
            ..Reply::default()
        })
    }

    fn listing(&self) -> Reply {
        let entry = |(path, bytes): (&String, &Vec<u8>)| {
            if self.without_hashes {
                return format!(r#"{{"rfilename":"{path}"}}"#);
            }
            let (hash, size) = (hash(path, bytes), bytes.len());
            if is_large(path) {
                let lfs = format!(r#"{{"sha256":"{hash}","size":{size},"pointerSize":134}}"#);
                format!(r#"{{"rfilename":"{path}","size":{size},"blobId":"{COMMIT}","lfs":{lfs}}}"#)
            } else {
                format!(r#"{{"rfilename":"{path}","size":{size},"blobId":"{hash}"}}"#)
            }
        };
        let files: Vec<String> = self.files.iter().map(entry).collect();
        let body = format!(
            r#"{{"id":"{}","sha":"{COMMIT}","siblings":[{}]}}"#,
            self.repo,
            files.join(",")
        );
        Reply {
            status: 200,
            body: body.into_bytes(),
            ..Reply::default()
        }
    }

    /// The file, or its part.
    fn file(&self, path: &str, request: &Request) -> Reply {
        let Some(bytes) = self.files.get(path) else {
            return Reply {
                status: 404,
                ..Reply::default()
            };
        };
        let tag = ("ETag", format!("\"{}\"", hash(path, bytes)));
        let whole = Reply {
            status: 200,
            headers: vec![tag],
            body: bytes.clone(),
            ..Reply::default()
        };
        match request.range.map(|from| from as usize) {
            None => whole,
            Some(from) if from >= bytes.len() => Reply {
                status: 416,
                ..Reply::default()
            },
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Reply {
                    status: 206,
                    headers: vec![("Content-Range", range)],
                    body: bytes[from..].to_vec(),
                    ..whole
                }
            }
        }
    }

    fn wrong_file(&mut self, path: &str, request: &Request) -> Reply {
        let mut reply = self.file(path, request);
        match self.wrong.get_mut(path) {
            Some(Wrong::Breaks { after, times }) if *times > 0 => {
                *times -= 1;
                reply.cut = Some(*after);
            }
            Some(Wrong::Stalls { after }) => (reply.cut, reply.stalls) = (Some(*after), true),
            Some(Wrong::Corrupt) => {
                if let Some(last) = reply.body.last_mut() {
                    *last ^= 1;
                }
            }
            Some(Wrong::NoRanges) => {
                let whole = Request {
                    range: None,
                    ..request.clone()
                };
                return self.file(path, &whole);
            }
            _ => {}
        }
        reply
    }
}
