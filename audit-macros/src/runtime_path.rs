//! Where the generated code finds the runtime.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Path};

/// `::audited`, or what `crate = …` says.
pub(crate) struct RuntimePath(Option<Path>);

impl RuntimePath {
    pub(crate) fn new(stated: Option<Path>) -> Self {
        Self(stated)
    }

    /// The path of one item that only generated code may name.
    pub(crate) fn private(&self, name: &str) -> TokenStream {
        self.private_at(name, Span::mixed_site())
    }

    /// The same, at the place of what it is called for, where the compiler then reports what does not fit.
    pub(crate) fn private_at(&self, name: &str, here: Span) -> TokenStream {
        let name = syn::Ident::new(name, here);
        match &self.0 {
            Some(path) => quote_spanned!(here=> #path::__private::#name),
            None => quote_spanned!(here=> ::audited::__private::#name),
        }
    }
}

impl ToTokens for RuntimePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote_spanned!(Span::mixed_site()=> ::audited)),
        }
    }
}

/// The value of `crate = …`: a path, bare or in quotes.
pub(crate) struct StatedPath(pub(crate) Path);

impl Parse for StatedPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = if input.peek(LitStr) {
            let quoted: LitStr = input.parse()?;
            quoted.parse_with(Path::parse_mod_style).map_err(|_| {
                syn::Error::new(
                    quoted.span(),
                    "`crate` is the path of the `audited` crate, as in `crate = ::our_sdk::audited`",
                )
            })?
        } else {
            input.call(Path::parse_mod_style)?
        };
        match path.segments.first() {
            Some(first) if first.ident == "self" || first.ident == "super" => Err(syn::Error::new_spanned(
                &path,
                "`crate` needs a path that means the same everywhere: begin it with `::` or `crate::`",
            )),
            _ => Ok(Self(path)),
        }
    }
}
