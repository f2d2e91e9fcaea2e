//! What is told of a log's health.

use std::fmt;

use serde::ser::{Serialize, SerializeSeq as _, SerializeStruct as _, Serializer};

use crate::event::rfc3339;
use crate::outbox::Timestamp;

/// How a log is doing, and why. Reads as text, and serializes as
/// `{"status":"degraded","reasons":[{"code":"dead_letters","status":"degraded","message":"…"}]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    reasons: Vec<HealthReason>,
}

/// How a log is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum HealthStatus {
    /// Events are stored and delivered.
    #[default]
    Ok,
    /// Events are stored; something passes by itself, or waits for somebody to look at it.
    Degraded,
    /// Events are refused, or do not arrive: somebody has to look now.
    Failing,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthReason {
    /// The log was shut down: what comes now is refused.
    Closed,
    /// The delivery's thread has ended, which only a bug can bring about.
    DeliveryStopped,
    /// The outbox could not store or read when it was last asked to.
    StorageFailing {
        /// Since when, if it is known.
        since: Option<Timestamp>,
    },
    /// The outbox is filled by three quarters; failing from nine tenths on.
    OutboxFilling {
        /// Bytes in use.
        used_bytes: u64,
        /// Bytes that may be used.
        budget_bytes: u64,
    },
    /// WorkOS refuses the API key.
    KeyRefused {
        /// Since when.
        since: Timestamp,
    },
    /// WorkOS' certificate cannot be verified.
    Untrusted {
        /// Since when.
        since: Timestamp,
    },
    /// WorkOS cannot be reached, or fails whatever it is sent; failing after a minute.
    Unreachable {
        /// Since when.
        since: Timestamp,
        /// Whether that is a minute ago.
        lasts: bool,
    },
    /// WorkOS asks for fewer requests.
    Throttled {
        /// Since when.
        since: Timestamp,
    },
    /// The oldest event that waits was accepted five minutes ago; failing from an hour on.
    Behind {
        /// When it was accepted.
        oldest: Timestamp,
        /// Whether that is an hour ago.
        lasts: bool,
    },
    /// Events that WorkOS refused for good wait for somebody to look at them.
    DeadLetters {
        /// How many.
        count: u64,
    },
    /// Events could not be stored within the last hour, and their callers were told.
    Refused {
        /// How many.
        count: u64,
    },
    /// Relaxed events, or such of calls that were gone, could not be stored within the last hour.
    Dropped {
        /// How many.
        count: u64,
    },
    /// Stored events are damaged, or were when the log was started. What is left of them is kept aside.
    Damaged {
        /// Events.
        records: u64,
        /// Files, or other parts of the storage.
        segments: u64,
    },
}

impl HealthReport {
    pub(super) fn of(reasons: Vec<HealthReason>) -> Self {
        Self { reasons }
    }

    /// The worst of all reasons.
    #[must_use]
    pub fn status(&self) -> HealthStatus {
        self.reasons.iter().map(HealthReason::status).max().unwrap_or_default()
    }

    /// All that is wrong; nothing if the log is well.
    #[must_use]
    pub fn reasons(&self) -> &[HealthReason] {
        &self.reasons
    }
}

impl HealthStatus {
    /// `ok`, `degraded` or `failing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// From here on an outbox counts as nearly full.
const NEARLY_FULL: u64 = 90;

impl HealthReason {
    /// How bad it is by itself.
    #[must_use]
    pub fn status(&self) -> HealthStatus {
        let failing = match *self {
            Self::Closed
            | Self::DeliveryStopped
            | Self::StorageFailing { .. }
            | Self::KeyRefused { .. }
            | Self::Untrusted { .. } => true,
            Self::OutboxFilling { used_bytes, budget_bytes } => percent(used_bytes, budget_bytes) >= NEARLY_FULL,
            Self::Unreachable { lasts, .. } | Self::Behind { lasts, .. } => lasts,
            Self::Throttled { .. }
            | Self::DeadLetters { .. }
            | Self::Refused { .. }
            | Self::Dropped { .. }
            | Self::Damaged { .. } => false,
        };
        if failing { HealthStatus::Failing } else { HealthStatus::Degraded }
    }

