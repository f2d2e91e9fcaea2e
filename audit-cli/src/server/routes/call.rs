//! Requests other than create event: read, judged, put on the record and answered in one way.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;

use super::super::auth;
use super::super::ledger::Entry;
use super::super::record::Verdict;
use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::reply;

/// A request that carried a good key.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) headers: &'a HeaderMap,
    /// The one parameter of the path, or an empty text.
    pub(crate) parameter: &'a str,
    pub(crate) query: &'a [(String, String)],
    body: &'a [u8],
}

/// Success.
pub(crate) struct Answer(pub(crate) u16, pub(crate) Value);

/// What one method of one path does.
pub(crate) type Verb = fn(&Call<'_>) -> Result<Answer, Refusal>;

/// The method of a path.
pub(crate) fn verb(method: MethodFilter, verb: Verb) -> MethodRouter<Arc<Server>> {
    on(method, move |State(server): State<Arc<Server>>, parameters: RawPathParams, request: Request| async move {
        let parameter = parameters.iter().next().map(|(_, value)| value.to_owned());
        answer(&server, &parameter.unwrap_or_default(), request, verb).await
    })
}

impl Call<'_> {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body).map_err(|error| {
            Refusal::message(422, format!("Request body is not valid JSON: {error}")).because(
                format!("the body is not JSON: {error}"),
                "Send one JSON object with `Content-Type: application/json`.",
            )
        })
    }
}

async fn answer(server: &Server, parameter: &str, request: Request, verb: Verb) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let at = server.clock.now();
    let read = reply::read(body, server.settings.body_limit).await;
    let bytes = read.as_ref().cloned().unwrap_or_default();
    let judged = read.and_then(|body| {
        server.admit(auth::api_key(&parts.headers, &server.settings)?)?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Refusal::message(422, error.body_text()))?;
        verb(&Call { server, headers: &parts.headers, parameter, query: &query.0, body: &body })
    });
    let method = parts.method;
    let path = parts.uri.path().to_owned();
    match judged {
        Ok(Answer(status, value)) => {
            let entry = entry(server, &method, path, &bytes, status, None);
            server.ledger.append(Entry { at, ..entry });
            reply::json(status, &value)
        }
        Err(refusal) => {
            let response = reply::refusal(&refusal);
            let entry = entry(server, &method, path, &bytes, refusal.status, Some(refusal));
            server.ledger.append(Entry { at, ..entry });
            response
        }
    }
}

/// The record of a request that did not create an event.
pub(crate) fn entry(
    server: &Server,
    method: &Method,
    path: String,
    body: &[u8],
    status: u16,
    refusal: Option<Refusal>,
) -> Entry {
    Entry {
        number: 0,
        at: server.clock.now(),
        method: method.to_string().into(),
        path: path.into(),
        key: None,
        identity: None,
        body: Box::from(body),
        verdict: match refusal {
            Some(_) => Verdict::Refused,
            None => Verdict::Answered,
        },
        status: Some(status),
        fault: None,
        refusal: refusal.map(Box::new),
    }
}
