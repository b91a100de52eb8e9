//! Starting, killing and restarting real servers, and a proxy before them that holds requests back.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use knn::backends::milvus::lite_package;
use milvus_client::{Client, Settings, Token};

use super::wait;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Milvus Lite 2.5.1.
    Lite2,
    /// Milvus Lite 3.2.2.
    Lite3,
    /// The full server 2.3.5, with logins. It listens on all interfaces, so it is started in a namespace only.
    Standalone,
}

/// The Python that has the client of Milvus and the two servers.
pub(super) fn python() -> PathBuf {
    let cache = stage::cache_dir().expect("a cache");
    cache.join("test-servers/venv/bin/python")
}

/// The login of the standalone server.
pub(super) const LOGIN: &str = "root:Milvus";

impl Kind {
    /// What starts it; `None` if it is not installed: then the test is counted as skipped.
    fn program(self) -> Option<PathBuf> {
        let cache = stage::cache_dir().expect("a cache");
        let (path, remedy) = match self {
            Self::Lite2 => (lite_package::program(&cache), "skerry setup --milvus-lite"),
            Self::Lite3 => (
                cache.join("test-servers/venv/bin/milvus-lite"),
                "cargo xtask ci",
            ),
            Self::Standalone => (
                cache.join("test-servers/venv/bin/milvus-server"),
                "cargo xtask ci",
            ),
        };
        let is_there = path.is_file();
        if !is_there {
            test_support::skip(&format!("{self:?} of Milvus is not installed ({remedy})"));
        }
        is_there.then_some(path)
    }

    fn command(self, program: &Path, dir: &Path, port: u16) -> Command {
        let mut command = Command::new(program);
        match self {
            Self::Lite2 => {
                command
                    .arg(dir.join("milvus.db"))
                    .args([&format!("127.0.0.1:{port}"), "ERROR"])
                    .env("LD_LIBRARY_PATH", program.parent().unwrap());
            }
            Self::Lite3 => {
                command.args(["server", "--host", "127.0.0.1", "--port", &port.to_string()]);
                command.arg("--data-dir").arg(dir.join("data"));
            }
            Self::Standalone => {
                // The programs were unpacked once; a link spares unpacking them again.
                let data = dir.join("data");
                let programs = program.ancestors().nth(3).unwrap().join("milvus-2.3.5/bin");
                std::fs::create_dir_all(&data).unwrap();
                let _ = std::os::unix::fs::symlink(programs, data.join("bin"));
                command.arg("--data").arg(data);
                command.args(["--proxy-port", &port.to_string()]);
                command.args(["--authorization-enabled", "true"]);
                // A killed server can be started again when its sessions have ended.
                command.args(["--extra-config", "common.session.ttl=3"]);
            }
        }
        command
    }
}

/// A running server with a proxy before it.
pub(super) struct Server {
    kind: Kind,
    program: PathBuf,
    dir: PathBuf,
    child: Option<Child>,
    pub(super) proxy: Proxy,
}

impl Server {
    /// Starts one with its data in `dir`, and waits until it answers; `None` if it is not installed.
    pub(super) fn start(kind: Kind, dir: &Path) -> Option<Self> {
        let mut server = Self {
            kind,
            program: kind.program()?,
            dir: dir.to_owned(),
            child: None,
            proxy: Proxy::start(),
        };
        server.start_again();
        Some(server)
    }

    /// Starts it on its data.
    pub(super) fn start_again(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let log = std::fs::File::create(self.dir.join("server.log")).unwrap();
        let errors = log.try_clone().unwrap();
        let mut command = self.kind.command(&self.program, &self.dir, port);
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0);
        self.child = Some(command.spawn().unwrap());
        self.proxy.target.store(port, Ordering::SeqCst);
        wait("the server starts", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{:?} ends: {ended:?}", self.kind);
            Client::connect(&self.settings()).is_ok()
        });
    }

    /// Kills it and all that it started, and waits until they are gone.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = child.wait();
        }
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child
            .as_mut()
            .is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn settings(&self) -> Settings {
        let port = self.proxy.target.load(Ordering::SeqCst);
        let mut settings = Settings::new(&format!("http://127.0.0.1:{port}")).unwrap();
        settings.token = (self.kind == Kind::Standalone).then(|| Token::new(LOGIN));
        settings
    }

    /// A connection past the proxy.
    pub(super) fn client(&self) -> Client {
        Client::connect(&self.settings()).unwrap()
    }

    /// A connection to a database.
    pub(super) fn client_of(&self, database: &str) -> Client {
        let mut settings = self.settings();
        database.clone_into(&mut settings.database);
        Client::connect(&settings).unwrap()
    }

    /// The words that make `skerry-knn` search on it, through the proxy.
    pub(super) fn words(&self) -> Vec<String> {
        let uri = format!("http://127.0.0.1:{}", self.proxy.port);
        let mut words = vec!["--backend", "milvus", "--metric", "l2", "--uri", &uri];
        if self.kind == Kind::Standalone {
            words.extend(["--token", LOGIN]);
        }
        words.into_iter().map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Forwards connections, and holds back what clients send after a number of bytes.
pub(super) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    sent: Arc<AtomicU64>,
    gate: Arc<AtomicU64>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            target: Arc::default(),
            sent: Arc::default(),
            gate: Arc::new(AtomicU64::new(u64::MAX)),
        };
        let (target, sent, gate) = (proxy.target.clone(), proxy.sent.clone(), proxy.gate.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server =
                    TcpStream::connect((Ipv4Addr::LOCALHOST, target.load(Ordering::SeqCst)));
                let Ok(server) = server else {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (sent, gate) = (sent.clone(), gate.clone());
                std::thread::spawn(move || forward(client, server, Some(&(sent, gate))));
                std::thread::spawn(move || forward(back.0, back.1, None));
            }
        });
        proxy
    }

    /// Lets `bytes` more pass from clients to the server.
    pub(super) fn hold_after(&self, bytes: u64) {
        self.sent.store(0, Ordering::SeqCst);
        self.gate.store(bytes, Ordering::SeqCst);
    }

    /// Waits until it holds something back.
    pub(super) fn wait_until_it_holds(&self) {
        wait("the proxy holds something back", || {
            self.sent.load(Ordering::SeqCst) > self.gate.load(Ordering::SeqCst)
        });
    }

    /// Lets everything pass.
    pub(super) fn open(&self) {
        self.gate.store(u64::MAX, Ordering::SeqCst);
    }
}

type Counters = (Arc<AtomicU64>, Arc<AtomicU64>);

fn forward(mut from: TcpStream, mut to: TcpStream, counters: Option<&Counters>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some((sent, gate)) = counters {
            let total = sent.fetch_add(count as u64, Ordering::SeqCst) + count as u64;
            while total > gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The other direction ends with this one.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
