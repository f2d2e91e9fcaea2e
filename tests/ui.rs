//! What the attribute and the derives accept, and what they say where they do not: one file for each sentence.
//!
//! After a change that is meant, `TRYBUILD=overwrite cargo test --test ui` rewrites what is expected.

use std::process::Command;

/// The compiler whose words are kept: they change from one version to the next.
const PINNED: &str = "rustc 1.95.";

#[test]
fn what_is_right_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/attribute/pass/*.rs");
    cases.pass("tests/ui/derive/pass/*.rs");
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn what_is_wrong_is_explained() {
    let version = Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    if !version.starts_with(PINNED.as_bytes()) {
        eprintln!("skipped: the messages are those of {PINNED}*, and this is {}", String::from_utf8_lossy(&version));
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/attribute/fail/*.rs");
    cases.compile_fail("tests/ui/derive/fail/*.rs");
}
