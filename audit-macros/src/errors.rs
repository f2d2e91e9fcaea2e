//! Everything that is wrong, told in one build.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::fmt::Display;

/// What is wrong so far. It is only lent by [`gather`], so that no error can be forgotten on the way.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

/// Runs `work` and gives its result, or every error that it reported, as `compile_error!`s.
///
/// `work` returns `None` only after it has reported why.
pub(crate) fn collect<T>(work: impl FnOnce(&mut Errors) -> Option<T>) -> Result<T, TokenStream> {
    match gather(work) {
        (Some(value), problems) if problems.is_empty() => Ok(value),
        (_, problems) => Err(problems),
    }
}

/// Runs `work` and gives its result, such as it is, beside every error that it reported.
pub(crate) fn gather<T>(work: impl FnOnce(&mut Errors) -> Option<T>) -> (Option<T>, TokenStream) {
    let mut errors = Errors::default();
    let value = work(&mut errors);
    (value, errors.0.iter().map(syn::Error::to_compile_error).collect())
}

impl Errors {
    /// Reports at a single place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// Reports at everything that `tokens` cover.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Takes over what a parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.extend(error);
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The value, or `None` with the error reported.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }
}
