//! What a user builds.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::service::AuditService;
use super::view::PartsView;
use crate::audit_log::AuditLog;
use crate::capture::AuditActor;
use crate::context::Context;
use crate::context::request::Settings;
use crate::context::state::{EncodedActor, State};
use crate::event::AuditValue;

/// Makes the context of each request; see [the module](self).
///
/// ```
/// # fn example() {
/// use audit_core::context::tower::AuditLayer;
///
/// let layer = AuditLayer::new().location_from_header("true-client-ip");
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct AuditLayer(Arc<Config>);

#[derive(Clone, Default)]
pub(super) struct Config {
    settings: Settings,
    log: Option<AuditLog>,
    /// The user's own, in the order in which they were added.
    sources: Vec<Source>,
}

/// Takes something from a request's head that only its user's types can tell.
type Source = Arc<dyn Fn(&Parts, &mut State) + Send + Sync>;

impl AuditLayer {
    /// A layer that tells the peer's address, the user agent and the request's name.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the actor from the request's extensions, where an authentication middleware in front of this one put it. A
    /// request without one has no actor, unless somebody calls [`set_actor`](crate::set_actor) further in.
    #[must_use]
    pub fn actor_from_extension<T: AuditActor + Send + Sync + 'static>(self) -> Self {
        self.source(|parts, state| {
            if let Some(actor) = parts.extensions.get::<T>().and_then(EncodedActor::of) {
                state.set_actor(actor);
            }
        })
    }

    /// Takes the organization from the request's extensions: an id as a string, or a type that serializes as one.
    #[must_use]
    pub fn organization_from_extension<T: AuditValue + Send + Sync + 'static>(self) -> Self {
        self.source(|parts, state| {
            if let Some(organization) = parts.extensions.get::<T>() {
                state.set_organization(organization);
            }
        })
    }

    /// Believes what this header says about the client's address, as it stands, and takes the peer's where it is absent.
    /// Only for a header that a proxy in front of the service sets on every request, whatever the client sent:
    /// `true-client-ip`, `cf-connecting-ip`, `fastly-client-ip`.
    #[must_use]
    pub fn location_from_header(self, name: &'static str) -> Self {
        self.with(|config| config.settings.location_header = Some(name))
    }

    /// Whether events tell the user agent; they do.
    #[must_use]
    pub fn user_agent(self, told: bool) -> Self {
        self.with(|config| config.settings.user_agent = told)
    }

    /// Which header names the request, in place of `x-request-id`. A request without it gets a name of its own.
    #[must_use]
    pub fn request_id_from_header(self, name: &'static str) -> Self {
        self.with(|config| config.settings.request_id = Some(name))
    }

    /// Does not name requests.
    #[must_use]
    pub fn without_request_id(self) -> Self {
        self.with(|config| config.settings.request_id = None)
    }

    /// Where the events of these requests go, in place of the process's log: each test can give its own application its
    /// own.
    #[must_use]
    pub fn log(self, log: &AuditLog) -> Self {
        self.with(|config| config.log = Some(log.clone()))
    }

    fn source(self, source: impl Fn(&Parts, &mut State) + Send + Sync + 'static) -> Self {
        self.with(|config| config.sources.push(Arc::new(source)))
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Config {
    /// The context of a request.
    pub(super) fn context(&self, parts: &Parts) -> Context {
        Context::derived(|state| {
            self.settings.read(&PartsView(parts), state);
            for source in &self.sources {
                source(parts, state);
            }
            if let Some(log) = &self.log {
                state.log = Some(log.clone());
            }
        })
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService::new(inner, self.0.clone())
    }
}

impl fmt::Debug for AuditLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLayer").finish_non_exhaustive()
    }
}
