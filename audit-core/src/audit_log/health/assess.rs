//! From what is known to what is told: pure, so that every reason is a row in a table.

use std::time::Duration;

use super::report::{HealthReason, HealthReport, percent};
use crate::audit_log::Stats;
use crate::delivery::Health;
use crate::outbox::{OutboxHealth, Recovery, Timestamp};

/// From here on it is told that the outbox fills.
const FILLING: u64 = 75;
/// An endpoint that cannot be reached for so long is a failure; before, it may be a deployment of theirs.
const BLIP: Duration = Duration::from_secs(60);
/// Events that wait for so long are told, ...
const BEHIND: Duration = Duration::from_secs(300);
/// ... and after so long are a failure.
const FAR_BEHIND: Duration = Duration::from_secs(3600);

/// What is known of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) closed: bool,
    /// The delivery's thread is there.
    pub(super) running: bool,
    /// Since when appends fail.
    pub(super) refusing_since: Option<Timestamp>,
    pub(super) outbox: OutboxHealth,
    /// When the oldest event that waits was accepted.
    pub(super) oldest: Option<Timestamp>,
    pub(super) recovery: Recovery,
    pub(super) lately: Lately,
    pub(super) stats: Stats,
}

/// What happened within the last hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lately {
    pub(super) refused: u64,
    pub(super) dropped: u64,
}

pub(super) fn assess(facts: &Facts) -> HealthReport {
    let Facts { now, outbox, recovery, lately, ref stats, .. } = *facts;
    let mut reasons = Vec::new();
    if facts.closed {
        reasons.push(HealthReason::Closed);
    } else if !facts.running {
        reasons.push(HealthReason::DeliveryStopped);
    }
    if facts.refusing_since.is_some() || outbox.failing || stats.delivery.outbox_failing {
        reasons.push(HealthReason::StorageFailing { since: facts.refusing_since });
    }
    if let Some(budget_bytes) = outbox.budget_bytes
        && percent(outbox.used_bytes, budget_bytes) >= FILLING
    {
        reasons.push(HealthReason::OutboxFilling { used_bytes: outbox.used_bytes, budget_bytes });
    }
    let since = stats.delivery.health_since.unwrap_or(now);
    reasons.extend(match stats.delivery.health {
        Health::Ok => None,
        Health::Throttled => Some(HealthReason::Throttled { since }),
        Health::Unauthorized => Some(HealthReason::KeyRefused { since }),
        Health::Untrusted => Some(HealthReason::Untrusted { since }),
        Health::Unreachable => Some(HealthReason::Unreachable { since, lasts: now.since(since) >= BLIP }),
    });
    if let Some(oldest) = facts.oldest.filter(|oldest| now.since(*oldest) >= BEHIND) {
        reasons.push(HealthReason::Behind { oldest, lasts: now.since(oldest) >= FAR_BEHIND });
    }
    let counted = [
        HealthReason::DeadLetters { count: stats.dead_letters },
        HealthReason::Refused { count: lately.refused.saturating_sub(lately.dropped) },
        HealthReason::Dropped { count: lately.dropped },
    ];
    reasons.extend(counted.into_iter().filter(|reason| {
        !matches!(
            reason,
            HealthReason::DeadLetters { count: 0 }
                | HealthReason::Refused { count: 0 }
                | HealthReason::Dropped { count: 0 }
        )
    }));
    let records = recovery.lost + outbox.damaged;
    let segments = recovery.lost_segments + outbox.failed_segments;
    if records + segments > 0 {
        reasons.push(HealthReason::Damaged { records, segments });
    }
    HealthReport::of(reasons)
}

#[cfg(test)]
mod tests {
    use super::super::HealthStatus::{self, Degraded, Failing};
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn well() -> Facts {
        Facts {
            now: NOW,
            closed: false,
            running: true,
            refusing_since: None,
            outbox: OutboxHealth { budget_bytes: Some(1_000), ..OutboxHealth::default() },
            oldest: None,
            recovery: Recovery::default(),
            lately: Lately::default(),
            stats: Stats::default(),
        }
    }

