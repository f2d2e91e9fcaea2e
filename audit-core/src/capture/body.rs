//! Rules of what is told that stand on a type: once for every handler that takes it.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use super::event::EventWriter;
use crate::event::{AuditValue, Key, Redaction};

/// A type that says which of its fields are told, under which keys and how: what a request brings, or a part of a model.
///
/// `body(payment)` tells it in `#[audited]`, and `#[audit(flatten)]` on a field of that type in any of the derives.
///
/// Usually derived:
///
/// ```ignore
/// #[derive(serde::Deserialize, audited::AuditBody)]
/// struct Payment {
///     #[audit(metadata)]
///     amount: u64,
///     #[audit(mask(last = 4))]
///     iban: String,
///     #[audit(flatten)]
///     address: Address,
///     memo: String, // not named: not captured
/// }
/// ```
///
/// By hand it is a few lines:
///
/// ```
/// use audit_core::{AuditBody, BodyWriter};
///
/// struct Payment {
///     amount: u64,
/// }
///
/// impl AuditBody for Payment {
///     fn describe(&self, body: &mut BodyWriter<'_>) {
///         body.metadata("amount", self.amount);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what is told of it",
    label = "not an `AuditBody`",
    note = "add `#[derive(audited::AuditBody)]` to it"
)]
pub trait AuditBody {
    /// Says what is told.
    fn describe(&self, body: &mut BodyWriter<'_>);
}

/// Takes down what an [`AuditBody`] tells. A key that is there already keeps its value: what a handler or a model names itself
/// wins.
pub struct BodyWriter<'a> {
    put: &'a mut dyn FnMut(Key<'_>, &dyn AuditValue, Redaction),
}

impl<'a> BodyWriter<'a> {
    pub(super) fn new(put: &'a mut dyn FnMut(Key<'_>, &dyn AuditValue, Redaction)) -> Self {
        Self { put }
    }

    /// A value, under `key`.
    /// A key that [looks secret](crate::looks_secret) is redacted;
    /// [`metadata_as`](Self::metadata_as) with [`Redaction::None`] shows it.
    pub fn metadata(&mut self, key: &str, value: impl AuditValue) -> &mut Self {
        self.metadata_as(key, value, Redaction::of_name(key))
    }

    /// A value, under `key`, shown as `redaction` says, whatever its key is.
    pub fn metadata_as(&mut self, key: &str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        (self.put)(Key::new(key), &value, redaction);
        self
    }

    /// [`metadata_as`](Self::metadata_as), for a key that was checked when the program was compiled.
    #[doc(hidden)]
    pub fn metadata_checked(&mut self, key: &'static str, value: impl AuditValue, redaction: Redaction) -> &mut Self {
        (self.put)(Key::checked(key), &value, redaction);
        self
    }

    /// All that `inner` tells, under its own keys.
    pub fn flatten<T: AuditBody + ?Sized>(&mut self, inner: &T) -> &mut Self {
        inner.describe(self);
        self
    }
}

impl fmt::Debug for BodyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").finish_non_exhaustive()
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: AuditBody + ?Sized> AuditBody for $pointer {
            fn describe(&self, body: &mut BodyWriter<'_>) {
                (**self).describe(body);
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

#[diagnostic::do_not_recommend]
impl<T: AuditBody + Clone> AuditBody for Cow<'_, T> {
    fn describe(&self, body: &mut BodyWriter<'_>) {
        (**self).describe(body);
    }
}

/// Nothing is told of what is not there.
#[diagnostic::do_not_recommend]
impl<T: AuditBody> AuditBody for Option<T> {
    fn describe(&self, body: &mut BodyWriter<'_>) {
        if let Some(inner) = self {
            inner.describe(body);
        }
    }
}

/// Tells an argument whole: as its [`AuditBody`] says, or all that it serializes to. Which of the two is settled when a
/// program is compiled: an inherent method that fits is taken before one of a trait.
pub struct WholeBody<'a, T: ?Sized>(pub &'a T);

impl<T: AuditBody + ?Sized> WholeBody<'_, T> {
    /// Tells what the type says.
    pub fn tell(self, event: &mut EventWriter<'_>) {
        event.described(self.0);
    }
}

/// [`WholeBody::tell`] for what has no rules of its own.
pub trait WholeBodyFallback {
    /// What is told.
    type Body: ?Sized;

    /// Tells all that it serializes to.
    fn tell(self, event: &mut EventWriter<'_>)
    where
        Self::Body: Whole;
}

impl<T: ?Sized> WholeBodyFallback for WholeBody<'_, T> {
    type Body = T;

    fn tell(self, event: &mut EventWriter<'_>)
    where
        T: Whole,
    {
        self.0.tell_whole(event);
    }
}

/// What can be told whole without rules of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be told whole",
    label = "neither `audited::AuditBody` nor `serde::Serialize`",
    note = "add `#[derive(audited::AuditBody)]` to it and mark what is to be told, or name the fields here: `body(argument: field, …)`"
)]
pub trait Whole {
    /// Tells all of it.
    fn tell_whole(&self, event: &mut EventWriter<'_>);
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> Whole for T {
    fn tell_whole(&self, event: &mut EventWriter<'_>) {
        event.body(self);
    }
}

impl<T: ?Sized> fmt::Debug for WholeBody<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WholeBody").finish_non_exhaustive()
    }
}
