//! What a change made of a thing's metadata: each member that differs, as it was and as it is.

use super::limits::{METADATA_KEY_CHARS, METADATA_KEYS};
use super::members::fitted;
use super::mended::Mended;
use super::out::Out;
use super::redaction::HashKey;
use super::thing::{Describe, Thing};

const BEFORE: &str = "_before";
const AFTER: &str = "_after";

/// One side of a change.
#[derive(Default)]
pub(crate) struct Side {
    /// Each key and its value in JSON, as it may be shown.
    shown: Vec<(String, Vec<u8>)>,
    compared: Compared,
}

/// The same values whole and in the open, only to be compared: two masks are alike whatever is behind them. This is never
/// written anywhere.
#[derive(Default)]
pub(crate) struct Compared(Vec<(String, Vec<u8>)>);

impl Compared {
    pub(crate) fn note(&mut self, key: &str, value: &[u8]) {
        let key = fitted(key);
        match self.0.iter_mut().find(|(noted, _)| *noted == key) {
            Some((_, values)) => values.extend_from_slice(value),
            None => self.0.push((key, value.to_vec())),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= METADATA_KEYS
    }

    fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(noted, _)| noted == key).map(|(_, value)| value.as_slice())
    }
}

impl Side {
    /// Takes down what `describe` says.
    pub(crate) fn of(key: Option<&HashKey>, mended: &mut Mended, describe: &mut Describe<'_>) -> Self {
        let (mut buf, mut side) = (Vec::new(), Self::default());
        let out = Out { buf: &mut buf, mended, key };
        let Self { shown, compared } = &mut side;
        Thing::compare(out, compared, describe, |key, json| shown.push((key.to_owned(), json.to_vec())));
        side
    }

    fn shown(&self, key: &str) -> Option<&[u8]> {
        self.shown.iter().find(|(shown, _)| shown == key).map(|(_, json)| json.as_slice())
    }
}

/// Hands each member that differs to `tell`: `key_before` and `key_after`, one of them where there was no value, or is none.
pub(crate) fn each(before: &Side, after: &Side, mut tell: impl FnMut(&str, &[u8])) {
    let gone = before.shown.iter().filter(|(key, _)| after.shown(key).is_none());
    for (key, _) in after.shown.iter().chain(gone) {
        if before.compared.get(key) == after.compared.get(key) {
            continue;
        }
        for (side, suffix) in [(before, BEFORE), (after, AFTER)] {
            if let Some(json) = side.shown(key) {
                tell(&suffixed(key, suffix), json);
            }
        }
    }
}

/// `key` with `suffix`, cut so that it is no longer than a key may be, and both sides alike. Keys are ASCII.
fn suffixed(key: &str, suffix: &str) -> String {
    let most = METADATA_KEY_CHARS - BEFORE.len();
    format!("{}{suffix}", key.get(..most).unwrap_or(key))
}
