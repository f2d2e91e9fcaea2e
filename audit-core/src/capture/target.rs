//! What was acted upon.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::body::{AuditBody, BodyWriter};
use crate::event::{AuditValue, Key, Redaction, Thing};

/// Something that can be acted upon: an invoice, a team, a document.
///
/// Usually derived:
///
/// ```ignore
/// #[derive(audited::AuditTarget)]
/// #[audit(type = "invoice")]
/// struct Invoice {
///     #[audit(id)]
///     id: String,
///     #[audit(name)]
///     number: String,
///     #[audit(metadata)]
///     amount_cents: u64,
///     notes: String, // not named: not captured
/// }
/// ```
///
/// By hand it is a few lines:
///
/// ```
/// use audit_core::{AuditTarget, TargetWriter};
///
/// struct Ledger(u64);
///
/// impl AuditTarget for Ledger {
///     const TYPE: &'static str = "ledger";
///
///     fn describe(&self, target: &mut TargetWriter<'_>) {
///         target.id(&self.0);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the target of an audit event",
    label = "not an `AuditTarget`",
    note = "add `#[derive(audited::AuditTarget)]` to it, or write `target(type = \"…\", id = …)` for a thing without a model"
)]
pub trait AuditTarget {
    /// The type that is sent to WorkOS, and that the schema of every action on it lists.
    const TYPE: &'static str;

    /// Says which one it is.
    fn describe(&self, target: &mut TargetWriter<'_>);
}

/// Takes down one target. Whatever is said twice is taken the first time.
pub struct TargetWriter<'a>(pub(super) Thing<'a>);

impl TargetWriter<'_> {
    /// The id, as a string of at most 500 characters. Without one, the target is told as `unknown`, and counted.
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

    /// Metadata of this target: at most 50 keys.
    /// A key that [looks secret](crate::looks_secret) is redacted;
    /// [`metadata_as`](Self::metadata_as) with [`Redaction::None`] shows it.
    #[inline]
    pub fn metadata(&mut self, key: &str, value: impl AuditValue) -> &mut Self {
        self.metadata_as(key, value, Redaction::of_name(key))
    }

    /// Metadata of this target, shown as `redaction` says.
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

    /// Another type than [`AuditTarget::TYPE`], for what is one of several things.
    pub fn kind(&mut self, kind: &'static str) -> &mut Self {
        self.0.kind(kind);
        self
    }

    /// Speaks as `other`, its type included.
    pub fn delegate<T: AuditTarget + ?Sized>(&mut self, other: &T) -> &mut Self {
        self.0.kind(T::TYPE);
        other.describe(self);
        self
    }
}

impl fmt::Debug for TargetWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetWriter").finish_non_exhaustive()
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: AuditTarget + ?Sized> AuditTarget for $pointer {
            const TYPE: &'static str = T::TYPE;

            #[inline]
            fn describe(&self, target: &mut TargetWriter<'_>) {
                (**self).describe(target);
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

#[diagnostic::do_not_recommend]
impl<T: AuditTarget + Clone> AuditTarget for Cow<'_, T> {
    const TYPE: &'static str = T::TYPE;

    fn describe(&self, target: &mut TargetWriter<'_>) {
        (**self).describe(target);
    }
}

/// What `targets(…)` takes: one [`AuditTarget`], or anything that iterates over them, `Option` among it.
///
/// `How` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the target of an audit event",
    label = "neither an `AuditTarget` nor an iterator of them",
    note = "add `#[derive(audited::AuditTarget)]` to the model, or write `target(type = \"…\", id = …)` for a thing without a model"
)]
pub trait IntoTargets<How> {
    /// The type of the targets.
    const TYPE: &'static str;

    /// Hands each target to `each`.
    fn for_each(self, each: impl FnMut(&dyn DescribeTarget));
}

/// An [`AuditTarget`] without its type constant, so that it can be handed on without being copied for each type.
pub trait DescribeTarget {
    /// See [`AuditTarget::describe`].
    fn describe_target(&self, target: &mut TargetWriter<'_>);
}

impl<T: AuditTarget> DescribeTarget for T {
    fn describe_target(&self, target: &mut TargetWriter<'_>) {
        self.describe(target);
    }
}

/// One target; see [`IntoTargets`].
#[derive(Debug)]
pub struct One;

/// Several targets; see [`IntoTargets`].
#[derive(Debug)]
pub struct Many;

impl<T: AuditTarget> IntoTargets<One> for T {
    const TYPE: &'static str = T::TYPE;

    #[inline]
    fn for_each(self, mut each: impl FnMut(&dyn DescribeTarget)) {
        each(&self);
    }
}

#[diagnostic::do_not_recommend]
impl<I: IntoIterator> IntoTargets<Many> for I
where
    I::Item: AuditTarget,
{
    const TYPE: &'static str = <I::Item as AuditTarget>::TYPE;

    fn for_each(self, mut each: impl FnMut(&dyn DescribeTarget)) {
        for target in self {
            each(&target);
        }
    }
}
