//! Whatever is written in an attribute, the answer is code: what is meant, or the errors that say what is wrong. No input
//! makes a macro panic, which would point at nothing.

use proc_macro2::TokenStream;
use quote::quote;

use crate::audited::audited;
use crate::editor::PRETENDED;
use crate::model::{Role, derive};

/// Words of the attribute's language, and of no language.
const WORDS: [&str; 56] = [
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
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit
    }

    /// Words that are tokens; brackets that do not match are none.
    fn soup(&mut self) -> TokenStream {
        loop {
            let words: Vec<&str> = (0..=self.below(14)).map(|_| WORDS[self.below(WORDS.len())]).collect();
            if let Ok(tokens) = words.join(" ").parse() {
                return tokens;
            }
        }
    }
}

fn is_code(what: &str, given: &TokenStream, code: &TokenStream) {
    assert!(syn::parse2::<syn::File>(code.clone()).is_ok(), "{what}: {given} became {code}");
}

#[test]
fn whatever_an_attribute_says_it_becomes_code_or_errors() {
    let mut random = Random(4711);
    for _ in 0..500 {
        let soup = random.soup();
        let right = quote! { action = "invoice.paid", target(type = "invoice", id = x), };
        for attribute in [soup.clone(), quote! { #right #soup }] {
            let function = quote! { async fn pay(x: u64) -> Result<u64, String> { Ok(x) } };
            is_code("the attribute", &attribute, &audited(attribute.clone(), function.clone()));
            // What an editor gets need not be code, but something.
            PRETENDED.set(true);
            assert!(!audited(attribute, function).is_empty());
            PRETENDED.set(false);
        }
        for role in [Role::Target, Role::Actor] {
            let item = quote! { #[audit(#soup)] struct Invoice { #[audit(id)] id: u64, #[audit(#soup)] name: String } };
            is_code("the derive", &soup, &derive(role, item));
        }
    }
}
