//! What the macros promise of whatever is written in them: the answer is code, that is what was meant, or the errors that say
//! what is wrong. No input makes a macro panic, which would point at nothing.
//!
//! Nothing can be linked to a crate of macros, so `fuzz/fuzz_targets/attribute.rs` includes the files of this one by their paths.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::audited::audited;
use crate::editor::PRETENDED;
use crate::model::{Role, derive};

/// Words of the attribute's language, and of no language.
const WORDS: [&str; 64] = [
    "action",
    "=",
    "\"invoice.paid\"",
    "\"\"",
    ",",
    "organization",
    "target",
    "targets",
    "(",
    ")",
    "type",
    "\"invoice\"",
    "id",
    "name",
    "metadata",
    "actor",
    "durability",
    "strict",
    "relaxed",
    "durable",
    "detached",
    "when",
    "ok",
    "err",
    "skip",
    "\"why\"",
    "crate",
    "::",
    "audited",
    "x",
    "self",
    "self.id",
    "|",
    "=>",
    "_",
    "Some(x)",
    "x.y()",
    "{",
    "}",
    "[",
    "]",
    "redact",
    "hash",
    "mask",
    "1",
    "-1",
    "'a'",
    "true",
    "#",
    "?",
    ";",
    "&x",
    "version",
    "format!(\"{x}\")",
    "returned",
    "..",
    "async",
    "body",
    "failure_action",
    "impersonated_by",
    "r#type",
    "\"\\u{202e}é\"",
    "größe",
    "340282366920938463463374607431768211456",
];

/// Brackets within brackets beyond this are no finding: the compiler, too, runs out of its stack somewhere.
const DEEPEST: usize = 32;

/// An ASCII character stands for itself, and any other byte for a word.
fn text(data: &[u8]) -> String {
    let mut text = String::new();
    for byte in data {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            text.push(' ');
            text.push_str(WORDS[usize::from(*byte) % WORDS.len()]);
            text.push(' ');
        }
    }
    text
}

fn deep(tokens: &TokenStream) -> usize {
    let within = |token| if let TokenTree::Group(group) = token { 1 + deep(&group.stream()) } else { 0 };
    tokens.clone().into_iter().map(within).max().unwrap_or(0)
}

/// Brackets that do not match are no tokens.
fn tokens(text: &str) -> Option<TokenStream> {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
    if brackets > 8 * DEEPEST {
        return None;
    }
    text.parse().ok().filter(|tokens| deep(tokens) <= DEEPEST)
}

fn is_code(what: &str, given: &TokenStream, code: &TokenStream) {
    assert!(syn::parse2::<syn::File>(code.clone()).is_ok(), "{what}: {given} became {code}");
}

/// What is written is in an attribute, alone and beside what is right, and in those of a type and its field; behind a line
/// of its own, it is the function or the type, too.
pub(crate) fn attribute(data: &[u8]) {
    let text = text(data);
    let (written, item) = text.split_once('\n').unwrap_or((&text, ""));
    let Some(written) = tokens(written) else { return };
    let right = quote! { action = "invoice.paid", target(type = "invoice", id = x), };
    for attribute in [written.clone(), quote! { #right #written }] {
        let function = quote! { async fn pay(x: u64) -> Result<u64, String> { Ok(x) } };
        is_code("the attribute", &attribute, &audited(attribute.clone(), function.clone()));
        // What an editor gets need not be code, but something.
        PRETENDED.set(true);
        assert!(!audited(attribute, function).is_empty());
        PRETENDED.set(false);
    }
    for role in [Role::Target, Role::Actor, Role::Body] {
        let item =
            quote! { #[audit(#written)] struct Invoice { #[audit(id)] id: u64, #[audit(#written)] name: String } };
        is_code("the derive", &written, &derive(role, item));
    }
    // Of an item that is none, nothing is said but that.
    if let Some(item) = tokens(item).filter(|item| !item.is_empty()) {
        assert!(!audited(written, item.clone()).is_empty());
        for role in [Role::Target, Role::Actor, Role::Body] {
            assert!(!derive(role, item.clone()).is_empty());
        }
    }
}
