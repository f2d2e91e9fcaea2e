//! What concerns the endpoint concerns every lane: 429, refused keys, outages, storms.

use std::time::Duration;

use super::super::{DeliverySettings, Health, Reply};
use super::rig::{HOUR, MINUTE, Rig, SECOND, Setup, answer, status, taken, throttled};
use crate::delivery::Said;

#[tokio::test(start_paused = true)]
async fn everything_arrives_once_and_at_the_pace() {
    let mut rig = Rig::start(|_| taken());
    rig.accept_many(1, 3_000).await;
    let report = rig.drain(10 * MINUTE).await;
    assert!(report.drained);
    rig.assert_all_delivered().await;
    let seen = rig.sink.seen();
    assert_eq!(seen.len(), 3_000);
    let seconds = seen[2_999].at.as_secs_f64();
    assert!((60.0..66.0).contains(&seconds), "3,000 events at 50 a second took {seconds} s");
    let payloads: Vec<_> = seen.iter().map(|attempt| attempt.payload.clone()).collect();
    let accepted: Vec<_> = (0..3_000).map(|number| format!("1/{number}")).collect();
    assert_eq!(payloads, accepted, "in order, since nothing failed");
}

/// WorkOS, 2025-07-23: every request was answered with 429 from 17:50 to 22:21 UTC, by mistake.
#[tokio::test(start_paused = true)]
async fn a_storm_of_429_for_hours_costs_no_event_and_no_attempt() {
    let storm = 4 * HOUR + 31 * MINUTE;
    let mut rig = Rig::start(move |attempt| if attempt.at < storm { throttled(None) } else { taken() });
    rig.accept_many(1, 500).await;
    tokio::time::sleep(storm).await;
    assert_eq!(rig.stats().health, Health::Throttled);
    let contents = rig.assert_balanced().await;
    assert_eq!((contents.pending, contents.dead), (500, 0));
    let probes = rig.sink.seen().len();
    assert!((300..1_500).contains(&probes), "{probes} requests in four and a half hours");

    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    let stats = rig.stats();
    assert_eq!((stats.health, stats.throttled), (Health::Ok, probes as u64));
    assert_eq!((stats.ambiguous, stats.possible_duplicates), (0, 0), "a 429 is no attempt");
    let recovery = rig.sink.seen()[probes..].iter().filter(|attempt| attempt.at < storm + 61 * SECOND).count();
    assert!(recovery > 0, "a minute after the storm delivery goes on");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_by_everybody() {
    let mut rig = Rig::start(|attempt| match attempt.at < SECOND {
        true => throttled(Some(100 * SECOND)),
        false => taken(),
    });
    for lane in 0..50 {
        rig.accept_many(lane, 2).await;
    }
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    let seen = rig.sink.seen();
    let first_after = seen.iter().find(|attempt| attempt.at > SECOND).unwrap();
    let waited = first_after.at.as_secs_f64();
    assert!((100.0..121.0).contains(&waited), "{waited} s: as asked, and up to a fifth more");
    assert!(seen.iter().filter(|attempt| attempt.at < SECOND).count() <= 16, "one burst and no more");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_a_year_is_asked_again_after_an_hour() {
    let mut rig = Rig::start(|attempt| match attempt.at < SECOND {
        true => throttled(Some(Duration::from_secs(365 * 86_400))),
        false => taken(),
    });
    rig.accept_many(1, 1).await;
    assert!(rig.drain(HOUR + 2 * SECOND).await.drained);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_zero_is_no_loop() {
    let mut rig = Rig::start(|_| throttled(Some(Duration::ZERO)));
    rig.accept_many(1, 10).await;
    tokio::time::sleep(HOUR).await;
    let requests = rig.sink.seen().len();
    assert!(requests < 400, "{requests} in an hour");
}

/// A pause is a length of time. Kept as a time of day it would last an hour longer when the clock is set back by one.
#[tokio::test(start_paused = true)]
async fn a_pause_does_not_follow_the_wall_clock() {
    for jump in [-1_800_000, 1_800_000] {
        let mut rig = Rig::start(|attempt| match attempt.at < SECOND {
            true => throttled(Some(10 * SECOND)),
            false => taken(),
        });
        rig.accept_many(1, 5).await;
        tokio::time::sleep(SECOND).await;
        rig.shift_clock(jump);
        assert!(rig.drain(20 * SECOND).await.drained, "{jump}: still paused");
        rig.assert_all_delivered().await;
        let again = rig.sink.seen().iter().map(|attempt| attempt.at).find(|at| *at > SECOND).unwrap();
        assert!(again >= 10 * SECOND, "{jump}: asked again after {again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_sink_below_the_pace_is_found_and_kept() {
    // 20 a second, counted in whole seconds, and nothing for the rest of it.
    let counts = std::sync::Mutex::new(std::collections::HashMap::new());
    let mut rig = Rig::start(move |attempt| {
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(attempt.at.as_secs()).or_insert(0);
        *count += 1;
        if *count <= 20 { taken() } else { throttled(None) }
    });
    rig.accept_many(1, 5_000).await;
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    let seen = rig.sink.seen();
    let seconds = seen.last().unwrap().at.as_secs();
    assert!(seconds < 500, "{seconds} s for 5,000 events at 20 a second");
    let refused = rig.stats().throttled;
    assert!(refused < 150, "{refused} requests too many");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_stops_everything_and_a_rotated_one_starts_it_again() {
    for refusal in [401, 403] {
        let rotated = HOUR;
        let mut rig = Rig::start(move |attempt| match attempt.at {
            at if (10 * SECOND..rotated).contains(&at) => status(refusal),
            _ => taken(),
        });
        rig.accept_many(1, 1_000).await;
        tokio::time::sleep(rotated).await;
        let contents = rig.assert_balanced().await;
        assert!(contents.pending > 500 && contents.dead == 0, "everything is kept: {contents:?}");
        let stats = rig.stats();
        assert_eq!(stats.health, Health::Unauthorized);
        let first = rig.sink.seen().iter().position(|attempt| attempt.at >= 10 * SECOND).unwrap();
        let requests = rig.sink.seen().len() - first;
        assert!((59..=76).contains(&requests), "{requests} in an hour: what was under way, and one a minute");
        let refreshed = rig.sink.refreshed();
        assert!((58..=60).contains(&refreshed), "the key was read again {refreshed} times, before each probe");

        rig.drain(HOUR).await;
        rig.assert_all_delivered().await;
        assert_eq!((rig.stats().health, rig.stats().ambiguous), (Health::Ok, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_three_days_loses_nothing() {
    let outage = 72 * HOUR;
    let mut rig = Rig::start(move |attempt| match attempt.at < outage {
        true => Reply::NotSent("connection refused".to_owned()),
        false => taken(),
    });
    for hour in 0..72 {
        rig.accept_many(hour % 7, 20).await;
        tokio::time::sleep(HOUR).await;
    }
    assert_eq!(rig.stats().health, Health::Unreachable);
    assert_eq!(rig.assert_balanced().await.pending, 72 * 20);
    let tries = rig.sink.seen().len();
    assert!((4_000..20_000).contains(&tries), "{tries} tries in three days");

    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    let stats = rig.stats();
    assert_eq!((stats.possible_duplicates, stats.ambiguous), (0, 0), "what never left has no window");
    assert_eq!(stats.unreachable, tries as u64);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_answers_with_500_is_met_with_ever_fewer_requests() {
    let mut rig = Rig::start(|attempt| if attempt.at < 6 * HOUR { status(500) } else { taken() });
    for lane in 0..1_000 {
        rig.accept_many(lane, 1).await;
    }
    tokio::time::sleep(6 * HOUR).await;
    let requests = rig.sink.seen().len();
    assert!((500..2_500).contains(&requests), "{requests} requests in six hours, for 1,000 lanes");
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn errors_by_chance_cost_time_and_nothing_else() {
    let mut rig = Rig::start(|attempt| match (attempt.payload[2] as usize + attempt.earlier * 7) % 10 {
        0 => status(500),
        1 => Reply::Unknown("connection reset".to_owned()),
        2 => throttled(Some(SECOND)),
        3 => Reply::NotSent("no such host".to_owned()),
        _ => taken(),
    });
    for lane in 0..5 {
        rig.accept_many(lane, 100).await;
    }
    assert!(rig.drain(2 * HOUR).await.drained);
    rig.assert_all_delivered().await;
}

#[tokio::test(start_paused = true)]
async fn successes_that_cannot_be_read_are_successes_and_counted() {
    let mut rig = Rig::start(|_| answer(200, Said::Nothing));
    rig.accept_many(1, 10).await;
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    assert_eq!(rig.stats().unparseable_success, 10);
}

#[tokio::test(start_paused = true)]
async fn without_a_pace_concurrency_is_the_bound() {
    let settings = DeliverySettings { pace: None, ..DeliverySettings::default() };
    let mut rig = Setup { settings, ..Setup::default() }.start(|_| taken());
    rig.accept_many(1, 20_000).await;
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    assert_eq!(rig.sink.most_under_way(), 64);
    let seconds = rig.sink.seen().last().unwrap().at.as_secs_f64();
    assert!(seconds < 20_000.0 / (64.0 / 0.08) * 1.25, "{seconds} s");
}

/// Fifty replicas of a service, each with a backlog, and an endpoint that comes back: neither do they come back in the same
/// moment, nor does any of them begin at full speed.
#[tokio::test(start_paused = true)]
async fn replicas_do_not_storm_an_endpoint_that_comes_back() {
    let mut rigs = Vec::new();
    for seed in 0..50 {
        let setup = Setup { seed, ..Setup::default() };
        let mut rig = setup.start(|attempt| match attempt.at < HOUR {
            true => Reply::NotSent("connection refused".to_owned()),
            false => taken(),
        });
        rig.accept_many(1, 500).await;
        rigs.push(rig);
    }
    tokio::time::sleep(HOUR + 10 * MINUTE).await;
    let mut a_second = std::collections::BTreeMap::<u64, usize>::new();
    for rig in &rigs {
        rig.assert_all_delivered().await;
        for attempt in rig.sink.seen().iter().filter(|attempt| attempt.at >= HOUR) {
            *a_second.entry(attempt.at.as_secs()).or_default() += 1;
        }
    }
    let hour = HOUR.as_secs();
    let begins: usize = a_second.range(hour..hour + 3).map(|(_, count)| count).sum();
    assert!(begins < 200, "{begins} requests in three seconds, of fifty that could make 7,500");
    let peak = a_second.values().max().unwrap();
    assert!(*peak < 50 * 50 / 2, "{peak} requests in one second");
}
