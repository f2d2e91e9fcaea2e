//! What runs for each request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use pin_project_lite::pin_project;

use super::middleware::Config;
use super::view::{Patterns, ServiceRequestView};
use crate::context::InContext;
use crate::context::request::Watch;

/// A service whose requests have a context; see [`AuditMiddleware`](super::AuditMiddleware).
pub struct AuditService<S> {
    inner: S,
    config: Arc<Config>,
    patterns: Patterns,
}

impl<S> AuditService<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config, patterns: Patterns::default() }
    }
}

impl<S, B> Service<ServiceRequest> for AuditService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&self, task: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (context, watch) = self.config.begin(&ServiceRequestView::new(&request, &self.patterns));
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

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Poll::Ready(result) = this.inner.as_mut().poll(task) else { return Poll::Pending };
        if let (Some((config, watch)), Some(context)) = (this.watched.take(), this.inner.context()) {
            let status = match &result {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            config.watching.end(&watch, context, status.as_u16());
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
