//! The words that say how a value is made unreadable.

use crate::editor;
use crate::errors::Errors;
use crate::grammar::items;
use crate::grammar::shown::ValueType;
use crate::runtime_path::RuntimePath;
use crate::suggest;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::parse::ParseStream;
use syn::{LitInt, token};

/// What happens to a value before it is written anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redaction {
    /// Nothing was said: the runtime redacts what has the name of a secret.
    Automatic,
    Allow,
    Redact,
    Mask,
    MaskLast(usize),
    Hash,
}

/// The words, for suggestions.
pub(crate) const WORDS: [&str; 4] = ["allow", "hash", "mask", "redact"];

impl Redaction {
    /// The rule that `word`, and what follows it, stands for; `None` if it is another word.
    pub(crate) fn from_word(word: &Ident, input: ParseStream<'_>) -> syn::Result<Option<Self>> {
        Ok(Some(match word.to_string().as_str() {
            "allow" => Self::Allow,
            "redact" => Self::Redact,
            "hash" => Self::Hash,
            "mask" if input.peek(token::Paren) => Self::MaskLast(last(word, input)?),
            "mask" => Self::Mask,
            _ => return Ok(None),
        }))
    }

    /// A rule where nothing else can stand.
    pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        let word = items::key(input)?;
        let rule = Self::from_word(&word, input)?;
        if rule.is_none() {
            items::skip_item(input);
            let hint = match suggest::nearest(&word.to_string(), WORDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `hash`, `mask`, `mask(last = 4)`, `redact` or `allow`".to_owned(),
            };
            errors.at(word.span(), format_args!("`{word}` is no way to redact a value: {hint}"));
        }
        Ok(rule)
    }

    /// Whether this was stated and hides the value.
    pub(crate) fn hides(self) -> bool {
        !matches!(self, Self::Automatic | Self::Allow)
    }

    /// `writer.metadata_checked("key", value, rule)`, redacted as this says, at the place of `writer`. `source` is what the value is
    /// called where it comes from: a secret is not to be had in the open by giving it another key. What must be `ty` in
    /// WorkOS cannot be redacted by its name alone.
    pub(crate) fn write(
        self,
        root: &RuntimePath,
        writer: &Ident,
        key: &str,
        source: Option<&str>,
        ty: Option<(ValueType, Span)>,
        value: &TokenStream,
    ) -> TokenStream {
        let here = writer.span();
        let rule = match self {
            Self::Allow => quote_spanned!(here=> #root::Redaction::None),
            // Which names are told may not depend on a name that is still to be written.
            Self::Automatic if editor::asks() => quote_spanned!(here=> #root::Redaction::None),
            Self::Automatic => {
                let rule = automatic(root, key, source.filter(|source| *source != key), here);
                if let Some((_, at)) = ty.filter(|(ty, _)| *ty != ValueType::String) {
                    let there = Span::mixed_site().located_at(at);
                    let in_the_open = root.private_at("in_the_open", there);
                    // An item, since `cargo check` does not evaluate what is in a function.
                    return quote_spanned! {there=>
                        const _: () = #in_the_open(#rule);
                        #writer.metadata_checked(#key, #value, #root::Redaction::None);
                    };
                }
                quote_spanned!(here=> const { #rule })
            }
            Self::Redact => quote_spanned!(here=> #root::Redaction::Redact),
            Self::Mask => quote_spanned!(here=> #root::Redaction::Mask),
            Self::MaskLast(shown) => quote_spanned!(here=> #root::Redaction::MaskLast(#shown)),
            Self::Hash => quote_spanned!(here=> #root::Redaction::Hash),
        };
        quote_spanned!(here=> #writer.metadata_checked(#key, #value, #rule);)
    }
}

/// The runtime's judgement of the names, made when the user's crate is compiled.
fn automatic(root: &RuntimePath, key: &str, source: Option<&str>, here: Span) -> TokenStream {
    let automatic = root.private_at("automatic", here);
    match source {
        None => quote_spanned!(here=> #automatic(#key)),
        Some(source) => quote_spanned! {here=>
            match #automatic(#source) {
                #root::Redaction::None => #automatic(#key),
                redacted => redacted,
            }
        },
    }
}

/// The `4` of `mask(last = 4)`.
fn last(word: &Ident, input: ParseStream<'_>) -> syn::Result<usize> {
    let content = items::list(input, word, "mask(last = 4)")?;
    let shown = last_within(&content);
    if shown.is_err() {
        // Or the rest would be an error of its own.
        content.parse::<TokenStream>()?;
    }
    shown
}

fn last_within(content: ParseStream<'_>) -> syn::Result<usize> {
    let at = content.span();
    let key = items::key(content)
        .map_err(|_| syn::Error::new(at, "how many of the last characters are shown is written `mask(last = 4)`"))?;
    if key != "last" {
        return Err(syn::Error::new(key.span(), "`mask` knows only `last`, as in `mask(last = 4)`"));
    }
    items::equals(content, &key, "last = 4")?;
    let shown: LitInt = content
        .parse()
        .map_err(|error| syn::Error::new(error.span(), "how many characters is a number, as in `mask(last = 4)`"))?;
    shown.base10_parse()
}
