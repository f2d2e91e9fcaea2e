//! Attributes, visibility, documentation, attributes inside of the body and of arguments.

mod inner {
    use audited::audited;

    /// Documented.
    #[audited(action = "number.doubled", target(type = "number", id = number))]
    #[deprecated]
    #[inline]
    #[must_use]
    pub(super) fn double(#[allow(unused_mut)] mut number: u64) -> u64 {
        #![allow(clippy::needless_return)]
        return number * 2;
    }
}

#[audited::audited(action = "number.tested", target(type = "number", id = 1))]
#[allow(unused_variables)]
#[cfg(not(any()))]
fn conditional(unused: u64) {
    fn helper() -> u64 {
        1
    }
    macro_rules! local {
        () => {
            helper()
        };
    }
    let _ = local!();
}

#[allow(deprecated)]
fn main() {
    assert_eq!(inner::double(2), 4);
    conditional(1);
}
