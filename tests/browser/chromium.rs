//! A headless Chromium, driven over the `DevTools` protocol through a pipe: no driver program, no socket, no crate.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// How long anything may take; a busy machine with software graphics is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where Chromium is: `$SKERRY_CHROMIUM`, or a program of one of its names.
pub fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SKERRY_CHROMIUM") {
        return Some(PathBuf::from(path));
    }
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let dirs: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        .find(|path| path.is_file())
}

/// One browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    calls: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts the browser with an empty profile; `webgl` decides whether it may draw with (software) WebGL.
    pub fn start(program: &Path, webgl: bool, width: u32, height: u32) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let graphics = if webgl {
            "--use-angle=swiftshader --enable-unsafe-swiftshader --disable-gpu-watchdog"
        } else {
            "--disable-gpu --disable-3d-apis --disable-software-rasterizer"
        };
        // Chromium reads commands from descriptor 3 and answers on 4: the shell lays our pipes there.
        let script = format!(
            "exec \"$0\" --headless --no-sandbox --disable-quic --no-first-run --disable-background-networking \
             --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe {graphics} \
             --user-data-dir=\"$1\" about:blank 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"
        );
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(program)
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        let input = child.stdin.take().context("no pipe to the browser")?;
        let output = child.stdout.take().context("no pipe from the browser")?;
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else {
                    continue;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            input,
            messages,
            session: String::new(),
            calls: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let targets = browser.call("Target.getTargets", json!({}))?;
        let page = targets["targetInfos"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|target| target["type"] == "page");
        let id = page.context("the browser has no page")?["targetId"].clone();
        let attached = browser.call(
            "Target.attachToTarget",
            json!({ "targetId": id, "flatten": true }),
        )?;
        attached["sessionId"]
            .as_str()
            .context("no session")?
            .clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        browser.resize(width, height)?;
        Ok(browser)
    }

    /// The size of the window's inside.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size)
            .map(drop)
    }

    /// Calls a method of the protocol and waits for its answer; keeps the events that come before it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parameters are made where they are passed"
    )]
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(message.to_string().as_bytes())?;
        self.input.write_all(&[0])?;
        self.input.flush()?;
        loop {
            let answer = self
                .messages
                .recv_timeout(PATIENCE)
                .map_err(|_| anyhow!("the browser did not answer {method}"))?;
            if answer["id"] == self.calls {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].clone());
            }
            self.events.push(answer);
        }
    }

    /// The value of a JavaScript expression; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", parameters)?;
        if let Some(fault) = answer.get("exceptionDetails") {
            bail!("{expression}: {fault}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression holds.
    pub fn wait_for(&mut self, expression: &str) -> Result<()> {
        let began = Instant::now();
        while self.eval(&format!("Boolean({expression})"))? != true {
            if began.elapsed() > PATIENCE {
                bail!("this never came true: {expression}");
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        Ok(())
    }

    /// Opens a file and waits until the page says that it is ready, or has failed.
    pub fn open(&mut self, file: &Path) -> Result<()> {
        self.call(
            "Page.navigate",
            json!({ "url": format!("file://{}", file.display()) }),
        )?;
        self.wait_for(
            "document.documentElement?.dataset.ready && (typeof skerry === 'undefined' || skerry.frames > 0) \
             || document.getElementById('failure')?.hidden === false",
        )
    }

    /// Moves the pointer.
    pub fn point_at(&mut self, x: f64, y: f64) -> Result<()> {
        self.call(
            "Input.dispatchMouseEvent",
            json!({ "type": "mouseMoved", "x": x, "y": y }),
        )
        .map(drop)
    }

    /// Clicks.
    pub fn click(&mut self, x: f64, y: f64) -> Result<()> {
        self.point_at(x, y)?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Types into what has the focus.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({ "text": text }))
            .map(drop)
    }

    /// A picture of the window, as PNG.
    pub fn screenshot(&mut self) -> Result<Vec<u8>> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        decode_base64(answer["data"].as_str().context("no picture")?)
    }

    /// Requests that leave the machine, errors in the console, exceptions: what a page must not cause.
    pub fn faults(&mut self) -> Result<Vec<String>> {
        self.eval("1")?;
        let fault = |event: &Value| match event["method"].as_str()? {
            "Network.requestWillBeSent" => {
                let url = event["params"]["request"]["url"].as_str()?;
                (!["file:", "about:", "data:"]
                    .iter()
                    .any(|own| url.starts_with(own)))
                .then(|| format!("request: {url}"))
            }
            "Runtime.exceptionThrown" => Some(format!("exception: {}", event["params"])),
            "Runtime.consoleAPICalled" => Some(format!("console: {}", event["params"]["args"])),
            "Log.entryAdded" => Some(format!("log: {}", event["params"]["entry"]["text"])),
            _ => None,
        };
        Ok(self.events.iter().filter_map(fault).collect())
    }

    /// Forgets what the page has asked for so far, but for its last loading.
    pub fn forget(&mut self) {
        let is_request = |event: &Value| event["method"] == "Network.requestWillBeSent";
        let last = self.events.iter().rposition(is_request);
        let mut at = 0;
        self.events.retain(|event| {
            at += 1;
            !is_request(event) || Some(at - 1) == last
        });
    }

    /// How many files the page has asked for, itself counted.
    pub fn requests(&self) -> usize {
        self.events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .count()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.call("Browser.close", json!({}));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>> {
    use base64::Engine as _;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}
