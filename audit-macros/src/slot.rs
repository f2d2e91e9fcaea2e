//! A key that can be given once.

use crate::errors::Errors;
use proc_macro2::Span;

/// The value of one key, and where it was set. A second one is reported, and the first one stays.
pub(crate) struct Slot<T> {
    key: &'static str,
    value: Option<(Span, T)>,
}

impl<T> Slot<T> {
    pub(crate) fn new(key: &'static str) -> Self {
        Self { key, value: None }
    }

    pub(crate) fn set(&mut self, errors: &mut Errors, span: Span, value: T) {
        if self.value.is_some() {
            errors.at(span, format_args!("`{}` is given twice: keep one of them", self.key));
        } else {
            self.value = Some((span, value));
        }
    }

    /// Where it was set, if it was.
    pub(crate) fn span(&self) -> Option<Span> {
        self.value.as_ref().map(|(span, _)| *span)
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn into_value(self) -> Option<T> {
        self.value.map(|(_, value)| value)
    }
}
