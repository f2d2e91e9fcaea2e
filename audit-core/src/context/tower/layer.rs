//! What a user builds.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::service::AuditService;
use super::view::PartsView;
use crate::audit_log::AuditLog;
use crate::capture::AuditActor;
use crate::context::Context;
use crate::context::request::{
    ClientAddress, Geolocation, MetadataWriter, Names, Rejection, Settings, Watch, Watching, common_methods,
};
use crate::context::state::{EncodedActor, State};
use crate::event::AuditValue;

/// Makes the context of each request; see [the module](crate::context::tower).
///
/// ```
/// use audit_core::Actor;
/// use audit_core::context::tower::{AuditLayer, ClientAddress, Geolocation, TrustedProxies};
///
/// #[derive(Clone)]
/// struct Claims { sub: String, org: String }
///
/// let layer = AuditLayer::new()
///     .client_address(ClientAddress::x_forwarded_for(TrustedProxies::hops(1)))
///     .actor_from(|request| {
///         let claims = request.extensions.get::<Claims>()?;
///         Some(Actor::user(&claims.sub).organization(&claims.org))
///     })
///     .method(true)
///     .route(true)
///     .query_parameters(["page"])
///     .geolocation(Geolocation::cloudflare())
///     .metadata(|request, metadata| {
///         metadata.set("http_version", format!("{:?}", request.version));
///     });
/// # let _ = layer;
/// ```
#[derive(Clone, Default)]
pub struct AuditLayer(Arc<Config>);

#[derive(Clone, Default)]
pub(super) struct Config {
    settings: Settings,
    watching: Watching,
    log: Option<AuditLog>,
    /// The user's own, in the order in which they were added.
    sources: Vec<Source>,
    /// Names routes where no router that is known does.
    name_route: Option<NameRoute>,
}

/// Names the route of a request.
type NameRoute = Arc<dyn Fn(&Parts) -> Option<String> + Send + Sync>;

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

    /// Takes the actor from the request's head, as from the claims of a token that an authentication verified. A function
    /// that panics tells of nobody.
    #[must_use]
    pub fn actor_from<T: AuditActor>(self, find: impl Fn(&Parts) -> Option<T> + Send + Sync + 'static) -> Self {
        self.source(move |parts, state| {
            if let Some(actor) = find(parts).as_ref().and_then(EncodedActor::of) {
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

    /// Takes the organization from the request's head.
    #[must_use]
    pub fn organization_from<T: AuditValue>(self, find: impl Fn(&Parts) -> T + Send + Sync + 'static) -> Self {
        self.source(move |parts, state| state.set_organization(&find(parts)))
    }

    /// Takes metadata from the request's head, for every event within the request. A function that panics loses what it
    /// had not set yet.
    #[must_use]
    pub fn metadata(self, read: impl Fn(&Parts, &mut MetadataWriter<'_>) + Send + Sync + 'static) -> Self {
        self.source(move |parts, state| read(parts, &mut MetadataWriter::new(state)))
    }

    common_methods!();

    /// The gRPC methods that change something, such as `/billing.Billing/Pay`: one that no event tells of is counted. All
    /// of gRPC is `POST`, so no other method of it is.
    #[must_use]
    pub fn grpc_changes<T: Into<String>>(self, methods: impl IntoIterator<Item = T>) -> Self {
        self.watching(|watching| watching.grpc_changes.extend(methods.into_iter().map(Into::into)))
    }

    /// How routes are named, as in `/invoices/{id}`, for [`route`](Self::route), rejections and coverage. axum tells its own and
    /// gRPC has the method; another router's is found here, as in an extension that it leaves. `None`, and a function that
    /// panics, is no route. Never the path itself: it would make a route of every id.
    ///
    /// ```
    /// use audit_core::context::tower::AuditLayer;
    ///
    /// let layer = AuditLayer::new().route_from(|request| {
    ///     request.uri.path().starts_with("/invoices/").then(|| "/invoices/{id}".to_owned())
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn route_from(self, name: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with(|config| config.name_route = Some(Arc::new(name)))
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
    pub(super) fn begin(&self, parts: &mut Parts) -> (Context, Option<Watch>) {
        let parameters = PartsView::parameters(parts, self.settings.wants_route_parameters());
        let named = self.name_route.as_ref();
        let named = named.and_then(|name| catch_unwind(AssertUnwindSafe(|| name(parts))).unwrap_or_default());
        let request = PartsView::new(parts, parameters, named);
        let mut watch = None;
        let context = Context::derived(|state| {
            self.settings.read(&request, state);
            for source in &self.sources {
                // The request goes on, whatever its user's code does here.
                let _ = catch_unwind(AssertUnwindSafe(|| source(request.parts(), state)));
            }
            if let Some(log) = &self.log {
                state.log = Some(log.clone());
            }
            // Behind another layer, that one watches.
            if state.coverage.is_none() {
                watch = self.watching.begin(&request);
                state.coverage = watch.as_ref().map(Watch::coverage);
            }
        });
        (context, watch)
    }

    pub(super) fn end(&self, watch: &Watch, context: &Context, status: u16) {
        self.watching.end(watch, context, status);
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
