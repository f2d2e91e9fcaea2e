//! What the attribute and the derives accept, and what they say where they do not: one file for each sentence.
//!
//! The compiler's own words change between versions, so the failing half runs where `AUDITED_UI` says so, on the
//! toolchain that CI pins. After a change that is meant, `TRYBUILD=overwrite AUDITED_UI=1 cargo test --test ui` rewrites
//! what is expected.

#[test]
fn what_is_right_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/attribute/pass/*.rs");
    cases.pass("tests/ui/derive/pass/*.rs");
}

#[test]
fn what_is_wrong_is_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/attribute/fail/*.rs");
    cases.compile_fail("tests/ui/derive/fail/*.rs");
}
