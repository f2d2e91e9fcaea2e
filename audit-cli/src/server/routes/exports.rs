//! `/audit_logs/exports`, and the CSV behind an export's URL.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::exports::{Export, Filter, Table};
use super::super::guard;
use super::super::journal::Record;
use super::super::lock::lock;
use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::call::{Answer, Call};
use super::reply;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A piece of a CSV as it is sent.
const PIECE: usize = 64 * 1024;

/// `POST /audit_logs/exports`
pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let server = call.server;
    // The description has 400 and no 422 for this path.
    let body = call.json().map_err(|refusal| Refusal { status: 400, ..refusal })?;
    let mut filter = Filter::parse(&body)?;
    let organization = filter.organization.clone().unwrap_or_default();
    if !server.settings.knows_organization(&organization) {
        let refusal = Refusal::organization_not_found(&organization);
        return Err(Refusal { status: 400, ..refusal });
    }
    let now = server.clock.now();
    let days = lock(&server.retentions).days(&organization);
    let kept_from = now.checked_sub(DAY * days).unwrap_or_default();
    filter.received_from_ms = Some(kept_from.as_millisecond());
    filter.received_to_ms = Some(now.as_millisecond());
    if server.settings.readings.refuse_empty_export && !any(server, &filter)? {
        let message = json!(["No audit log events found"]);
        return Err(Refusal {
            body: json!({ "message": message, "error": "Bad Request" }),
            ..Refusal::message(400, "No audit log events found")
        }
        .because(
            "no event of this organization is in the range and passes the filters",
            "Widen the range, which is held against `occurred_at`, or drop a filter.",
        ));
    }
    let export = Export::new(filter, now, server.settings.export_delay);
    let answer = export.created();
    let record = serde_json::to_value(&export).map_err(|e| unreadable(&e.into()))?;
    server.keep(&Record::Export { export: Cow::Owned(record) })?;
    lock(&server.exports).add(export);
    Ok(Answer(201, answer))
}

/// `GET /audit_logs/exports/{auditLogExportId}`
pub(crate) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    let now = call.server.clock.now();
    // The name by which the client reached this server reaches it for the download too.
    let base = format!("http://{}", guard::host(call.headers).unwrap_or_default());
    let export = lock(&call.server.exports).show(call.parameter, now, &base);
    export.map(|export| Answer(200, export)).ok_or_else(|| {
        let id = call.parameter;
        Refusal::message(404, format!("Audit Log Export not found: '{id}'."))
    })
}

/// `GET /_audited/exports/{token}/audit-logs.csv`: no key, as behind WorkOS' signed URL.
pub(crate) async fn download(State(server): State<Arc<Server>>, Path(token): Path<String>) -> Response<Body> {
    let now = server.clock.now();
    let filter = lock(&server.exports).by_token(&token, now).map(|export| export.filter.clone());
    match filter {
        Some(filter) => csv(&server, filter),
        None => reply::refusal(&Refusal::message(403, "This URL has expired. Get the export again for a new one.")),
    }
}

fn any(server: &Server, filter: &Filter) -> Result<bool, Refusal> {
    let mut found = false;
    let visited = server.stored(|at, body| {
        found = taken(filter, at, body).is_some();
        !found
    });
    visited.map(|()| found).map_err(|error| unreadable(&error))
}

fn taken(filter: &Filter, at: i64, body: &[u8]) -> Option<Value> {
    let request: Value = serde_json::from_slice(body).ok()?;
    filter.takes(at, &request).then_some(request)
}

fn unreadable(error: &io::Error) -> Refusal {
    Refusal::message(500, "Internal Server Error")
        .because(format!("the data directory cannot be read: {error}"), "Look at the disk, or start without `--data`.")
}

/// The stored events that the filter takes, sent as they are found.
pub(crate) fn csv(server: &Arc<Server>, filter: Filter) -> Response<Body> {
    let (pieces, received) = mpsc::channel(4);
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { piece: Vec::with_capacity(PIECE), to: pieces };
        let written = write(&server, &filter, &mut out).and_then(|()| out.flush());
        if let Err(error) = written {
            // Breaks the download off, unless the client did, so that it is not taken for whole.
            let _ = out.to.blocking_send(Err(error));
        }
    });
    let body = stream::unfold(received, |mut received| async { received.recv().await.map(|piece| (piece, received)) });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit-logs.csv\""));
    response
}

fn write(server: &Server, filter: &Filter, out: &mut Pieces) -> io::Result<()> {
    let mut table = Table::new(out).map_err(io::Error::from)?;
    let mut written = Ok(());
    server.stored(|at, body| {
        if let Some(request) = taken(filter, at, body) {
            written = table.row(&request);
        }
        written.is_ok()
    })?;
    written.map_err(io::Error::from)?;
    table.finish().map_err(io::Error::from)
}

/// Collects bytes and sends them on in pieces.
struct Pieces {
    piece: Vec<u8>,
    to: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.to.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