    /// A word that stays the same, for programs: `storage_failing`, `key_refused`, `dead_letters`, …
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::DeliveryStopped => "delivery_stopped",
            Self::StorageFailing { .. } => "storage_failing",
            Self::OutboxFilling { .. } => "outbox_filling",
            Self::KeyRefused { .. } => "key_refused",
            Self::Untrusted { .. } => "untrusted",
            Self::Unreachable { .. } => "unreachable",
            Self::Throttled { .. } => "throttled",
            Self::Behind { .. } => "behind",
            Self::DeadLetters { .. } => "dead_letters",
            Self::Refused { .. } => "refused",
            Self::Dropped { .. } => "dropped",
            Self::Damaged { .. } => "damaged",
        }
    }
}

pub(super) fn percent(used: u64, budget: u64) -> u64 {
    u64::try_from(u128::from(used) * 100 / u128::from(budget.max(1))).unwrap_or(u64::MAX)
}

/// A moment as text.
struct At(Timestamp);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&rfc3339(self.0)).unwrap_or_default())
    }
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Closed => f.write_str("the audit log was shut down: events are refused"),
            Self::DeliveryStopped => f.write_str("delivery has ended by itself: restart the process, and report this"),
            Self::StorageFailing { since: Some(since) } => {
                write!(f, "events cannot be stored since {}: see that the disk works and has room", At(since))
            }
            Self::StorageFailing { since: None } => {
                f.write_str("the outbox fails: see that the disk works and has room")
            }
            Self::OutboxFilling { used_bytes, budget_bytes } => write!(
                f,
                "the outbox is filled to {} % of {budget_bytes} bytes: let events be delivered, or give it a larger budget",
                percent(used_bytes, budget_bytes)
            ),
            Self::KeyRefused { since } => {
                write!(f, "WorkOS refuses the API key since {}: events wait until it is rotated", At(since))
            }
            Self::Untrusted { since } => {
                write!(f, "WorkOS' certificate cannot be verified since {}: nothing is sent there", At(since))
            }
            Self::Unreachable { since, .. } => write!(f, "WorkOS cannot be reached since {}: events wait", At(since)),
            Self::Throttled { since } => write!(f, "WorkOS asks for fewer requests since {}: events wait", At(since)),
            Self::Behind { oldest, .. } => {
                write!(f, "delivery is behind: the oldest event that waits was accepted at {}", At(oldest))
            }
            Self::DeadLetters { count } => write!(f, "{count} dead letters wait for somebody to look at them"),
            Self::Refused { count } => {
                write!(f, "{count} events could not be stored and were refused within the last hour")
            }
            Self::Dropped { count } => {
                write!(
                    f,
                    "{count} events that nobody waited for could not be stored within the last hour: they are lost"
                )
            }
            Self::Damaged { records, segments } => write!(
                f,
                "the outbox is damaged: {records} events and {segments} of its files; see what `audited` says of it"
            ),
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status())?;
        for (number, reason) in self.reasons.iter().enumerate() {
            write!(f, "{} {reason}", if number == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl Serialize for HealthReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Reasons<'a>(&'a [HealthReason]);
        struct Reason<'a>(&'a HealthReason);

        impl Serialize for Reasons<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut reasons = serializer.serialize_seq(Some(self.0.len()))?;
                for reason in self.0 {
                    reasons.serialize_element(&Reason(reason))?;
                }
                reasons.end()
            }
        }

        impl Serialize for Reason<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut reason = serializer.serialize_struct("HealthReason", 3)?;
                reason.serialize_field("code", self.0.code())?;
                reason.serialize_field("status", self.0.status().as_str())?;
                reason.serialize_field("message", &self.0.to_string())?;
                reason.end()
            }
        }

        let mut report = serializer.serialize_struct("HealthReport", 2)?;
        report.serialize_field("status", self.status().as_str())?;
        report.serialize_field("reasons", &Reasons(&self.reasons))?;
        report.end()
    }
}
