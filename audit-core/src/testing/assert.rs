//! `assert_audited!`: an expectation in the words of the attribute.

/// Fails unless exactly one event of a [`Recorder`](crate::testing::Recorder) is as told, and returns that event.
///
/// What is not named may be anything. The failure says how the event that comes nearest differs, and lists all of them.
///
/// ```
/// # use audit_core::testing::Recorder;
/// use audit_core::testing::assert_audited;
/// # use audit_core::{AuditTarget, TargetWriter};
/// # struct Invoice;
/// # impl AuditTarget for Invoice {
/// #     const TYPE: &'static str = "invoice";
/// #     fn describe(&self, target: &mut TargetWriter<'_>) { target.id(7).metadata("amount_cents", 129_900); }
/// # }
///
/// let recorder = Recorder::new();
/// // … an audited call …
/// # let installed = recorder.install();
/// # audit_core::event("invoice.paid").actor(&audit_core::Actor::user("user_01")).target(Invoice).metadata("attempt", 2).emit();
///
/// assert_audited!(recorder, action = "invoice.paid", target = "invoice", metadata(attempt = 2));
///
/// let event = assert_audited!(
///     recorder,
///     action = "invoice.paid",
///     outcome = "success",
///     actor("user", id = "user_01"),
///     target("invoice", id = 7, metadata(amount_cents = 129_900)),
///     metadata(attempt = 2, "x-note" = None::<String>), // there is no such key
/// );
/// assert_eq!(event.version(), 1);
/// ```
///
/// | | expects |
/// | --- | --- |
/// | `action`, `outcome`, `organization`, `version`, `location` `= …` | that of the event |
/// | `actor = "user"`, `actor("user", id = …, name = …, metadata(…))` | that actor |
/// | `target = "invoice"`, `target("invoice", id = …, name = …, metadata(…))` | that target, among others; may be given several times |
/// | `metadata(key = …, "other-key" = …)` | these values of the event's own metadata; `None` for none |
///
/// # Panics
/// That is how a test fails.
#[macro_export]
macro_rules! assert_audited {
    ($recorder:expr, $($expected:tt)+) => {
        $recorder.expect(&$crate::__expected!(($crate::testing::Expected::new()) $($expected)+))
    };
}

/// The inside of [`assert_audited!`](crate::assert_audited!).
#[doc(hidden)]
#[macro_export]
macro_rules! __expected {
    (($so_far:expr)) => { $so_far };
    (($so_far:expr) action = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.action($value)) $($($rest)*)?)
    };
    (($so_far:expr) outcome = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.outcome($value)) $($($rest)*)?)
    };
    (($so_far:expr) organization = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.organization($value)) $($($rest)*)?)
    };
    (($so_far:expr) version = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.version($value)) $($($rest)*)?)
    };
    (($so_far:expr) location = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.location($value)) $($($rest)*)?)
    };
    (($so_far:expr) actor = $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.actor($crate::testing::ExpectedThing::new($kind))) $($($rest)*)?)
    };
    (($so_far:expr) actor($kind:expr $(, $($thing:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__expected!(
            ($so_far.actor($crate::__expected_thing!(($crate::testing::ExpectedThing::new($kind)) $($($thing)*)?)))
            $($($rest)*)?
        )
    };
    (($so_far:expr) target = $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far.target($crate::testing::ExpectedThing::new($kind))) $($($rest)*)?)
    };
    (($so_far:expr) target($kind:expr $(, $($thing:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__expected!(
            ($so_far.target($crate::__expected_thing!(($crate::testing::ExpectedThing::new($kind)) $($($thing)*)?)))
            $($($rest)*)?
        )
    };
    (($so_far:expr) metadata($($key:tt = $value:expr),* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__expected!(($so_far$(.metadata($crate::__expected_key!($key), $value))*) $($($rest)*)?)
    };
    (($so_far:expr) $other:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "`", stringify!($other), "` is nothing that an event is asked for here: write `action = …`, `outcome = …`, ",
            "`organization = …`, `version = …`, `location = …`, `actor(…)`, `target(…)` or `metadata(key = …)`"
        ))
    };
}

/// The inside of `actor(…)` and `target(…)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __expected_thing {
    (($so_far:expr)) => { $so_far };
    (($so_far:expr) id = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected_thing!(($so_far.id($value)) $($($rest)*)?)
    };
    (($so_far:expr) name = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__expected_thing!(($so_far.name($value)) $($($rest)*)?)
    };
    (($so_far:expr) metadata($($key:tt = $value:expr),* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__expected_thing!(($so_far$(.metadata($crate::__expected_key!($key), $value))*) $($($rest)*)?)
    };
    (($so_far:expr) $other:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "`", stringify!($other), "` is nothing that an actor or a target is asked for here: write its type first, then ",
            "`id = …`, `name = …` or `metadata(key = …)`"
        ))
    };
}

/// A key of metadata: a name, or a string where it is none.
#[doc(hidden)]
#[macro_export]
macro_rules! __expected_key {
    ($key:ident) => {
        stringify!($key)
    };
    ($key:literal) => {
        $key
    };
}
