//! Milvus Lite as a child process: a server on one file.
//!
//! The server ends with this process, however that ends. No unsafe code is needed: a small shell waits at a pipe whose other
//! end this process holds. When the pipe closes, on purpose or because the process was killed, the shell stops the server.
//! Both run in a process group of their own, so that Ctrl-C reaches this process alone, which can still use the server.

use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Client, Error, Settings};

/// How long the server may take to answer the first call.
const START: Duration = Duration::from_mins(1);

/// How long the server may take to end, before it is killed.
const STOP: Duration = Duration::from_secs(20);

/// Starts `"$@"`; ends it when standard input closes, and itself when it has ended. The signals of a terminal do not reach
/// it; descriptor 3 is the pipe, because a shell connects the standard input of a background command to /dev/null.
const WATCH: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
exec 2>/dev/null
(
  read -r _ <&3
  kill -TERM $server
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    sleep 1
    kill -0 $server || exit
  done
  kill -KILL $server
) &
watcher=$!
exec 3<&-
wait $server
status=$?
kill $watcher
exit $status
"#;

/// A running Milvus Lite, which is stopped when this value is dropped.
pub struct Lite {
    child: Child,
    /// Open as long as the server is to run.
    pipe: Option<ChildStdin>,
    port: u16,
}

impl fmt::Debug for Lite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lite")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Lite {
    /// Starts the program `binary` of Milvus Lite 2.5 on the file `database`, which it creates if there is none, on a free
    /// port of 127.0.0.1, and waits until it answers. Its messages go to the file `log`, which must not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Lite`] with the last line of its log.
    pub fn start(binary: &Path, database: &Path, log: &Path) -> Result<Self, Error> {
        let failed = |message: String| Error::Lite {
            database: database.to_owned(),
            message,
        };
        let database_path =
            std::path::absolute(database).map_err(|error| failed(error.to_string()))?;
        let file =
            File::create_new(log).map_err(|error| failed(format!("{}: {error}", log.display())))?;
        // Another program may take the port between its choice and its use.
        let mut last = String::new();
        for _ in 0..3 {
            let port = free_port().map_err(|error| failed(error.to_string()))?;
            let mut lite = Self::spawn(binary, &database_path, &file, port)
                .map_err(|error| failed(error.to_string()))?;
            match lite.wait_until_it_answers(log) {
                Ok(()) => return Ok(lite),
                Err(message) => last = message,
            }
        }
        Err(failed(last))
    }

    fn spawn(binary: &Path, database: &Path, log: &File, port: u16) -> std::io::Result<Self> {
        let libraries = binary.parent().map(Path::to_owned).unwrap_or_default();
        let (output, errors) = (log.try_clone()?, log.try_clone()?);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WATCH, "milvus-lite"])
            .arg(binary)
            .arg(database)
            .args([&format!("{}:{port}", Ipv4Addr::LOCALHOST), "ERROR"])
            .env("LD_LIBRARY_PATH", libraries)
            // The server needs no secrets.
            .env_remove("MILVUS_TOKEN")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe, port })
    }

    fn wait_until_it_answers(&mut self, log: &Path) -> Result<(), String> {
        let mut settings = self.settings();
        settings.deadline = Duration::from_secs(5);
        let began = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(last_line(log).unwrap_or_else(|| status.to_string()));
            }
            match Client::connect(&settings) {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > START => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// How to reach it.
    pub fn settings(&self) -> Settings {
        let uri = format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port);
        Settings::new(&uri).expect("the address is valid")
    }
}

impl Drop for Lite {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let began = Instant::now();
        while began.elapsed() < STOP && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn last_line(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines().map(str::trim).rev();
    lines.find(|line| !line.is_empty()).map(str::to_owned)
}

/// Whether `uri` is the path of a file, as the notebooks of Milvus write it, and not an address.
pub fn is_file(uri: &str) -> bool {
    let named = Path::new(uri).extension().is_some_and(|end| end == "db");
    // `USER:PASSWORD@HOST` is an address, although the password may contain a slash.
    let plain = uri.contains(['/', '\\']) && !uri.contains('@');
    !uri.contains("://") && (named || plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_addresses() {
        for (uri, file) in [
            ("milvus.db", true),
            ("./x/milvus.db", true),
            ("/data/vectors", true),
            ("/home/me@host/milvus.db", true),
            ("user:pass/word@host:1", false),
            ("localhost:19530", false),
            ("http://localhost:19530/x.db", false),
            ("milvus", false),
        ] {
            assert_eq!(is_file(uri), file, "{uri}");
        }
    }
}
