//! The user's body in its new home, where inference, coercions and spans stay what they were.

use crate::audited::function::bare;
use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, ReturnType, Token, Type};

/// The block with the braces of the user's, since errors about a missing value point at them.
pub(super) fn braced(statements: TokenStream, braces: Span) -> TokenStream {
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(braces);
    quote!(#block)
}

/// What the signature says that comes out.
pub(super) enum Return {
    Unit,
    /// `!`.
    Never,
    /// A type, with `_` for each `impl Trait` in it.
    Type {
        written: TokenStream,
        span: Span,
    },
    /// Only the body knows: `impl Trait`.
    Opaque,
}

impl Return {
    pub(super) fn of(output: &ReturnType) -> Self {
        let ReturnType::Type(_, ty) = output else { return Self::Unit };
        match bare(ty) {
            Type::Never(_) => Self::Never,
            Type::ImplTrait(_) => Self::Opaque,
            Type::Tuple(tuple) if tuple.elems.is_empty() => Self::Unit,
            _ => {
                let mut named = (**ty).clone();
                erase_opaque(&mut named);
                Self::Type { written: quote!(#named), span: ty.span() }
            }
        }
    }

    /// The type, where one can be written.
    pub(super) fn annotation(&self) -> Option<&TokenStream> {
        match self {
            Self::Type { written, .. } => Some(written),
            Self::Unit | Self::Never | Self::Opaque => None,
        }
    }

    /// `-> …` of a closure.
    pub(super) fn arrow(&self) -> TokenStream {
        match self {
            Self::Type { written, .. } => quote!(-> #written),
            Self::Never => quote!(-> !),
            Self::Unit => quote!(-> ()),
            Self::Opaque => TokenStream::new(),
        }
    }

    pub(super) fn span(&self) -> Span {
        match self {
            Self::Type { span, .. } => *span,
            Self::Unit | Self::Never | Self::Opaque => Span::call_site(),
        }
    }

    /// An early `return` that never runs: an async block cannot be told its type otherwise, and without it `?` and
    /// coercions in the body would not know where they go.
    pub(super) fn guard(&self) -> TokenStream {
        let (written, span) = match self {
            Self::Type { written, span } => (written.clone(), *span),
            // A block that never ends cannot say so. It is given a type without values instead.
            Self::Never => (quote!(::core::convert::Infallible), Span::call_site()),
            Self::Unit => (quote!(()), Span::call_site()),
            Self::Opaque => return TokenStream::new(),
        };
        let here = Span::mixed_site().located_at(span);
        quote_spanned! {here=>
            #[allow(unreachable_code, unreachable_patterns)]
            if let ::core::option::Option::Some(__early) = ::core::option::Option::None::<#written> {
                return __early;
            }
        }
    }
}

/// Puts `_` wherever `impl Trait` stands, which only a signature may say.
fn erase_opaque(ty: &mut Type) {
    match ty {
        Type::ImplTrait(opaque) => *ty = infer(opaque.span()),
        Type::Group(inner) => erase_opaque(&mut inner.elem),
        Type::Paren(inner) => erase_opaque(&mut inner.elem),
        Type::Reference(inner) => erase_opaque(&mut inner.elem),
        Type::Array(inner) => erase_opaque(&mut inner.elem),
        Type::Slice(inner) => erase_opaque(&mut inner.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(erase_opaque),
        Type::Path(path) => path.path.segments.iter_mut().for_each(|segment| {
            if let PathArguments::AngleBracketed(list) = &mut segment.arguments {
                erase_in_arguments(&mut list.args);
            }
        }),
        _ => {}
    }
}

fn infer(at: Span) -> Type {
    Type::Infer(syn::TypeInfer { attrs: Vec::new(), underscore_token: Token![_](at) })
}

fn erase_in_arguments(arguments: &mut Punctuated<GenericArgument, Token![,]>) {
    for argument in arguments {
        if let GenericArgument::Type(ty) = argument {
            erase_opaque(ty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(output: &str) -> Option<String> {
        let output: ReturnType = syn::parse_str(output).ok()?;
        Return::of(&output).annotation().map(|ty| ty.to_string().replace(' ', ""))
    }

    #[test]
    fn only_what_a_closure_can_say_is_said() {
        assert_eq!(annotation("-> u32").as_deref(), Some("u32"));
        assert_eq!(annotation("-> Result<impl A, E>").as_deref(), Some("Result<_,E>"));
        assert_eq!(annotation("-> (u8, Vec<impl A>)").as_deref(), Some("(u8,Vec<_>)"));
        for silent in ["", "-> ()", "-> !", "-> impl A", "-> (impl A)"] {
            assert_eq!(annotation(silent), None, "{silent}");
        }
    }
}
