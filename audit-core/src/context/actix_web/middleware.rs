//! What a user builds.

use std::borrow::Cow;
use std::fmt;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};

use super::service::AuditService;
use super::view::ServiceRequestView;
use super::{ClientAddress, Geolocation, MetadataWriter, Names, Rejection};
use crate::audit_log::AuditLog;
use crate::capture::AuditActor;
use crate::context::Context;
use crate::context::request::{Settings, Watch, Watching, common_methods};
use crate::context::state::{EncodedActor, State};
use crate::event::AuditValue;

/// Makes the context of each request; see [the module](crate::context::actix_web).
#[derive(Clone, Default)]
pub struct AuditMiddleware(Arc<Config>);

#[derive(Clone, Default)]
pub(super) struct Config {
    pub(super) settings: Settings,
    pub(super) watching: Watching,
    log: Option<AuditLog>,
    /// The user's own, in the order in which they were added.
    sources: Vec<Source>,
}

/// Takes something from a request that only its user's types can tell.
type Source = Arc<dyn Fn(&ServiceRequest, &mut State) + Send + Sync>;

impl AuditMiddleware {
    /// A middleware that tells the peer's address, the user agent and the request's name.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the actor from the request's extensions, where an authentication middleware in front of this one put it. A
    /// request without one has no actor, unless somebody calls [`set_actor`](crate::set_actor) further in.
    #[must_use]
    pub fn actor_from_extension<T: AuditActor + 'static>(self) -> Self {
        self.source(|request, state| {
            if let Some(actor) = request.extensions().get::<T>().and_then(EncodedActor::of) {
                state.set_actor(actor);
            }
        })
    }

    /// Takes the actor from the request. A function that panics tells of nobody.
    #[must_use]
    pub fn actor_from<T: AuditActor>(
        self,
        find: impl Fn(&ServiceRequest) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.source(move |request, state| {
            if let Some(actor) = find(request).as_ref().and_then(EncodedActor::of) {
                state.set_actor(actor);
            }
        })
    }

    /// Takes the organization from the request's extensions: an id as a string, or a type that serializes as one.
    #[must_use]
    pub fn organization_from_extension<T: AuditValue + 'static>(self) -> Self {
        self.source(|request, state| {
            if let Some(organization) = request.extensions().get::<T>() {
                state.set_organization(organization);
            }
        })
    }

    /// Takes the organization from the request.
    #[must_use]
    pub fn organization_from<T: AuditValue>(self, find: impl Fn(&ServiceRequest) -> T + Send + Sync + 'static) -> Self {
        self.source(move |request, state| state.set_organization(&find(request)))
    }

    /// Takes metadata from the request, for every event within it. A function that panics loses what it had not set yet.
    #[must_use]
    pub fn metadata(self, read: impl Fn(&ServiceRequest, &mut MetadataWriter<'_>) + Send + Sync + 'static) -> Self {
        self.source(move |request, state| read(request, &mut MetadataWriter::new(state)))
    }

    common_methods!();

    /// Where the events of these requests go, in place of the process's log: each test can give its own application its
    /// own.
    #[must_use]
    pub fn log(self, log: &AuditLog) -> Self {
        self.with(|config| config.log = Some(log.clone()))
    }

    fn source(self, source: impl Fn(&ServiceRequest, &mut State) + Send + Sync + 'static) -> Self {
        self.with(|config| config.sources.push(Arc::new(source)))
    }

    fn settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.with(|config| change(&mut config.settings))
    }

    fn watching(self, change: impl FnOnce(&mut Watching)) -> Self {
        self.with(|config| change(&mut config.watching))
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Config {
    /// The context of a request, and whether to look at it again.
    pub(super) fn begin(&self, view: &ServiceRequestView<'_>) -> (Context, Option<Watch>) {
        let mut watch = None;
        let context = Context::derived(|state| {
            self.settings.read(view, state);
            for source in &self.sources {
                // The request goes on, whatever its user's code does here.
                let _ = catch_unwind(AssertUnwindSafe(|| source(view.request(), state)));
            }
            if let Some(log) = &self.log {
                state.log = Some(log.clone());
            }
            // Behind another middleware of this kind, that one watches.
            if state.coverage.is_none() {
                watch = self.watching.begin(view);
                state.coverage = watch.as_ref().map(Watch::coverage);
            }
        });
        (context, watch)
    }
}

impl<S, B> Transform<S, ServiceRequest> for AuditMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = AuditService<S>;
    type InitError = ();
    type Future = Ready<Result<AuditService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(AuditService::new(inner, self.0.clone())))
    }
}

impl fmt::Debug for AuditMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditMiddleware").finish_non_exhaustive()
    }
}
