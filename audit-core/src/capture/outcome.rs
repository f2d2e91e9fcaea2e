//! How a call ended, told from what it returned.

use std::fmt;

/// A type whose values tell whether the call that returned them failed.
///
/// `Result` and, with the feature `axum`, status codes and responses tell by themselves. Implement this for a return
/// type of your own; any other type counts as success.
///
/// ```
/// use audit_core::Outcome;
///
/// enum Reply {
///     Done,
///     Refused,
/// }
///
/// impl Outcome for Reply {
///     fn is_failure(&self) -> bool {
///         matches!(self, Reply::Refused)
///     }
/// }
/// ```
pub trait Outcome {
    /// Whether the call failed.
    fn is_failure(&self) -> bool;
}

/// Asks a value how the call ended. What it asks depends on the value's type, and is settled when a program is compiled:
/// an inherent method that fits is taken before one of a trait.
pub struct Probe<'a, T: ?Sized>(pub Option<&'a T>);

/// A value, and whether it was an `Err`.
pub struct Peeled<'a, T: ?Sized> {
    /// It was an `Err`.
    pub failed: bool,
    /// What success yields: the `Ok` of a `Result`, else the whole value. `None` on an `Err` and where there is no value.
    pub value: Option<&'a T>,
}

impl<'a, T, E> Probe<'a, Result<T, E>> {
    /// Looks into a `Result`.
    #[inline]
    pub fn peel(self) -> Peeled<'a, T> {
        match self.0 {
            Some(Ok(value)) => Peeled { failed: false, value: Some(value) },
            Some(Err(_)) => Peeled { failed: true, value: None },
            None => Peeled { failed: false, value: None },
        }
    }
}

/// [`Probe::peel`] for what is no `Result`.
pub trait PeelFallback<'a> {
    /// The type of the value.
    type Value: ?Sized;

    /// Takes the value as it is.
    fn peel(self) -> Peeled<'a, Self::Value>;
}

impl<'a, T: ?Sized> PeelFallback<'a> for Probe<'a, T> {
    type Value = T;

    #[inline]
    fn peel(self) -> Peeled<'a, T> {
        Peeled { failed: false, value: self.0 }
    }
}

impl<T: Outcome + ?Sized> Probe<'_, T> {
    /// Asks the value.
    #[inline]
    pub fn is_failure(self) -> bool {
        self.0.is_some_and(T::is_failure)
    }
}

/// [`Probe::is_failure`] for what does not tell.
pub trait FailureFallback {
    /// No.
    #[expect(clippy::wrong_self_convention, reason = "named and called like the inherent method that it stands in for")]
    fn is_failure(self) -> bool;
}

impl<T: ?Sized> FailureFallback for Probe<'_, T> {
    #[inline]
    fn is_failure(self) -> bool {
        false
    }
}

impl<T: Future> Probe<'_, T> {
    /// Refuses a value that is a future: its outcome is not known when the function returns it.
    #[inline]
    pub fn told(self)
    where
        T: OutcomeIsKnown,
    {
    }
}

/// [`Probe::told`] for what is no future.
pub trait ToldFallback {
    /// Nothing to refuse.
    fn told(self);
}

impl<T: ?Sized> ToldFallback for Probe<'_, T> {
    #[inline]
    fn told(self) {}
}

/// Implemented by nothing: what a function that returns a future under another name is told.
#[diagnostic::on_unimplemented(
    message = "this audited function returns a future under a name that hides it, so its outcome would be told before it ran",
    label = "a future",
    note = "write the return type as `impl Future<Output = …>` or `Pin<Box<dyn Future<Output = …>>>`, or make it an `async fn`"
)]
pub trait OutcomeIsKnown {}

/// What `err(…)` needs of a return type.
#[diagnostic::on_unimplemented(
    message = "`err(…)` needs a function that returns a `Result`, and this one returns `{Self}`",
    label = "not a `Result`",
    note = "take `err(…)` away, or return a `Result`"
)]
pub trait ReturnsResult {
    /// The error.
    type Error;

    /// The error, if there is one.
    fn error(&self) -> Option<&Self::Error>;
}

impl<T, E> ReturnsResult for Result<T, E> {
    type Error = E;

    fn error(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

/// The error in what a call returned.
pub fn error_of<R: ReturnsResult>(output: Option<&R>) -> Option<&R::Error> {
    output.and_then(R::error)
}

/// A `strict` event could not be stored, so the call did not happen.
#[derive(Debug)]
pub struct Unavailable {
    reason: String,
}

impl Unavailable {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused, since it cannot be audited: {}", self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// A return type that can say that a call was refused, which `durability = strict` needs.
#[diagnostic::on_unimplemented(
    message = "`durability = strict` needs a return type that can refuse, and `{Self}` cannot",
    label = "no way to say that the call was refused",
    note = "return a `Result<_, E>` with `E: From<audited::Unavailable>`, or a response"
)]
pub trait Refuse {
    /// Says that the call was refused.
    fn refuse(unavailable: Unavailable) -> Self;
}

impl<T, E: Refusal> Refuse for Result<T, E> {
    fn refuse(unavailable: Unavailable) -> Self {
        Err(E::refusal(unavailable))
    }
}

/// An error that a refused call can return.
#[diagnostic::on_unimplemented(
    message = "`durability = strict` needs an error that can be made of `audited::Unavailable`, and `{Self}` cannot",
    label = "no way to say that the call was refused",
    note = "write `impl From<audited::Unavailable> for {Self}`; an error that is not your own goes into one that is"
)]
pub trait Refusal {
    /// Says that the call was refused.
    fn refusal(unavailable: Unavailable) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Unavailable>> Refusal for E {
    fn refusal(unavailable: Unavailable) -> Self {
        Self::from(unavailable)
    }
}

impl<T: ?Sized> fmt::Debug for Probe<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for Peeled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peeled").field("failed", &self.failed).finish_non_exhaustive()
    }
}
