//! `#[derive(AuditTarget)]`, `#[derive(AuditActor)]` and `#[derive(AuditBody)]`, which share one grammar: a type may well be
//! all of them.

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
    /// Neither: a part of one, or what a request brings. It has metadata, and no type, id or name.
    Body,
}

impl Role {
    fn the_trait(self) -> Ident {
        let name = match self {
            Self::Target => "AuditTarget",
            Self::Actor => "AuditActor",
            Self::Body => "AuditBody",
        };
        Ident::new(name, Span::mixed_site())
    }

    fn writer(self) -> Ident {
        let name = match self {
            Self::Target => "TargetWriter",
            Self::Actor => "ActorWriter",
            Self::Body => "BodyWriter",
        };
        Ident::new(name, Span::mixed_site())
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Actor => "actor",
            Self::Body => "body",
        }
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
