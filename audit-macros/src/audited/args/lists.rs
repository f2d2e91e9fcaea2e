//! The keys that capture something: they stand in the attribute and, most of them, behind `ok(… =>` and `err(… =>`.

use super::unknown_key;
use crate::errors::Errors;
use crate::grammar::items;
use crate::grammar::redaction::Redaction;
use crate::grammar::shown::Shown;
use crate::grammar::value::{Value, expression, last_name};
use crate::slot::Slot;
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative;
use syn::{Expr, LitStr, Member, Pat, Token};

/// Everything that is captured at one moment.
pub(crate) struct Captures {
    pub(crate) actor: Slot<Expr>,
    pub(crate) organization: Slot<Value>,
    /// In the order in which they were written, since that is the order in which they are shown.
    pub(crate) targets: Vec<Target>,
    pub(crate) body: Vec<Body>,
    pub(crate) metadata: Vec<Metadata>,
}

pub(crate) enum Target {
    Model(Expr),
    Named(NamedTarget),
}

/// `target(type = "ledger", id = ledger_id, name = "…")`.
pub(crate) struct NamedTarget {
    pub(crate) kind: LitStr,
    pub(crate) id: Value,
    pub(crate) name: Option<Value>,
}

/// `body(argument)` or `body(argument: field, field = rule)`.
pub(crate) struct Body {
    pub(crate) argument: Ident,
    /// `None` is the whole argument.
    pub(crate) fields: Option<Vec<BodyField>>,
}

pub(crate) struct BodyField {
    pub(crate) path: Vec<Member>,
    pub(crate) redaction: Redaction,
}

/// A key with its place.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

pub(crate) struct Metadata {
    pub(crate) key: Key,
    pub(crate) value: Value,
    pub(crate) shown: Shown,
}

/// `PATTERN => captures`.
pub(crate) struct Branch {
    pub(crate) at: Span,
    pub(crate) pattern: Pat,
    pub(crate) captures: Captures,
}

impl Captures {
    pub(crate) fn new() -> Self {
        Self {
            actor: Slot::new("actor"),
            organization: Slot::new("organization"),
            targets: Vec::new(),
            body: Vec::new(),
            metadata: Vec::new(),
        }
    }

