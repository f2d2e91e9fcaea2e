//! The names that the log takes: metadata keys, actions and types.

use crate::errors::Errors;
use proc_macro2::Span;
use std::collections::HashSet;

/// What WorkOS takes in one metadata object.
const MOST_KEYS: usize = 50;
/// The longest key that WorkOS takes.
const LONGEST_KEY: usize = 40;
/// Keys of an event's metadata that the runtime writes itself.
const RESERVED: [&str; 3] = ["outcome", "audited_id", "audited_seq"];

/// The keys of one metadata object so far.
pub(crate) struct Keys {
    seen: HashSet<String>,
    reserved: &'static [&'static str],
    told: bool,
}

impl Keys {
    /// An event's metadata, in which the runtime has keys of its own.
    pub(crate) fn of_event() -> Self {
        Self { seen: HashSet::new(), reserved: &RESERVED, told: false }
    }

    /// The metadata of an actor or a target.
    pub(crate) fn of_model() -> Self {
        Self { seen: HashSet::new(), reserved: &[], told: false }
    }

    /// The same keys, to which a branch adds its own.
    pub(crate) fn branch(&self) -> Self {
        Self { seen: self.seen.clone(), reserved: self.reserved, told: self.told }
    }

    /// Takes one key in, or says why it cannot be one.
    pub(crate) fn add(&mut self, errors: &mut Errors, span: Span, key: &str) {
        if let Some(problem) = problem(key) {
            errors.at(span, problem);
        }
        if self.reserved.contains(&key) {
            errors.at(span, format_args!("the key `{key}` is written by the audit log itself: choose another one"));
        }
        if !self.seen.insert(key.to_owned()) {
            errors.at(
                span,
                format_args!("the key `{key}` is taken already: name this one otherwise, as in `{key}_2 = …`"),
            );
        }
        let most = MOST_KEYS - self.reserved.len();
        if self.seen.len() > most && !self.told {
            self.told = true;
            errors.at(span, too_many(most, self.reserved.len()));
        }
    }
}

fn too_many(most: usize, reserved: usize) -> String {
    if reserved == 0 {
        format!("WorkOS takes {MOST_KEYS} metadata keys, and this is key {}: leave some out", most + 1)
    } else {
        format!(
            "WorkOS takes {MOST_KEYS} metadata keys, of which {reserved} are the audit log's own, and this is key {} of {most}: leave some out",
            most + 1
        )
    }
}

fn problem(key: &str) -> Option<String> {
    let length = key.chars().count();
    if length == 0 {
        Some("a metadata key has at least one letter".to_owned())
    } else if length > LONGEST_KEY {
        Some(format!("the key `{key}` has {length} characters and WorkOS takes {LONGEST_KEY}: shorten it"))
    } else if !key.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')) {
        Some(format!("the key `{key}` may only have the letters a to z, digits, `_` and `-`, as WorkOS has it"))
    } else {
        None
    }
}

/// Why `action` is no name for an action, with one that is.
pub(crate) fn action_problem(action: &str) -> Option<String> {
    let parts: Vec<&str> = action.split('.').collect();
    let parts_are_snake = parts.iter().all(|part| {
        part.starts_with(|letter: char| letter.is_ascii_lowercase())
            && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    });
    if parts_are_snake && parts.len() > 1 {
        return None;
    }
    let better: Vec<String> = parts.iter().map(|part| snake(part)).filter(|part| !part.is_empty()).collect();
    Some(match better.as_slice() {
        [] => "an action says what happened to what, as in `invoice.paid`".to_owned(),
        [only] => {
            format!(
                "an action is `lower_snake.dotted`, with the thing before what happened to it: write it as in `invoice.{only}`"
            )
        }
        _ => format!("an action is `lower_snake.dotted`: write `{}`", better.join(".")),
    })
}

/// `InvoiceLine` and `Invoice-Line` as `invoice_line`.
pub(crate) fn snake(name: &str) -> String {
    words(name).join("_").to_ascii_lowercase()
}

/// The words of a name, however they are set apart.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| letters[before]);
        let starts = letter.is_uppercase()
            && previous.is_some_and(|before| {
                let next_is_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
                before.is_lowercase() || before.is_ascii_digit() || (before.is_uppercase() && next_is_lower)
            });
        if starts || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(*letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_lower_snake_and_dotted() {
        for good in ["invoice.paid", "billing.invoice_line.paid", "v2.user.signed_in"] {
            assert_eq!(action_problem(good), None, "{good}");
        }
        for (bad, better) in [
            ("Invoice.Paid", "`invoice.paid`"),
            ("invoice.wasPaid", "`invoice.was_paid`"),
            ("paid", "`invoice.paid`"),
            ("a..b", "`a.b`"),
        ] {
            assert!(action_problem(bad).is_some_and(|problem| problem.contains(better)), "{bad}");
        }
        assert!(action_problem("").is_some());
    }

    #[test]
    fn words_are_found_however_they_are_set_apart() {
        for (name, expected) in [
            ("Invoice", "invoice"),
            ("InvoiceLine", "invoice_line"),
            ("HTTPServer", "http_server"),
            ("ApiV2Key", "api_v2_key"),
            ("already_snake", "already_snake"),
            ("kebab-case", "kebab_case"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
