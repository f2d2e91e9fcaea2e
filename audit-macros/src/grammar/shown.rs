//! What may stand behind a metadata key: `key: number = …`, `key: hash = …`, `key: allow number = …`; on a field the same words,
//! with commas between them.

use super::redaction::{self, Redaction};
use super::value::{Sigil, Value, hidden};
use crate::errors::Errors;
use crate::grammar::items;
use crate::runtime_path::RuntimePath;
use crate::suggest;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Token;
use syn::parse::ParseStream;

/// The types that WorkOS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    String,
    Number,
    Bool,
}

/// How a value is shown: redacted or not, and of which type, if that was stated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) redaction: Redaction,
    pub(crate) ty: Option<(ValueType, Span)>,
}

impl ValueType {
    const WORDS: [&'static str; 3] = ["string", "number", "bool"];

    /// The trait of the Rust types that are told as this.
    pub(crate) fn the_trait(self) -> &'static str {
        match self {
            Self::String => "StringValue",
            Self::Number => "NumberValue",
            Self::Bool => "BoolValue",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "bool",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::String, Self::Number, Self::Bool].into_iter().find(|ty| ty.word() == word)
    }
}

impl Shown {
    /// Nothing was said.
    pub(crate) const AUTOMATIC: Self = Self { redaction: Redaction::Automatic, ty: None };

    /// The words between `:` and `=`. `None` after an error, which is reported.
    pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        let (mut redaction, mut ty) = (None, None);
        let before = errors.count();
        loop {
            let word = items::key(input)?;
            let at = word.span();
            if let Some(stated) = ValueType::from_word(&word.to_string()) {
                if ty.replace((stated, at)).is_some() {
                    errors.at(at, ONE_TYPE);
                }
            } else if let Some(rule) = Redaction::from_word(&word, input)? {
                if redaction.replace(rule).is_some() {
                    errors.at(at, ONE_RULE);
                }
            } else {
                errors.at(at, unknown(&word));
            }
            if input.is_empty() || input.peek(Token![=]) || input.peek(Token![,]) {
                break;
            }
        }
        let shown = Self { redaction: redaction.unwrap_or(Redaction::Automatic), ty };
        Ok((errors.count() == before).then_some(shown))
    }

    /// What is hidden is a string.
    pub(crate) fn judge_hidden(self, errors: &mut Errors) {
        let Some((ty, at)) = self.ty.filter(|(ty, _)| *ty != ValueType::String) else { return };
        if self.is_hidden() {
            let ty = ty.word();
            errors.at(at, format_args!("what is redacted is told as a string: write `string`, or remove `{ty}`"));
        }
    }

    /// What is hidden, and what `%` and `?` write, is a string.
    pub(crate) fn judge(self, value: &Value, errors: &mut Errors) {
        self.judge_hidden(errors);
        let Some((ty, at)) = self.ty.filter(|(ty, _)| *ty != ValueType::String) else { return };
        let ty = ty.word();
        let sigil = match value.sigil {
            Sigil::None => return,
            Sigil::Display => "%",
            Sigil::Debug => "?",
        };
        errors.at(
            at,
            format_args!("`{sigil}` makes a string of the value: remove it, or write `string` in the place of `{ty}`"),
        );
    }

    /// Whether a rule was stated that hides the value.
    pub(crate) fn is_hidden(self) -> bool {
        self.redaction.hides()
    }

    /// `value`, a reference, as what was stated: hidden, or a compile error unless its type says so; and as what its name
    /// says otherwise.
    pub(crate) fn typed(self, root: &RuntimePath, value: TokenStream, here: Span) -> TokenStream {
        if self.is_hidden() {
            hidden(root, &value, here)
        } else if let Some((ty, _)) = self.ty {
            let ty = root.private_at(ty.word(), here);
            quote_spanned!(here=> #ty(#value))
        } else {
            value
        }
    }
}

/// Two types on one value.
pub(crate) const ONE_TYPE: &str = "a value has one type: keep one of them";
/// Two rules on one value.
pub(crate) const ONE_RULE: &str = "a value is redacted in one way: keep one of them";

/// What to write for a type of another language.
pub(crate) fn foreign_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "f32" | "f64" | "int"
        | "integer" | "float" => "write `number`, as WorkOS calls it",
        "str" | "String" | "char" | "text" => "write `string`, as WorkOS calls it",
        "boolean" => "write `bool`",
        _ => return None,
    })
}

fn unknown(word: &Ident) -> String {
    let written = word.to_string();
    let hint = match foreign_type(&written) {
        Some(hint) => hint.to_owned(),
        None => match suggest::nearest(&written, redaction::WORDS.into_iter().chain(ValueType::WORDS)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "the types are `string`, `number` and `bool`; the ways to redact are `hash`, `mask`, `mask(last = 4)`, \
                     `redact` and `allow`"
                    .to_owned()
            }
        },
    };
    format!("`{written}` is neither a type nor a way to redact a value: {hint}")
}
