//! The attribute and the derives of `audited`. Use them through that crate, which re-exports and documents them.
//!
//! Each macro goes the same way: what was written is read into a type that holds it as written, all of it is judged and
//! every error is collected, and only what is right becomes a model, from which nothing but code can be made. The code
//! names everything by its full path, calls only what `audited::__private` offers, and decides nothing by itself.

mod audited;
mod editor;
mod errors;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod grammar;
mod model;
mod runtime_path;
mod slot;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod soup;
mod suggest;

use proc_macro::TokenStream;

/// Tells every call of a function to the audit log.
///
/// `action` and a target are all that is needed; every other key is explained in the guide.
#[proc_macro_attribute]
pub fn audited(attribute: TokenStream, item: TokenStream) -> TokenStream {
    audited::audited(attribute.into(), item.into()).into()
}

/// Makes a type something that can be acted upon.
#[proc_macro_derive(AuditTarget, attributes(audit))]
pub fn audit_target(input: TokenStream) -> TokenStream {
    model::derive(model::Role::Target, input.into()).into()
}

/// Lets a type say which of its fields are told, and how.
#[proc_macro_derive(AuditBody, attributes(audit))]
pub fn audit_body(input: TokenStream) -> TokenStream {
    model::derive(model::Role::Body, input.into()).into()
}

/// Makes a type someone who can act.
#[proc_macro_derive(AuditActor, attributes(audit))]
pub fn audit_actor(input: TokenStream) -> TokenStream {
    model::derive(model::Role::Actor, input.into()).into()
}
