//! Hiding a value while it is written.

use std::fmt::Write as _;

use super::json;

/// How a captured value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// As it is.
    #[default]
    None,
    /// As `[redacted]`.
    Redact,
    /// As `****`, whatever its length.
    Mask,
    /// As `****` and its last characters: as many as asked for, but never more than a quarter of the value.
    MaskLast(usize),
    /// As `hmac-sha256:` and a keyed hash in hex: equal values stay comparable, none is readable.
    Hash,
}

impl Redaction {
    /// How a value of this name is shown that nobody said anything of.
    pub(crate) const fn of_name(name: &str) -> Self {
        if looks_secret(name) { Self::Redact } else { Self::None }
    }
}

/// The names that are redacted wherever they are captured, unless the attribute says `allow`: compared without case and
/// without `_` and `-`, anywhere within the name.
pub const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "bearertoken",
    "sessiontoken",
    "csrftoken",
    "authorization",
    "credential",
    "cookie",
    "sessionid",
    "cardnumber",
    "creditcard",
    "cvv",
    "cvc",
    "socialsecurity",
    "pincode",
];

/// The names that are redacted only when they are the whole name.
pub const SECRET_WHOLE_NAMES: &[&str] = &["pwd", "pass", "token", "jwt", "otp", "totp", "pin", "ssn", "mnemonic"];

/// Whether a field of this name is redacted by itself: [`SECRET_NAMES`] and [`SECRET_WHOLE_NAMES`].
#[must_use]
pub const fn looks_secret(name: &str) -> bool {
    let name = name.as_bytes();
    let mut index = 0;
    while index < SECRET_NAMES.len() {
        if contains(name, SECRET_NAMES[index].as_bytes()) {
            return true;
        }
        index += 1;
    }
    index = 0;
    while index < SECRET_WHOLE_NAMES.len() {
        let secret = SECRET_WHOLE_NAMES[index].as_bytes();
        if let Some(end) = matches_at(name, 0, secret)
            && only_separators(name, end)
        {
            return true;
        }
        index += 1;
    }
    false
}

const fn contains(name: &[u8], secret: &[u8]) -> bool {
    let mut start = 0;
    while start < name.len() {
        if matches_at(name, start, secret).is_some() {
            return true;
        }
        start += 1;
    }
    false
}

/// Where `secret` ends if it stands in `name` from `start`, separators passed over.
const fn matches_at(name: &[u8], start: usize, secret: &[u8]) -> Option<usize> {
    let (mut at, mut matched) = (start, 0);
    while matched < secret.len() {
        if at == name.len() {
            return None;
        }
        if !is_separator(name[at]) {
            if name[at].to_ascii_lowercase() != secret[matched] {
                return None;
            }
            matched += 1;
        }
        at += 1;
    }
    Some(at)
}

const fn only_separators(name: &[u8], from: usize) -> bool {
    let mut at = from;
    while at < name.len() {
        if !is_separator(name[at]) {
            return false;
        }
        at += 1;
    }
    true
}

const fn is_separator(byte: u8) -> bool {
    byte == b'_' || byte == b'-'
}

/// The key of [`Redaction::Hash`]: HMAC-SHA-256.
#[derive(Clone)]
pub struct HashKey(ring::hmac::Key);

impl HashKey {
    /// A key of at least 16 bytes; 32 random ones are right.
    ///
    /// Returns `None` if `secret` is shorter: such a key could be guessed, and with it every hashed value.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        (secret.len() >= 16).then(|| Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret)))
    }

    /// What [`Redaction::Hash`] writes for `text`: for looking a value up in an exported log.
    #[must_use]
    pub fn hash(&self, text: &str) -> String {
        let mut shown = String::from("hmac-sha256:");
        for byte in ring::hmac::sign(&self.0, text.as_bytes()).as_ref() {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "{byte:02x}");
        }
        shown
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey([redacted])")
    }
}

/// Appends what `redaction` shows of `text`, as a JSON string. Without a key, a hash cannot be made and the value is
/// redacted instead; so is a text that is too long to be worth hashing or counting.
pub(crate) fn push_redacted(buf: &mut Vec<u8>, text: &str, redaction: Redaction, key: Option<&HashKey>) {
    const MOST_BYTES: usize = 64 * 1024;
    let redaction = if text.len() > MOST_BYTES { Redaction::Redact } else { redaction };
    match (redaction, key) {
        (Redaction::None, _) => {
            json::push_string(buf, text, super::limits::METADATA_VALUE_CHARS);
        }
        (Redaction::Mask, _) => buf.extend_from_slice(b"\"****\""),
        (Redaction::MaskLast(last), _) => {
            let chars = text.chars().count();
            let shown = last.min(chars / 4).min(super::limits::METADATA_VALUE_CHARS - 4);
            let start = text.char_indices().nth(chars - shown).map_or(text.len(), |(start, _)| start);
            buf.extend_from_slice(b"\"****");
            json::push_escaped(buf, &text[start..]);
            buf.push(b'"');
        }
        (Redaction::Hash, Some(key)) => {
            json::push_string(buf, &key.hash(text), super::limits::METADATA_VALUE_CHARS);
        }
        (Redaction::Redact, _) | (Redaction::Hash, None) => buf.extend_from_slice(b"\"[redacted]\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, redaction: Redaction) -> String {
        let mut buf = Vec::new();
        push_redacted(&mut buf, text, redaction, HashKey::new(&[7; 32]).as_ref());
        serde_json::from_slice(&buf).unwrap()
    }

    #[test]
    fn a_mask_shows_at_most_a_quarter() {
        assert_eq!(shown("DE89370400440532013000", Redaction::MaskLast(4)), "****3000");
        assert_eq!(shown("1234567", Redaction::MaskLast(4)), "****7");
        assert_eq!(shown("123", Redaction::MaskLast(4)), "****");
        assert_eq!(shown("ÄÖÜßäöüé", Redaction::MaskLast(4)), "****üé");
        assert_eq!(shown("anything", Redaction::Mask), "****");
        assert_eq!(shown("anything", Redaction::Redact), "[redacted]");
    }

    #[test]
    fn a_hash_is_the_published_hmac() {
        // From Python: hmac.new(bytes([7] * 32), b"what do ya want for nothing?", "sha256").hexdigest()
        assert_eq!(
            shown("what do ya want for nothing?", Redaction::Hash),
            "hmac-sha256:37853aff7df2ff1f94e194ad66dd7633e01f2642bdbc02f0b6a1ea7540d2ac0e"
        );
        assert!(HashKey::new(b"too short").is_none());
    }

    #[test]
    fn without_a_key_a_hash_becomes_a_redaction() {
        let mut buf = Vec::new();
        push_redacted(&mut buf, "DE89", Redaction::Hash, None);
        assert_eq!(buf, b"\"[redacted]\"");
    }

    #[test]
    fn secret_names_are_found_in_any_spelling() {
        for name in ["password", "newPassword", "API-Key", "api_key", "client_secret", "token", "PIN", "refreshToken"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["amount", "tokens_used", "shipping", "author", "pinned", "compass", "iban"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
