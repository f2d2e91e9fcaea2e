//! Rules that look at the attribute and the function together.

use super::args::{Branch, Captures, On, Target};
use super::function::Function;
use super::model::Passing;
use super::scan;
use crate::errors::Errors;
use crate::grammar::redaction;
use crate::grammar::value::{Value, as_name, head, is_place};
use crate::suggest;
use proc_macro2::{Ident, Span};
use syn::Expr;

/// The rules for one function.
pub(crate) struct Checks {
    arguments: Vec<Ident>,
    references: Vec<Ident>,
    name: Ident,
    has_future: bool,
}

impl Checks {
    pub(crate) fn new(function: &Function) -> Self {
        use super::function::Returns;
        let has_future = function.is_async() || matches!(function.returns(), Returns::Future | Returns::BoxedFuture);
        Self {
            arguments: function.arguments(),
            references: function.references(),
            name: function.signature.ident.clone(),
            has_future,
        }
    }

    /// `on(…)` must leave the exits that other keys speak of.
    pub(crate) fn exits(
        &self,
        errors: &mut Errors,
        on: Option<On>,
        ok: &[Branch],
        err: &[Branch],
        failure_action: Option<Span>,
    ) {
        let Some(on) = on else { return };
        if !on.err {
            let failures = err.iter().map(|branch| (branch.at, "err(…)"));
            for (at, key) in failures.chain(failure_action.map(|at| (at, "failure_action"))) {
                errors.at(at, format_args!("`on(…)` says that failures are not told, so `{key}` means nothing: add `err` to `on`, or remove this"));
            }
        }
        if !on.ok {
            for branch in ok {
                errors.at(
                    branch.at,
                    "`on(…)` says that success is not told, so `ok(…)` means nothing: add `ok` to `on`, or remove this",
                );
            }
        }
    }

    pub(crate) fn detached(&self, errors: &mut Errors, detached: Option<Span>) {
        if let Some(at) = detached.filter(|_| !self.has_future) {
            errors.at(
                at,
                format_args!("`detached` gives a future a task of its own, and `{}` has none: make it an `async fn`, or remove `detached`", self.name),
            );
        }
    }

    /// Says that there is no target, with an argument that may be one.
    pub(crate) fn no_target(&self, errors: &mut Errors) {
        let argument = self.arguments.iter().find(|name| *name != "self");
        let example = argument.map_or_else(|| "invoice".to_owned(), ToString::to_string);
        errors.at(
            Span::call_site(),
            format_args!(
                "WorkOS refuses an event without a target: what was it done to? Write `targets({example})` for what derives \
                 `AuditTarget`, or `target(type = \"…\", id = {example})`"
            ),
        );
    }

    /// Captures before the body: arguments that exist, and nothing that leaves.
    pub(crate) fn opening(&self, captures: &Captures, errors: &mut Errors) {
        for body in &captures.body {
            self.known(&body.argument, errors);
        }
        for_each(captures, |expr| {
            no_escape(expr, errors);
            if let Some(name) = head(expr).filter(|name| is_variable(name)) {
                self.known(name, errors);
            }
        });
    }

    /// Captures from the result: the arguments are gone.
    pub(crate) fn branch(&self, kind: &str, captures: &Captures, bound: &[Ident], errors: &mut Errors) {
        for_each(captures, |expr| {
            no_escape(expr, errors);
            for name in scan::expression(expr).names {
                if bound.contains(&name) || !self.arguments.contains(&name) {
                    continue;
                }
                errors.at(
                    name.span(),
                    format_args!(
                        "`{name}` was moved into the function, which has returned by now: capture it beside `{kind}(…)`, or take it from what was returned"
                    ),
                );
            }
        });
    }

    fn known(&self, name: &Ident, errors: &mut Errors) {
        if self.arguments.contains(name) {
            return;
        }
        if name == "self" {
            errors.at(name.span(), format_args!("`{}` is no method, so it has no `self` to capture from", self.name));
            return;
        }
        let names: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        if redaction::WORDS.iter().any(|word| name == word) {
            // As `body(…)` has it, where there are only fields.
            errors.at(
                name.span(),
                format_args!(
                    "`{}` has no argument `{name}`: how a value is shown stands behind its key, as in `key: {name} = value`",
                    self.name
                ),
            );
            return;
        }
        let hint = match (suggest::nearest(&name.to_string(), names.iter().map(String::as_str)), names.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "it has none".to_owned(),
            (None, [only]) => format!("it has only `{only}`"),
            (None, all) => format!("it has {}", suggest::list(all)),
        };
        errors.at(name.span(), format_args!("`{}` has no argument `{name}`: {hint}", self.name));
    }

    /// How an actor or a target is passed before the body.
    pub(crate) fn passing(&self, expr: &Expr) -> Passing {
        match as_name(expr) {
            Some(name) if self.references.contains(name) => Passing::Reborrow,
            _ => place(expr),
        }
    }

    /// How it is passed from a result, of which all names are references.
    pub(crate) fn passing_bound(&self, expr: &Expr, bound: &[Ident]) -> Passing {
        match as_name(expr) {
            Some(name) if bound.contains(name) => Passing::Give,
            _ => place(expr),
        }
    }
}

fn place(expr: &Expr) -> Passing {
    if is_place(expr) { Passing::Borrow } else { Passing::Give }
}

/// Constants, statics and enum variants have names of another shape.
fn is_variable(name: &Ident) -> bool {
    name.to_string().trim_start_matches("r#").starts_with(|letter: char| letter.is_lowercase() || letter == '_')
}

fn for_each<'a>(captures: &'a Captures, mut look: impl FnMut(&'a Expr)) {
    let value = |value: &'a Value| &value.expr;
    if let Some(actor) = captures.actor.value() {
        look(actor);
    }
    if let Some(organization) = captures.organization.value() {
        look(value(organization));
    }
    for target in &captures.targets {
        match target {
            Target::Model(expr) => look(expr),
            Target::Named(named) => {
                look(value(&named.id));
                if let Some(name) = &named.name {
                    look(value(name));
                }
            }
        }
    }
    for item in &captures.metadata {
        look(value(&item.value));
    }
}

fn no_escape(expr: &Expr, errors: &mut Errors) {
    for (at, what) in scan::expression(expr).escapes {
        let message = match what {
            ".await" => {
                "nothing can be awaited here, since this runs before the function: capture what is known by then, or use `audited::record` in the body"
            }
            "?" => "`?` cannot leave the function from here: use `.ok()` or `.unwrap_or_default()`",
            _ => "`return` cannot leave the function from here: write an expression that has a value",
        };
        errors.at(at, message);
    }
}
