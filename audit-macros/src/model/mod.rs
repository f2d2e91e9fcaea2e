//! `#[derive(AuditTarget)]` and `#[derive(AuditActor)]`, which share one grammar: a type may well be both.

mod args;
mod arm;
mod expand;
mod field;
mod shape;
mod template;

use self::args::Outer;
use self::shape::Model;
use crate::errors;
use crate::runtime_path::RuntimePath;
use proc_macro2::{Ident, Span, TokenStream};
use syn::DeriveInput;

/// What the type is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Target,
    Actor,
}

impl Role {
    fn the_trait(self) -> Ident {
        Ident::new(if self == Self::Target { "AuditTarget" } else { "AuditActor" }, Span::mixed_site())
    }

    fn writer(self) -> Ident {
        Ident::new(if self == Self::Target { "TargetWriter" } else { "ActorWriter" }, Span::mixed_site())
    }

    fn noun(self) -> &'static str {
        if self == Self::Target { "target" } else { "actor" }
    }
}

/// The implementation; or everything that is wrong and an empty one, so that nobody is told besides that there is none.
pub(crate) fn derive(role: Role, input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut root = RuntimePath::new(None);
    let judged = errors::collect(|errors| {
        let mut outer = Outer::of_type(&input, errors);
        root = RuntimePath::new(outer.take_path());
        Model::validate(role, outer, &input, errors)
    });
    match judged {
        Ok(model) => expand::expand(&model, &input, &root),
        Err(problems) => {
            let mut code = expand::empty(role, &input, &root);
            code.extend(problems);
            code
        }
    }
}
