//! `#[audit(…)]` on a type or a variant, as it was written.

use super::template::Text;
use crate::audited::unknown_key;
use crate::errors::Errors;
use crate::grammar::items;
use crate::grammar::keys;
use crate::runtime_path::StatedPath;
use crate::slot::Slot;
use crate::suggest;
use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Attribute, DeriveInput, LitStr, Path};

/// What stands on a type, or on a variant of an enum.
pub(crate) struct Outer {
    pub(crate) kind: Slot<LitStr>,
    pub(crate) id: Slot<Text>,
    pub(crate) name: Slot<Text>,
    pub(crate) delegate: Slot<()>,
    pub(crate) transparent: Slot<()>,
    pub(crate) rename_all: Slot<Case>,
    krate: Slot<Path>,
}

/// How `rename_all` writes the names of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const TYPE_KEYS: [&str; 7] = ["type", "id", "name", "rename_all", "transparent", "delegate", "crate"];
const VARIANT_KEYS: [&str; 4] = ["type", "id", "name", "delegate"];

impl Outer {
    fn new() -> Self {
        Self {
            kind: Slot::new("type"),
            id: Slot::new("id"),
            name: Slot::new("name"),
            delegate: Slot::new("delegate"),
            transparent: Slot::new("transparent"),
            rename_all: Slot::new("rename_all"),
            krate: Slot::new("crate"),
        }
    }

    pub(crate) fn of_type(input: &DeriveInput, errors: &mut Errors) -> Self {
        Self::parse(&input.attrs, &TYPE_KEYS, errors)
    }

    pub(crate) fn of_variant(variant: &syn::Variant, errors: &mut Errors) -> Self {
        Self::parse(&variant.attrs, &VARIANT_KEYS, errors)
    }

    /// The path of `crate = …`, which is needed before anything else.
    pub(crate) fn take_path(&mut self) -> Option<Path> {
        std::mem::replace(&mut self.krate, Slot::new("crate")).into_value()
    }

    fn parse(attributes: &[Attribute], known: &[&'static str], errors: &mut Errors) -> Self {
        let mut outer = Self::new();
        each_item(attributes, errors, |input, errors| outer.item(known, input, errors));
        outer
    }

    fn item(&mut self, known: &[&'static str], input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let key = items::key(input)?;
        let (at, word) = (key.span(), key.to_string());
        if !known.contains(&word.as_str()) {
            items::skip_item(input);
            errors.at(at, misplaced(&word, known));
            return Ok(());
        }
        match word.as_str() {
            "type" => {
                items::equals(input, &key, "type = \"invoice\"")?;
                let kind: LitStr = input.parse().map_err(|error| {
                    syn::Error::new(
                        error.span(),
                        "a type is a string that the compiler can read, as in `type = \"invoice\"`",
                    )
                })?;
                if kind.value().trim().is_empty() {
                    errors.on(&kind, "WorkOS takes no empty type: write one, as in `type = \"invoice\"`");
                }
                self.kind.set(errors, at, kind);
            }
            "id" => {
                items::equals(input, &key, "id = self.key()")?;
                self.id.set(errors, at, input.parse()?);
            }
            "name" => {
                items::equals(input, &key, "name = \"{number} ({customer})\"")?;
                self.name.set(errors, at, input.parse()?);
            }
            "rename_all" => {
                items::equals(input, &key, "rename_all = \"camelCase\"")?;
                let name: LitStr = input.parse()?;
                if let Some(case) = Case::of(&name, errors) {
                    self.rename_all.set(errors, at, case);
                }
            }
            "transparent" => self.transparent.set(errors, at, ()),
            "delegate" => self.delegate.set(errors, at, ()),
            // The last of the keys that are known.
            _ => {
                items::equals(input, &key, "crate = ::path::to::audited")?;
                self.krate.set(errors, at, input.parse::<StatedPath>()?.0);
            }
        }
        Ok(())
    }
}

/// A key that is known elsewhere says where; any other gets the nearest.
fn misplaced(word: &str, known: &[&'static str]) -> String {
    if super::field::KEYS.contains(&word) {
        format!("`{word}` stands on a field: put `#[audit({word})]` on the field that it is about")
    } else if TYPE_KEYS.contains(&word) {
        format!("`{word}` stands on the type: put `#[audit({word} …)]` above the `enum`")
    } else {
        unknown_key(word, known)
    }
}

/// Every item of every `#[audit(…)]`.
pub(crate) fn each_item(
    attributes: &[Attribute],
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("audit")) {
        let list = match attribute.meta.require_list() {
            Ok(list) => list,
            Err(_) => {
                errors.on(attribute, "what about it? For example `#[audit(id)]` or `#[audit(metadata)]`");
                continue;
            }
        };
        let parsed = list.parse_args_with(|input: ParseStream<'_>| {
            items::each(input, errors, &mut item);
            Ok(())
        });
        errors.ok(parsed);
    }
}

impl Case {
    const NAMES: [(&'static str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    fn of(name: &LitStr, errors: &mut Errors) -> Option<Self> {
        let written = name.value();
        let found = Self::NAMES.iter().find(|(known, _)| *known == written).map(|(_, case)| *case);
        if found.is_none() {
            let names = Self::NAMES.map(|(known, _)| known);
            let hint = match suggest::nearest(&written, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the cases are {}", suggest::list(&names)),
            };
            errors.on(name, format_args!("there is no case `{written}`: {hint}"));
        }
        found
    }

    pub(crate) fn apply(self, field: &str) -> String {
        let words = keys::words(field);
        let capital = |word: &String| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_ascii_uppercase().to_string() + &letters.as_str().to_ascii_lowercase()
            })
        };
        match self {
            Self::Lower => words.concat().to_ascii_lowercase(),
            Self::Upper => words.concat().to_ascii_uppercase(),
            Self::Pascal => words.iter().map(capital).collect(),
            Self::Camel => {
                let mut camel = words.first().map(|first| first.to_ascii_lowercase()).unwrap_or_default();
                camel.extend(words.iter().skip(1).map(capital));
                camel
            }
            Self::Snake => words.join("_").to_ascii_lowercase(),
            Self::ScreamingSnake => words.join("_").to_ascii_uppercase(),
            Self::Kebab => words.join("-").to_ascii_lowercase(),
            Self::ScreamingKebab => words.join("-").to_ascii_uppercase(),
        }
    }
}

/// For messages: the names of fields.
pub(crate) fn names(fields: &syn::Fields) -> Vec<String> {
    fields.members().map(|member| member_name(&member)).collect()
}

/// A field's name as the user would say it.
pub(crate) fn member_name(member: &syn::Member) -> String {
    use syn::ext::IdentExt;
    match member {
        syn::Member::Named(name) => Ident::unraw(name).to_string(),
        syn::Member::Unnamed(index) => index.index.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_set_as_rename_all_says() {
        let all = Case::NAMES.map(|(_, case)| case.apply("amount_cents"));
        assert_eq!(
            all,
            [
                "amountcents",
                "AMOUNTCENTS",
                "AmountCents",
                "amountCents",
                "amount_cents",
                "AMOUNT_CENTS",
                "amount-cents",
                "AMOUNT-CENTS"
            ]
        );
    }
}