    /// Reads what belongs to `key`, if it is a key that captures.
    pub(super) fn item(&mut self, key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<bool> {
        match key.to_string().as_str() {
            "actor" => {
                items::equals(input, key, "actor = user")?;
                let actor = expression(input, errors);
                self.actor.set(errors, key.span(), actor);
            }
            "organization" => {
                items::equals(input, key, "organization = user.org_id")?;
                let organization = Value::written(input, errors)?;
                self.organization.set(errors, key.span(), organization);
            }
            "targets" => {
                let content = items::list(input, key, "targets(invoice, customer)")?;
                items::each(&content, errors, |input, errors| {
                    self.targets.push(Target::Model(expression(input, errors)));
                    Ok(())
                });
            }
            "target" => {
                let content = items::list(input, key, "target(type = \"ledger\", id = ledger_id)")?;
                self.targets.extend(NamedTarget::parse(key, &content, errors).map(Target::Named));
            }
            "body" => {
                let content = items::list(input, key, "body(payload: amount, currency)")?;
                self.body.push(Body::parse(key, &content, errors)?);
            }
            "metadata" => {
                let content = items::list(input, key, "metadata(key = value)")?;
                items::each(&content, errors, |input, errors| {
                    self.metadata.extend(Metadata::parse(input, errors)?);
                    Ok(())
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl NamedTarget {
    fn parse(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Option<Self> {
        const KEYS: [&str; 3] = ["type", "id", "name"];
        let (mut kind, mut id, mut name) = (Slot::new("type"), Slot::new("id"), Slot::new("name"));
        let mut whole = true;
        items::each(input, errors, |input, errors| {
            let parsed = (|| {
                if input.peek(LitStr) {
                    let kind: LitStr = input.parse()?;
                    let form = format_args!("a target's type has a key: write `type = {:?}`", kind.value());
                    return Err(syn::Error::new(kind.span(), form));
                }
                let key = items::key(input)?;
                let at = key.span();
                match key.to_string().as_str() {
                    "type" => {
                        items::equals(input, &key, "type = \"ledger\"")?;
                        let literal = input.parse().map_err(|error| {
                            syn::Error::new(error.span(), "a target's type is a string, as in `type = \"ledger\"`")
                        })?;
                        kind.set(errors, at, literal);
                    }
                    "id" => {
                        items::equals(input, &key, "id = ledger_id")?;
                        let value = Value::written(input, errors)?;
                        id.set(errors, at, value);
                    }
                    "name" => {
                        items::equals(input, &key, "name = ledger.title")?;
                        let value = Value::written(input, errors)?;
                        name.set(errors, at, value);
                    }
                    // A model, and not a key that is written wrongly.
                    _ if !input.peek(Token![=]) => {
                        return Err(syn::Error::new(
                            at,
                            "this has no key: write `targets(…)` for what derives `AuditTarget`, or \
                             `target(type = \"ledger\", id = ledger_id)` for a thing without a model",
                        ));
                    }
                    unknown => return Err(syn::Error::new(at, unknown_key(unknown, &KEYS))),
                }
                Ok(())
            })();
            whole &= parsed.is_ok();
            parsed
        });
        match (kind.into_value(), id.into_value()) {
            (Some(kind), Some(id)) => Some(Self { kind, id, name: name.into_value() }),
            // What is missing may be what could not be read, and that is reported already.
            _ if !whole => None,
            (kind, _) => {
                let missing = if kind.is_none() { "type" } else { "id" };
                errors.at(
                    key.span(),
                    format_args!("this target has no `{missing}`: write `target(type = \"ledger\", id = ledger_id)`, or `targets(…)` for what derives `AuditTarget`"),
                );
                None
            }
        }
    }
}

impl Body {
    fn parse(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        if input.is_empty() {
            return Err(syn::Error::new(key.span(), "which argument? Write `body(payload: amount, currency)`"));
        }
        let argument = input.call(Ident::parse_any)?;
        if input.is_empty() {
            return Ok(Self { argument, fields: None });
        }
        if !input.peek(Token![:]) || input.peek(Token![::]) {
            let error = syn::Error::new(
                input.span(),
                format_args!(
                    "fields stand behind the argument that has them: write `body({argument}: amount, currency)`"
                ),
            );
            while !input.is_empty() {
                input.parse::<proc_macro2::TokenTree>()?;
            }
            return Err(error);
        }
        let colon: Token![:] = input.parse()?;
        if input.is_empty() {
            errors.at(
                colon.span,
                format_args!("name the fields, or write `body({argument})` for all that it serializes"),
            );
        }
        // The argument alone is what is written so far.
        let mut fields = Vec::from_iter(input.is_empty().then(BodyField::unwritten));
        items::each(input, errors, |input, errors| {
            fields.extend(BodyField::parse(input, errors)?);
            Ok(())
        });
        Ok(Self { argument, fields: Some(fields) })
    }
}

impl BodyField {
    fn unwritten() -> Self {
        Self { path: Vec::new(), redaction: Redaction::Automatic }
    }

    fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        let mut path = vec![input.parse()?];
        while input.parse::<Option<Token![.]>>()?.is_some() {
            match input.parse() {
                Ok(member) => path.push(member),
                Err(error) => {
                    errors.push(error);
                    items::skip_item(input);
                }
            }
        }
        if let Some(colon) = input.parse::<Option<Token![:]>>()? {
            let rule = items::take_item(input);
            let name = quote::quote!(#(#path).*).to_string().replace(' ', "");
            let form = format_args!("how a field is shown stands behind `=`: write `{name} = {rule}`");
            return Err(syn::Error::new(colon.span, form));
        }
        let redaction = if input.parse::<Option<Token![=]>>()?.is_some() {
            Redaction::parse(input, errors)?
        } else {
            Some(Redaction::Automatic)
        };
        Ok(redaction.map(|redaction| Self { path, redaction }))
    }

    /// The segments joined by `_`, as nested values are named everywhere.
    pub(crate) fn key(&self) -> Key {
        let names: Vec<String> = self
            .path
            .iter()
            .map(|member| match member {
                Member::Named(name) => name.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            })
            .collect();
        Key { name: names.join("_"), span: self.span() }
    }

    pub(crate) fn span(&self) -> Span {
        let place = |member: &Member| match member {
            Member::Named(name) => name.span(),
            Member::Unnamed(index) => index.span,
        };
        let last = self.path.last().map(place);
        let whole = self.path.first().map(place).and_then(|first| first.join(last?));
        whole.or(last).unwrap_or_else(Span::call_site)
    }
}

impl Metadata {
    fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        let keyed = (input.peek(Ident::peek_any) || input.peek(LitStr))
            && ((input.peek2(Token![=]) && !input.peek2(Token![==]))
                || (input.peek2(Token![:]) && !input.peek2(Token![::])));
        if keyed { Self::parse_keyed(input, errors) } else { Self::parse_bare(input, errors).map(Some) }
    }

    /// `key = value`, `key: rule = value`, `key: type = value`, `key: rule`.
    fn parse_keyed(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        let (key, variable) = if input.peek(LitStr) {
            let literal: LitStr = input.parse()?;
            (Key { name: literal.value(), span: literal.span() }, None)
        } else {
            let name = items::key(input)?;
            (Key { name: name.unraw().to_string(), span: name.span() }, Some(name))
        };
        let shown = if input.parse::<Option<Token![:]>>()?.is_some() {
            Shown::parse(input, errors)?
        } else {
            Some(Shown::AUTOMATIC)
        };
        let value = match variable {
            Some(variable) if !input.peek(Token![=]) => Value::of_variable(variable),
            _ => {
                input.parse::<Token![=]>()?;
                Value::written(input, errors)?
            }
        };
        if let Some(shown) = shown {
            shown.judge(&value, errors);
        }
        Ok(shown.map(|shown| Self { key, value, shown }))
    }

    /// `x`, `%a.x`: the key is the last name.
    fn parse_bare(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        let value = Value::written(input, errors)?;
        if let Expr::Verbatim(_) = &value.expr {
            let key = Key { name: String::new(), span: value.span() };
            return Ok(Self { key, value, shown: Shown::AUTOMATIC });
        }
        if let Expr::Assign(assign) = &value.expr
            && let Expr::Field(_) = &*assign.left
        {
            let flat = quote::ToTokens::to_token_stream(&assign.left).to_string().replace(' ', "").replace('.', "_");
            return Err(syn::Error::new_spanned(&assign.left, format_args!("a key has no dots: write `{flat} = …`")));
        }
        let Some(name) = last_name(&value.expr) else {
            return Err(syn::Error::new_spanned(&value.expr, "this has no name to be its key: write `key = …`"));
        };
        if let Some(colon) = input.parse::<Option<Token![:]>>()? {
            let how = items::take_item(input);
            let expr = &value.expr;
            let written = quote::quote!(#expr).to_string().replace(' ', "");
            let form = format_args!("what a value is called stands before the `:`: write `{name}: {how} = {written}`");
            return Err(syn::Error::new(colon.span, form));
        }
        let key = Key { name: name.unraw().to_string(), span: name.span() };
        Ok(Self { key, value, shown: Shown::AUTOMATIC })
    }
}

impl Branch {
    pub(super) fn parse(
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
        form: &str,
    ) -> syn::Result<Option<Self>> {
        const KEYS: [&str; 5] = ["targets", "target", "metadata", "actor", "organization"];
        let content = items::list(input, key, form)?;
        // What fails within parentheses of a fork is not told a second time.
        let ahead = content.fork();
        let head = (|| {
            let pattern = ahead.call(Pat::parse_multi_with_leading_vert)?;
            ahead.parse::<Token![=>]>()?;
            Ok::<_, syn::Error>(pattern)
        })();
        let pattern = match head {
            Ok(pattern) => {
                content.advance_to(&ahead);
                pattern
            }
            Err(error) => {
                content.parse::<proc_macro2::TokenStream>()?;
                errors.at(
                    error.span(),
                    format_args!("`{key}` takes a pattern and what to capture from it: write `{form}`"),
                );
                return Ok(None);
            }
        };
        if content.is_empty() {
            errors.at(key.span(), format_args!("this captures nothing: write `{form}`, or leave `{key}` out"));
        }
        let mut captures = Captures::new();
        items::each(&content, errors, |input, errors| {
            let inner = items::key(input)?;
            if inner == "body" {
                items::skip_item(input);
                errors.at(
                    inner.span(),
                    "the body is read before the function runs: write `body(…)` beside this, not in it",
                );
            } else if !captures.item(&inner, input, errors)? {
                items::skip_item(input);
                errors.at(inner.span(), unknown_key(&inner.to_string(), &KEYS));
            }
            Ok(())
        });
        Ok(Some(Self { at: key.span(), pattern, captures }))
    }
}
