//! The HTTP client of WorkOS.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderName, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout_at};

use super::endpoint::{self, Endpoint};
use super::http::Http;
use super::key::{ApiKeySource, CurrentKey};
use super::minimal::minimal;
use super::organization;
use super::reply::judge;
use super::retry_after::retry_after;
use super::skew::Skew;
use crate::Error;
use crate::delivery::{Answer, Reply, Said, Sink};
use crate::outbox::IdempotencyKey;
use crate::planted::{self, Bug, planted};

/// So much of an answer is read: WorkOS' longest known one, the errors of an event with twenty targets, is a tenth.
const LONGEST_ANSWER: usize = 64 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const THIS: HeaderValue = HeaderValue::from_static(concat!("audited/", env!("CARGO_PKG_VERSION")));
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// WorkOS Audit Logs: sends one event a request to `POST /audit_logs/events` over HTTP/1.1 connections that are kept.
#[derive(Debug)]
pub struct WorkOs {
    http: Http,
    endpoint: Endpoint,
    key: CurrentKey,
    timeout: Duration,
    skew: Skew,
}

/// Makes a [`WorkOs`].
#[derive(Debug)]
#[must_use]
pub struct WorkOsBuilder {
    key: ApiKeySource,
    base_url: String,
    connect_timeout: Duration,
    timeout: Duration,
}

impl WorkOs {
    /// Starts with an API key.
    ///
    /// ```
    /// use audit_core::workos::{ApiKeySource, WorkOs};
    ///
    /// let sink = WorkOs::builder(ApiKeySource::fixed("sk_test")).base_url("http://127.0.0.1:4000").build()?;
    /// # Ok::<_, audit_core::Error>(())
    /// ```
    pub fn builder(key: ApiKeySource) -> WorkOsBuilder {
        WorkOsBuilder {
            key,
            base_url: endpoint::DEFAULT.to_owned(),
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
        }
    }

    async fn post(&self, key: IdempotencyKey, payload: Bytes) -> Reply {
        if let Some(reason) = organization::missing(&payload) {
            return Reply::Refused(reason);
        }
        let payload = if planted(Bug::ReserializedBody) { planted::reserialized(payload) } else { payload };
        // Of everything together. Also what a hanging answer costs, so longer than any answer takes that arrives.
        let deadline = Instant::now() + self.timeout;
        match timeout_at(deadline, self.http.send(self.request(key, payload))).await {
            Ok(Ok(response)) => Reply::Answered(self.read(response, deadline).await),
            Ok(Err(error)) => self.failed(&error),
            Err(_) => Reply::Unknown(format!("there was no answer within {:?}", self.timeout)),
        }
    }

    fn request(&self, key: IdempotencyKey, payload: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(payload));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.events.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.key.header());
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, ANYTHING);
        headers.insert(USER_AGENT, THIS);
        // A UUID is always a header's value.
        if let Ok(key) = HeaderValue::try_from(key.to_string()) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        request
    }

    /// The status alone decides, so whatever goes wrong with the body changes nothing about it.
    async fn read(&self, mut response: Response<Incoming>, deadline: Instant) -> Answer {
        let status = response.status().as_u16();
        let now = SystemTime::now();
        self.skew.note(response.headers(), now);
        let retry_after = retry_after(response.headers(), now);
        let mut body = Vec::new();
        while let Ok(Some(Ok(frame))) = timeout_at(deadline, response.frame()).await {
            let chunk = frame.into_data().unwrap_or_default();
            let room = LONGEST_ANSWER - body.len();
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if body.len() == LONGEST_ANSWER {
                break;
            }
        }
        let said = match judge(status, &body) {
            Said::Refusal(reason) => Said::Refusal(self.key.hide_in(reason)),
            said @ (Said::Success | Said::Nothing) => said,
        };
        Answer { status, retry_after, said }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Reply {
        // Name lookup, connecting, a proxy's tunnel and the TLS handshake all come before the request's first byte.
        let not_sent = error.is_connect();
        let mut story = String::new();
        let mut cause = Some(error as &dyn std::error::Error);
        while let Some(error) = cause {
            let text = error.to_string();
            if !story.contains(&text) {
                if !story.is_empty() {
                    story.push_str(": ");
                }
                story.push_str(&text);
            }
            cause = error.source();
        }
        let story = self.key.hide_in(story);
        match not_sent {
            true if is_untrusted(error) => Reply::Untrusted(story),
            true => Reply::NotSent(story),
            false => Reply::Unknown(story),
        }
    }
}

/// Whether a certificate could not be verified, somewhere in the chain of causes.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(
            error,
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::UnsupportedNameType
                | rustls::Error::InvalidCertRevocationList(_)
        );
    }
    // An I/O error names the cause of the error that it carries, and not that error itself.
    let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    carried.is_some_and(|carried| is_untrusted(carried)) || error.source().is_some_and(is_untrusted)
}

impl Sink for WorkOs {
    fn send(&self, key: IdempotencyKey, payload: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.post(key, payload))
    }

    fn minimal(&self, payload: &[u8]) -> Option<Bytes> {
        minimal(payload)
    }

    fn refresh_credentials(&self) {
        self.key.refresh();
    }
}

impl WorkOsBuilder {
    /// Where WorkOS is. Default: `https://api.workos.com`. Takes https, and http on this machine only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// How long a connection may take, its TLS handshake included. Default: 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an attempt may take in all. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads the key and makes the client. Connects to nothing.
    ///
    /// # Errors
    /// [`Error::is_configuration`] when the key is missing or blank, or when the base URL is not one that a key may be
    /// sent to; [`Error::is_system`] when the system has no certificates to verify WorkOS by.
    pub fn build(self) -> Result<WorkOs, Error> {
        let endpoint = Endpoint::parse(&self.base_url)?;
        let key = CurrentKey::read(self.key)?;
        // What the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) is not asked for this machine.
        let proxies = if endpoint.is_loopback { Matcher::builder().build() } else { Matcher::from_env() };
        let http = Http::new(&endpoint.events, tls(&endpoint)?, &proxies, self.connect_timeout)?;
        Ok(WorkOs { http, endpoint, key, timeout: self.timeout, skew: Skew::default() })
    }
}

/// TLS by ring, with what the platform trusts. The process's default provider is neither used nor set: it is the
/// application's.
fn tls(endpoint: &Endpoint) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| {
        Error::system(
            "TLS could not be set up: the system seems to have no root certificates (install `ca-certificates`, or \
             name a file of them in SSL_CERT_FILE)",
        )
        .with_source(error)
    };
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    if endpoint.is_plain {
        // Nothing will be verified, and reading the platform's certificates takes tens of milliseconds.
        return Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(failed)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}
