//! What the surroundings of a call say: who asks, from where, with what.
//!
//! A [`Context`] belongs to one request or one job. Every scope that opens within it takes from it what it does not say
//! itself. It is carried by value and entered for each poll, so no other request on the same thread can see it.
//!
//! For requests a framework's integration makes it: `tower` (axum, tonic and all else on tower) and `actix_web`.

#[cfg(feature = "actix-web")]
pub mod actix_web;
#[cfg(feature = "axum")]
mod axum;
mod coverage;
mod detached;
mod entered;
mod message;
#[cfg(feature = "request")]
pub mod request;
mod state;
#[cfg(feature = "tonic")]
pub mod tonic;
#[cfg(feature = "tower")]
pub mod tower;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit_log::AuditLog;
use crate::capture::AuditActor;
use crate::event::{AuditValue, Defaults};
use crate::spare::{self, Spare};

use self::entered::Entered;
use self::state::{EncodedActor, State};

pub use self::entered::InContext;
pub use self::message::InvalidContext;

pub(crate) use self::coverage::Unaudited;
pub(crate) use self::detached::detached;
pub(crate) use self::state::UNKNOWN_LOCATION;

/// Requests whose header named no client address although it should.
pub(crate) fn unreadable_addresses() -> u64 {
    #[cfg(feature = "request")]
    return request::unreadable_addresses();
    #[cfg(not(feature = "request"))]
    0
}

#[cfg(feature = "axum")]
pub(crate) use self::axum::{respond, respond_sync};

/// What a request or a job says about all that happens within it.
///
/// ```
/// # async fn send_reminders() {}
/// # async fn example() {
/// use audit_core::{Actor, context};
///
/// context()
///     .actor(&Actor::job("invoice-reminder").organization("org_01"))
///     .location("worker-3.internal")
///     .scope(send_reminders())
///     .await;
/// # }
/// ```
///
/// A task that is spawned does not inherit it by itself: hand it over. [`context()`](context()) is the handle, taken
/// where the request still is.
///
/// ```
/// # async fn notify() {}
/// # fn render() {}
/// # async fn example() {
/// use audit_core::context;
///
/// tokio::spawn(context().scope(notify()));
///
/// let here = context();
/// tokio::task::spawn_blocking(move || here.in_scope(render));
///
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(context().scope(notify()));
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Context(Arc<Mutex<State>>);

thread_local! {
    /// What contexts of requests that ended on this thread were made of, empty.
    static SPARE: Spare<Arc<Mutex<State>>> = const { Spare::new() };
}

/// The context that is current here, to be carried into a task or a job; an empty one if there is none.
#[must_use]
pub fn context() -> Context {
    Context::current().unwrap_or_default()
}

/// Says who acts, for the whole request: for an actor that is known only after the context was made, as when the
/// authentication runs further in. Without a context, this does nothing.
///
/// ```
/// use audit_core::{Actor, context, set_actor};
///
/// context().in_scope(|| {
///     // In a middleware behind the one that made the context.
///     set_actor(&Actor::user("user_01").organization("org_01"));
/// });
/// ```
pub fn set_actor<T: AuditActor + ?Sized>(actor: &T) {
    if let (Some(context), Some(actor)) = (Context::current(), EncodedActor::of(actor)) {
        context.lock().set_actor(actor);
    }
}

impl Context {
    /// The context that is current on this thread, if any.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        entered::current()
    }

    /// A context that begins as the current one and says what `change` adds.
    #[cfg(feature = "request")]
    pub(crate) fn derived(change: impl FnOnce(&mut State)) -> Self {
        let mut shared = spare::take(&SPARE).unwrap_or_default();
        // Nobody else has it: it is new, or was kept since nobody else had it.
        if let Some(state) = Arc::get_mut(&mut shared) {
            let state = state.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Some(outer) = Self::current() {
                outer.settled().clone_into(state);
            }
            change(state);
        }
        Self(shared)
    }

    /// Ends this handle, and keeps what it was made of for the thread's next request if it was the last one.
    fn recycle(self) {
        let Self(mut shared) = self;
        if let Some(state) = Arc::get_mut(&mut shared)
            && state.get_mut().unwrap_or_else(PoisonError::into_inner).clear()
        {
            spare::keep(&SPARE, shared);
        }
    }

    /// Who acts. Their organization becomes the context's, unless it has one.
    #[must_use]
    pub fn actor<T: AuditActor + ?Sized>(self, actor: &T) -> Self {
        match EncodedActor::of(actor) {
            Some(actor) => self.with(|state| state.set_actor(actor)),
            None => self,
        }
    }

    /// On whose behalf.
    #[must_use]
    pub fn organization(self, organization: impl AuditValue) -> Self {
        self.with(|state| state.set_organization(&organization))
    }

    /// From where: an IP address or another identifier of a place, of at most 500 characters. WorkOS wants one in every
    /// event; without one it is `unknown`.
    #[must_use]
    pub fn location(self, location: &str) -> Self {
        self.with(|state| state.set_location(location))
    }

    /// With which program, in at most 500 characters.
    #[must_use]
    pub fn user_agent(self, user_agent: &str) -> Self {
        self.with(|state| state.set_user_agent(user_agent))
    }

    /// Metadata for every event within this context. What an event says itself under the same key wins, and so do its
    /// other keys if there are more than WorkOS takes.
    #[must_use]
    pub fn metadata(self, key: &str, value: impl AuditValue) -> Self {
        self.with(|state| state.set_value(key, &value))
    }

    /// The log that events within this context go to, in the place of the process's.
    #[must_use]
    pub fn log(self, log: &AuditLog) -> Self {
        self.with(|state| state.log = Some(log.clone()))
    }

    /// Runs `future` within this context. It is dropped within it, too.
    pub fn scope<F: Future>(self, future: F) -> InContext<F> {
        InContext::new(future, Some(self))
    }

    /// Runs `make`, and the future that it makes, within this context.
    #[cfg(feature = "request")]
    pub(crate) fn scope_of<F>(self, make: impl FnOnce() -> F) -> InContext<F> {
        let mut context = Some(self);
        let future = {
            let _entered = Entered::new(&mut context);
            make()
        };
        InContext::new(future, context)
    }

    /// Runs `body` within this context, on this thread.
    pub fn in_scope<R>(self, body: impl FnOnce() -> R) -> R {
        let mut context = Some(self);
        let _entered = Entered::new(&mut context);
        body()
    }

    /// Changes this context, and no other that shares its beginnings.
    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        let mut state = self.settled().clone();
        change(&mut state);
        Self(Arc::new(Mutex::new(state)))
    }

    /// What is told of the context, or copied.
    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.settle();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(feature = "request")]
    pub(crate) fn has_actor(&self) -> bool {
        self.lock().has_actor()
    }

    pub(crate) fn chosen_log(&self) -> Option<AuditLog> {
        self.lock().log.clone()
    }

    /// Appends the `context` object of an event that begins to `buf`.
    pub(crate) fn begin_event(&self, buf: &mut Vec<u8>) {
        let state = self.settled();
        if let Some(coverage) = &state.coverage {
            coverage.cover();
        }
        state.push_json(buf);
    }

    /// What is done here was left out of the log on purpose.
    pub(crate) fn skip(&self) {
        if let Some(coverage) = &self.lock().coverage {
            coverage.cover();
        }
    }

    /// Lends what an event takes from here.
    pub(crate) fn defaults<R>(&self, then: impl FnOnce(Defaults<'_>) -> R) -> R {
        then(self.settled().defaults())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}
