//! `#[audit(…)]` on a field, as it was written.

use super::args::each_item;
use crate::audited::unknown_key;
use crate::errors::Errors;
use crate::grammar::items;
use crate::grammar::redaction::Redaction;
use crate::grammar::shown::{ONE_RULE, ONE_TYPE, Shown, ValueType, foreign_type};
use crate::slot::Slot;
use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Field, LitStr, Path, Token, token};

/// Every key that a field knows.
pub(crate) const KEYS: [&str; 16] = [
    "id",
    "name",
    "metadata",
    "rename",
    "organization",
    "impersonated_by",
    "mask",
    "hash",
    "redact",
    "allow",
    "string",
    "number",
    "bool",
    "with",
    "flatten",
    "delegate",
];

pub(crate) struct FieldArgs {
    pub(crate) id: Slot<()>,
    pub(crate) name: Slot<()>,
    /// The key, if it is not the field's name.
    pub(crate) metadata: Slot<Option<LitStr>>,
    pub(crate) rename: Slot<LitStr>,
    pub(crate) organization: Slot<()>,
    pub(crate) impersonated_by: Slot<()>,
    pub(crate) redaction: Slot<Redaction>,
    pub(crate) ty: Slot<ValueType>,
    pub(crate) with: Slot<Path>,
    pub(crate) flatten: Slot<()>,
}

impl FieldArgs {
    pub(crate) fn parse(field: &Field, errors: &mut Errors) -> Self {
        let mut args = Self {
            id: Slot::new("id"),
            name: Slot::new("name"),
            metadata: Slot::new("metadata"),
            rename: Slot::new("rename"),
            organization: Slot::new("organization"),
            impersonated_by: Slot::new("impersonated_by"),
            redaction: Slot::new("redaction"),
            ty: Slot::new("type"),
            with: Slot::new("with"),
            flatten: Slot::new("flatten"),
        };
        each_item(&field.attrs, errors, |input, errors| args.item(input, errors));
        args
    }

    fn item(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let key = items::key(input)?;
        let (at, word) = (key.span(), key.to_string());
        if let Some(redaction) = Redaction::from_word(&key, input)? {
            if self.redaction.span().is_some() {
                errors.at(at, ONE_RULE);
            } else {
                self.redaction.set(errors, at, redaction);
            }
            return Ok(());
        }
        if let Some(ty) = ValueType::from_word(&word) {
            if self.ty.span().is_some() {
                errors.at(at, ONE_TYPE);
            } else {
                self.ty.set(errors, at, ty);
            }
            return Ok(());
        }
        match word.as_str() {
            "id" => self.id.set(errors, at, ()),
            "name" => self.name.set(errors, at, ()),
            "organization" => self.organization.set(errors, at, ()),
            "flatten" => self.flatten.set(errors, at, ()),
            "impersonated_by" => self.impersonated_by.set(errors, at, ()),
            "metadata" => {
                if input.peek(token::Paren) || input.peek(Token![:]) {
                    let how = "how a value is told stands behind a comma, as in `#[audit(metadata, hash)]`";
                    return Err(input.error(how));
                }
                let stated = input.parse::<Option<Token![=]>>()?.is_some();
                let key = if stated { Some(key_text(input, "metadata")?) } else { None };
                self.metadata.set(errors, at, key);
            }
            "rename" => {
                items::equals(input, &key, "rename = \"total\"")?;
                self.rename.set(errors, at, key_text(input, "rename")?);
            }
            "with" => {
                items::equals(input, &key, "with = path::to::function")?;
                self.with.set(errors, at, path(input)?);
            }
            _ => {
                items::skip_item(input);
                let foreign = || foreign_type(&word).map(|hint| format!("`{word}` is no type in WorkOS: {hint}"));
                let advice = advice(&word).map(ToOwned::to_owned).or_else(foreign);
                errors.at(at, advice.unwrap_or_else(|| unknown_key(&word, &KEYS)));
            }
        }
        Ok(())
    }

