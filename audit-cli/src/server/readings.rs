//! Where WorkOS' documents disagree: each question, its answers, and the newest story as default.

use std::fmt;
use std::str::FromStr;

/// One answer to a question on which WorkOS' documents disagree or are silent.
///
/// Written `question=answer`, as in `idempotency=conflict`. The first answer of each question is
/// the default, and the newest story.
///
/// ```
/// use audited_cli::Reading;
///
/// let reading: Reading = "idempotency=conflict".parse()?;
/// assert_eq!(reading, Reading::IdempotencyConflict);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// Key and event data together decide; the same key with other data is another event.
    IdempotencyKeyAndData,
    /// The key alone decides; the same key with other data gets the first answer again.
    IdempotencyKey,
    /// The key alone decides; the same key with other data is refused with 400.
    IdempotencyConflict,
    /// Without a key, one is made from the event: two equal events are one.
    WithoutKeyDerive,
    /// Without a key, every request is an event.
    WithoutKeyStore,
    /// An event that does not fit is refused with the code `invalid_audit_log`.
    ErrorCodeInvalidAuditLog,
    /// An event that does not fit is refused with the code `invalid_audit_log_event`.
    ErrorCodeInvalidAuditLogEvent,
    /// A stored event is answered with 200.
    Stored200,
    /// A stored event is answered with 201.
    Stored201,
    /// `occurred_at` must be in UTC, written with `Z`.
    OccurredAtUtc,
    /// `occurred_at` may have any offset.
    OccurredAtAnyOffset,
    /// A metadata value has at most 500 characters.
    ValueLimit500,
    /// A metadata value may have any length.
    ValueLimitNone,
    /// An event without a version is checked against the first one of its action.
    DefaultVersionFirst,
    /// An event without a version is checked against the latest one of its action.
    DefaultVersionLatest,
    /// An event may have targets of types that its schema does not list.
    ExtraTargetsAccept,
    /// An event with a target of a type that its schema does not list is refused.
    ExtraTargetsRefuse,
    /// Creating the schema that is the latest already answers that version.
    SameSchemaReuse,
    /// Creating the schema that is the latest already makes another version.
    SameSchemaNewVersion,
    /// An export without events is refused with 400.
    EmptyExportRefuse,
    /// An export without events is one with a header line only.
    EmptyExportAccept,
}

/// Every reading with the way it is written.
const NAMES: &[(&str, Reading)] = &[
    ("idempotency=key-and-data", Reading::IdempotencyKeyAndData),
    ("idempotency=key", Reading::IdempotencyKey),
    ("idempotency=conflict", Reading::IdempotencyConflict),
    ("without-key=derive", Reading::WithoutKeyDerive),
    ("without-key=store", Reading::WithoutKeyStore),
    ("error-code=invalid_audit_log", Reading::ErrorCodeInvalidAuditLog),
    ("error-code=invalid_audit_log_event", Reading::ErrorCodeInvalidAuditLogEvent),
    ("stored=200", Reading::Stored200),
    ("stored=201", Reading::Stored201),
    ("occurred-at=utc", Reading::OccurredAtUtc),
    ("occurred-at=any-offset", Reading::OccurredAtAnyOffset),
    ("value-limit=500", Reading::ValueLimit500),
    ("value-limit=none", Reading::ValueLimitNone),
    ("default-version=first", Reading::DefaultVersionFirst),
    ("default-version=latest", Reading::DefaultVersionLatest),
    ("extra-targets=accept", Reading::ExtraTargetsAccept),
    ("extra-targets=refuse", Reading::ExtraTargetsRefuse),
    ("same-schema=reuse", Reading::SameSchemaReuse),
    ("same-schema=new-version", Reading::SameSchemaNewVersion),
    ("empty-export=refuse", Reading::EmptyExportRefuse),
    ("empty-export=accept", Reading::EmptyExportAccept),
];

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, reading)| reading == self);
        f.write_str(name.map_or("unnamed", |(name, _)| name))
    }
}

impl FromStr for Reading {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, reading)| *reading).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is not a reading; the readings are {}", names.join(", "))
        })
    }
}

/// How an idempotency key is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Idempotency {
    #[default]
    KeyAndData,
    Key,
    Conflict,
}

/// All questions answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readings {
    pub(crate) idempotency: Idempotency,
    pub(crate) derive_missing_key: bool,
    pub(crate) error_code: &'static str,
    pub(crate) stored_status: u16,
    pub(crate) utc_only: bool,
    pub(crate) limit_values: bool,
    pub(crate) default_to_latest: bool,
    pub(crate) refuse_extra_targets: bool,
    pub(crate) reuse_same_schema: bool,
    pub(crate) refuse_empty_export: bool,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            idempotency: Idempotency::default(),
            derive_missing_key: true,
            error_code: "invalid_audit_log",
            stored_status: 200,
            utc_only: true,
            limit_values: true,
            default_to_latest: false,
            refuse_extra_targets: false,
            reuse_same_schema: true,
            refuse_empty_export: true,
        }
    }
}

impl Readings {
    /// Answers one question anew.
    pub(crate) fn set(&mut self, reading: Reading) {
        match reading {
            Reading::IdempotencyKeyAndData => self.idempotency = Idempotency::KeyAndData,
            Reading::IdempotencyKey => self.idempotency = Idempotency::Key,
            Reading::IdempotencyConflict => self.idempotency = Idempotency::Conflict,
            Reading::WithoutKeyDerive => self.derive_missing_key = true,
            Reading::WithoutKeyStore => self.derive_missing_key = false,
            Reading::ErrorCodeInvalidAuditLog => self.error_code = "invalid_audit_log",
            Reading::ErrorCodeInvalidAuditLogEvent => self.error_code = "invalid_audit_log_event",
            Reading::Stored200 => self.stored_status = 200,
            Reading::Stored201 => self.stored_status = 201,
            Reading::OccurredAtUtc => self.utc_only = true,
            Reading::OccurredAtAnyOffset => self.utc_only = false,
            Reading::ValueLimit500 => self.limit_values = true,
            Reading::ValueLimitNone => self.limit_values = false,
            Reading::DefaultVersionFirst => self.default_to_latest = false,
            Reading::DefaultVersionLatest => self.default_to_latest = true,
            Reading::ExtraTargetsAccept => self.refuse_extra_targets = false,
            Reading::ExtraTargetsRefuse => self.refuse_extra_targets = true,
            Reading::SameSchemaReuse => self.reuse_same_schema = true,
            Reading::SameSchemaNewVersion => self.reuse_same_schema = false,
            Reading::EmptyExportRefuse => self.refuse_empty_export = true,
            Reading::EmptyExportAccept => self.refuse_empty_export = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for (name, reading) in NAMES {
            assert_eq!(name.parse::<Reading>().as_ref(), Ok(reading));
            assert_eq!(reading.to_string(), *name);
        }
    }

    #[test]
    fn an_unknown_one_lists_the_known() {
        let error = "idempotency=maybe".parse::<Reading>().unwrap_err();
        assert!(error.contains("idempotency=conflict"), "{error}");
    }
}
