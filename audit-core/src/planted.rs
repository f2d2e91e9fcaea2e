//! The mistakes that an audit log must not make, each made on purpose at the place where it would be made:
//! `tests/planted/run` shows that the tests notice every one of them.
//!
//! They exist only in a build with `--cfg audited_planted`, in which `AUDITED_PLANT` names the one that is made. In every
//! other build [`planted`] is a constant `false`, and the compiler leaves out what depends on it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::outbox::IdempotencyKey;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A record counts as stored when it was written, and the file is not synced.
    NoSync,
    /// A new file's name is not synced.
    NoDirectorySync,
    /// A caller is told that its record is stored before it is written.
    AckBeforeCommit,
    /// A segment is given up before the marks that say so are durable.
    FreeBeforeMark,
    /// Every attempt has an idempotency key of its own.
    NewKeyOnRetry,
    /// The body is built anew for the wire from what the stored one means.
    ReserializedBody,
    /// A 429 is a refusal.
    DropOn429,
    /// After so many attempts an event is given up.
    AttemptCap,
    /// A dead letter is sent again under its old key, for which the server keeps its refusal.
    CachedRefusal,
    /// Keys come from a generator in memory, which a forked child shares.
    CopiedRandom,
    /// Waits follow the wall clock when it is set back.
    WallClockGate,
    /// A shutdown does not write what is queued.
    LossyShutdown,
    /// `Debug` shows the API key.
    SecretInDebug,
    /// While one lane waits, all do.
    HeadOfLine,
}

/// Whether `bug` is made in this process.
#[cfg(not(audited_planted))]
#[inline]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

/// Whether `bug` is made in this process.
#[cfg(audited_planted)]
pub(crate) fn planted(bug: Bug) -> bool {
    static NAME: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let name = NAME.get_or_init(|| std::env::var("AUDITED_PLANT").ok());
    name.as_ref().is_some_and(|name| format!("{bug:?}") == *name)
}

/// What a generator in memory gives, seeded once in a process.
pub(crate) fn fill_from_memory(buffer: &mut [u8]) -> Result<(), getrandom::Error> {
    static STATE: std::sync::Mutex<u64> = std::sync::Mutex::new(0);
    let mut state = STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *state == 0 {
        *state = getrandom::u64()? | 1;
    }
    for byte in buffer {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = state.to_be_bytes()[0];
    }
    Ok(())
}

/// A key that no record has.
pub(crate) fn another_key() -> IdempotencyKey {
    let mut key = [0; 16];
    let _ = getrandom::fill(&mut key);
    IdempotencyKey::from_random(key)
}

/// The same JSON in other bytes.
pub(crate) fn reserialized(payload: Bytes) -> Bytes {
    let parsed = serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(&payload);
    parsed.and_then(|body| serde_json::to_vec(&body)).map_or(payload, Bytes::from)
}
