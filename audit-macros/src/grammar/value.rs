//! An expression that is captured, with the sigils that users know from `tracing`.

use super::items;
use crate::errors::Errors;
use crate::runtime_path::RuntimePath;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Expr, Member, Token};

/// How a value becomes a part of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sigil {
    /// `x`: a number stays a number.
    None,
    /// `%x`: what `Display` writes.
    Display,
    /// `?x`: what `Debug` writes.
    Debug,
}

/// `x`, `%x` or `?x`.
pub(crate) struct Value {
    pub(crate) sigil: Sigil,
    pub(crate) expr: Expr,
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { sigil: Sigil::parse(input)?, expr: input.parse()? })
    }
}

impl Sigil {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(if input.parse::<Option<Token![%]>>()?.is_some() {
            Self::Display
        } else if input.parse::<Option<Token![?]>>()?.is_some() {
            Self::Debug
        } else {
            Self::None
        })
    }
}

/// An expression up to the next comma. One that is still being written is kept as far as it goes, for editors to complete.
pub(crate) fn expression(input: ParseStream<'_>, errors: &mut Errors) -> Expr {
    let ahead = input.fork();
    match ahead.parse() {
        Ok(expr) => {
            input.advance_to(&ahead);
            expr
        }
        Err(error) => {
            errors.push(error);
            Expr::Verbatim(items::take_item(input))
        }
    }
}

impl Value {
    /// A value of which only the sigil must be there.
    pub(crate) fn written(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        Ok(Self { sigil: Sigil::parse(input)?, expr: expression(input, errors) })
    }

    /// The shorthand `x`.
    pub(crate) fn of_variable(name: Ident) -> Self {
        let path = syn::ExprPath { attrs: Vec::new(), qself: None, path: name.into() };
        Self { sigil: Sigil::None, expr: Expr::Path(path) }
    }

    pub(crate) fn span(&self) -> Span {
        self.expr.span()
    }

    /// The value as the runtime takes it. Nothing is moved out of the user's variables.
    pub(crate) fn expand(&self, root: &RuntimePath) -> TokenStream {
        let borrowed = borrow(&self.expr);
        let here = Span::mixed_site().located_at(self.span());
        match self.sigil {
            Sigil::None => borrowed,
            Sigil::Display => {
                let display = root.private_at("display", here);
                quote_spanned!(here=> #display(#borrowed))
            }
            Sigil::Debug => {
                let captured = root.private_at("Captured", here);
                quote_spanned!(here=> #captured(#borrowed).debug())
            }
        }
    }
}

/// `value`, a reference, on its way to where it is redacted: a secret may go there, and nowhere else.
pub(crate) fn hidden(root: &RuntimePath, value: &TokenStream, here: Span) -> TokenStream {
    let captured = root.private_at("Captured", here);
    quote_spanned!(here=> #captured(#value).hidden())
}

/// What brings the methods into scope that [`hidden`] and `?` call on what is no secret.
pub(crate) fn fallback(root: &RuntimePath) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> use #root::__private::CapturedFallback as _;)
}

/// `&expr`, in parentheses where `&` would bind to a part of it only.
pub(crate) fn borrow(expr: &Expr) -> TokenStream {
    let here = Span::mixed_site().located_at(expr.span());
    match expr {
        Expr::Binary(_) | Expr::Cast(_) | Expr::Closure(_) | Expr::Range(_) | Expr::Assign(_) | Expr::Let(_) => {
            quote_spanned!(here=> &(#expr))
        }
        _ => quote_spanned!(here=> &#expr),
    }
}

/// Whether `expr` names something that stays where it is, so that only `&expr` leaves it alone.
pub(crate) fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        // As far as it is written: a name, or a field of which only the dot is there.
        Expr::Verbatim(_) => true,
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}

/// The one name that `expr` consists of, `self` included.
pub(crate) fn as_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) if path.attrs.is_empty() && path.qself.is_none() => path.path.get_ident(),
        Expr::Paren(inner) => as_name(&inner.expr),
        Expr::Group(inner) => as_name(&inner.expr),
        _ => None,
    }
}

/// The variable that a chain of fields, methods and indexes starts from.
pub(crate) fn head(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Field(field) => head(&field.base),
        Expr::MethodCall(call) => head(&call.receiver),
        Expr::Index(index) => head(&index.expr),
        Expr::Reference(reference) => head(&reference.expr),
        Expr::Unary(unary) => head(&unary.expr),
        Expr::Paren(inner) => head(&inner.expr),
        Expr::Group(inner) => head(&inner.expr),
        _ => as_name(expr),
    }
}

/// What a variable or a field is called; nothing for what is computed.
pub(crate) fn source_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::MethodCall(_) => None,
        _ => last_name(expr).map(|name| name.unraw().to_string()),
    }
}

/// The name that a bare `x`, `a.x` or `a.x()` has in the metadata.
pub(crate) fn last_name(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Field(field) => match &field.member {
            Member::Named(name) => Some(name.clone()),
            Member::Unnamed(_) => None,
        },
        Expr::MethodCall(call) => Some(call.method.clone()),
        Expr::Reference(reference) => last_name(&reference.expr),
        Expr::Paren(inner) => last_name(&inner.expr),
        Expr::Group(inner) => last_name(&inner.expr),
        _ => as_name(expr).filter(|name| *name != "self").cloned(),
    }
}
