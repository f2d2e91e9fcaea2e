//! The attribute as it is meant: nothing in here is wrong, so nothing can fail behind it.

use super::args::{
    Args, Branch as WrittenBranch, Captures as WrittenCaptures, Durability, On, Target as WrittenTarget,
};
use super::check::Checks;
use super::function::{Function, Returns};
use crate::editor;
use crate::errors::Errors;
use crate::grammar::keys::{self, Keys};
use crate::grammar::redaction::Redaction;
use crate::grammar::shown::Shown;
use crate::grammar::value::Value;
use crate::runtime_path::RuntimePath;
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, LitStr, Member, Pat};

/// What to do with the function.
pub(crate) struct Audited {
    pub(crate) root: RuntimePath,
    pub(crate) task: Task,
}

pub(crate) enum Task {
    /// `skip = "why"`.
    Skip(LitStr),
    Tell(Box<Event>),
}

/// The event that one call becomes.
pub(crate) struct Event {
    pub(crate) action: LitStr,
    pub(crate) version: Option<u32>,
    pub(crate) failure_action: Option<LitStr>,
    pub(crate) on: Option<On>,
    pub(crate) durability: Option<Durability>,
    pub(crate) detached: bool,
    pub(crate) returns: Returns,
    pub(crate) opening: Vec<Capture>,
    pub(crate) ok: Vec<Branch>,
    pub(crate) err: Vec<Branch>,
}

/// One thing that goes into the event.
pub(crate) enum Capture {
    Actor(Subject),
    Organization(Value),
    Targets(Subject),
    NamedTarget { kind: LitStr, id: Value, name: Option<Value> },
    WholeBody(Ident),
    BodyField { argument: Ident, path: Vec<Member>, key: String, redaction: Redaction, span: Span },
    Metadata { key: String, value: Value, shown: Shown },
}

impl Capture {
    /// The place of what is captured.
    pub(crate) fn span(&self) -> Span {
        // To an editor, whatever stands at the place of a name is a definition of that name.
        if editor::asks() {
            return Span::call_site();
        }
        match self {
            Self::Actor(subject) | Self::Targets(subject) => subject.expr.span(),
            Self::Organization(value) | Self::NamedTarget { id: value, .. } | Self::Metadata { value, .. } => {
                value.span()
            }
            Self::WholeBody(argument) => argument.span(),
            Self::BodyField { span, .. } => *span,
        }
    }
}

/// An actor or targets, and how they get into the event without being moved out of the user's variables.
pub(crate) struct Subject {
    pub(crate) expr: Expr,
    pub(crate) how: Passing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// `&expr`.
    Borrow,
    /// `&*expr`: it is a reference already.
    Reborrow,
    /// `expr`: a new value, or a shared reference that can be copied.
    Give,
}

pub(crate) struct Branch {
    pub(crate) pattern: Pat,
    pub(crate) captures: Vec<Capture>,
}

impl Audited {
    /// Judges what was written, for this function. All that is wrong is reported; `None` then.
    pub(crate) fn validate(args: Args, function: &Function, errors: &mut Errors) -> Option<Self> {
        let missing = |key: &str| args.is_missing(key);
        let (no_action, no_target) = (missing("action"), missing("targets") && missing("target"));
        let Args { action, version, failure_action, captures, ok, err, on, durability, skip, detached, krate, meant } =
            args;
        let root = RuntimePath::new(krate.into_value());
        let checks = Checks::new(function);

        if let Some(at) = skip.span() {
            if meant.iter().any(|key| key != "skip" && key != "crate") {
                errors.at(
                    at,
                    "`skip` says that nothing is told, so the other keys mean nothing: keep `skip` or the others",
                );
            }
            let why = skip.into_value()?;
            if why.value().trim().is_empty() {
                errors.on(&why, "say why: it is what somebody reads who asks where the audit event is");
            }
            return Some(Self { root, task: Task::Skip(why) });
        }
        if !meant.is_empty() && meant.iter().all(|key| key == "skip") {
            return None;
        }

        if no_action {
            errors.at(Span::call_site(), missing_action(function));
        }
        if no_target && ok.iter().chain(&err).all(|branch| branch.captures.targets.is_empty()) {
            checks.no_target(errors);
        }
        checks.exits(errors, on.value().copied(), &ok, &err, failure_action.span());
        checks.detached(errors, detached.span());

        let version = version.into_value().and_then(|literal| {
            let number = errors.ok(literal.base10_parse::<u32>())?;
            if number == 0 {
                errors.on(&literal, "versions count from 1");
            }
            Some(number)
        });
        let action = action.into_value().inspect(|name| check_action(errors, name));
        let failure_action = failure_action.into_value().inspect(|name| check_action(errors, name));

        let mut keys = Keys::of_event();
        let opening = opening(captures, &checks, &mut keys, errors);
        let ok = ok.into_iter().map(|written| branch(written, "ok", &checks, &keys, errors)).collect();
        let err = err.into_iter().map(|written| branch(written, "err", &checks, &keys, errors)).collect();
        Some(Self {
            root,
            task: Task::Tell(Box::new(Event {
                // Where there is none, that was reported.
                action: action.unwrap_or_else(|| LitStr::new("unknown.unknown", Span::call_site())),
                version,
                failure_action,
                on: on.into_value(),
                durability: durability.into_value(),
                detached: detached.into_value().is_some(),
                returns: function.returns(),
                opening,
                ok,
                err,
            })),
        })
    }
}

