//! The types that a value has in WorkOS, as far as a Rust type promises one: what `metadata(n: number = …)`, and
//! `#[audit(number)]` on a field, ask for.

use std::borrow::Cow;

use serde::Serialize;

use super::redaction::Redaction;

/// What is told as a number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not told as a number",
    label = "not a number",
    note = "convert it to one (of a field: `with = path::to::function`), write the type that it has in the place of `number`, or leave the type out"
)]
pub trait NumberValue: Serialize {}

/// What is told as a string.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not told as a string",
    label = "not a string",
    note = "tell its `Display` (write `%` before the value; of a field: `with = ToString::to_string`), write the type that it has in the place of `string`, or leave the type out"
)]
pub trait StringValue: Serialize {}

/// What is told as a boolean.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not told as a boolean",
    label = "not a `bool`",
    note = "compare it to something (of a field: `with = path::to::function`), write the type that it has in the place of `bool`, or leave the type out"
)]
pub trait BoolValue: Serialize {}

macro_rules! told_as {
    ($what:ident: $($ty:ty),+) => {
        $(impl $what for $ty {})+
        #[diagnostic::do_not_recommend]
        impl<T: $what + ?Sized> $what for &T {}
        #[diagnostic::do_not_recommend]
        impl<T: $what + ?Sized> $what for &mut T {}
        #[diagnostic::do_not_recommend]
        impl<T: $what> $what for Option<T> {}
    };
}

// Not `u128` and `i128`, which are told as strings whatever their value.
told_as!(NumberValue: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64);
told_as!(StringValue: str, String, char, Box<str>, Cow<'_, str>);
told_as!(BoolValue: bool);

/// A value whose type says that it is told as a number.
#[inline]
pub fn number<T: NumberValue + ?Sized>(value: &T) -> &T {
    value
}

/// A value whose type says that it is told as a string.
#[inline]
pub fn string<T: StringValue + ?Sized>(value: &T) -> &T {
    value
}

/// A value whose type says that it is told as a boolean.
#[inline]
pub fn bool<T: BoolValue + ?Sized>(value: &T) -> &T {
    value
}

/// Refuses, when a program is compiled, a number or a boolean that would be told as `[redacted]`, a string.
pub const fn in_the_open(automatic: Redaction) {
    assert!(
        matches!(automatic, Redaction::None),
        "this has the name of a secret, so it is told as `[redacted]`, which is a string: \
         write `allow` before the type, or choose another name"
    );
}
