//! Keys that other macros have taught: what to write instead.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Token, token};

/// What to tell somebody who wrote `key` out of habit.
pub(super) fn advice(key: &Ident, input: ParseStream<'_>) -> Option<&'static str> {
    Some(match key.to_string().as_str() {
        "level" => "an audit log has no levels, every event is kept: remove `level`",
        "skip_all" => "nothing is captured unless it is named, so there is nothing to skip: remove `skip_all`",
        "skip" if input.peek(token::Paren) => {
            "arguments are not captured unless they are named, so there is nothing to skip: remove `skip(…)` \
             (`skip = \"why\"` says that a whole function is not audited on purpose)"
        }
        "fields" => "here it is called `metadata`: write `metadata(key = value)`, with the same sigils `%` and `?`",
        "name" => "what happened is called `action` here: write `action = \"invoice.paid\"`",
        "parent" | "follows_from" => {
            "an audit event has no parent span: remove it, or add an identifier to `metadata(…)`"
        }
        "ret" => "the outcome is told anyway; to add what was returned, write `ok(value => metadata(…))`",
        "err" if !input.peek(token::Paren) && !input.peek(Token![=]) => {
            "failures are told anyway; to add what went wrong, write `err(error => metadata(reason = %error))`"
        }
        "org" | "organization_id" | "tenant" => "the key is called `organization`: write `organization = user.org_id`",
        "user" => "who did it is called `actor`: write `actor = user`",
        "idempotency_key" => {
            "every event has a key of its own already, which no retry changes: remove `idempotency_key`"
        }
        "occurred_at" => "the time is that of the call: remove `occurred_at`",
        _ => return None,
    })
}
