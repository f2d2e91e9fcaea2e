//! A request of actix-web.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use actix_web::dev::{Path, ResourceDef, ServiceRequest};
use actix_web::http::header::HeaderValue;

use crate::context::request::{RequestView, decoded};

/// The routes whose parameters were asked for: a middleware runs before the router, which alone knows them.
#[derive(Default)]
pub(super) struct Patterns(RefCell<HashMap<String, ResourceDef>>);

pub(super) struct ServiceRequestView<'a> {
    request: &'a ServiceRequest,
    patterns: &'a Patterns,
}

impl<'a> ServiceRequestView<'a> {
    pub(super) fn new(request: &'a ServiceRequest, patterns: &'a Patterns) -> Self {
        Self { request, patterns }
    }

    pub(super) fn request(&self) -> &'a ServiceRequest {
        self.request
    }
}

impl RequestView for ServiceRequestView<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        self.request.match_pattern().map(Cow::Owned)
    }

    fn route_parameters(&self, each: &mut dyn FnMut(&str, &str)) {
        let Some(pattern) = self.request.match_pattern() else { return };
        let mut patterns = self.patterns.0.borrow_mut();
        let definition = patterns.entry(pattern).or_insert_with_key(|pattern| ResourceDef::new(pattern.as_str()));
        let mut path = Path::new(self.request.path());
        if definition.capture_match_info(&mut path) {
            for (name, value) in path.iter() {
                each(name, &decoded(value));
            }
        }
    }

    fn query(&self) -> Option<&str> {
        Some(self.request.query_string())
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.request.headers().get(name).map(HeaderValue::as_bytes)
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        self.request.headers().get_all(name).map(HeaderValue::as_bytes).collect()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.request.peer_addr().as_ref().map(SocketAddr::ip)
    }
}
