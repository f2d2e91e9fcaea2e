//! What is looked at again once a request is answered.

use std::sync::Arc;

use super::rejection::Rejection;
use super::view::RequestView;
use crate::audit_log::registry;
use crate::context::Context;
use crate::context::coverage::Coverage;

/// Which answers are looked at, and what is told of them.
#[derive(Clone, Default)]
pub(crate) struct Watching {
    pub(crate) rejections: Vec<Rejection>,
    /// The gRPC methods that change something. gRPC sends all of them as `POST`.
    pub(crate) grpc_changes: Vec<String>,
    /// Changing requests that no event tells of are not counted.
    pub(crate) without_coverage: bool,
}

/// One request that is looked at again.
pub(crate) struct Watch {
    coverage: Arc<Coverage>,
    changes: bool,
    method: String,
    route: Option<String>,
}

impl Watching {
    /// Begins to watch a request, if anything could come of it.
    pub(crate) fn begin(&self, request: &dyn RequestView) -> Option<Watch> {
        let changes = !self.without_coverage && self.changes(request);
        (changes || !self.rejections.is_empty()).then(|| Watch {
            coverage: Arc::default(),
            changes,
            method: request.method().to_owned(),
            route: request.route().map(std::borrow::Cow::into_owned),
        })
    }

    fn changes(&self, request: &dyn RequestView) -> bool {
        let is_grpc = || request.header("content-type").is_some_and(|kind| kind.starts_with(b"application/grpc"));
        match request.method() {
            "POST" if is_grpc() => {
                request.route().is_some_and(|route| self.grpc_changes.iter().any(|known| *known == *route))
            }
            "POST" | "PUT" | "PATCH" | "DELETE" => true,
            _ => false,
        }
    }

    /// Looks at the answer: an HTTP status, or the one that says the same as a gRPC status.
    pub(crate) fn end(&self, watch: &Watch, context: &Context, status: u16) {
        if watch.coverage.is_covered() {
            return;
        }
        if let Some(route) = &watch.route {
            Rejection::tell(&self.rejections, context, status, &watch.method, route);
        }
        // A request that was turned away changed nothing.
        if watch.changes
            && !(400..500).contains(&status)
            && let Some(log) = registry::find(Some(context))
        {
            let route = watch.route.as_deref().unwrap_or("(no route)");
            log.unaudited().add(&format!("{} {route}", watch.method));
        }
    }
}

impl Watch {
    pub(crate) fn coverage(&self) -> Arc<Coverage> {
        self.coverage.clone()
    }
}

/// The HTTP status that says the same as a gRPC status, as
/// [google.rpc.Code](https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto) maps them, save that
/// `INVALID_ARGUMENT` is what extractors answer with 422.
#[cfg(feature = "tower")]
pub(crate) fn status_of_grpc(code: &[u8]) -> u16 {
    match code {
        b"0" => 200,
        b"3" => 422,
        b"5" => 404,
        b"7" => 403,
        b"8" => 429,
        b"16" => 401,
        _ => 500,
    }
}
