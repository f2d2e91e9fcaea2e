//! The attribute as it was written.

mod habits;
mod lists;

pub(crate) use lists::{Branch, Captures, Target};

use crate::errors::Errors;
use crate::grammar::items;
use crate::runtime_path::StatedPath;
use crate::slot::Slot;
use crate::suggest;
use proc_macro2::{Ident, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Lit, LitInt, LitStr, Path};

/// Every key that the attribute knows.
pub(crate) const KEYS: [&str; 16] = [
    "action",
    "version",
    "failure_action",
    "actor",
    "organization",
    "targets",
    "target",
    "body",
    "metadata",
    "ok",
    "err",
    "on",
    "durability",
    "skip",
    "detached",
    "crate",
];

/// When an intent or an event is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Relaxed,
    Durable,
    Strict,
}

/// The exits that `on(…)` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct On {
    pub(crate) ok: bool,
    pub(crate) err: bool,
    pub(crate) panic: bool,
    pub(crate) cancel: bool,
}

/// All keys, each as it was written.
pub(crate) struct Args {
    pub(crate) action: Slot<LitStr>,
    pub(crate) version: Slot<LitInt>,
    pub(crate) failure_action: Slot<LitStr>,
    pub(crate) captures: Captures,
    pub(crate) ok: Vec<Branch>,
    pub(crate) err: Vec<Branch>,
    pub(crate) on: Slot<On>,
    pub(crate) durability: Slot<Durability>,
    pub(crate) skip: Slot<LitStr>,
    pub(crate) detached: Slot<()>,
    pub(crate) krate: Slot<Path>,
    /// Every key that was given, and what was probably meant by those that do not exist: none of these is missing.
    pub(crate) meant: Vec<String>,
}

impl Args {
    fn new() -> Self {
        Self {
            action: Slot::new("action"),
            version: Slot::new("version"),
            failure_action: Slot::new("failure_action"),
            captures: Captures::new(),
            ok: Vec::new(),
            err: Vec::new(),
            on: Slot::new("on"),
            durability: Slot::new("durability"),
            skip: Slot::new("skip"),
            detached: Slot::new("detached"),
            krate: Slot::new("crate"),
            meant: Vec::new(),
        }
    }

    /// Reads what stands between the parentheses of `#[audited(…)]`.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::new();
        let parser = |input: ParseStream<'_>| {
            items::each(input, errors, |input, errors| args.item(input, errors));
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    fn item(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(Lit) {
            let lit: Lit = input.parse()?;
            self.meant.push("action".to_owned());
            return Err(syn::Error::new(lit.span(), "what happened has a key: write `action = \"invoice.paid\"`"));
        }
        let key = items::key(input)?;
        self.meant.push(key.to_string());
        if let Some(advice) = habits::advice(&key, input) {
            self.meant.extend((key == "name").then(|| "action".to_owned()));
            items::skip_item(input);
            errors.at(key.span(), advice);
            return Ok(());
        }
        if self.captures.item(&key, input, errors)? {
            return Ok(());
        }
        let at = key.span();
        match key.to_string().as_str() {
            "action" => self.action.set(errors, at, action(&key, input, "action = \"invoice.paid\"")?),
            "failure_action" => {
                let name = action(&key, input, "failure_action = \"invoice.payment_failed\"")?;
                self.failure_action.set(errors, at, name);
            }
            "version" => {
                items::equals(input, &key, "version = 2")?;
                let version = input
                    .parse()
                    .map_err(|error| syn::Error::new(error.span(), "a version is a number, as in `version = 2`"))?;
                self.version.set(errors, at, version);
            }
            "ok" => self.ok.extend(Branch::parse(&key, input, errors, "ok(Json(receipt) => targets(receipt))")?),
            "err" => self.err.extend(Branch::parse(&key, input, errors, "err(error => metadata(reason = %error))")?),
            "on" => {
                let exits = On::parse(&key, input, errors)?;
                self.on.set(errors, at, exits);
            }
            "durability" => {
                if let Some(durability) = Durability::parse(&key, input, errors)? {
                    self.durability.set(errors, at, durability);
                }
            }
            "skip" => {
                items::equals(input, &key, "skip = \"why nothing needs to be told\"")?;
                self.skip.set(errors, at, input.parse()?);
            }
            "detached" => self.detached.set(errors, at, ()),
            "crate" => {
                items::equals(input, &key, "crate = ::path::to::audited")?;
                self.krate.set(errors, at, input.parse::<StatedPath>()?.0);
            }
            unknown => {
                items::skip_item(input);
                self.meant.extend(suggest::nearest(unknown, KEYS).map(ToOwned::to_owned));
                errors.at(at, unknown_key(unknown, &KEYS));
            }
        }
        Ok(())
    }

