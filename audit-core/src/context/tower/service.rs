//! What runs for each request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::layer::Config;
use crate::context::InContext;

/// A service whose requests have a context; see [`AuditLayer`](super::AuditLayer).
#[derive(Clone)]
pub struct AuditService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> AuditService<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S, B> Service<Request<B>> for AuditService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let context = self.config.context(&parts);
        let request = Request::from_parts(parts, body);
        // The call itself may open scopes already, as a handler that is no `async fn` does.
        ResponseFuture { inner: context.scope_of(|| self.inner.call(request)) }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuditService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// A response to be, within its request's context.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: InContext<F>,
    }
}

impl<F: Future> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(task)
    }
}
