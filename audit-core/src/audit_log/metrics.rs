//! Every counter and gauge through the `metrics` facade: one table, from which they are described, published and, in
//! `docs/observability.md`, documented. Nothing of it runs on a handler's path: a thread publishes what `stats()` says.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{AuditLog, Shared, Stats, registry};
use crate::outbox::{OutboxHealth, Timestamp};

/// How often it is published: more often than any usual scrape.
const EVERY: Duration = Duration::from_secs(5);

const TIME_TO_DELIVERY: &str = "audited_time_to_delivery_seconds";

/// What is published.
struct Snapshot {
    stats: Stats,
    outbox: OutboxHealth,
    /// 0, 1 or 2.
    health: u64,
    /// How long the oldest event has waited.
    oldest: Duration,
}

/// A counter or gauge.
struct Metric {
    name: &'static str,
    label: Option<(&'static str, &'static str)>,
    read: Read,
    says: &'static str,
}

enum Read {
    Counter(fn(&Snapshot) -> u64),
    Gauge(fn(&Snapshot) -> u64, Unit),
}

const fn count(name: &'static str, read: fn(&Snapshot) -> u64, says: &'static str) -> Metric {
    Metric { name, label: None, read: Read::Counter(read), says }
}

const fn level(name: &'static str, unit: Unit, read: fn(&Snapshot) -> u64, says: &'static str) -> Metric {
    Metric { name, label: None, read: Read::Gauge(read, unit), says }
}

const fn retry(reason: &'static str, read: fn(&Snapshot) -> u64) -> Metric {
    let label = Some(("reason", reason));
    Metric { name: "audited_retries_total", label, read: Read::Counter(read), says: "attempts that did not settle it" }
}

const METRICS: &[Metric] = &[
    count("audited_accepted_total", |it| it.stats.accepted, "events that the outbox took"),
    count("audited_inherited_total", |it| it.stats.inherited, "events of earlier processes"),
    count("audited_delivered_total", |it| it.stats.delivered, "events that the sink took"),
    level("audited_pending", Unit::Count, |it| it.stats.pending, "events that wait in the outbox"),
    count("audited_dead_total", |it| it.stats.dead, "events that the sink refused for good"),
    level("audited_dead_letters", Unit::Count, |it| it.stats.dead_letters, "dead letters in the outbox now"),
    count("audited_replaced_total", |it| it.stats.replaced, "smallest forms sent in the place of refused events"),
    count("audited_redriven_total", |it| it.stats.redriven, "dead letters that were sent again"),
    count("audited_refused_total", |it| it.stats.refused, "events that could not be stored"),
    count("audited_dropped_total", |it| it.stats.dropped, "of those, the ones that nobody waited for"),
    count("audited_unsettled_total", |it| it.stats.unsettled, "strict calls whose outcome could not be stored"),
    count("audited_late_total", |it| it.stats.late, "calls that returned before their event was stored"),
    count("audited_unknown_actors_total", |it| it.stats.unknown_actors, "events whose actor nobody told"),
    count("audited_truncated_total", |it| it.stats.mended.truncated, "texts cut to their limit"),
    count("audited_redacted_total", |it| it.stats.mended.redacted, "values redacted, masked or hashed"),
    count("audited_metadata_dropped_total", |it| it.stats.mended.dropped, "metadata left out"),
    count("audited_metadata_renamed_total", |it| it.stats.mended.renamed, "metadata keys changed to fit"),
    count("audited_unknown_ids_total", |it| it.stats.mended.unknown_ids, "ids that were empty or absent"),
    count("audited_extra_targets_total", |it| it.stats.mended.extra_targets, "targets beyond the twentieth"),
    count("audited_failed_values_total", |it| it.stats.mended.failed, "values lost to a panic or an error"),
    count("audited_unscoped_records_total", |it| it.stats.unscoped_records, "calls of `record` outside of a scope"),
    count("audited_unaudited_total", |it| it.stats.unaudited, "changing requests that no event told of"),
    count("audited_unreadable_addresses_total", |it| it.stats.unreadable_addresses, "headers without a client address"),
    count("audited_unrouted_total", |_| registry::unrouted(), "audited calls that found no log"),
    count("audited_attempts_total", |it| it.stats.delivery.attempts, "attempts at delivery"),
    retry("throttled", |it| it.stats.delivery.throttled),
    retry("unauthorized", |it| it.stats.delivery.unauthorized),
    retry("unreachable", |it| it.stats.delivery.unreachable),
    retry("untrusted", |it| it.stats.delivery.untrusted),
    retry("ambiguous", |it| it.stats.delivery.ambiguous),
    count("audited_retried_total", |it| it.stats.delivery.retried, "events that went back for another attempt"),
    count("audited_parked_total", |it| it.stats.delivery.parked, "dead letters that the sink may have already"),
    count(
        "audited_possible_duplicates_total",
        |it| it.stats.delivery.possible_duplicates,
        "events sent that the sink may have",
    ),
    count("audited_rekeyed_total", |it| it.stats.delivery.rekeyed, "events that were given a new key"),
    count(
        "audited_unparseable_success_total",
        |it| it.stats.delivery.unparseable_success,
        "successes with a body that is none",
    ),
    count("audited_outbox_errors_total", |it| it.stats.delivery.outbox_errors, "failures of the outbox in delivery"),
    count("audited_fenced_total", |it| it.stats.delivery.fenced, "settlements that came too late"),
    count("audited_panics_total", |it| it.stats.delivery.panics, "panics in a sink or an outbox"),
    level("audited_outbox_used_bytes", Unit::Bytes, |it| it.outbox.used_bytes, "bytes that the outbox uses"),
    level(
        "audited_outbox_budget_bytes",
        Unit::Bytes,
        |it| it.outbox.budget_bytes.unwrap_or(0),
        "bytes that it may use",
    ),
    level(
        "audited_oldest_pending_seconds",
        Unit::Seconds,
        |it| it.oldest.as_secs(),
        "age of the oldest event that waits",
    ),
    level("audited_health", Unit::Count, |it| it.health, "0: ok, 1: degraded, 2: failing"),
];

