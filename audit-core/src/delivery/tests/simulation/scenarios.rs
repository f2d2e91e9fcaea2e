//! Lives that are told: what has happened to others, and what must not happen here.

use std::time::Duration;

use super::super::rig::{HOUR, MINUTE, SECOND};
use super::workos::{STORM, Weather, storm_until};
use super::world::{End, World};
use crate::delivery::{DeliverySettings, DuplicatePolicy, Health};

async fn world(duplicates: DuplicatePolicy) -> World {
    let settings = DeliverySettings { duplicates, poll_interval: MINUTE, ..DeliverySettings::default() };
    World::new(1, settings).await
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_costs_nothing_and_ends_gently() {
    let mut world = world(DuplicatePolicy::Send).await;
    world.sink.forecast(storm_until(STORM));
    for minute in 0..271 {
        world.accept_many(minute % 30, 3).await;
        tokio::time::sleep(MINUTE).await;
        if minute % 60 == 59 {
            world.restart(if minute % 120 == 59 { End::Killed } else { End::PowerCut }).await;
        }
    }
    assert_eq!(world.stats().health, Health::Throttled);
    let during = world.sink.seen();
    assert!((200..1_500).contains(&during.requests.len()), "{} requests in the storm", during.requests.len());
    assert_eq!((during.stored.len(), during.ambiguous()), (0, 0));

    world.settle().await;
    let seen = world.sink.seen();
    assert_eq!((seen.stored.len(), seen.duplicates(), world.totals().possible_duplicates), (271 * 3, 0, 0));
    let open = seen.requests.iter().copied().find(|at| *at >= STORM).unwrap();
    let within = |from: Duration, to: Duration| {
        seen.requests.iter().filter(|at| **at >= open + from && **at < open + to).count()
    };
    assert!(seen.peak(STORM) <= 56, "{} in a second", seen.peak(STORM));
    assert!(within(Duration::ZERO, 5 * MINUTE) >= 271 * 3 - 1, "all of it within five minutes");
}

/// Connections break in the first hour, so that nobody knows what was stored; then nobody is reached for three days.
async fn outage(duplicates: DuplicatePolicy) -> (World, u64) {
    let mut world = world(duplicates).await;
    world.sink.forecast(|_, at, payload| match at {
        at if at < HOUR && payload.ends_with(b".") => Weather::ReplyLost,
        at if at < HOUR => Weather::Reset,
        at if at < 72 * HOUR => Weather::Unreachable,
        _ => Weather::Fine,
    });
    for lane in 100..108 {
        world.accept(lane, "").await;
    }
    tokio::time::sleep(HOUR).await;
    let seen = world.sink.seen();
    let doubtful = seen.keys.len() as u64;
    assert!(doubtful >= 4 && seen.ambiguous() >= doubtful, "{doubtful} of 8 were tried");
    for hour in 1..72 {
        world.accept_many(2 + hour % 5, 5).await;
        tokio::time::sleep(HOUR).await;
        if hour % 24 == 0 {
            world.restart(End::Killed).await;
        }
    }
    world.check().await;
    assert_eq!(world.stats().health, Health::Unreachable);
    (world, doubtful)
}

#[tokio::test(start_paused = true)]
async fn after_three_days_what_may_be_there_is_sent_and_counted_and_the_rest_just_goes() {
    let (mut world, doubtful) = outage(DuplicatePolicy::Send).await;
    world.settle().await;
    let seen = world.sink.seen();
    assert_eq!(seen.stored.len(), 8 + 71 * 5);
    let counted = world.totals().possible_duplicates;
    assert!(counted >= doubtful, "{counted} of {doubtful}");
    assert!(seen.duplicates() <= doubtful, "only what was doubtful: {}", seen.duplicates());
    let twice = seen.stored.iter().filter(|(_, times)| times.len() > 1);
    assert!(twice.clone().all(|(payload, _)| payload.starts_with(b"10")), "{:?}", twice.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn after_three_days_what_may_be_there_is_parked_if_told_so_and_the_rest_just_goes() {
    let (mut world, doubtful) = outage(DuplicatePolicy::Park).await;
    world.settle().await;
    let seen = world.sink.seen();
    assert_eq!((world.totals().parked, seen.duplicates()), (doubtful, 0));
    assert_eq!(seen.stored.keys().filter(|payload| !payload.starts_with(b"10")).count(), 71 * 5);
}

/// An hour back and a year ahead, while some events wait for their next try, some are under way, and more come.
#[tokio::test(start_paused = true)]
async fn wall_clocks_that_jump_delay_nothing_and_lose_nothing() {
    for shift in [-3_600_000, 365 * 86_400_000, -365 * 86_400_000] {
        for restarted in [false, true] {
            let mut world = world(DuplicatePolicy::Send).await;
            world.accept_many(1, 5).await;
            tokio::time::sleep(SECOND).await;
            world.sink.forecast(|_, _, _| Weather::Status(500));
            world.accept_many(2, 5).await;
            tokio::time::sleep(20 * SECOND).await;
            world.shift_clock(shift);
            world.accept_many(3, 5).await;
            tokio::time::sleep(SECOND).await;
            if restarted {
                world.restart(End::Killed).await;
            }
            world.sink.forecast(|_, _, _| Weather::Fine);
            let began = tokio::time::Instant::now();
            world.settle().await;
            // A new process believes what the old one wrote for as long as anything is ever put off, an hour.
            let longest = if restarted { HOUR + 3 * MINUTE } else { 3 * MINUTE };
            assert!(began.elapsed() < longest, "{shift}, restarted: {restarted}: {:?}", began.elapsed());
            assert_eq!(world.sink.seen().stored.len(), 15);
        }
    }
}

/// A day ahead, while a request is under way: its lease is not over, so that its reply counts. Otherwise the event would be
/// sent once more when the key is right again, and WorkOS would have forgotten it.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_ends_no_lease() {
    let mut world = world(DuplicatePolicy::Send).await;
    // Past the slow start: the second one is claimed while the first is under way.
    tokio::time::sleep(10 * SECOND).await;
    world.accept(1, "").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.sink.forecast(|_, _, _| Weather::Status(401));
    world.shift_clock(86_400_000);
    world.accept(2, "").await;
    tokio::time::sleep(25 * HOUR).await;
    assert_eq!((world.stats().delivered, world.stats().fenced), (1, 0));
    world.restart(End::Killed).await;
    world.settle().await;
    let seen = world.sink.seen();
    assert_eq!((seen.stored.len(), seen.duplicates()), (2, 0));
}

/// One organization in fifty whose events fail whenever they are tried; the others' p99 is as without it.
#[tokio::test(start_paused = true)]
async fn one_poisoned_lane_does_not_delay_the_others() {
    let mut p99 = Vec::new();
    for poisoned in [false, true] {
        let mut world = world(DuplicatePolicy::Send).await;
        world.sink.forecast(move |_, _, payload| match poisoned && payload.starts_with(b"0/") {
            true => Weather::Status(500),
            false => Weather::Fine,
        });
        // Past the slow start.
        tokio::time::sleep(10 * SECOND).await;
        for _ in 0..300 {
            for _ in 0..4 {
                let lane = world.below(50);
                world.accept(lane, "").await;
            }
            world.accept(0, "").await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        tokio::time::sleep(MINUTE).await;
        let others = world.latencies(|lane| lane != 0);
        p99.push(others[others.len() * 99 / 100]);
        world.settle().await;
    }
    assert!(p99[1] <= p99[0] + Duration::from_millis(20), "with {:?}, without {:?}", p99[1], p99[0]);
}
