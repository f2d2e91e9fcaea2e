//! The threads around the journal's queue take turns in every order that ten thousand random schedules come upon.
//!
//! In this build no wait ends by its timeout, so a wake-up that is lost is a deadlock, which shuttle reports.
//!
//! `RUSTFLAGS="--cfg audited_shuttle" cargo test --target-dir target/shuttle -p audit-core --lib interleavings`

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, future, thread};

use super::super::log::Log;
use super::super::store::Store;
use super::disk::ModelDisk;
use super::rig::{Fate, SMALL, files, held};
use crate::outbox::conformance::{NOW, event};
use crate::outbox::{BurialReason, ClaimRequest, Durability, NewRecord, OutboxErrorKind};

const LONG: Duration = Duration::from_secs(3600);

/// Half of the schedules are random, and half look for bugs that need up to three unlucky turns.
fn explore(test: impl Fn() + Clone + Send + Sync + 'static) {
    let schedules = std::env::var("AUDITED_SCHEDULES").ok().and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    Runner::new(RandomScheduler::new(schedules / 2), config.clone()).run(test.clone());
    Runner::new(PctScheduler::new(3, schedules / 2), config).run(test);
}

fn store(disk: &ModelDisk) -> Arc<Store> {
    let (log, _) = Log::open(0, SMALL, files(disk)).unwrap();
    Arc::new(Store::start(log, None, Arc::default()).unwrap())
}

fn relaxed(payload: &str) -> NewRecord {
    NewRecord { durability: Durability::Relaxed, ..event(1, payload) }
}

/// It ends, and everything that was taken is on disk then.
fn close(store: &Store) {
    store.begin_close();
    assert!(store.await_close(Instant::now() + LONG), "the shutdown ends");
}

/// How many records are pending on disk, and how many are dead.
fn on_disk(disk: &ModelDisk) -> (u64, u64) {
    let fates = held(disk).fates;
    let dead = fates.values().filter(|fate| matches!(fate, Fate::Dead(_))).count() as u64;
    (fates.len() as u64 - dead, dead)
}

#[test]
fn every_ticket_is_answered_and_a_shutdown_ends_whoever_appends_meanwhile() {
    explore(|| {
        let disk = ModelDisk::default();
        let store = store(&disk);
        let producers: Vec<_> = (0..3)
            .map(|number| {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    let records = [event(number, "durable"), relaxed("relaxed"), event(number, "again")];
                    let stored = records.into_iter().map(|record| {
                        let result = store.append(record).wait(LONG);
                        assert!(result.as_ref().err().is_none_or(|error| error.kind() == OutboxErrorKind::Closed));
                        u64::from(result.is_ok())
                    });
                    stored.sum::<u64>()
                })
            })
            .collect();
        close(&store);
        let accepted: u64 = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
        assert_eq!(on_disk(&disk), (accepted, 0), "accepted = pending");
    });
}

#[test]
fn a_task_is_woken_and_one_that_goes_away_is_counted() {
    explore(|| {
        let disk = ModelDisk::default();
        let store = store(&disk);
        let awaiting = {
            let store = Arc::clone(&store);
            thread::spawn(move || future::block_on(store.append(event(1, "awaited"))).is_ok())
        };
        let going = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let mut appending = store.append(event(2, "given up"));
                let polled = Pin::new(&mut appending).poll(&mut Context::from_waker(Waker::noop()));
                thread::yield_now();
                // How it went, if it heard of that before it went away.
                match polled {
                    Poll::Ready(result) => Some(result.is_ok()),
                    Poll::Pending => appending.abandon().map(|result| result.is_ok()),
                }
            })
        };
        close(&store);
        let awaited = u64::from(awaiting.join().unwrap());
        let unheard = on_disk(&disk).0 - awaited;
        match going.join().unwrap() {
            Some(stored) => assert_eq!((unheard, store.health().dropped), (u64::from(stored), 0)),
            None => assert_eq!(unheard + store.health().dropped, 1, "it is on disk, or was counted as dropped"),
        }
    });
}

#[test]
fn what_was_accepted_is_delivered_or_pending_or_dead() {
    explore(|| {
        let disk = ModelDisk::default();
        let store = store(&disk);
        let producer = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                (0..4).map(|_| u64::from(store.append(event(1, "a")).wait(LONG).is_ok())).sum::<u64>()
            })
        };
        let delivery = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let (waiting_lanes, mut delivered, mut dead) = (HashSet::new(), 0, 0);
                for _ in 0..3 {
                    let request = ClaimRequest { max: 2, lease: LONG, now: NOW, waiting_lanes: &waiting_lanes };
                    for (number, claimed) in store.shelf.claim(&request, 2).unwrap().into_iter().enumerate() {
                        if number == 1 {
                            let reason = BurialReason { status: None, message: String::new(), at: NOW };
                            let buried = store.bury(claimed.claim, reason, None).wait(LONG);
                            dead += u64::from(buried.is_ok());
                        } else {
                            store.acknowledge(claimed.claim).unwrap();
                            delivered += 1;
                        }
                    }
                    thread::yield_now();
                }
                (delivered, dead)
            })
        };
        let accepted = producer.join().unwrap();
        let (delivered, dead) = delivery.join().unwrap();
        close(&store);
        assert_eq!(accepted, 4);
        let (pending, buried) = on_disk(&disk);
        assert_eq!((accepted, dead), (delivered + pending + buried, buried));
    });
}
