//! Who acted.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::body::{AuditBody, BodyWriter};
use crate::event::{AuditValue, Key, Redaction, Thing};

/// Somebody or something that acts: a user, an API key, a job.
///
/// Usually derived:
///
/// ```ignore
/// #[derive(audited::AuditActor)]
/// #[audit(type = "user")]
/// struct CurrentUser {
///     #[audit(id)]
///     sub: String,
///     #[audit(name)]
///     email: String,
///     #[audit(organization)]
///     org_id: String,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the actor of an audit event",
    label = "not an `AuditActor`",
    note = "add `#[derive(audited::AuditActor)]` to it, or use `audited::Actor::user(id)` and its siblings"
)]
pub trait AuditActor {
    /// The type that is sent to WorkOS: `user`, `api_key`, `system`, `job` …
    const TYPE: &'static str;

    /// Says who it is.
    fn describe(&self, actor: &mut ActorWriter<'_>);
}

/// Takes down one actor. Whatever is said twice is taken the first time.
pub struct ActorWriter<'a>(pub(crate) Thing<'a>);

impl ActorWriter<'_> {
    /// The id, as a string of at most 500 characters. Without one, the actor is told as `unknown`, and counted.
    #[inline]
    pub fn id(&mut self, id: impl AuditValue) -> &mut Self {
        self.0.id(&id);
        self
    }

    /// A name for people to read, of at most 500 characters.
    #[inline]
    pub fn name(&mut self, name: impl AuditValue) -> &mut Self {
        self.0.name(&name);
        self
    }

    /// The organization on whose behalf the actor acts: the event's organization, if nothing else says it.
    #[inline]
    pub fn organization(&mut self, organization: impl AuditValue) -> &mut Self {
        self.0.organization(&organization);
        self
    }

    /// Metadata of this actor: at most 50 keys.
    /// A key that [looks secret](crate::looks_secret) is redacted;
    /// [`metadata_as`](Self::metadata_as) with [`Redaction::None`] shows it.
    #[inline]
    pub fn metadata(&mut self, key: &str, value: impl AuditValue) -> &mut Self {
        self.metadata_as(key, value, Redaction::of_name(key))
    }

    /// Metadata of this actor, shown as `redaction` says.
    #[inline]
    pub fn metadata_as(&mut self, key: &str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        self.0.metadata(Key::new(key), &value, redaction);
        self
    }

    /// [`metadata_as`](Self::metadata_as), for a key that was checked when the program was compiled.
    #[doc(hidden)]
    #[inline]
    pub fn metadata_checked(&mut self, key: &'static str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        self.0.metadata(Key::checked(key), &value, redaction);
        self
    }

    /// What the [`AuditBody`] of `inner` tells, as metadata. A key that is there already keeps its value.
    pub fn flatten<T: AuditBody + ?Sized>(&mut self, inner: &T) -> &mut Self {
        inner.describe(&mut BodyWriter::new(&mut |key, value, redaction| self.0.flatten(key, value, redaction)));
        self
    }

    /// Another type than [`AuditActor::TYPE`], for what is one of several things.
    pub fn kind(&mut self, kind: &'static str) -> &mut Self {
        self.0.kind(kind);
        self
    }

    /// Speaks as `other`, its type included.
    pub fn delegate<T: AuditActor + ?Sized>(&mut self, other: &T) -> &mut Self {
        self.0.kind(T::TYPE);
        other.describe(self);
        self
    }

    /// Says that `other` acts in this actor's name: the metadata keys `impersonated_by_id`, `impersonated_by_type` and
    /// `impersonated_by_name`.
    pub fn impersonated_by<T: AuditActor + ?Sized>(&mut self, other: &T) -> &mut Self {
        self.0.impersonated_by(T::TYPE, &mut |thing| other.describe(&mut ActorWriter(thing)));
        self
    }
}

impl fmt::Debug for ActorWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorWriter").finish_non_exhaustive()
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: AuditActor + ?Sized> AuditActor for $pointer {
            const TYPE: &'static str = T::TYPE;

            #[inline]
            fn describe(&self, actor: &mut ActorWriter<'_>) {
                (**self).describe(actor);
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

#[diagnostic::do_not_recommend]
impl<T: AuditActor> AuditActor for Option<T> {
    const TYPE: &'static str = T::TYPE;

    fn describe(&self, actor: &mut ActorWriter<'_>) {
        match self {
            Some(someone) => someone.describe(actor),
            None => {
                actor.kind("anonymous").id("anonymous");
            }
        }
    }
}

/// An actor without a type of its own.
///
/// ```
/// use audit_core::Actor;
///
/// let alice = Actor::user("user_01").name("alice@example.com").organization("org_01");
/// let nightly = Actor::job("invoice-reminder");
/// ```
#[derive(Debug, Clone)]
pub struct Actor {
    kind: &'static str,
    id: String,
    name: Option<String>,
    organization: Option<String>,
    impersonator: Option<Box<Actor>>,
}

impl Actor {
    /// A person.
    pub fn user(id: impl Into<String>) -> Self {
        Self::of("user", id)
    }

    /// A program that holds an API key.
    pub fn api_key(id: impl Into<String>) -> Self {
        Self::of("api_key", id)
    }

    /// A part of the service itself.
    pub fn system(id: impl Into<String>) -> Self {
        Self::of("system", id)
    }

    /// A job that nobody waits for.
    pub fn job(id: impl Into<String>) -> Self {
        Self::of("job", id)
    }

    /// Somebody who did not say who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of("anonymous", "anonymous")
    }

    /// An actor of another type.
    pub fn of(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), name: None, organization: None, impersonator: None }
    }

    /// A name for people to read.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The organization on whose behalf this actor acts.
    #[must_use]
    pub fn organization(mut self, organization: impl Into<String>) -> Self {
        self.organization = Some(organization.into());
        self
    }

    /// Who acts in this actor's name.
    #[must_use]
    pub fn impersonated_by(mut self, impersonator: Actor) -> Self {
        self.impersonator = Some(Box::new(impersonator));
        self
    }
}

impl AuditActor for Actor {
    const TYPE: &'static str = "unknown";

    fn describe(&self, actor: &mut ActorWriter<'_>) {
        actor.kind(self.kind).id(&self.id).name(&self.name).organization(&self.organization);
        if let Some(impersonator) = &self.impersonator {
            actor.impersonated_by(impersonator);
        }
    }
}
