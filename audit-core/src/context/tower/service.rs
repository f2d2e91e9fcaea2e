//! What runs for each request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::layer::Config;
use crate::context::InContext;
use crate::context::request::{Watch, status_of_grpc};

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

impl<S, B, R> Service<Request<B>> for AuditService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let (context, watch) = self.config.begin(&mut parts);
        let request = Request::from_parts(parts, body);
        // The call itself may open scopes already, as a handler that is no `async fn` does.
        let inner = context.scope_of(|| self.inner.call(request));
        ResponseFuture { inner, watched: watch.map(|watch| (self.config.clone(), watch)) }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuditService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// A response to be, within its request's context.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: InContext<F>,
        watched: Option<(Arc<Config>, Watch)>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Poll::Ready(result) = this.inner.as_mut().poll(task) else { return Poll::Pending };
        if let (Some((config, watch)), Some(context), Ok(response)) =
            (this.watched.take(), this.inner.context(), &result)
        {
            config.end(&watch, context, status(response));
        }
        Poll::Ready(result)
    }
}

/// The status of a response; a gRPC one says it in a header if it ended before it began.
fn status<R>(response: &Response<R>) -> u16 {
    match response.headers().get("grpc-status") {
        Some(code) => status_of_grpc(code.as_bytes()),
        None => response.status().as_u16(),
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