    /// Whether `key` was not even tried.
    pub(crate) fn is_missing(&self, key: &str) -> bool {
        !self.meant.iter().any(|meant| meant == key)
    }
}

/// "there is no key `x`", with the one that was meant or all there are.
pub(crate) fn unknown_key(written: &str, known: &[&'static str]) -> String {
    match suggest::nearest(written, known.iter().copied()) {
        Some(near) => format!("there is no key `{written}`: did you mean `{near}`?"),
        None => format!("there is no key `{written}`: the keys are {}", suggest::list(known)),
    }
}

/// The literal of `action` and `failure_action`.
fn action(key: &Ident, input: ParseStream<'_>, form: &str) -> syn::Result<LitStr> {
    items::equals(input, key, form)?;
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(syn::Error::new(
        input.span(),
        format_args!(
            "`{key}` is a string that the compiler can read, so that it can be checked and listed: write `{form}`"
        ),
    ))
}

impl On {
    const EXITS: [&'static str; 4] = ["ok", "err", "panic", "cancel"];

    fn parse(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        let content = items::list(input, key, "on(ok, err, panic, cancel)")?;
        if content.is_empty() {
            return Err(syn::Error::new(
                key.span(),
                "`on()` would tell of nothing: name an exit, or leave `on` out to tell of all",
            ));
        }
        let mut on = Self::default();
        items::each(&content, errors, |input, errors| {
            let exit = items::key(input)?;
            let flag = match exit.to_string().as_str() {
                "ok" => &mut on.ok,
                "err" => &mut on.err,
                "panic" => &mut on.panic,
                "cancel" => &mut on.cancel,
                other => {
                    let hint = match suggest::nearest(other, Self::EXITS) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "the exits are `ok`, `err`, `panic` and `cancel`".to_owned(),
                    };
                    errors.at(exit.span(), format_args!("`{other}` is no way to leave a function: {hint}"));
                    return Ok(());
                }
            };
            if std::mem::replace(flag, true) {
                errors.at(exit.span(), format_args!("`{exit}` is given twice: keep one of them"));
            }
            Ok(())
        });
        Ok(on)
    }
}

impl Durability {
    const NAMES: [&'static str; 3] = ["relaxed", "durable", "strict"];

    fn parse(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Self>> {
        items::equals(input, key, "durability = strict")?;
        if input.peek(LitStr) {
            let quoted: LitStr = input.parse()?;
            return Err(syn::Error::new(
                quoted.span(),
                format_args!("write it without quotes: `durability = {}`", quoted.value()),
            ));
        }
        let name = items::key(input)?;
        Ok(Some(match name.to_string().as_str() {
            "relaxed" => Self::Relaxed,
            "durable" => Self::Durable,
            "strict" => Self::Strict,
            other => {
                let hint = match suggest::nearest(other, Self::NAMES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "choose `relaxed`, `durable` (the default) or `strict`".to_owned(),
                };
                errors.at(name.span(), format_args!("there is no durability `{other}`: {hint}"));
                return Ok(None);
            }
        }))
    }
}
