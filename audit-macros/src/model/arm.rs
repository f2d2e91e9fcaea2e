//! What one variant, or a struct, says of itself.

use super::Role;
use super::args::{Case, Outer, member_name, names};
use super::field::FieldArgs;
use super::shape::{Arm, Bound, Need, Source, Telling, the};
use super::template::{Template, Text};
use crate::errors::Errors;
use crate::grammar::keys::Keys;
use crate::grammar::value::Value;
use crate::suggest;
use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;
use syn::{Field, Fields, LitStr, Member, Type};

/// What the type says for all of its variants.
pub(super) struct Rules<'a> {
    case: Option<Case>,
    delegate: bool,
    id: Option<&'a Text>,
    name: Option<&'a Text>,
}

impl<'a> Rules<'a> {
    pub(super) fn of_struct(outer: &'a Outer) -> Self {
        Self { case: outer.rename_all.value().copied(), delegate: false, id: None, name: None }
    }

    pub(super) fn of_enum(outer: &'a Outer) -> Self {
        let case = outer.rename_all.value().copied();
        Self { case, delegate: outer.delegate.span().is_some(), id: outer.id.value(), name: outer.name.value() }
    }
}

/// One variant, or a struct, while it is judged.
pub(super) struct ArmBuilder<'a> {
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
    pub(super) fn new(role: Role, variant: Option<Ident>, called: &'a Ident, fields: &'a Fields) -> Self {
        Self { role, variant, called, fields, bound: Vec::new(), tellings: Vec::new(), clean: true }
    }

    pub(super) fn build(mut self, outer: &Outer, rules: &Rules<'_>, errors: &mut Errors) -> Option<Arm> {
        let before = errors.count();
        let args: Vec<FieldArgs> = self.fields.iter().map(|field| FieldArgs::parse(field, errors)).collect();
        self.clean = errors.count() == before;
        let plain = args.iter().all(FieldArgs::is_empty);
        let told_here = outer.id.span().is_some() || outer.name.span().is_some();
        if self.variant.is_some()
            && self.role != Role::Body
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

    /// What its fields, the variant and the type say of it.
    fn tell(&mut self, outer: &Outer, rules: &Rules<'_>, args: Vec<FieldArgs>, errors: &mut Errors) {
        let mut once = Once {
            id: Only::new("id", outer.id.span().is_some()),
            name: Only::new("name", outer.name.span().is_some()),
            organization: Only::new("organization", false),
            impersonator: Only::new("impersonator", false),
            metadata: Keys::of_model(),
        };
        let fields = self.fields;
        for ((field, member), args) in fields.iter().zip(fields.members()).zip(args) {
            self.field(field, &member, args, rules.case, &mut once, errors);
        }
        if self.role != Role::Body {
            self.texts(outer, rules, &once, errors);
        }
    }

    fn field(
        &mut self,
        field: &Field,
        member: &Member,
        args: FieldArgs,
        case: Option<Case>,
        once: &mut Once,
        errors: &mut Errors,
    ) {
        args.judge(errors);
        let (told, shown) = (args.is_told(), args.shown());
        let FieldArgs { id, name, metadata, rename, organization, impersonated_by, with, flatten, .. } = args;
        let with = with.into_value();
        let source = || Source::Field { member: member.clone(), with: with.clone() };
        let before = self.tellings.len();
        // A type may be several of these: what only another has is left to the derive for that.
        let has_names = self.role != Role::Body;
        if let Some(at) = id.span().filter(|_| has_names) {
            once.id.take(at, member, errors);
            self.tellings.push(Telling::Id(source()));
        }
        if let Some(at) = name.span().filter(|_| has_names) {
            once.name.take(at, member, errors);
            self.tellings.push(Telling::Name(source()));
        }
        if let Some(at) = organization.span().filter(|_| self.role == Role::Actor) {
            once.organization.take(at, member, errors);
            self.tellings.push(Telling::Organization(source()));
        }
        if told {
            let (key, at) = metadata_key(metadata.into_value().flatten(), rename, member, field, case, errors);
            once.metadata.add(errors, at, &key);
            self.tellings.push(Telling::Metadata { key, source: source(), shown });
        }
        if self.tellings.len() > before {
            // What a function of the user's makes of the field is known to that function only.
            self.bind(&field.ty, member, with.is_none().then_some(Need::Value));
            let stated = shown.ty.filter(|_| told && with.is_none() && !shown.is_hidden());
            if let Some((ty, _)) = stated {
                self.need(&field.ty, member, Need::Typed(ty));
            }
        }
        if flatten.span().is_some() {
            self.need(&field.ty, member, Need::Body);
            self.tellings.push(Telling::Flatten(member.clone()));
        }
        if let Some(at) = impersonated_by.span().filter(|_| self.role == Role::Actor) {
            once.impersonator.take(at, member, errors);
            self.need(&field.ty, member, Need::Actor);
            self.tellings.push(Telling::ImpersonatedBy(member.clone()));
        }
    }

    /// `id` and `name` as the variant or the type say them, and the field called `id`.
    fn texts(&mut self, outer: &Outer, rules: &Rules<'_>, once: &Once, errors: &mut Errors) {
        let own_id = outer.id.value().or(rules.id.filter(|_| !once.id.taken()));
        if let Some(text) = own_id {
            let id = self.text(text, errors).map(Telling::Id);
            self.tellings.extend(id);
        } else if !once.id.taken() {
            self.default_id(errors);
        }
        if let Some(text) = outer.name.value().or(rules.name.filter(|_| !once.name.taken())) {
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
                if let Some(plain) = template.as_plain() {
                    return Some(Source::Expr(plain));
                }
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

/// What can be said once of one thing.
struct Once {
    id: Only,
    name: Only,
    organization: Only,
    impersonator: Only,
    metadata: Keys,
}

/// Something of which there is one, and who says it first.
struct Only {
    what: &'static str,
    first: Option<String>,
}

impl Only {
    fn new(what: &'static str, by_type: bool) -> Self {
        Self { what, first: by_type.then(|| "the type".to_owned()) }
    }

    fn taken(&self) -> bool {
        self.first.is_some()
    }

    fn take(&mut self, at: Span, member: &Member, errors: &mut Errors) {
        match &self.first {
            Some(first) => errors
                .at(at, format_args!("there is one {}, and {first} says it already: remove one of the two", self.what)),
            None => self.first = Some(format!("`{}`", member_name(member))),
        }
    }
}
