//! Which requests were answered before: keys are honoured for 24 hours of the server's time.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::readings::{Idempotency, Readings};

/// How long a key is honoured (WorkOS API reference, create event).
const LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// What makes two requests the same one.
pub(crate) type Identity = [u8; 16];

/// An identity, and what tells one body from another under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) identity: Identity,
    body: [u8; 8],
}

/// The fingerprint of a request; none if each such request is an event of its own.
pub(crate) fn fingerprint(key: Option<&str>, body: &[u8], readings: &Readings) -> Option<Fingerprint> {
    if key.is_none() && !readings.derive_missing_key {
        return None;
    }
    let data: [u8; 32] = Sha256::digest(body).into();
    let mut hash = Sha256::new();
    match key {
        // The length keeps a key that ends like a body apart from a body that begins like a key.
        Some(key) => {
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key);
            if readings.idempotency == Idempotency::KeyAndData {
                hash.update(data);
            }
        }
        None => {
            hash.update(u64::MAX.to_le_bytes());
            hash.update(data);
        }
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut identity = [0; 16];
    identity.copy_from_slice(&whole[..16]);
    let mut body = [0; 8];
    body.copy_from_slice(&data[..8]);
    Some(Fingerprint { identity, body })
}

/// What is known of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Never seen, or longer ago than keys are honoured.
    New,
    /// Answered before.
    Before,
    /// Answered before, with another body.
    OtherBody,
}

/// The keys of the last 24 hours.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    answered: HashMap<Identity, ([u8; 8], i64)>,
    /// Oldest first.
    order: VecDeque<Identity>,
}

impl Keys {
    /// Looks the request up.
    pub(crate) fn look_up(&mut self, fingerprint: &Fingerprint, now: Timestamp) -> Known {
        self.forget_expired(now);
        match self.answered.get(&fingerprint.identity) {
            None => Known::New,
            Some((body, _)) if *body == fingerprint.body => Known::Before,
            Some(_) => Known::OtherBody,
        }
    }

    /// Remembers an answered request.
    pub(crate) fn remember(&mut self, fingerprint: &Fingerprint, at: Timestamp) {
        let entry = (fingerprint.body, at.as_millisecond());
        if self.answered.insert(fingerprint.identity, entry).is_none() {
            self.order.push_back(fingerprint.identity);
        }
    }

    /// Time only goes forward, so the expired ones are all in front.
    fn forget_expired(&mut self, now: Timestamp) {
        let oldest = now.as_millisecond().saturating_sub(LIFETIME_MS);
        while let Some(front) = self.order.front() {
            match self.answered.get(front) {
                Some((_, at)) if *at > oldest => return,
                _ => {
                    self.answered.remove(front);
                    self.order.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = LIFETIME_MS;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn with(idempotency: Idempotency) -> Readings {
        Readings { idempotency, ..Readings::default() }
    }

    #[test]
    fn a_key_is_honoured_for_a_day_and_not_a_millisecond_longer() {
        let print = fingerprint(Some("k"), b"body", &Readings::default()).unwrap();
        let mut keys = Keys::default();
        assert_eq!(keys.look_up(&print, at(0)), Known::New);
        keys.remember(&print, at(0));
        assert_eq!(keys.look_up(&print, at(DAY - 1)), Known::Before);
        assert_eq!(keys.look_up(&print, at(DAY)), Known::New);
        assert!(keys.answered.is_empty() && keys.order.is_empty());
    }

    #[test]
    fn key_and_data_together_decide_by_default() {
        let readings = Readings::default();
        let mut keys = Keys::default();
        keys.remember(&fingerprint(Some("k"), b"a", &readings).unwrap(), at(0));
        let other = fingerprint(Some("k"), b"b", &readings).unwrap();
        assert_eq!(keys.look_up(&other, at(1)), Known::New);
        let none = fingerprint(None, b"a", &readings).unwrap();
        assert_eq!(keys.look_up(&none, at(1)), Known::New);
    }

    #[test]
    fn the_key_alone_decides_in_the_other_readings() {
        for idempotency in [Idempotency::Key, Idempotency::Conflict] {
            let readings = with(idempotency);
            let mut keys = Keys::default();
            keys.remember(&fingerprint(Some("k"), b"a", &readings).unwrap(), at(0));
            let other = fingerprint(Some("k"), b"b", &readings).unwrap();
            assert_eq!(keys.look_up(&other, at(1)), Known::OtherBody);
        }
    }

    #[test]
    fn without_a_key_the_body_is_the_key_unless_told() {
        let readings = Readings::default();
        assert_eq!(fingerprint(None, b"a", &readings), fingerprint(None, b"a", &readings));
        assert_ne!(fingerprint(None, b"a", &readings), fingerprint(None, b"b", &readings));
        let store = Readings { derive_missing_key: false, ..readings };
        assert_eq!(fingerprint(None, b"a", &store), None);
    }
}
