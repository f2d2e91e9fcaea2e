//! A client that knows nothing of the server, and the event of WorkOS' reference page.

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

/// Sends to one server.
pub(crate) struct Sender {
    client: Client,
    url: String,
}

impl Sender {
    pub(crate) fn to(workos: &LocalWorkos) -> Self {
        Self {
            client: Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .build()
                .unwrap(),
            url: workos.url(),
        }
    }

    /// Create event, as an SDK does it.
    pub(crate) async fn create(
        &self,
        key: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> reqwest::Result<Response> {
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
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth("sk_test")
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
