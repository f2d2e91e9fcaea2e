//! The event of a scope, as the attribute and `record` write it.

use std::fmt;

use serde::Serialize;

use super::actor::{ActorWriter, AuditActor};
use super::body::{AuditBody, BodyWriter};
use super::target::{AuditTarget, IntoTargets, TargetWriter};
use crate::event::{AuditValue, Draft, HashKey, Key, Redaction};

/// Takes down what an event says. Handed to the closure of [`record`](crate::record).
pub struct EventWriter<'a> {
    draft: &'a mut Draft,
    hash_key: Option<&'a HashKey>,
}

impl<'a> EventWriter<'a> {
    pub(crate) fn new(draft: &'a mut Draft, hash_key: Option<&'a HashKey>) -> Self {
        Self { draft, hash_key }
    }

    /// Who acted, in the place of whoever was named before. Their organization becomes the event's unless that was
    /// named already.
    pub fn actor<T: AuditActor + ?Sized>(&mut self, actor: &T) -> &mut Self {
        self.draft.actor(self.hash_key, T::TYPE, &mut |thing| actor.describe(&mut ActorWriter(thing)));
        self
    }

    /// On whose behalf: the WorkOS organization whose log the event goes to.
    #[inline]
    pub fn organization(&mut self, organization: impl AuditValue) -> &mut Self {
        self.draft.organization(self.hash_key, &organization);
        self
    }

    /// One target.
    #[inline]
    pub fn target<T: AuditTarget>(&mut self, target: T) -> &mut Self {
        self.targets(target)
    }

    /// A target, or anything that iterates over targets. None at all is told as `{type, id: "none"}`, since WorkOS wants
    /// every target type of an action's schema to be there. WorkOS takes 20; the rest is told by a count.
    pub fn targets<How, T: IntoTargets<How>>(&mut self, targets: T) -> &mut Self {
        let mut any = false;
        targets.for_each(|target| {
            any = true;
            self.draft.target(self.hash_key, T::TYPE, &mut |thing| target.describe_target(&mut TargetWriter(thing)));
        });
        if !any {
            self.target_of(T::TYPE, "none");
        }
        self
    }

    /// A target without a model.
    #[inline]
    pub fn target_of(&mut self, kind: &str, id: impl AuditValue) -> &mut Self {
        self.single_target(kind, &id, None)
    }

    /// A target without a model, with a name for people to read.
    #[inline]
    pub fn target_of_named(&mut self, kind: &str, id: impl AuditValue, name: impl AuditValue) -> &mut Self {
        self.single_target(kind, &id, Some(&name))
    }

    fn single_target(&mut self, kind: &str, id: &dyn AuditValue, name: Option<&dyn AuditValue>) -> &mut Self {
        self.draft.target(self.hash_key, kind, &mut |mut thing| {
            thing.id(id);
            if let Some(name) = name {
                thing.name(name);
            }
        });
        self
    }

    /// Names the type of targets that a successful call would have had. `example` only tells the type; it never runs.
    #[doc(hidden)]
    pub fn absent<V, How, T: IntoTargets<How>>(&mut self, _: Option<V>, _example: impl FnOnce(V) -> T) -> &mut Self {
        self.target_of(T::TYPE, "none")
    }

    /// Metadata of the event: at most 47 keys of at most 40 characters; a string has at most 500. A key that is there
    /// already gets this value; one that [looks secret](crate::looks_secret) is redacted, which
    /// [`metadata_as`](Self::metadata_as) with [`Redaction::None`] overrides.
    #[inline]
    pub fn metadata(&mut self, key: &str, value: impl AuditValue) -> &mut Self {
        self.metadata_as(key, value, Redaction::of_name(key))
    }

    /// Metadata of the event, shown as `redaction` says.
    #[inline]
    pub fn metadata_as(&mut self, key: &str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        self.draft.metadata(self.hash_key, Key::new(key), &value, redaction);
        self
    }

    /// [`metadata_as`](Self::metadata_as), for a key that was checked when the program was compiled.
    #[doc(hidden)]
    #[inline]
    pub fn metadata_checked(&mut self, key: &'static str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        self.draft.metadata(self.hash_key, Key::checked(key), &value, redaction);
        self
    }

    /// What the [`AuditBody`] of `body` tells, as metadata. A key that is there already keeps its value.
    pub fn described<T: AuditBody + ?Sized>(&mut self, body: &T) -> &mut Self {
        let Self { draft, hash_key } = self;
        body.describe(&mut BodyWriter::new(&mut |key, value, redaction| {
            draft.described(*hash_key, key, value, redaction);
        }));
        self
    }

    /// What a change made of a model: each field that its [`AuditTarget`] tells as metadata and that differs, under
    /// `key_before` and `key_after`. See [`changes`](crate::changes()).
    pub fn changes<T: AuditTarget + ?Sized>(&mut self, before: &T, after: &T) -> &mut Self {
        self.draft.changes(
            self.hash_key,
            &mut |thing| {
                before.describe(&mut TargetWriter(thing));
            },
            &mut |thing| {
                after.describe(&mut TargetWriter(thing));
            },
        );
        self
    }

    /// All that `body` serializes to, as metadata, save what [looks secret](crate::looks_secret), which is redacted. A
    /// key that is there already keeps its value.
    pub fn body<T: Serialize + ?Sized>(&mut self, body: &T) -> &mut Self {
        self.draft.body(self.hash_key, &body);
        self
    }
}

impl fmt::Debug for EventWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWriter").finish_non_exhaustive()
    }
}
