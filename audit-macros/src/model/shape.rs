//! The type as it is meant: nothing in here is wrong.

use super::Role;
use super::args::{Case, Outer, member_name, names};
use super::field::FieldArgs;
use super::template::{Template, Text};
use crate::errors::Errors;
use crate::grammar::keys::{self, Keys};
use crate::grammar::redaction::Redaction;
use crate::grammar::value::Value;
use crate::suggest;
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, LitStr, Member, Path, Type};

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
    /// The fields that are used, in the order of their declaration.
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
    /// Can be written in a template.
    Display,
    /// Can be what the whole type is.
    Role,
    /// Can be an actor.
    Actor,
}

/// One call of the writer.
pub(crate) enum Telling {
    Kind(LitStr),
    Id(Source),
    Name(Source),
    Organization(Source),
    ImpersonatedBy(Member),
    Metadata { key: String, source: Source, redaction: Redaction },
    Flatten(Member),
    Delegate(Member),
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
                let arm =
                    ArmBuilder::new(role, None, name, &data.fields).build(&outer, &Rules::of_struct(&outer), errors);
                Some(Self { role, kind: outer.kind.into_value().map_or(default_kind, Kind::from), arms: vec![arm?] })
            }
            Data::Enum(data) => {
                if let Some(at) = outer.transparent.span() {
                    errors.at(at, "`transparent` stands on a struct: on an enum, write `#[audit(delegate)]`");
                }
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
                let arms = arms.into_iter().collect::<Option<_>>()?;
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

fn the(role: Role) -> String {
    format!("an audit {}", role.noun())
}

fn refuse_delegate(outer: &Outer, errors: &mut Errors) {
    if let Some(at) = outer.delegate.span() {
        errors.at(at, "`delegate` stands on an enum or a variant: on a struct, write `#[audit(transparent)]`");
    }
}

/// What the type says for all of its variants.
struct Rules<'a> {
    case: Option<Case>,
    delegate: bool,
    id: Option<&'a Text>,
    name: Option<&'a Text>,
}

impl<'a> Rules<'a> {
    fn of_struct(outer: &'a Outer) -> Self {
        Self { case: outer.rename_all.value().copied(), delegate: false, id: None, name: None }
    }

    fn of_enum(outer: &'a Outer) -> Self {
        let case = outer.rename_all.value().copied();
        Self { case, delegate: outer.delegate.span().is_some(), id: outer.id.value(), name: outer.name.value() }
    }
}

/// One variant, or a struct, while it is judged.
struct ArmBuilder<'a> {
    role: Role,
    variant: Option<Ident>,
    /// The name that messages use.
    called: &'a Ident,
    fields: &'a Fields,
    bound: Vec<Bound>,
    tellings: Vec<Telling>,
    /// Every attribute on a field could be read: what is missing is not what could not.
    clean: bool,
}

impl<'a> ArmBuilder<'a> {
    fn new(role: Role, variant: Option<Ident>, called: &'a Ident, fields: &'a Fields) -> Self {
        Self { role, variant, called, fields, bound: Vec::new(), tellings: Vec::new(), clean: true }
    }

    fn build(mut self, outer: &Outer, rules: &Rules<'_>, errors: &mut Errors) -> Option<Arm> {
        let before = errors.count();
        let args: Vec<FieldArgs> = self.fields.iter().map(|field| FieldArgs::parse(field, errors)).collect();
        self.clean = errors.count() == before;
        let plain = args.iter().all(FieldArgs::is_empty);
        let told_here = outer.id.span().is_some() || outer.name.span().is_some();
        if self.variant.is_some()
            && let Some(kind) = outer.kind.value()
        {
            self.tellings.push(Telling::Kind(kind.clone()));
        }
        if let Some(at) = outer.delegate.span().filter(|_| self.variant.is_some()) {
            self.delegate(at, plain, errors);
        } else if rules.delegate && plain && !told_here && self.fields.len() == 1 {
            self.delegate(self.called.span(), plain, errors);
        } else {
            self.tell(outer, rules, args, errors);
        }
        let Self { variant, bound, tellings, .. } = self;
        Some(Arm { variant, bound, tellings })
    }

