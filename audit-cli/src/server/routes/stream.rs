//! `GET /_audited/stream?after=N`: every request as it is answered, in batches.
//!
//! Server-sent events for the page; JSON lines, one a request, for who accepts
//! `application/x-ndjson`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::ledger::Entry;
use super::super::record::Counts;
use super::super::state::State as Server;
use super::super::summary;
use super::control;

/// A watcher starts with so many, and one that lags further behind skips to so many.
const BACKLOG: u64 = 10_000;
const BATCH: usize = 500;
/// Between two batches, so that a burst comes in few.
const PAUSE: Duration = Duration::from_millis(60);
/// A sign of life, and the settings that changed meanwhile.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The query.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    after: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    ServerSentEvents,
    Lines,
}

struct Watcher {
    server: Arc<Server>,
    changes: watch::Receiver<Counts>,
    last: u64,
    form: Form,
    first: bool,
}

/// Streams until the client goes away.
pub(crate) async fn stream(
    State(server): State<Arc<Server>>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response<Body> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let form = if accept.is_some_and(|accept| accept.contains("application/x-ndjson")) {
        Form::Lines
    } else {
        Form::ServerSentEvents
    };
    // A browser that reconnects tells where it was, which means nothing to another run.
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let resumed = last_id.map(|id| match id.split_once('.') {
        Some((instance, number)) if instance == server.instance => number.parse().unwrap_or(0),
        _ => 0,
    });
    let received = server.ledger.counts().received;
    let watcher = Watcher {
        changes: server.ledger.changes(),
        last: resumed.or(from.after).unwrap_or(0).min(received),
        server,
        form,
        first: true,
    };
    let body = stream::unfold(watcher, |mut watcher| async move {
        let piece = watcher.next().await;
        Some((Ok::<_, Infallible>(piece), watcher))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    let kind = match form {
        Form::ServerSentEvents => "text/event-stream",
        Form::Lines => "application/x-ndjson",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Watcher {
    async fn next(&mut self) -> Bytes {
        if !self.first {
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let received = self.changes.borrow_and_update().received;
            let skipped = received.saturating_sub(self.last).saturating_sub(BACKLOG);
            self.last += skipped;
            let entries = self.server.ledger.after(self.last, BATCH);
            if !entries.is_empty() || self.first {
                self.first = false;
                return self.batch(&entries);
            }
            let changed = tokio::time::timeout(HEARTBEAT, self.changes.changed());
            if changed.await.is_err() {
                return self.batch(&[]);
            }
        }
    }

    fn batch(&mut self, entries: &[Arc<Entry>]) -> Bytes {
        if let Some(newest) = entries.last() {
            self.last = newest.number;
        }
        let rows = entries.iter().map(|entry| summary::short(entry));
        match self.form {
            Form::Lines => {
                let mut lines = String::new();
                for row in rows {
                    lines.push_str(&row.to_string());
                    lines.push('\n');
                }
                // A blank line is a sign of life.
                Bytes::from(if lines.is_empty() { "\n".into() } else { lines })
            }
            Form::ServerSentEvents => {
                let requests: Vec<Value> = rows.collect();
                let data = json!({
                    "requests": requests,
                    "status": control::show(&self.server),
                });
                // JSON has no line break outside its strings, and writes them as \n inside.
                let (instance, last) = (&self.server.instance, self.last);
                Bytes::from(format!("retry: 1000\nid: {instance}.{last}\ndata: {data}\n\n"))
            }
        }
    }
}
