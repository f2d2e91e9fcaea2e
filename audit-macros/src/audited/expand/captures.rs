//! The two closures in which values are captured: one before the body, one when it is over.

use crate::audited::model::{Branch, Capture, Passing, Subject};
use crate::grammar::value::{Sigil, as_name, borrow, hidden, source_name};
use crate::runtime_path::RuntimePath;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

/// `|event| { … }`, run before the body.
pub(super) fn opening(root: &RuntimePath, captures: &[Capture]) -> TokenStream {
    let (event, statements) = (event(captures), all(root, captures));
    quote_spanned!(Span::mixed_site()=> |#event| { #statements })
}

/// `|output, event| …`, run when the body is over. It says whether the call failed; there is no output where it did not
/// return.
///
/// `value` is the span of a type that must not be a future in disguise.
pub(super) fn closing(root: &RuntimePath, ok: &[Branch], err: &[Branch], value: Option<Span>) -> TokenStream {
    let probe = root.private("Probe");
    let told = value.map(|value| {
        let here = Span::mixed_site().located_at(value);
        let (probe, fallback) = (root.private_at("Probe", here), root.private("ToldFallback"));
        quote_spanned! {here=>
            {
                use #fallback as _;
                #probe(__output).told();
            }
        }
    });
    let event = if ok.is_empty() && err.is_empty() { unused() } else { writer() };
    let ok: TokenStream = ok
        .iter()
        .map(|branch| {
            let yielded = quote_spanned!(Span::mixed_site()=> __peeled.value.filter(|_| !__failed));
            self::branch(root, branch, &yielded)
        })
        .collect();
    let err: TokenStream = err
        .iter()
        .map(|branch| {
            let here = Span::mixed_site().located_at(branch.pattern.span());
            let error_of = root.private_at("error_of", here);
            self::branch(root, branch, &quote_spanned!(here=> #error_of(__output)))
        })
        .collect();
    let failed = quote_spanned!(Span::mixed_site()=> __peeled.failed || #probe(__peeled.value).is_failure());
    let judged = if ok.is_empty() && err.is_empty() {
        failed
    } else {
        quote_spanned!(Span::mixed_site()=> let __failed = #failed; #ok #err __failed)
    };
    quote_spanned! {Span::mixed_site()=>
        |__output, #event| {
            use #root::__private::{FailureFallback as _, PeelFallback as _};
            #told
            let __peeled = #probe(__output).peel();
            #judged
        }
    }
}

/// What one pattern captures, where it matches. Where it does not, its targets are told as absent, since WorkOS wants every
/// type of target that the schema names.
fn branch(root: &RuntimePath, branch: &Branch, yielded: &TokenStream) -> TokenStream {
    let Branch { pattern, captures } = branch;
    let statements = all(root, captures);
    let absent: TokenStream = captures.iter().filter_map(|capture| absent(branch, capture)).collect();
    let otherwise = (!absent.is_empty()).then(|| quote_spanned!(Span::mixed_site()=> else { #absent }));
    quote_spanned! {Span::mixed_site()=>
        let __yielded = #yielded;
        if let ::core::option::Option::Some(#pattern) = __yielded { #statements } #otherwise
    }
}

fn absent(branch: &Branch, capture: &Capture) -> Option<TokenStream> {
    let (event, pattern) = (writer(), &branch.pattern);
    match capture {
        Capture::Targets(subject) => {
            let targets = pass(subject);
            // The closure only lends its type.
            Some(quote_spanned! {Span::mixed_site()=>
                #event.absent(__yielded, |__value| {
                    #[allow(warnings, clippy::all, clippy::pedantic)]
                    let #pattern = __value else { ::core::unreachable!() };
                    #targets
                });
            })
        }
        Capture::NamedTarget { kind, .. } => {
            Some(quote_spanned!(Span::mixed_site()=> #event.target_of(#kind, "none");))
        }
        _ => None,
    }
}

fn all(root: &RuntimePath, captures: &[Capture]) -> TokenStream {
    let statements = captures.iter().map(|capture| statement(root, capture));
    [fallbacks(root, captures)].into_iter().chain(statements).collect()
}

/// The traits whose methods stand in for those that a type does not have.
fn fallbacks(root: &RuntimePath, captures: &[Capture]) -> TokenStream {
    let captured = captures.iter().any(|capture| match capture {
        Capture::BodyField { redaction, .. } => redaction.hides(),
        Capture::Metadata { value, shown, .. } => {
            value.sigil == Sigil::Debug || (value.sigil == Sigil::None && shown.is_hidden())
        }
        Capture::Organization(value) => value.sigil == Sigil::Debug,
        Capture::NamedTarget { id, name, .. } => {
            id.sigil == Sigil::Debug || name.as_ref().is_some_and(|name| name.sigil == Sigil::Debug)
        }
        Capture::Actor(_) | Capture::Targets(_) | Capture::WholeBody(_) => false,
    });
    let whole = captures.iter().any(|capture| matches!(capture, Capture::WholeBody(_)));
    let captured = captured.then(|| crate::grammar::value::fallback(root));
    let whole = whole.then(|| quote_spanned!(Span::mixed_site()=> use #root::__private::WholeBodyFallback as _;));
    quote_spanned!(Span::mixed_site()=> #captured #whole)
}

/// One call of the event's writer, at the place of what it captures, so that what does not fit is reported there.
fn statement(root: &RuntimePath, capture: &Capture) -> TokenStream {
    let here = Span::mixed_site().located_at(capture.span());
    let event = writer_at(here);
    match capture {
        Capture::Actor(subject) => {
            let actor = match subject.how {
                Passing::Give if as_name(&subject.expr).is_none() => borrow(&subject.expr),
                _ => pass(subject),
            };
            quote_spanned!(here=> #event.actor(#actor);)
        }
        Capture::Organization(value) => {
            let value = value.expand(root);
            quote_spanned!(here=> #event.organization(#value);)
        }
        Capture::Targets(subject) => {
            let targets = pass(subject);
            quote_spanned!(here=> #event.targets(#targets);)
        }
        Capture::NamedTarget { kind, id, name } => {
            let id = id.expand(root);
            match name.as_ref().map(|name| name.expand(root)) {
                Some(name) => quote_spanned!(here=> #event.target_of_named(#kind, #id, #name);),
                None => quote_spanned!(here=> #event.target_of(#kind, #id);),
            }
        }
        Capture::WholeBody(argument) => {
            let whole = root.private_at("WholeBody", here);
            quote_spanned!(here=> #whole(&#argument).tell(#event);)
        }
        Capture::BodyField { argument, path, key, redaction, .. } => {
            let mut value = quote_spanned!(here=> &#argument #(.#path)*);
            if redaction.hides() {
                value = hidden(root, &value, here);
            }
            redaction.write(root, &event, key, None, None, &value)
        }
        Capture::Metadata { key, value, shown } => {
            let source = source_name(&value.expr);
            let mut expanded = value.expand(root);
            if value.sigil == Sigil::None {
                expanded = shown.typed(root, expanded, here);
            }
            shown.redaction.write(root, &event, key, source.as_deref(), shown.ty, &expanded)
        }
    }
}

fn pass(subject: &Subject) -> TokenStream {
    let Subject { expr, how } = subject;
    let here = Span::mixed_site().located_at(expr.span());
    match how {
        Passing::Borrow => borrow(expr),
        Passing::Reborrow => quote_spanned!(here=> &*#expr),
        Passing::Give => quote_spanned!(here=> #expr),
    }
}

/// The parameter of a capturing closure.
fn event(captures: &[Capture]) -> Ident {
    if captures.is_empty() { unused() } else { writer() }
}

fn writer() -> Ident {
    writer_at(Span::mixed_site())
}

fn writer_at(here: Span) -> Ident {
    Ident::new("__event", here)
}

fn unused() -> Ident {
    Ident::new("_event", Span::mixed_site())
}