    /// This is what its one field is.
    fn delegate(&mut self, at: Span, plain: bool, errors: &mut Errors) {
        let mut fields = self.fields.iter().zip(self.fields.members());
        match (fields.next(), fields.next()) {
            (Some((field, member)), None) if plain => {
                self.need(&field.ty, &member, Need::Role);
                self.tellings.push(Telling::Delegate(member));
            }
            (Some(_), None) => errors
                .at(at, "`delegate` leaves everything to the field: remove the `#[audit(…)]` on it, or `delegate`"),
            _ => errors.at(at, "`delegate` is for a variant with one field: mark fields with `#[audit(…)]` instead"),
        }
    }

    fn tell(&mut self, outer: &Outer, rules: &Rules<'_>, args: Vec<FieldArgs>, errors: &mut Errors) {
        let mut ids = Once::new("id", outer.id.span().is_some());
        let mut names = Once::new("name", outer.name.span().is_some());
        let mut organizations = Once::new("organization", false);
        let mut impersonators = Once::new("impersonator", false);
        let mut metadata = Keys::of_model();
        let fields = self.fields;

        for ((field, member), args) in fields.iter().zip(fields.members()).zip(args) {
            let FieldArgs { id, name, metadata: key, rename, organization, impersonated_by, redaction, with, flatten } =
                args;
            let with_span = with.span();
            let with = with.into_value();
            let source = || Source::Field { member: member.clone(), with: with.clone() };
            let mut used = false;
            if let Some(at) = id.span() {
                ids.take(at, &member, errors);
                self.tellings.push(Telling::Id(source()));
                used = true;
            }
            if let Some(at) = name.span() {
                names.take(at, &member, errors);
                self.tellings.push(Telling::Name(source()));
                used = true;
            }
            if let Some(at) = organization.span() {
                organizations.take(at, &member, errors);
                // A type may be both: what only an actor has is left to that derive.
                if self.role == Role::Actor {
                    self.tellings.push(Telling::Organization(source()));
                    used = true;
                }
            }
            if let Some(at) = impersonated_by.span() {
                impersonators.take(at, &member, errors);
                if self.role == Role::Actor {
                    self.need(&field.ty, &member, Need::Actor);
                    self.tellings.push(Telling::ImpersonatedBy(member.clone()));
                }
            }
            if let Some(at) = flatten.span() {
                self.need(&field.ty, &member, Need::Value);
                self.tellings.push(Telling::Flatten(member.clone()));
                if let Some(other) = key.span().or(rename.span()).or(redaction.span()).or(with_span) {
                    errors.at(
                        other,
                        "`flatten` takes the names and rules from inside the field: remove this or `flatten`",
                    );
                }
                let _ = at;
            }

            let told_in_the_open = [(id.span(), "id"), (name.span(), "name"), (organization.span(), "organization")]
                .into_iter()
                .find_map(|(at, what)| at.map(|_| what));
            if let (Some(at), Some(what)) = (redaction.span(), told_in_the_open) {
                errors.at(at, format_args!("this field is the {what}, which is told as it is, so redacting it would promise too much: choose another field for one of the two"));
                continue;
            }
            let redaction = redaction.into_value();
            if key.span().is_none() && redaction.is_none() {
                if let Some(at) = rename.span() {
                    errors.at(at, "`rename` gives a metadata key another name: add `metadata`");
                }
                if let Some(at) = with_span.filter(|_| told_in_the_open.is_none() && flatten.span().is_none()) {
                    errors.at(at, "`with` says how a value is taken, but not what for: add `metadata`, `id` or `name`");
                }
            } else if flatten.span().is_none() {
                let (key, at) = metadata_key(key.into_value().flatten(), rename, &member, field, rules.case, errors);
                metadata.add(errors, at, &key);
                let redaction = redaction.unwrap_or(Redaction::Automatic);
                self.tellings.push(Telling::Metadata { key, source: source(), redaction });
                used = true;
            }
            if used {
                // What a function of the user's makes of the field is known to that function only.
                self.bind(&field.ty, &member, with.is_none().then_some(Need::Value));
            }
        }

        self.texts(outer, rules, &mut ids, &mut names, errors);
    }

