//! What the surroundings of a call say: who asks, from where, with what.
//!
//! A [`Context`] belongs to one request or one job. Every scope that opens within it takes from it what it does not say
//! itself. It is carried by value and entered for each poll, so no other request on the same thread can see it.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::audit_log::AuditLog;
use crate::capture::{ActorWriter, AuditActor};
use crate::event::limits::{ACTOR_BYTES, METADATA_VALUE_CHARS, TEXT_CHARS};
use crate::event::{AuditValue, Defaults, Mended, Organization, Out, Thing, push_string};

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

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
#[derive(Clone, Default)]
pub struct Context(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    /// JSON strings.
    location: Option<Vec<u8>>,
    user_agent: Option<Vec<u8>>,
    /// A JSON object.
    actor: Option<Vec<u8>>,
    organization: Option<Organization>,
    /// Keys and their JSON values.
    metadata: Vec<(String, Vec<u8>)>,
    log: Option<AuditLog>,
}

/// The context that is current here, to be carried into a task or a job; an empty one if there is none.
#[must_use]
pub fn context() -> Context {
    Context::current().unwrap_or_default()
}

/// Says who acts, for the whole request: for an actor that is known only after the context was made, as when the
/// authentication runs further in. Without a context, this does nothing.
pub fn set_actor<T: AuditActor + ?Sized>(actor: &T) {
    if let Some(context) = Context::current() {
        context.lock().set_actor(actor);
    }
}

impl Context {
    /// The context that is current on this thread, if any.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten()
    }

    /// Who acts. Their organization becomes the context's, unless it has one.
    #[must_use]
    pub fn actor<T: AuditActor + ?Sized>(self, actor: &T) -> Self {
        self.with(|state| state.set_actor(actor))
    }

    /// On whose behalf.
    #[must_use]
    pub fn organization(self, organization: impl AuditValue) -> Self {
        self.with(|state| {
            let (mut buf, mut mended) = (Vec::new(), Mended::default());
            let mut id = Organization::default();
            id.set(Out { buf: &mut buf, mended: &mut mended, key: None }, &organization);
            if !id.is_none() {
                state.organization = Some(id);
            }
        })
    }

    /// From where: an IP address or another identifier of a place. WorkOS wants one in every event.
    #[must_use]
    pub fn location(self, location: &str) -> Self {
        self.with(|state| state.location = text(location))
    }

    /// With which program.
    #[must_use]
    pub fn user_agent(self, user_agent: &str) -> Self {
        self.with(|state| state.user_agent = text(user_agent))
    }

    /// Metadata for every event within this context. What an event says itself under the same key wins.
    #[must_use]
    pub fn metadata(self, key: &str, value: &str) -> Self {
        self.with(|state| {
            let mut json = Vec::new();
            push_string(&mut json, value, METADATA_VALUE_CHARS);
            state.metadata.retain(|(known, _)| known != key);
            state.metadata.push((key.to_owned(), json));
        })
    }

    /// The log that events within this context go to, in the place of the process's.
    #[must_use]
    pub fn log(self, log: &AuditLog) -> Self {
        self.with(|state| state.log = Some(log.clone()))
    }

    /// Runs `future` within this context.
    pub fn scope<F: Future>(self, future: F) -> InContext<F> {
        InContext { future, context: Some(self) }
    }

    /// Runs `body` within this context, on this thread.
    pub fn in_scope<R>(self, body: impl FnOnce() -> R) -> R {
        let mut context = Some(self);
        let _entered = Entered::new(&mut context);
        body()
    }

    /// Changes this context, and no other that shares its beginnings.
    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        let mut state = self.lock().clone();
        change(&mut state);
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn chosen_log(&self) -> Option<AuditLog> {
        self.lock().log.clone()
    }

    /// Appends the `context` object of an event to `buf`.
    pub(crate) fn push_json(&self, buf: &mut Vec<u8>) {
        let state = self.lock();
        buf.extend_from_slice(b"{\"location\":");
        buf.extend_from_slice(state.location.as_deref().unwrap_or(UNKNOWN_LOCATION));
        if let Some(user_agent) = &state.user_agent {
            buf.extend_from_slice(b",\"user_agent\":");
            buf.extend_from_slice(user_agent);
        }
        buf.push(b'}');
    }

    /// Lends what an event takes from here.
    pub(crate) fn defaults<R>(&self, then: impl FnOnce(Defaults<'_>) -> R) -> R {
        let state = self.lock();
        then(Defaults {
            actor: state.actor.as_deref(),
            organization: state.organization.as_ref().map(Organization::as_json),
            metadata: &state.metadata,
        })
    }
}

/// What stands for a place that nobody told: `location` is never absent, since WorkOS refuses an event without.
pub(crate) const UNKNOWN_LOCATION: &[u8] = b"\"unknown\"";

impl State {
    fn set_actor<T: AuditActor + ?Sized>(&mut self, actor: &T) {
        let (mut buf, mut mended) = (Vec::new(), Mended::default());
        let mut organization = Organization::default();
        let out = Out { buf: &mut buf, mended: &mut mended, key: None };
        Thing::write(out, ACTOR_BYTES, T::TYPE, Some(&mut organization), |thing| ActorWriter::describing(thing, actor));
        self.actor = Some(buf);
        if self.organization.is_none() && !organization.is_none() {
            self.organization = Some(organization);
        }
    }
}

fn text(text: &str) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(text.len() + 2);
    push_string(&mut json, text, TEXT_CHARS);
    (!text.is_empty()).then_some(json)
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that runs within a [`Context`]; see [`Context::scope`].
    #[derive(Debug)]
    pub struct InContext<F> {
        // First, so that it is dropped within the context, too: see `Future`.
        #[pin]
        future: F,
        context: Option<Context>,
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.context);
        this.future.poll(task)
    }
}

/// While it lives, its context is the current one of this thread.
struct Entered<'a>(&'a mut Option<Context>);

impl<'a> Entered<'a> {
    fn new(context: &'a mut Option<Context>) -> Self {
        swap(context);
        Self(context)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(context: &mut Option<Context>) {
    // Fails only while the thread ends, when nothing is left that could ask.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            std::mem::swap(&mut *current, context);
        }
    });
}
