//! An endpoint on this machine, which does what a test tells it to.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Dimensions of the vectors.
pub(crate) const D: usize = 4;

/// A request, as the log has it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) texts: Vec<String>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Request {
    /// Whether it only asks for the dimensions.
    pub(crate) fn is_probe(&self) -> bool {
        self.texts == ["dimensions"]
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The vectors of the texts.
    Vectors,
    /// The same after a while.
    Slow(Duration),
    /// The same, broken off in the middle.
    Cut,
    /// The same with numbers, the last text first.
    Shuffled,
    /// This body, with the status 200.
    Body(String),
    /// A status, headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed without an answer.
    Nothing,
}

impl Reply {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Status(status, Vec::new(), body.to_owned())
    }
}

type Behavior = dyn Fn(usize, &Request) -> Reply + Send + Sync;

/// A server.
pub(crate) struct FakeEndpoint {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeEndpoint {
    /// A server that answers as `behavior` says, which gets the number of earlier requests with texts of the table, and the
    /// request.
    pub(crate) fn new(behavior: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), behavior)
    }

    pub(crate) fn at(
        address: SocketAddr,
        behavior: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let behavior: Arc<Behavior> = Arc::new(behavior);
        let thread = {
            let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let (log, behavior) = (Arc::clone(&log), Arc::clone(&behavior));
                    // A client that goes away is no fault of the server.
                    std::thread::spawn(move || {
                        stream.and_then(|stream| serve(stream, &log, &*behavior))
                    });
                }
            })
        };
        Self {
            address,
            log,
            stop,
            thread: Some(thread),
        }
    }

    /// A server that does nothing wrong.
    pub(crate) fn right() -> Self {
        Self::new(|_, _| Reply::Vectors)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far; forgets them.
    pub(crate) fn log(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// The texts of the table in the requests so far, sorted; forgets them.
    pub(crate) fn texts(&self) -> Vec<String> {
        let log = self.log().into_iter().filter(|request| !request.is_probe());
        let mut texts: Vec<String> = log.flat_map(|request| request.texts).collect();
        texts.sort_unstable();
        texts
    }
}

impl Drop for FakeEndpoint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The vector of `text`.
pub(crate) fn vector(text: &str) -> [f32; D] {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::array::from_fn(|dimension| ((hash >> (11 * dimension + 10)) % 1000) as f32 / 7.0 - 71.0)
}

/// The texts as the body of a request has them.
fn texts(body: &Value) -> Vec<String> {
    let list = body.get("input").or(body.get("inputs"));
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Request>>, behavior: &Behavior) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split_whitespace().nth(1).map(str::to_owned) else {
        return Ok(());
    };
    let (mut length, mut key) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => key = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    let request = Request {
        path,
        key,
        texts: texts(&body),
        body,
        at: Instant::now(),
    };
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|request| !request.is_probe()).count();
        log.push(request.clone());
        before
    };
    answer(stream, &request, behavior(before, &request))
}

/// The vectors of a request in its protocol; as numbers, the last one first, if `shuffled`.
fn body(request: &Request, shuffled: bool) -> String {
    let vectors = request.texts.iter().map(|text| vector(text));
    if request.path.starts_with("/embed") {
        return json!(vectors.collect::<Vec<_>>()).to_string();
    }
    let base64 = !shuffled && request.body["encoding_format"] == "base64";
    let mut data: Vec<Value> = vectors
        .enumerate()
        .map(|(index, vector)| {
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            let embedding = if base64 {
                json!(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    if shuffled {
        data.reverse();
    }
    let tokens = 3 * request.texts.len();
    json!({ "data": data, "usage": { "prompt_tokens": tokens, "total_tokens": tokens } })
        .to_string()
}

fn answer(mut stream: TcpStream, request: &Request, reply: Reply) -> std::io::Result<()> {
    let (mut status, mut headers, mut cut) = (200, Vec::new(), false);
    let body = match reply {
        Reply::Vectors => body(request, false),
        Reply::Slow(time) => {
            std::thread::sleep(time);
            body(request, false)
        }
        Reply::Cut => {
            cut = true;
            body(request, false)
        }
        Reply::Shuffled => body(request, true),
        Reply::Body(body) => body,
        Reply::Status(given, list, body) => {
            (status, headers) = (given, list);
            body
        }
        Reply::Nothing => return Ok(()),
    };
    let mut text = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    let end = if cut { body.len() / 2 } else { body.len() };
    stream.write_all(&body.as_bytes()[..end])?;
    stream.flush()
}
