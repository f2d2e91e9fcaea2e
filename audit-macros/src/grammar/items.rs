//! Lists of items between commas, in which one bad item does not hide the next.

use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseBuffer, ParseStream};
use syn::{Token, parenthesized, token};

/// Parses items up to the end. After an error it goes on behind the next comma.
pub(crate) fn each(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if let Err(error) = item(input, errors) {
            errors.push(error);
            skip_item(input);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            errors.at(input.span(), "a `,` is missing before this");
            // What could be the next item is read as one, so that what it says is not told to be missing.
            if input.peek(Ident::peek_any) && (input.peek2(Token![=]) || input.peek2(token::Paren)) {
                continue;
            }
            skip_item(input);
        }
        // `skip_item` stops at a comma or the end, so this only fails at the end.
        let _ = input.parse::<Token![,]>();
    }
}

/// Leaves the rest of an item that makes no sense.
pub(crate) fn skip_item(input: ParseStream<'_>) {
    take_item(input);
}

/// The rest of an item, whatever it is.
pub(crate) fn take_item(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

/// The word before `=` or `(`, which may be a keyword as `type` and `crate` are.
pub(crate) fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    input.call(Ident::parse_any)
}

/// The `=` behind `key`, or how `key` is written.
pub(crate) fn equals(input: ParseStream<'_>, key: &Ident, form: &str) -> syn::Result<()> {
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        input.parse::<Token![=]>().map(drop)
    } else {
        Err(syn::Error::new(key.span(), format_args!("`{key}` is written `{form}`")))
    }
}

/// The `(…)` behind `key`, or how `key` is written.
pub(crate) fn list<'a>(input: ParseStream<'a>, key: &Ident, form: &str) -> syn::Result<ParseBuffer<'a>> {
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        Ok(content)
    } else {
        Err(syn::Error::new(key.span(), format_args!("`{key}` is written `{form}`")))
    }
}
