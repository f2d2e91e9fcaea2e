//! The user's function, as far as the attribute needs to understand it.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, GenericArgument, Pat, PathArguments, ReceiverKind, ReturnType, Signature, Token, Type,
    TypeParamBound, Visibility, braced, token,
};

/// A function. Its body stays raw, so that one that is only half written expands, too, and editors keep completing in it.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Body,
}

pub(crate) struct Body {
    pub(crate) braces: Span,
    /// `#![…]`, which must stay the first in the block.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) statements: TokenStream,
}

/// What a function gives its caller, as far as the scope must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// The value itself, or an `async fn`'s.
    Value,
    /// `impl IntoResponse`, which only tells its status once it is a response.
    Response,
    /// `Result<impl IntoResponse, E>`.
    ResponseInResult,
    /// A future: the scope is the future's.
    Future,
    /// A future in a pinned box.
    BoxedFuture,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if let Some(refusal) = refusal(input) {
            return Err(refusal);
        }
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let message =
                "a function without a body does nothing that could be audited: put `#[audited]` on its implementations";
            return Err(syn::Error::new(signature.ident.span(), message));
        }
        let content;
        let braces: token::Brace = braced!(content in input);
        let body = Body {
            braces: braces.span.join(),
            attributes: content.call(Attribute::parse_inner)?,
            statements: content.parse()?,
        };
        Ok(Self { attributes, visibility, signature, body })
    }
}

/// Why what follows is nothing to audit.
fn refusal(input: ParseStream<'_>) -> Option<syn::Error> {
    let fork = input.fork();
    let mut words = Vec::new();
    while let Ok(TokenTree::Ident(word)) = fork.parse::<TokenTree>() {
        let last = word == "fn";
        words.push(word);
        if last || fork.peek(token::Brace) || words.len() > 5 {
            break;
        }
    }
    let is_function = words.iter().any(|word| word == "fn");
    let first = words.first()?;
    let message = match first.to_string().as_str() {
        "const" if is_function => {
            "a `const fn` may run in the compiler, where there is no audit log: remove `const` or `#[audited]`"
                .to_owned()
        }
        "impl" => {
            "`#[audited]` stands on functions: put it on each method in this block that is to be audited".to_owned()
        }
        "trait" => "`#[audited]` stands on functions: put it on the methods that implement this trait".to_owned(),
        "mod" => {
            "`#[audited]` stands on functions: put it on each function in this module that is to be audited".to_owned()
        }
        "struct" | "enum" | "union" => {
            "`#[audited]` stands on functions: for a type, derive `AuditTarget` or `AuditActor`".to_owned()
        }
        "const" | "static" | "type" | "use" | "macro_rules" | "let" => "`#[audited]` stands on functions".to_owned(),
        _ => return None,
    };
    Some(syn::Error::new(first.span(), message))
}

impl Function {
    /// The names that the arguments have in the body, `self` included.
    pub(crate) fn arguments(&self) -> Vec<Ident> {
        let mut names = Vec::new();
        for input in &self.signature.inputs {
            match input {
                FnArg::Receiver(receiver) => names.push(Ident::new("self", receiver.self_token.span)),
                FnArg::Typed(typed) => super::scan::bindings(&typed.pat, &mut names),
            }
        }
        names
    }

    /// The arguments that are references already, as far as the signature says so.
    pub(crate) fn references(&self) -> Vec<Ident> {
        let mut names = Vec::new();
        for input in &self.signature.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    if !matches!(receiver.kind, ReceiverKind::Value) {
                        names.push(Ident::new("self", receiver.self_token.span));
                    }
                }
                FnArg::Typed(typed) => {
                    if let (Pat::Ident(name), Type::Reference(_)) = (&*typed.pat, bare(&typed.ty)) {
                        names.push(name.ident.clone());
                    }
                }
            }
        }
        names
    }

    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    pub(crate) fn returns(&self) -> Returns {
        let ReturnType::Type(_, ty) = &self.signature.output else { return Returns::Value };
        match bare(ty) {
            // Only with axum's trait in the runtime: other frameworks have one of this name, too.
            ty if cfg!(feature = "axum") && becomes_response(ty) => Returns::Response,
            ty if cfg!(feature = "axum") && is_result_of_response(ty) => Returns::ResponseInResult,
            Type::ImplTrait(opaque) if !self.is_async() && has_bound(&opaque.bounds, "Future") => Returns::Future,
            boxed if !self.is_async() && is_boxed_future(boxed) => Returns::BoxedFuture,
            _ => Returns::Value,
        }
    }

    /// The `async move` block of a body that is `Box::pin(async move { … })` and nothing else, as `#[async_trait]` leaves it: its scope needs
    /// no box of its own.
    pub(crate) fn boxed_block(&self) -> Option<TokenStream> {
        let tokens: Vec<TokenTree> = self.body.statements.clone().into_iter().collect();
        let (arguments, path) = tokens.split_last()?;
        let TokenTree::Group(arguments) = arguments else { return None };
        let words: Vec<String> = path.iter().map(ToString::to_string).filter(|token| token != ":").collect();
        let is_pin = words.ends_with(&["Box".to_owned(), "pin".to_owned()])
            && path.iter().all(|token| matches!(token, TokenTree::Ident(_)) || token.to_string() == ":");
        let mut inside = arguments.stream().into_iter();
        let is_block = matches!(inside.next(), Some(TokenTree::Ident(word)) if word == "async")
            && matches!(inside.next(), Some(TokenTree::Ident(word)) if word == "move")
            && matches!(inside.next(), Some(TokenTree::Group(block)) if block.delimiter() == Delimiter::Brace)
            && inside.next().is_none();
        (is_pin && is_block).then(|| arguments.stream())
    }
}

/// The type without the invisible groups of `macro_rules!` and without parentheses.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

fn has_bound<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>, name: &str) -> bool {
    bounds.into_iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    })
}

fn becomes_response(ty: &Type) -> bool {
    matches!(bare(ty), Type::ImplTrait(opaque) if has_bound(&opaque.bounds, "IntoResponse"))
}

fn is_result_of_response(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|(name, inside)| name == "Result" && inside.is_some_and(becomes_response))
}

/// `Pin<Box<dyn Future>>` and the aliases for it that everybody knows.
fn is_boxed_future(ty: &Type) -> bool {
    let Some((name, argument)) = last_segment(ty) else { return false };
    if name == "BoxFuture" || name == "LocalBoxFuture" {
        return true;
    }
    let boxed = (name == "Pin").then_some(argument).flatten().and_then(last_segment);
    match boxed {
        Some((name, Some(inner))) if name == "Box" => match bare(inner) {
            Type::TraitObject(object) => has_bound(&object.bounds, "Future"),
            Type::ImplTrait(opaque) => has_bound(&opaque.bounds, "Future"),
            _ => false,
        },
        _ => false,
    }
}

/// `Box` and `T` of `std::boxed::Box<T>`.
fn last_segment(ty: &Type) -> Option<(&Ident, Option<&Type>)> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last()?;
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    };
    Some((&last.ident, argument))
}
