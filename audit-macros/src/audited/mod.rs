//! `#[audited]`: the attribute as written, judged together with the function, and expanded.

mod args;
mod check;
mod expand;
mod function;
mod model;
mod scan;

pub(crate) use self::args::unknown_key;

use self::args::Args;
use self::function::Function;
use self::model::Audited;
use crate::editor;
use crate::errors;
use proc_macro2::TokenStream;

/// The function, audited; or, if anything is wrong, the function as it was and everything that is wrong.
pub(crate) fn audited(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let (judged, problems) = errors::gather(|errors| {
        // Both are read before either is judged, so that one build tells of both.
        let args = Args::parse(attribute, errors);
        let function: Function = errors.ok(syn::parse2(item.clone()))?;
        let audited = Audited::validate(args, &function, errors)?;
        Some((audited, function))
    });
    let mut code = match judged {
        Some((audited, function)) if problems.is_empty() || editor::asks() => expand::expand(&audited, &function),
        _ => item,
    };
    code.extend(problems);
    code
}
