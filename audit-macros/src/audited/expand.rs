//! The code that an audited function becomes. Everything was judged before: nothing fails in here, and nothing is decided
//! at run time that the runtime could decide.

mod body;
mod captures;

use self::body::Return;
use super::args::{Durability, On};
use super::function::{Function, Returns};
use super::model::{Audited, Event, Task};
use crate::runtime_path::RuntimePath;
use proc_macro2::{Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

pub(crate) fn expand(audited: &Audited, function: &Function) -> TokenStream {
    let Audited { root, task } = audited;
    let statements = match task {
        Task::Skip(why) => {
            let skipped = root.private("skipped");
            let body = &function.body.statements;
            quote!(#skipped(#why); #body)
        }
        Task::Tell(event) => Expansion::new(root, event, function).statements(),
    };

    let Function { attributes, visibility, signature, body } = function;
    let inner = &body.attributes;
    let block = body::braced(quote!(#(#inner)* #statements), body.braces);
    quote!(#(#attributes)* #visibility #signature #block)
}

/// One function on its way to becoming audited.
struct Expansion<'a> {
    root: &'a RuntimePath,
    event: &'a Event,
    function: &'a Function,
    ret: Return,
}

impl<'a> Expansion<'a> {
    fn new(root: &'a RuntimePath, event: &'a Event, function: &'a Function) -> Self {
        Self { root, event, function, ret: Return::of(&function.signature.output) }
    }

    fn statements(&self) -> TokenStream {
        let description = self.description();
        let call = match self.event.returns {
            Returns::Value | Returns::Response | Returns::ResponseInResult if self.function.is_async() => {
                self.of_async()
            }
            Returns::Value | Returns::Response | Returns::ResponseInResult => self.of_sync(),
            Returns::Future => self.of_future(&self.called_body(&TokenStream::new())),
            Returns::BoxedFuture => {
                let body = self.function.boxed_block().unwrap_or_else(|| self.called_body(&self.ret.arrow()));
                let future = self.of_future(&body);
                // Where the body begins, which is where the compiler then says that the future in it is of another type.
                let first = self.function.body.statements.clone().into_iter().next();
                let at = first.map_or_else(Span::call_site, |token| token.span());
                quote_spanned!(Span::mixed_site().located_at(at)=> ::std::boxed::Box::pin(#future))
            }
        };
        quote!(#description #call)
    }

    /// What is known when it is compiled, in one place of the program's read-only data.
    fn description(&self) -> TokenStream {
        let Event { action, version, failure_action, on, durability, .. } = self.event;
        let ty = self.root.private("Description");
        let name = self.function.signature.ident.unraw().to_string();
        let version = version.map(|version| quote!(.version(#version)));
        let failure_action = failure_action.as_ref().map(|action| quote!(.failure_action(#action)));
        let on = on.map(|On { ok, err, panic, cancel }| quote!(.on(#ok, #err, #panic, #cancel)));
        let durability = durability.map(|durability| {
            let ty = self.root.private("Durability");
            let variant = match durability {
                Durability::Relaxed => quote!(Relaxed),
                Durability::Durable => quote!(Durable),
                Durability::Strict => quote!(Strict),
            };
            quote!(.durability(#ty::#variant))
        });
        quote_spanned! {Span::mixed_site()=>
            static __AUDITED: #ty = #ty::new(#action, ::core::module_path!(), #name) #version #failure_action #on #durability;
        }
    }

    fn of_async(&self) -> TokenStream {
        let guard = self.ret.guard();
        let body = &self.function.body;
        let block = body::braced([guard, body.statements.clone()].into_iter().collect(), body.braces);
        let mut future = quote_spanned!(Span::mixed_site()=> async move #block);
        if let Some(respond) = self.respond() {
            let respond = self.root.private(respond);
            future = quote_spanned!(Span::mixed_site()=> #respond(#future));
        }
        let opened = self.opened("open_strict", &quote_spanned!(Span::mixed_site()=> .await), |scope| {
            let scoped = self.scoped(scope, &future);
            quote_spanned!(Span::mixed_site()=> #scoped.await)
        });
        if matches!(self.ret, Return::Never) {
            return quote_spanned!(Span::mixed_site()=> match #opened {});
        }
        opened
    }

    fn of_sync(&self) -> TokenStream {
        let mut body = self.closure(&self.ret.arrow());
        if let Some(respond) = self.respond() {
            let respond = self.root.private(&format!("{respond}_sync"));
            body = quote_spanned!(Span::mixed_site()=> move || #respond(#body));
        }
        let value =
            (self.event.returns == Returns::Value).then(|| self.ret.annotation().map(|_| self.ret.span())).flatten();
        let close = captures::closing(self.root, &self.event.ok, &self.event.err, value);
        let run = self.root.private("scope_sync");
        self.opened(
            "open_strict_sync",
            &TokenStream::new(),
            |scope| quote_spanned!(Span::mixed_site()=> #run(#scope, #body, #close)),
        )
    }

    /// What makes the response whose status tells the outcome. `ok(…)` matches the value that was returned, which a response
    /// would have swallowed, so there it is left as it is.
    fn respond(&self) -> Option<&'static str> {
        match self.event.returns {
            _ if !self.event.ok.is_empty() => None,
            Returns::Response => Some("respond"),
            Returns::ResponseInResult => Some("respond_in_result"),
            Returns::Value | Returns::Future | Returns::BoxedFuture => None,
        }
    }

    /// The capture happens at the call; the scope is the future's.
    fn of_future(&self, future: &TokenStream) -> TokenStream {
        if self.event.durability != Some(Durability::Strict) {
            return self.scoped(&self.open("open"), future);
        }
        let opening = self.open("open_strict");
        let opened = self.settle(&quote_spanned!(Span::mixed_site()=> __opening.await), |scope| {
            let scoped = self.scoped(scope, future);
            quote_spanned!(Span::mixed_site()=> #scoped.await)
        });
        quote_spanned!(Span::mixed_site()=> { let __opening = #opening; async move { #opened } })
    }

    /// `go_on` with an open scope; in `strict` mode only if the intent is stored.
    fn opened(&self, strict: &str, wait: &TokenStream, go_on: impl FnOnce(&TokenStream) -> TokenStream) -> TokenStream {
        if self.event.durability != Some(Durability::Strict) {
            return go_on(&self.open("open"));
        }
        let open = self.open(strict);
        self.settle(&quote_spanned!(Span::mixed_site()=> #open #wait), go_on)
    }

    fn settle(&self, opening: &TokenStream, go_on: impl FnOnce(&TokenStream) -> TokenStream) -> TokenStream {
        let scoped = go_on(&quote_spanned!(Span::mixed_site()=> __scope));
        // The compiler's complaint about a type that cannot refuse belongs to that type.
        let at = if self.ret.annotation().is_some() { self.ret.span() } else { self.function.signature.ident.span() };
        let here = Span::mixed_site().located_at(at);
        let refuse = self.root.private_at("Refuse", here);
        let refused = match self.ret.annotation() {
            Some(ty) => quote_spanned!(here=> <#ty as #refuse>::refuse),
            None => quote_spanned!(here=> #refuse::refuse),
        };
        quote_spanned! {Span::mixed_site()=>
            match #opening {
                ::core::result::Result::Ok(__scope) => #scoped,
                ::core::result::Result::Err(__unavailable) => #refused(__unavailable),
            }
        }
    }

    fn open(&self, how: &str) -> TokenStream {
        let open = self.root.private(how);
        let capture = captures::opening(self.root, &self.event.opening);
        quote_spanned!(Span::mixed_site()=> #open(&__AUDITED, #capture))
    }

    fn scoped(&self, scope: &TokenStream, future: &TokenStream) -> TokenStream {
        let run = self.root.private("scope");
        let close = captures::closing(self.root, &self.event.ok, &self.event.err, None);
        let scoped = quote_spanned!(Span::mixed_site()=> #run(#scope, #future, #close));
        if self.event.detached {
            let detached = self.root.private("detached");
            return quote_spanned!(Span::mixed_site()=> #detached(#scoped));
        }
        scoped
    }

    fn closure(&self, arrow: &TokenStream) -> TokenStream {
        let body = &self.function.body;
        let block = body::braced(body.statements.clone(), body.braces);
        quote_spanned!(Span::mixed_site()=> move || #arrow #block)
    }

    /// The body, run here and now, with its `return`s staying inside.
    fn called_body(&self, arrow: &TokenStream) -> TokenStream {
        let closure = self.closure(arrow);
        let called = Group::new(proc_macro2::Delimiter::Parenthesis, closure);
        quote_spanned!(Span::mixed_site()=> #called())
    }
}
