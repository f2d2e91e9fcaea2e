//! The implementation that a derived type gets. Nothing fails in here.

use super::Role;
use super::shape::{Arm, Bound, Kind, Model, Need, Source, Telling, inside_option};
use super::template::Template;
use crate::grammar::value::{Sigil, Value, fallback};
use crate::runtime_path::RuntimePath;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, GenericParam, Member, WherePredicate, parse_quote_spanned};

pub(crate) fn expand(model: &Model, input: &DeriveInput, root: &RuntimePath) -> TokenStream {
    let kind = match &model.kind {
        Kind::Text(text, span) => quote_spanned!(*span=> #text),
        Kind::Of(ty) => {
            let the_trait = model.role.the_trait();
            quote_spanned!(ty.span()=> <#ty as #root::#the_trait>::TYPE)
        }
    };
    let arms = model.arms.iter().map(|arm| self::arm(arm, model.role, root));
    let body = if model.arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) };
    let hides = model.arms.iter().flat_map(|arm| &arm.tellings).any(Telling::calls_fallback);
    let fallback = hides.then(|| fallback(root));
    let body = quote!(#fallback #body);
    let bounds = bounds(model, input, root);
    implementation(model.role, input, root, &bounds, &kind, &body)
}

/// An implementation that says nothing, for a type with errors.
pub(crate) fn empty(role: Role, input: &DeriveInput, root: &RuntimePath) -> TokenStream {
    implementation(role, input, root, &[], &quote!(""), &TokenStream::new())
}

fn implementation(
    role: Role,
    input: &DeriveInput,
    root: &RuntimePath,
    bounds: &[WherePredicate],
    kind: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let (the_trait, writer, parameter) = (role.the_trait(), role.writer(), parameter());
    let name = &input.ident;
    let mut generics = input.generics.clone();
    if !bounds.is_empty() {
        generics.make_where_clause().predicates.extend(bounds.iter().cloned());
    }
    let (parameters, arguments, conditions) = generics.split_for_impl();
    // The user's expressions name `self`, so it has to be theirs.
    let this = quote!(self);
    let constant = (role != Role::Body)
        .then(|| quote_spanned!(Span::mixed_site()=> const TYPE: &'static ::core::primitive::str = #kind;));
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #parameters #root::#the_trait for #name #arguments #conditions {
            #constant

            fn describe(&#this, #parameter: &mut #root::#writer<'_>) {
                #body
            }
        }
    }
}

fn arm(arm: &Arm, role: Role, root: &RuntimePath) -> TokenStream {
    let Arm { variant, bound, tellings } = arm;
    let variant = variant.as_ref().map(|variant| quote!(::#variant));
    let bindings = bound.iter().map(|Bound { member, ty, .. }| {
        let variable = variable(member, ty.span());
        quote!(#member: #variable)
    });
    let statements = tellings.iter().map(|telling| self::telling(telling, bound, role, root));
    quote_spanned!(Span::mixed_site()=> Self #variant { #(#bindings,)* .. } => { #(#statements)* })
}

/// One call of the writer, at the place of the field's type, so that a type that does not fit is reported there.
fn telling(telling: &Telling, bound: &[Bound], role: Role, root: &RuntimePath) -> TokenStream {
    let place = |member: &Member| {
        let at =
            bound.iter().find(|bound| bound.member == *member).map_or_else(Span::call_site, |bound| bound.ty.span());
        (variable(member, at), Span::mixed_site().located_at(at))
    };
    let value = |source: &Source| match source {
        Source::Field { member, with } => {
            let (variable, here) = place(member);
            match with {
                Some(with) => {
                    let here = Span::mixed_site().located_at(with.span());
                    (quote_spanned!(here=> &#with(#variable)), here)
                }
                None => (quote!(#variable), here),
            }
        }
        Source::Expr(value) => (value.expand(root), Span::mixed_site().located_at(value.span())),
        Source::Template(template) => {
            let here = Span::mixed_site().located_at(template.format.span());
            (self::template(template, root), here)
        }
    };
    let call = |method: &str, source: &Source| {
        let (value, here) = value(source);
        let (writer, method) = (parameter_at(here), Ident::new(method, here));
        quote_spanned!(here=> #writer.#method(#value);)
    };
    let hand_on = |method: &str, member: &Member| {
        let (variable, here) = place(member);
        let (writer, method) = (parameter_at(here), Ident::new(method, here));
        quote_spanned!(here=> #writer.#method(#variable);)
    };
    match telling {
        Telling::Kind(kind) => {
            let writer = parameter();
            quote_spanned!(Span::mixed_site()=> #writer.kind(#kind);)
        }
        Telling::Id(source) => call("id", source),
        Telling::Name(source) => call("name", source),
        Telling::Organization(source) => call("organization", source),
        Telling::ImpersonatedBy(member) => {
            let optional = bound.iter().any(|bound| bound.member == *member && inside_option(&bound.ty).is_some());
            if !optional {
                return hand_on("impersonated_by", member);
            }
            // Nobody is not somebody anonymous.
            let (variable, here) = place(member);
            let writer = parameter_at(here);
            quote_spanned! {here=>
                if let ::core::option::Option::Some(__someone) = #variable {
                    #writer.impersonated_by(__someone);
                }
            }
        }
        // A body has no type that the one inside could have in its place.
        Telling::Delegate(member) if role == Role::Body => hand_on("flatten", member),
        Telling::Delegate(member) => hand_on("delegate", member),
        Telling::Flatten(member) => hand_on("flatten", member),
        Telling::Metadata { key, source, shown } => {
            let field = match source {
                Source::Field { member: Member::Named(name), .. } => Some(name.unraw().to_string()),
                _ => None,
            };
            let (value, here) = value(source);
            let value = shown.typed(root, value, here);
            shown.redaction.write(root, &parameter_at(here), key, field.as_deref(), shown.ty, &value)
        }
    }
}

impl Telling {
    /// Whether its code calls a method that [`fallback`] brings into scope.
    fn calls_fallback(&self) -> bool {
        let is_debug = |source: &Source| matches!(source, Source::Expr(Value { sigil: Sigil::Debug, .. }));
        match self {
            Self::Metadata { shown, .. } => shown.is_hidden(),
            Self::Id(source) | Self::Name(source) | Self::Organization(source) => is_debug(source),
            Self::Kind(_) | Self::ImpersonatedBy(_) | Self::Delegate(_) | Self::Flatten(_) => false,
        }
    }
}

fn template(template: &Template, root: &RuntimePath) -> TokenStream {
    let Template { format, fields } = template;
    let here = Span::mixed_site().located_at(format.span());
    let display = root.private("display");
    let values = fields.iter().map(|(member, inside)| {
        let variable = variable(member, format.span());
        quote_spanned!(here=> #variable #(.#inside)*)
    });
    quote_spanned!(here=> #display(&::core::format_args!(#format #(, #values)*)))
}

fn parameter() -> Ident {
    parameter_at(Span::mixed_site())
}

fn parameter_at(here: Span) -> Ident {
    Ident::new("__writer", here)
}

/// The variable that holds a reference to a field. One at another place is the same variable.
fn variable(member: &Member, at: Span) -> Ident {
    let name = super::args::member_name(member);
    Ident::new(&format!("__self_{name}"), Span::mixed_site().located_at(at))
}

/// What the type's parameters must be able to do: only for fields that are used and whose type has a parameter in it.
fn bounds(model: &Model, input: &DeriveInput, root: &RuntimePath) -> Vec<WherePredicate> {
    let parameters: Vec<&Ident> = input
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Lifetime(_) | GenericParam::Const(_) => None,
        })
        .collect();
    let generic =
        model.arms.iter().flat_map(|arm| &arm.bound).filter(|bound| mentions(bound.ty.to_token_stream(), &parameters));
    generic.flat_map(|bound| bound.needs.iter().map(|need| predicate(model.role, bound, *need, root))).collect()
}

fn predicate(role: Role, bound: &Bound, need: Need, root: &RuntimePath) -> WherePredicate {
    let ty = &bound.ty;
    let here = Span::mixed_site().located_at(ty.span());
    let the_trait = role.the_trait();
    match need {
        Need::Value => parse_quote_spanned!(here=> for<'__audited> &'__audited #ty: #root::AuditValue),
        Need::Typed(stated) => {
            let stated = root.private_at(stated.the_trait(), here);
            parse_quote_spanned!(here=> #ty: #stated)
        }
        Need::Display => parse_quote_spanned!(here=> #ty: ::core::fmt::Display),
        Need::Body => parse_quote_spanned!(here=> #ty: #root::AuditBody),
        Need::Role => parse_quote_spanned!(here=> #ty: #root::#the_trait),
        Need::Actor => {
            let ty = inside_option(ty).unwrap_or(ty);
            parse_quote_spanned!(here=> #ty: #root::AuditActor)
        }
    }
}

fn mentions(tokens: TokenStream, parameters: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => parameters.contains(&&word),
        TokenTree::Group(group) => mentions(group.stream(), parameters),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