/// What is captured before the body.
fn opening(written: WrittenCaptures, checks: &Checks, keys: &mut Keys, errors: &mut Errors) -> Vec<Capture> {
    checks.opening(&written, errors);
    captures(written, keys, errors, |expr| checks.passing(expr))
}

/// What is captured from what the function returned.
fn branch(written: WrittenBranch, kind: &str, checks: &Checks, keys: &Keys, errors: &mut Errors) -> Branch {
    let WrittenBranch { at: _, pattern, captures: written } = written;
    let mut bound = Vec::new();
    super::scan::bindings(&pattern, &mut bound);
    checks.branch(kind, &written, &bound, errors);
    let captures = captures(written, &mut keys.branch(), errors, |expr| checks.passing_bound(expr, &bound));
    Branch { pattern, captures }
}

fn captures(
    written: WrittenCaptures,
    keys: &mut Keys,
    errors: &mut Errors,
    passing: impl Fn(&Expr) -> Passing,
) -> Vec<Capture> {
    let WrittenCaptures { actor, organization, targets, body, metadata } = written;
    let mut captures = Vec::new();
    let subject = |expr: Expr| Subject { how: passing(&expr), expr };
    captures.extend(actor.into_value().map(|actor| Capture::Actor(subject(actor))));
    captures.extend(organization.into_value().map(Capture::Organization));
    for target in targets {
        captures.push(match target {
            WrittenTarget::Model(expr) => Capture::Targets(subject(expr)),
            WrittenTarget::Named(named) => Capture::NamedTarget { kind: named.kind, id: named.id, name: named.name },
        });
    }
    for body in body {
        let Some(fields) = body.fields else {
            captures.push(Capture::WholeBody(body.argument));
            continue;
        };
        for field in fields {
            let (key, span) = (field.key(), field.span());
            if !field.path.is_empty() {
                keys.add(errors, key.span, &key.name);
            }
            captures.push(Capture::BodyField {
                argument: body.argument.clone(),
                path: field.path,
                key: told_as(key.name),
                redaction: field.redaction,
                span,
            });
        }
    }
    for item in metadata {
        if !matches!(item.value.expr, Expr::Verbatim(_)) {
            keys.add(errors, item.key.span, &item.key.name);
        }
        captures.push(Capture::Metadata { key: told_as(item.key.name), value: item.value, shown: item.shown });
    }
    captures
}

/// The key as it stands before the value. It may be made of the value's name, which to an editor is still to be written.
fn told_as(key: String) -> String {
    if editor::asks() { "key".to_owned() } else { key }
}

fn check_action(errors: &mut Errors, name: &LitStr) {
    if let Some(problem) = keys::action_problem(&name.value()) {
        errors.on(name, problem);
    }
}

/// Says that `action` is missing, with one made of the function's name.
fn missing_action(function: &Function) -> String {
    let name = function.signature.ident.unraw().to_string();
    let words = keys::words(&name);
    let suggestion = match words.split_first() {
        Some((verb, object)) if !object.is_empty() => format!("{}.{}", object.join("_"), past(verb)),
        _ => format!("invoice.{}", past(&keys::snake(&name))),
    };
    format!("`action` is missing: what happened when this has run? For example `action = \"{suggestion}\"`")
}

/// `paid` for `pay`, `deleted` for `delete`: good enough for a suggestion.
fn past(verb: &str) -> String {
    match verb {
        "pay" => "paid".to_owned(),
        "send" => "sent".to_owned(),
        "set" | "put" | "read" | "reset" => verb.to_owned(),
        "get" | "show" | "view" => "viewed".to_owned(),
        "make" => "made".to_owned(),
        "begin" => "begun".to_owned(),
        _ if verb.ends_with('e') => format!("{verb}d"),
        _ if verb.ends_with("ed") => verb.to_owned(),
        _ => format!("{verb}ed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_suggested_from_the_name_of_the_function() {
        let suggestion = |tokens| syn::parse2(tokens).map(|function| missing_action(&function)).unwrap_or_default();
        assert!(
            suggestion(quote::quote!(
                fn pay_invoice() {}
            ))
            .contains("\"invoice.paid\"")
        );
        assert!(
            suggestion(quote::quote!(
                fn delete_user_account() {}
            ))
            .contains("\"user_account.deleted\"")
        );
        assert!(
            suggestion(quote::quote!(
                fn view() {}
            ))
            .contains("\"invoice.viewed\"")
        );
    }
}