    fn ago(seconds: u64) -> Timestamp {
        Timestamp(NOW.0 - seconds * 1_000)
    }

    /// Changes what is well.
    type Change = Box<dyn Fn(&mut Facts)>;

    fn endpoint(health: Health, seconds: u64) -> Change {
        Box::new(move |facts| {
            (facts.stats.delivery.health, facts.stats.delivery.health_since) = (health, Some(ago(seconds)));
        })
    }

    #[test]
    fn every_reason_has_its_row() {
        let rows: Vec<(&str, HealthStatus, Change)> = vec![
            ("closed", Failing, Box::new(|it| it.closed = true)),
            ("delivery_stopped", Failing, Box::new(|it| it.running = false)),
            ("storage_failing", Failing, Box::new(|it| it.refusing_since = Some(ago(1)))),
            ("storage_failing", Failing, Box::new(|it| it.outbox.failing = true)),
            ("storage_failing", Failing, Box::new(|it| it.stats.delivery.outbox_failing = true)),
            ("outbox_filling", Degraded, Box::new(|it| it.outbox.used_bytes = 750)),
            ("outbox_filling", Degraded, Box::new(|it| it.outbox.used_bytes = 899)),
            ("outbox_filling", Failing, Box::new(|it| it.outbox.used_bytes = 900)),
            ("outbox_filling", Failing, Box::new(|it| it.outbox.used_bytes = u64::MAX)),
            ("key_refused", Failing, endpoint(Health::Unauthorized, 0)),
            ("untrusted", Failing, endpoint(Health::Untrusted, 0)),
            ("unreachable", Degraded, endpoint(Health::Unreachable, 59)),
            ("unreachable", Failing, endpoint(Health::Unreachable, 60)),
            ("throttled", Degraded, endpoint(Health::Throttled, 86_400)),
            ("behind", Degraded, Box::new(|it| it.oldest = Some(ago(300)))),
            ("behind", Degraded, Box::new(|it| it.oldest = Some(ago(3_599)))),
            ("behind", Failing, Box::new(|it| it.oldest = Some(ago(3_600)))),
            ("dead_letters", Degraded, Box::new(|it| it.stats.dead_letters = 1)),
            ("refused", Degraded, Box::new(|it| it.lately = Lately { refused: 1, dropped: 0 })),
            ("dropped", Degraded, Box::new(|it| it.lately = Lately { refused: 2, dropped: 2 })),
            ("damaged", Degraded, Box::new(|it| it.recovery.lost = 1)),
            ("damaged", Degraded, Box::new(|it| it.recovery.lost_segments = 1)),
            ("damaged", Degraded, Box::new(|it| it.outbox.damaged = 1)),
            ("damaged", Degraded, Box::new(|it| it.outbox.failed_segments = 1)),
        ];
        for (number, (code, status, change)) in rows.into_iter().enumerate() {
            let mut facts = well();
            change(&mut facts);
            let report = assess(&facts);
            let codes: Vec<_> = report.reasons().iter().map(HealthReason::code).collect();
            assert_eq!((codes, report.status()), (vec![code], status), "row {number}");
        }
    }

    #[test]
    fn what_is_well_is_ok() {
        let mut facts = well();
        (facts.oldest, facts.outbox.used_bytes) = (Some(ago(299)), 749);
        facts.stats.delivered = 1_000_000;
        let report = assess(&facts);
        assert_eq!((report.status(), &*report.to_string()), (HealthStatus::Ok, "ok"));
    }

    #[test]
    fn the_worst_reason_decides_and_all_are_told() {
        let mut facts = well();
        (facts.closed, facts.stats.dead_letters) = (true, 3);
        endpoint(Health::Unauthorized, 3_600)(&mut facts);
        let report = assess(&facts);
        assert_eq!(
            report.to_string(),
            "failing: the audit log was shut down: events are refused; WorkOS refuses the API key since \
             2023-11-14T21:13:20.000Z: events wait until it is rotated; 3 dead letters wait for somebody to look at them"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["status"], "failing");
        assert_eq!(json["reasons"][2]["code"], "dead_letters");
        assert_eq!(json["reasons"][2]["status"], "degraded");
    }
}
