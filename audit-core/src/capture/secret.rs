//! Values of the `secrecy` crate: told only behind `hash`, `mask` or `redact`, which must be known when a program is compiled.

use std::fmt;

use crate::event::{AuditValue, DebugValue, ValueWriter};

/// A value that must not be told in the open.
pub trait SecretValue {
    /// Writes it to where it is redacted, and nowhere else.
    fn write_hidden(&self, to: ValueWriter<'_>);
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<T: SecretValue + ?Sized> SecretValue for $pointer {
            fn write_hidden(&self, to: ValueWriter<'_>) {
                (**self).write_hidden(to);
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

impl<T: SecretValue> SecretValue for Option<T> {
    fn write_hidden(&self, to: ValueWriter<'_>) {
        if let Some(secret) = self {
            secret.write_hidden(to);
        }
    }
}

#[cfg(feature = "secrecy")]
impl<T: AuditValue + secrecy::zeroize::Zeroize + ?Sized> SecretValue for secrecy::SecretBox<T> {
    fn write_hidden(&self, to: ValueWriter<'_>) {
        secrecy::ExposeSecret::expose_secret(self).write(to);
    }
}

/// A value whose attribute says how it is hidden, or that its `Debug` is told. What becomes of it depends on its type and is
/// settled when a program is compiled: an inherent method that fits is taken before one of a trait.
pub struct Captured<'a, T: ?Sized>(pub &'a T);

impl<'a, T: SecretValue + ?Sized> Captured<'a, T> {
    /// The secret, for a place where it is redacted.
    pub fn hidden(self) -> HiddenValue<'a, T> {
        HiddenValue(self.0)
    }

    /// Refuses `?secret`, although its `Debug` could be told.
    pub fn debug(self) -> HiddenValue<'a, T>
    where
        T: InTheOpen,
    {
        HiddenValue(self.0)
    }
}

/// [`Captured`]'s methods for what is no secret.
pub trait CapturedFallback<'a> {
    /// The type of the value.
    type Value: ?Sized;

    /// The value as it is.
    fn hidden(self) -> &'a Self::Value;

    /// What its `Debug` writes.
    fn debug(self) -> impl AuditValue
    where
        Self::Value: fmt::Debug;
}

impl<'a, T: ?Sized> CapturedFallback<'a> for Captured<'a, T> {
    type Value = T;

    #[inline]
    fn hidden(self) -> &'a T {
        self.0
    }

    #[inline]
    fn debug(self) -> impl AuditValue
    where
        T: fmt::Debug,
    {
        DebugValue(self.0)
    }
}

/// Implemented by no secret: what `?secret` is told.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a secret, which is not told in the open",
    label = "a secret",
    note = "remove the `?` and say how it is hidden, as in `key: hash = value`: `hash`, `mask`, `mask(last = 4)` or `redact`"
)]
pub trait InTheOpen {}

/// A secret on its way to where it is redacted.
pub struct HiddenValue<'a, T: ?Sized>(&'a T);

#[diagnostic::do_not_recommend]
impl<T: SecretValue + ?Sized> AuditValue for HiddenValue<'_, T> {
    fn write(&self, to: ValueWriter<'_>) {
        self.0.write_hidden(to.never_in_the_open());
    }
}

impl<T: ?Sized> fmt::Debug for HiddenValue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenValue([redacted])")
    }
}

impl<T: ?Sized> fmt::Debug for Captured<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "secrecy"))]
mod tests {
    use secrecy::SecretString;

    use super::Captured;
    use crate::event::Redaction;
    use crate::testing::Recorder;

    /// The macros write one only beside a rule; this is what holds if they ever did not.
    #[test]
    fn a_secret_is_redacted_even_where_nothing_says_so() {
        let recorder = Recorder::new();
        let _installed = recorder.install();
        let secret = SecretString::from("sk_live");
        crate::event("key.made")
            .target_of("key", Captured(&secret).hidden())
            .metadata_as("fingerprint", Captured(&secret).hidden(), Redaction::None)
            .emit();
        let event = recorder.only();
        assert_eq!(
            (event.metadata("fingerprint"), &event.targets()[0]["id"]),
            (&"[redacted]".into(), &"[redacted]".into())
        );
    }
}
