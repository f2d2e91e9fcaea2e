//! `name = "{number} ({customer})"`: a text made of fields.

use crate::errors::Errors;
use crate::grammar::value::{Sigil, Value};
use crate::suggest;
use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Member, Token};

/// What `id = …` and `name = …` say: a template, or an expression of `self`.
pub(crate) enum Text {
    Template(LitStr),
    Value(Value),
}

impl Parse for Text {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let fork = input.fork();
        let alone = fork.parse::<LitStr>().is_ok() && (fork.is_empty() || fork.peek(Token![,]));
        Ok(if alone { Self::Template(input.parse()?) } else { Self::Value(input.parse()?) })
    }
}

/// A template with its fields taken out, as `format_args!` wants it.
pub(crate) struct Template {
    /// The text with a number for each field.
    pub(crate) format: LitStr,
    /// The fields, each with what is taken from inside it.
    pub(crate) fields: Vec<(Member, Vec<Member>)>,
}

impl Template {
    /// The text, if it has no fields.
    pub(crate) fn as_plain(&self) -> Option<Value> {
        let text = self.format.value().replace("{{", "{").replace("}}", "}");
        let literal = syn::ExprLit { attrs: Vec::new(), lit: syn::Lit::Str(LitStr::new(&text, self.format.span())) };
        self.fields.is_empty().then(|| Value { sigil: Sigil::None, expr: syn::Expr::Lit(literal) })
    }

    /// Reads the braces of `literal`; every field must be one of `fields`.
    pub(crate) fn parse(literal: &LitStr, fields: &[String], errors: &mut Errors) -> Option<Self> {
        let text = literal.value();
        let mut format = String::new();
        let mut found = Vec::new();
        let mut rest = text.as_str();
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(brace);
            format.push_str(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                format.push_str(&from[..2]);
                rest = &from[2..];
                continue;
            }
            let inside = from.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some((inside, behind)) = inside else {
                errors.on(literal, "a brace has no partner here: write `{{` or `}}` for one that is meant as such");
                return None;
            };
            let (path, specification) = inside.split_once(':').map_or((inside, None), |(path, how)| (path, Some(how)));
            let field = field(path.trim(), literal, fields, errors)?;
            let number = found.len();
            found.push(field);
            match specification {
                Some(how) => format.push_str(&format!("{{{number}:{how}}}")),
                None => format.push_str(&format!("{{{number}}}")),
            }
            rest = behind;
        }
        format.push_str(rest);
        let format = LitStr::new(&format, Span::mixed_site().located_at(literal.span()));
        Some(Self { format, fields: found })
    }
}

/// `customer.name` as the field and what is inside it.
fn field(path: &str, literal: &LitStr, fields: &[String], errors: &mut Errors) -> Option<(Member, Vec<Member>)> {
    let mut members = Vec::new();
    for part in path.split('.') {
        match syn::parse_str::<Member>(part) {
            Ok(mut member) => {
                match &mut member {
                    Member::Named(name) => name.set_span(literal.span()),
                    Member::Unnamed(index) => index.span = literal.span(),
                }
                members.push(member);
            }
            Err(_) => {
                errors.on(
                    literal,
                    format_args!(
                        "`{{{path}}}` is no field: a template names fields, as in `\"{{number}} ({{customer.name}})\"`"
                    ),
                );
                return None;
            }
        }
    }
    let first = path.split('.').next().unwrap_or_default();
    if !fields.iter().any(|name| name == first) {
        let hint = match (suggest::nearest(first, fields.iter().map(String::as_str)), fields) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "there are none".to_owned(),
            (None, all) => format!("there are {}", suggest::list(all)),
        };
        errors.on(literal, format_args!("there is no field `{first}`: {hint}"));
        return None;
    }
    let mut members = members.into_iter();
    members.next().map(|field| (field, members.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors;

    fn parse(text: &str) -> Option<(String, usize)> {
        let literal = LitStr::new(text, Span::call_site());
        let fields = ["number".to_owned(), "customer".to_owned(), "0".to_owned()];
        errors::collect(|errors| Template::parse(&literal, &fields, errors))
            .ok()
            .map(|template| (template.format.value(), template.fields.len()))
    }

    #[test]
    fn fields_become_numbers_and_the_rest_stays() {
        assert_eq!(parse("{number} ({customer.name:>8})"), Some(("{0} ({1:>8})".to_owned(), 2)));
        assert_eq!(parse("{{{0}}}"), Some(("{{{0}}}".to_owned(), 1)));
        assert_eq!(parse("plain"), Some(("plain".to_owned(), 0)));
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for wrong in ["{numbr}", "{", "}", "{number", "{}", "{a b}"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