    /// `id` and `name` as the variant or the type say them, and the field called `id`.
    fn texts(&mut self, outer: &Outer, rules: &Rules<'_>, ids: &mut Once, names: &mut Once, errors: &mut Errors) {
        let own_id = outer.id.value().or(rules.id.filter(|_| !ids.taken()));
        if let Some(text) = own_id {
            let id = self.text(text, errors).map(Telling::Id);
            self.tellings.extend(id);
        } else if !ids.taken() {
            self.default_id(errors);
        }
        if let Some(text) = outer.name.value().or(rules.name.filter(|_| !names.taken())) {
            let name = self.text(text, errors).map(Telling::Name);
            self.tellings.extend(name);
        }
    }

    fn default_id(&mut self, errors: &mut Errors) {
        let field = self.fields.iter().zip(self.fields.members()).find(|(_, member)| member_name(member) == "id");
        if let Some((field, member)) = field {
            self.need(&field.ty, &member, Need::Value);
            self.tellings.push(Telling::Id(Source::Field { member, with: None }));
            return;
        }
        if !self.clean {
            return;
        }
        let called = self.called;
        let names = names(self.fields);
        let message = match (&self.variant, names.as_slice()) {
            (Some(_), []) => format!("`{called}` has no id: write `#[audit(id = \"…\")]` above it"),
            (Some(_), [_]) => format!(
                "`{called}` has no id: mark its field with `#[audit(id)]`, or write `#[audit(delegate)]` above it if the field is {} itself",
                the(self.role)
            ),
            (None, []) => format!("`{called}` has no id: write `#[audit(id = \"…\")]` above it"),
            (_, [only]) => format!("`{called}` has no id: mark `{only}` with `#[audit(id)]`"),
            (_, all) => format!("`{called}` has no id: mark one of {} with `#[audit(id)]`", suggest::list(all)),
        };
        errors.at(called.span(), message);
    }

    fn text(&mut self, text: &Text, errors: &mut Errors) -> Option<Source> {
        match text {
            Text::Value(value) => Some(Source::Expr(Value { sigil: value.sigil, expr: value.expr.clone() })),
            Text::Template(literal) => {
                let template = Template::parse(literal, &names(self.fields), errors)?;
                for (member, inside) in &template.fields {
                    let field = self.fields.iter().zip(self.fields.members()).find(|(_, other)| other == member);
                    if let Some((field, member)) = field {
                        // What is inside a field has a type that is not known here.
                        self.bind(&field.ty, &member, inside.is_empty().then_some(Need::Display));
                    }
                }
                Some(Source::Template(template))
            }
        }
    }

    fn need(&mut self, ty: &Type, member: &Member, need: Need) {
        self.bind(ty, member, Some(need));
    }

    fn bind(&mut self, ty: &Type, member: &Member, need: Option<Need>) {
        match self.bound.iter_mut().find(|bound| bound.member == *member) {
            Some(bound) => bound.needs.extend(need.filter(|need| !bound.needs.contains(need))),
            None => {
                self.bound.push(Bound { member: member.clone(), ty: ty.clone(), needs: need.into_iter().collect() });
            }
        }
    }
}

/// The key of a field in the metadata, and where it is written.
fn metadata_key(
    stated: Option<LitStr>,
    rename: crate::slot::Slot<LitStr>,
    member: &Member,
    field: &Field,
    case: Option<Case>,
    errors: &mut Errors,
) -> (String, Span) {
    if let (Some(_), Some(at)) = (&stated, rename.span()) {
        errors.at(at, "the key is given twice: keep `metadata = \"…\"` or `rename`");
    }
    if let Some(stated) = stated.or(rename.into_value()) {
        return (stated.value(), stated.span());
    }
    let name = member_name(member);
    let at = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
    if matches!(member, Member::Unnamed(_)) {
        errors.at(at, "a field without a name needs a key: write `#[audit(metadata = \"…\")]`");
    }
    (case.map_or_else(|| name.clone(), |case| case.apply(&name)), at)
}

/// Something of which there is one.
struct Once {
    what: &'static str,
    first: Option<String>,
}

impl Once {
    fn new(what: &'static str, by_type: bool) -> Self {
        Self { what, first: by_type.then(|| "the type".to_owned()) }
    }

    fn taken(&self) -> bool {
        self.first.is_some()
    }

    fn take(&mut self, at: Span, member: &Member, errors: &mut Errors) {
        let name = format!("`{}`", member_name(member));
        match &self.first {
            Some(first) => errors
                .at(at, format_args!("there is one {}, and {first} says it already: remove one of the two", self.what)),
            None => self.first = Some(name),
        }
    }
}
