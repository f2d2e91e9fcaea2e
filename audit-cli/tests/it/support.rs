//! A client that knows nothing of the server, and the event of WorkOS' reference page.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use audited_cli::LocalWorkos;
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// Long enough for a loaded machine; no test waits it out when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The example of the API reference, with this id of its actor.
pub(crate) fn event(actor: &str) -> Value {
    json!({"organization_id": "org_01EHWNCE74X7JSDV0X3SZ3KJNY", "event": {
        "action": "user.signed_in", "occurred_at": "2022-09-02T16:35:39.317Z", "version": 1,
        "actor": {"type": "user", "id": actor, "metadata": {"role": "admin"}},
        "targets": [{"type": "user", "id": "user_98432YHF", "name": "Jon Smith"},
            {"type": "team", "id": "team_J8YASKA2", "metadata": {"owner": "user_01GBTCQ2"}}],
        "context": {"location": "123.123.123.123", "user_agent": "Chrome/104.0.0.0"},
        "metadata": {"extra": "data"}}})
}

/// An HTTP client. Built together with the runtime, `reqwest` has TLS and no provider for it, and asks for one even where
/// it only talks HTTP.
pub(crate) fn client() -> Client {
    // Fails where another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Sends to one server.
pub(crate) struct Sender {
    client: Client,
    url: String,
}

impl Sender {
    pub(crate) fn to(workos: &LocalWorkos) -> Self {
        Self::to_url(workos.url())
    }

    pub(crate) fn to_url(url: String) -> Self {
        Self { client: client(), url }
    }

    /// Create event, as an SDK does it.
    pub(crate) async fn create(&self, key: Option<&str>, body: impl Into<Vec<u8>>) -> reqwest::Result<Response> {
        let mut request = self
            .client
            .post(format!("{}/audit_logs/events", self.url))
            .bearer_auth("sk_test")
            .header("Content-Type", "application/json")
            .body(body.into());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.send().await
    }

    /// Any request with the good key.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth("sk_test")
    }

    /// A request without a key.
    pub(crate) fn anonymous(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }
}

/// Status and JSON body.
pub(crate) async fn told(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The program `audited`, killed when the test is over.
pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Program {
    /// `audited dev` on a free port, running.
    pub(crate) fn dev(arguments: &[&str]) -> Self {
        let mut child =
            audited(&["dev", "--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            if let Some((_, found)) = line.trim().split_once("WORKOS_BASE_URL=") {
                url = found.to_owned();
                break;
            }
            line.clear();
        }
        assert!(url.starts_with("http://"), "no URL was printed");
        Self { child, output, url }
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::to_url(self.url.clone())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it printed since its URL.
    pub(crate) fn rest(mut self) -> String {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.output, &mut rest).unwrap();
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with these arguments.
pub(crate) fn audited(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audited"));
    command.args(arguments);
    command
}

/// Says past the test harness, which would keep it to itself, that a test did not run; with
/// `CI=true` it fails. Answers `false`, for "was it possible?".
pub(crate) fn skip(why: &str) -> bool {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    let skipped = format!("\n*** SKIPPED a test: {why}\n");
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    false
}