    /// Rules for what stands together on one field.
    pub(crate) fn judge(&self, errors: &mut Errors) {
        let Self { id, name, metadata, rename, organization, impersonated_by: _, redaction, ty, with, flatten } = self;
        let open = [(id.span(), "id"), (name.span(), "name"), (organization.span(), "organization")];
        let open = open.into_iter().find_map(|(at, what)| at.map(|_| what));
        if let (Some(at), Some(what)) = (redaction.span(), open) {
            errors.at(
                at,
                format_args!(
                    "this field is the {what}, which is told as it is, so redacting it would promise too much: choose \
                     another field for one of the two"
                ),
            );
        }
        self.shown().judge_hidden(errors);
        let told = [metadata.span(), rename.span(), redaction.span(), ty.span(), with.span()];
        if let (Some(at), true) = (flatten.span(), told.iter().any(Option::is_some)) {
            errors.at(
                at,
                "`flatten` tells the fields inside, each as its own type says: remove it, or what stands beside it",
            );
            return;
        }
        // A type alone makes metadata of a field, but hardly of one that is told already.
        if let (Some(at), Some(stated), Some(what), None) = (ty.span(), ty.value(), open, metadata.span()) {
            let stated = stated.word();
            errors.at(
                at,
                format_args!(
                    "the {what} is told as a string: remove `{stated}`, or add `metadata` to tell it there, too"
                ),
            );
            return;
        }
        if self.is_told() {
            return;
        }
        if let Some(at) = rename.span() {
            errors.at(at, "`rename` gives a metadata key another name: add `metadata`");
        }
        if let (Some(at), None) = (with.span(), open) {
            errors.at(at, "`with` says how a value is taken, but not what for: add `metadata`, `id` or `name`");
        }
    }

    /// Whether it is a value of the metadata: also where only how it is told was said.
    pub(crate) fn is_told(&self) -> bool {
        self.metadata.span().or(self.redaction.span()).or(self.ty.span()).is_some()
    }

    /// How it is told.
    pub(crate) fn shown(&self) -> Shown {
        let redaction = self.redaction.value().copied().unwrap_or(Redaction::Automatic);
        Shown { redaction, ty: self.ty.value().copied().zip(self.ty.span()) }
    }

    /// Whether anything was written at all.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { id, name, metadata, rename, organization, impersonated_by, redaction, ty, with, flatten } = self;
        id.span()
            .or(name.span())
            .or(metadata.span())
            .or(rename.span())
            .or(organization.span())
            .or(impersonated_by.span())
            .or(redaction.span())
            .or(ty.span())
            .or(with.span())
            .or(flatten.span())
            .is_none()
    }
}

/// The string behind `word =`.
fn key_text(input: ParseStream<'_>, word: &str) -> syn::Result<LitStr> {
    let bare = input.fork().parse::<Ident>().map_or_else(|_| "total".to_owned(), |bare| bare.to_string());
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format_args!("a key is a string: write `{word} = \"{bare}\"`")))
}

/// A path, bare or in quotes as serde has it.
fn path(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(LitStr) {
        let quoted: LitStr = input.parse()?;
        return quoted.parse();
    }
    input.parse()
}

/// What to write instead of what other derives have taught.
fn advice(word: &str) -> Option<&'static str> {
    Some(match word {
        "skip" | "skip_serializing" | "ignore" => {
            "a field is not captured unless it is named, so there is nothing to skip: remove it"
        }
        "skip_serializing_if" | "default" => "an absent value is left out by itself: remove it",
        "serialize_with" => "write `with = path`, the path of a function from `&Field` to a value",
        "secret" | "sensitive" | "redacted" => "say how: `redact`, `mask`, `mask(last = 4)` or `hash`",
        "type" => "`type` stands on the type: put `#[audit(type = \"…\")]` above it",
        "delegate" => {
            "`delegate` stands on the variant: put `#[audit(delegate)]` above it; on a struct, write `#[audit(transparent)]`"
        }
        "org" | "organization_id" | "tenant" => "the key is called `organization`",
        _ => return None,
    })
}
