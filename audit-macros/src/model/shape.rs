//! The type as it is meant: nothing in here is wrong.

use super::Role;
use super::args::Outer;
use super::arm::{ArmBuilder, Rules};
use super::template::Template;
use crate::errors::Errors;
use crate::grammar::keys;
use crate::grammar::shown::{Shown, ValueType};
use crate::grammar::value::Value;
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, GenericArgument, LitStr, Member, Path, PathArguments, Type};

/// A type that is a target or an actor.
pub(crate) struct Model {
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    /// One for a struct, one for each variant of an enum.
    pub(crate) arms: Vec<Arm>,
}

/// What the type is called in WorkOS.
pub(crate) enum Kind {
    Text(String, Span),
    /// As the one type inside it.
    Of(Box<Type>),
}

/// What is told of one variant, or of a struct.
pub(crate) struct Arm {
    /// `None` for a struct.
    pub(crate) variant: Option<Ident>,
    /// The fields that are used.
    pub(crate) bound: Vec<Bound>,
    pub(crate) tellings: Vec<Telling>,
}

/// A field that is used.
pub(crate) struct Bound {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// What it must be able to do, if its type is generic.
    pub(crate) needs: Vec<Need>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Can be captured as a value.
    Value,
    /// Is told as this.
    Typed(ValueType),
    /// Can be written in a template.
    Display,
    /// Can be what the whole type is.
    Role,
    /// Can be an actor.
    Actor,
    /// Says what is told of it.
    Body,
}

/// One call of the writer.
pub(crate) enum Telling {
    Kind(LitStr),
    Id(Source),
    Name(Source),
    Organization(Source),
    ImpersonatedBy(Member),
    Metadata { key: String, source: Source, shown: Shown },
    Delegate(Member),
    Flatten(Member),
}

/// The `T` of an `Option<T>`, as far as the name tells.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inside) => Some(inside),
        _ => None,
    }
}

/// Where a value comes from.
pub(crate) enum Source {
    Field { member: Member, with: Option<Path> },
    Expr(Value),
    Template(Template),
}

impl Model {
    /// Judges what was written. All that is wrong is reported; `None` then, or where a model would be too far from what was meant.
    pub(crate) fn validate(role: Role, outer: Outer, input: &DeriveInput, errors: &mut Errors) -> Option<Self> {
        let name = &input.ident;
        let default_kind = Kind::Text(keys::snake(&name.unraw().to_string()), name.span());
        match &input.data {
            Data::Union(data) => {
                errors.at(
                    data.union_token.span,
                    format_args!("a union does not know which field it has, so it cannot be {}", the(role)),
                );
                None
            }
            Data::Struct(data) => {
                refuse_delegate(&outer, errors);
                if let Some(at) = outer.transparent.span() {
                    return Self::transparent(role, at, &outer, &data.fields, errors);
                }
                let clean = errors.count();
                let arm =
                    ArmBuilder::new(role, None, name, &data.fields).build(&outer, &Rules::of_struct(&outer), errors);
                let arms = vec![arm?];
                if errors.count() == clean {
                    refuse_silence(role, name, &arms, errors);
                }
                Some(Self { role, kind: outer.kind.into_value().map_or(default_kind, Kind::from), arms })
            }
            Data::Enum(data) => {
                if let Some(at) = outer.transparent.span() {
                    errors.at(at, "`transparent` stands on a struct: on an enum, write `#[audit(delegate)]`");
                }
                let clean = errors.count();
                let rules = Rules::of_enum(&outer);
                // Every variant is judged before any is missed.
                let arms: Vec<Option<Arm>> = data
                    .variants
                    .iter()
                    .map(|variant| {
                        let own = Outer::of_variant(variant, errors);
                        ArmBuilder::new(role, Some(variant.ident.clone()), &variant.ident, &variant.fields)
                            .build(&own, &rules, errors)
                    })
                    .collect();
                let arms = arms.into_iter().collect::<Option<Vec<_>>>()?;
                if errors.count() == clean {
                    refuse_silence(role, name, &arms, errors);
                }
                Some(Self { role, kind: outer.kind.into_value().map_or(default_kind, Kind::from), arms })
            }
        }
    }

    /// A struct that is nothing but what is inside it.
    fn transparent(role: Role, at: Span, outer: &Outer, fields: &Fields, errors: &mut Errors) -> Option<Self> {
        for (key, given) in [("type", outer.kind.span()), ("id", outer.id.span()), ("name", outer.name.span())] {
            if let Some(at) = given {
                errors
                    .at(at, format_args!("`transparent` takes the `{key}` from what is inside: remove one of the two"));
            }
        }
        let mut fields = fields.iter().zip(fields.members());
        let (Some((field, member)), None) = (fields.next(), fields.next()) else {
            errors.at(at, "`transparent` is for a struct with one field: mark fields with `#[audit(…)]` instead");
            return None;
        };
        let arm = Arm {
            variant: None,
            bound: vec![Bound { member: member.clone(), ty: field.ty.clone(), needs: vec![Need::Role] }],
            tellings: vec![Telling::Delegate(member)],
        };
        Some(Self { role, kind: Kind::Of(Box::new(field.ty.clone())), arms: vec![arm] })
    }
}

impl From<LitStr> for Kind {
    fn from(literal: LitStr) -> Self {
        Self::Text(literal.value(), literal.span())
    }
}

/// "an audit target".
pub(super) fn the(role: Role) -> String {
    format!("an audit {}", role.noun())
}

/// A body of which nothing is told was meant to be something else.
fn refuse_silence(role: Role, name: &Ident, arms: &[Arm], errors: &mut Errors) {
    if role == Role::Body && arms.iter().all(|arm| arm.tellings.is_empty()) {
        errors.at(
            name.span(),
            format_args!(
                "nothing of `{name}` is told: mark its fields with `#[audit(metadata)]`, or with how they are told, as in \
                 `#[audit(hash)]`"
            ),
        );
    }
}

fn refuse_delegate(outer: &Outer, errors: &mut Errors) {
    if let Some(at) = outer.delegate.span() {
        errors.at(at, "`delegate` stands on an enum or a variant: on a struct, write `#[audit(transparent)]`");
    }
}
