//! What is read from a request, and how.

use std::borrow::Cow;

use super::client_address::ClientAddress;
use super::geolocation::Geolocation;
use super::names::Names;
use super::text::{form_decoded, readable};
use super::view::RequestView;
use super::{request_id, trace};
use crate::context::state::State;
use crate::event::looks_secret;

/// How many parameters of one kind are told when all are.
const MOST_PARAMETERS: usize = 20;

/// How many pairs of a query are looked at. A form has fewer; whoever sends more wants to keep somebody busy.
const MOST_PAIRS: usize = 1_000;

/// What an integration reads from each request. The same for every framework.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) client_address: ClientAddress,
    pub(crate) user_agent: bool,
    /// The header that names the request; `None`: requests are not named.
    pub(crate) request_id: Option<Cow<'static, str>>,
    pub(crate) method: bool,
    pub(crate) route: bool,
    pub(crate) trace_id: bool,
    pub(crate) route_parameters: Names,
    pub(crate) query_parameters: Names,
    /// Headers and the metadata keys that they are told under.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) geolocation: Option<Geolocation>,
    /// The route parameter that is the organization.
    pub(crate) organization_from_path: Option<Cow<'static, str>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_address: ClientAddress::default(),
            user_agent: true,
            request_id: Some(Cow::Borrowed("x-request-id")),
            method: false,
            route: false,
            trace_id: false,
            route_parameters: Names::None,
            query_parameters: Names::None,
            headers: Vec::new(),
            geolocation: None,
            organization_from_path: None,
        }
    }
}

impl Settings {
    /// Whether anything asks for the parameters of the route, which cost a framework something to tell.
    pub(crate) fn wants_route_parameters(&self) -> bool {
        !self.route_parameters.is_none() || self.organization_from_path.is_some()
    }

    /// Writes what `request` says to `state`.
    pub(crate) fn read(&self, request: &dyn RequestView, state: &mut State) {
        // Behind another layer, what that one found stays, unless this one was told where to look.
        if !self.client_address.is_peer() {
            self.client_address.find(request, |location| state.set_location(location));
        } else if let Some(peer) = request.peer() {
            state.set_peer(peer.to_canonical());
        }
        if self.user_agent
            && let Some(user_agent) = request.user_agent()
        {
            state.set_user_agent_header(user_agent);
        }
        if let Some(header) = &self.request_id {
            state.set_request_id(request_id::taken(request.header(header)));
        }
        self.read_line(request, state);
        if self.trace_id {
            self.read_trace(request, state);
        }
        for (header, key) in &self.headers {
            if let Some(value) = request.header(header) {
                set_parameter(state, key.clone(), header, &readable(value));
            }
        }
        if let Some(geolocation) = &self.geolocation {
            geolocation.find(request, |key, value| state.set_text(key, value));
        }
    }

    /// The span knows better than the header: a sampler or a gateway may have begun a trace of its own.
    fn read_trace(&self, request: &dyn RequestView, state: &mut State) {
        #[cfg(feature = "opentelemetry")]
        if let Some(trace) = trace::of_current_span() {
            return state.set_text("trace_id", &trace);
        }
        if let Some(trace) = request.header("traceparent").and_then(trace::trace_id) {
            state.set_text("trace_id", trace);
        }
    }

    /// What stands in the request's first line.
    fn read_line(&self, request: &dyn RequestView, state: &mut State) {
        if self.method {
            state.set_text("method", request.method());
        }
        if self.route
            && let Some(route) = request.route()
        {
            state.set_text("route", &route);
        }
        if self.wants_route_parameters() {
            let mut told = 0;
            request.route_parameters(&mut |name, value| {
                if self.organization_from_path.as_deref() == Some(name) {
                    state.set_organization(&value);
                }
                if self.route_parameters.includes(name) && told < MOST_PARAMETERS {
                    told += 1;
                    set_parameter(state, format!("param_{}", readable(name.as_bytes())), name, value);
                }
            });
        }
        if !self.query_parameters.is_none() {
            self.read_query(request.query().unwrap_or_default(), state);
        }
    }

    /// Of a parameter that comes several times, the first is told.
    fn read_query(&self, query: &str, state: &mut State) {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MOST_PAIRS);
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named = pairs.map(|(name, value)| (form_decoded(name), value));
        let mut told = 0;
        for (name, value) in named.filter(|(name, _)| self.query_parameters.includes(name)) {
            let key = format!("query_{name}");
            if told == MOST_PARAMETERS {
                break;
            }
            if !state.has_metadata(&key) {
                told += 1;
                set_parameter(state, key, &name, &form_decoded(value));
            }
        }
    }
}

/// Sets what a client sent under a name, redacted if the name looks like a secret's.
fn set_parameter(state: &mut State, key: String, name: &str, value: &str) {
    state.set_text(key, if looks_secret(name) { "[redacted]" } else { value });
}
