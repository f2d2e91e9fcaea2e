//! What the attribute and the derives accept, and what they say where they do not: one file for each sentence.
//!
//! `mistakes/` has each mistake twice, with the attribute and without: what the compiler says of a user's own mistakes must
//! not depend on it.
//!
//! After a change that is meant, `TRYBUILD=overwrite cargo test --test ui` rewrites what is expected.

use std::fs;
use std::path::Path;
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
    cases.compile_fail("tests/ui/mistakes/*.rs");
}

/// Of what the compiler says, which the test above holds to be true: the same errors at the same places, told once or, where
/// they are about the return type, twice.
#[test]
fn a_mistake_in_the_body_reads_as_without_the_attribute() {
    for name in ["borrows", "names", "sends", "types"] {
        let read = |with: &str| {
            let path = Path::new("tests/ui/mistakes").join(format!("{name}.{with}"));
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let blanked = |line: &str| if line.starts_with("#[audited(") { "//".to_owned() } else { line.to_owned() };
        let without_attributes: Vec<String> = read("audited.rs").lines().map(blanked).collect();
        assert_eq!(without_attributes, read("bare.rs").lines().collect::<Vec<_>>(), "{name} is not twice the same");

        let (audited, bare) = (errors(&read("audited.stderr")), errors(&read("bare.stderr")));
        assert!(!bare.is_empty());
        assert_eq!(audited, bare, "{name}: with the attribute on the left, without it on the right");
    }
}

/// The code of each error, and the line and column that it is about.
fn errors(said: &str) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    let mut lines = said.lines();
    while let Some(error) = lines.find(|line| line.starts_with("error")) {
        let place = lines.find_map(|line| line.trim_start().strip_prefix("--> ")?.split_once(".rs:"));
        let code = error.split(':').next().unwrap_or_default();
        // A body is a block of its own in which what it assigns to is not an argument, and this is what that is called.
        let code = if code == "error[E0594]" { "error[E0384]" } else { code };
        errors.push((place.map(|(_, place)| place.to_owned()).unwrap_or_default(), code.to_owned()));
    }
    errors.sort();
    errors.dedup();
    errors
}