/// Publishes what becomes of a log's events, until it is gone.
pub(super) fn publish_regularly(log: &AuditLog) {
    let shared: Weak<Shared> = Arc::downgrade(&log.0);
    let run = move || {
        while let Some(shared) = shared.upgrade() {
            publish(&AuditLog(shared));
            thread::sleep(EVERY);
        }
    };
    if let Err(error) = thread::Builder::new().name("audited-metrics".to_owned()).spawn(run) {
        tracing::warn!(target: "audited", %error, "no thread to publish metrics on: there are none");
    }
}

/// Publishes what became of a log's events so far.
pub(super) fn publish(log: &AuditLog) {
    let held = log.held_now();
    let oldest = held.and_then(|held| held.oldest);
    let snapshot = Snapshot {
        stats: log.stats(),
        outbox: log.0.outbox.health(),
        health: log.health().status() as u64,
        oldest: oldest.map_or(Duration::ZERO, |oldest| Timestamp::now().since(oldest)),
    };
    for metric in METRICS {
        metric.publish(&snapshot);
    }
    describe_histogram!(TIME_TO_DELIVERY, Unit::Seconds, "how long delivered events had waited");
}

/// An event was delivered that had waited for so long.
pub(crate) fn time_to_delivery(waited: Duration) {
    histogram!(TIME_TO_DELIVERY).record(waited.as_secs_f64());
}

impl Metric {
    /// Described each time, since a recorder may be installed later than the log is started.
    fn publish(&self, snapshot: &Snapshot) {
        let Self { name, says, .. } = *self;
        match &self.read {
            Read::Counter(read) => {
                describe_counter!(name, Unit::Count, says);
                let counter = match self.label {
                    Some((label, value)) => counter!(name, label => value),
                    None => counter!(name),
                };
                counter.absolute(read(snapshot));
            }
            Read::Gauge(read, unit) => {
                describe_gauge!(name, *unit, says);
                gauge!(name).set(read(snapshot) as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn a_log_is_published_as_its_stats_say() {
        let log = Recorder::new().log();
        log.0.counters.accepted();
        log.0.counters.accepted();
        log.0.counters.refused();
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, || {
            publish(&log);
            publish(&log);
            time_to_delivery(Duration::from_millis(1_500));
        });
        let published: BTreeMap<String, DebugValue> = recorder
            .snapshotter()
            .snapshot()
            .into_vec()
            .into_iter()
            .map(|(key, unit, description, value)| {
                let name = key.key().name().to_owned();
                assert!(unit.is_some() && description.is_some(), "{name} is described");
                let label = key.key().labels().next().map(|label| format!("{{{}}}", label.value())).unwrap_or_default();
                (name + &label, value)
            })
            .collect();
        assert_eq!(published.len(), METRICS.len() + 1, "each once: {published:#?}");
        assert_eq!(published["audited_accepted_total"], DebugValue::Counter(2), "absolute, however often");
        assert_eq!(published["audited_refused_total"], DebugValue::Counter(1));
        assert_eq!(published["audited_health"], DebugValue::Gauge(1.0.into()), "an event was refused: degraded");
        assert_eq!(published["audited_retries_total{ambiguous}"], DebugValue::Counter(0));
        assert_eq!(published["audited_time_to_delivery_seconds"], DebugValue::Histogram(vec![1.5.into()]));
    }

    #[test]
    fn every_name_is_documented_and_no_other() {
        let guide = include_str!("../../../docs/observability.md");
        let documented: BTreeSet<&str> =
            guide.split('`').filter(|word| word.starts_with("audited_") && !word.contains(['{', ' '])).collect();
        let mut published: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        published.insert(TIME_TO_DELIVERY);
        // Metadata keys of an event.
        let keys = BTreeSet::from(["audited_id", "audited_seq"]);
        assert_eq!(&documented - &keys, published);
    }
}
