//! Fifty processes behind one address, after an outage.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::rig::{HOUR, MINUTE, SECOND};
use super::workos::{ModelWorkos, Weather};
use crate::delivery::retry::Random;
use crate::delivery::stats::Counters;
use crate::delivery::worker::Worker;
use crate::delivery::{DeliverySettings, Sink};
use crate::outbox::conformance::{NOW, event};
use crate::outbox::{MemoryOutbox, Outbox};

const REPLICAS: u64 = 50;
const EACH: u64 = 120;

/// What all of them together may send: WorkOS permits 6,000 a minute (WorkOS docs, "Rate limits").
const CEILING: usize = 100;

/// Nobody is reached for an hour. Tells what WorkOS has seen once everything is there, and when that was.
async fn herd(pace: f64, limited: bool) -> (super::workos::Seen, Duration) {
    let sink = Arc::new(ModelWorkos::new(7));
    let recent = Mutex::new(VecDeque::new());
    sink.forecast(move |_, at, _| {
        if at < HOUR {
            return Weather::Unreachable;
        }
        let mut recent = recent.lock().unwrap();
        while recent.front().is_some_and(|first| at - *first >= MINUTE) {
            recent.pop_front();
        }
        if limited && recent.len() >= CEILING * 60 {
            return Weather::Throttled(Some(SECOND));
        }
        recent.push_back(at);
        Weather::Fine
    });
    let began = tokio::time::Instant::now();
    let mut replicas = Vec::new();
    for replica in 0..REPLICAS {
        let outbox = Arc::new(MemoryOutbox::default());
        for number in 0..EACH {
            outbox.append(event(replica, format!("{replica}/{number}"))).await.unwrap();
        }
        let clock = crate::delivery::Clock::new(move || NOW.after(began.elapsed()));
        let settings = DeliverySettings { pace: Some(pace), clock, ..DeliverySettings::default() };
        let (commands, received) = mpsc::unbounded_channel();
        let shared: Arc<dyn Sink> = Arc::<ModelWorkos>::clone(&sink);
        let kept: Arc<dyn Outbox> = Arc::<MemoryOutbox>::clone(&outbox);
        let worker = Worker::new(kept, shared, settings, Arc::<Counters>::default(), received, Random::seeded(replica));
        tokio::spawn(worker.run());
        replicas.push((outbox, commands));
    }
    loop {
        tokio::time::sleep(SECOND).await;
        let mut left = 0;
        for (outbox, _) in &replicas {
            left += outbox.inspect().await.unwrap().pending;
        }
        if left == 0 {
            return (sink.seen(), began.elapsed());
        }
        assert!(began.elapsed() < 3 * HOUR, "{left} are left");
    }
}

/// Each is given its share of the ceiling.
#[tokio::test(start_paused = true)]
async fn replicas_that_share_the_ceiling_keep_to_it_together() {
    let (seen, took) = herd(CEILING as f64 / REPLICAS as f64, false).await;
    assert_eq!(seen.stored.len() as u64, REPLICAS * EACH);
    assert!(seen.peak(HOUR) <= CEILING + CEILING / 10, "{} in a second", seen.peak(HOUR));
    let least = Duration::from_secs(REPLICAS * EACH / CEILING as u64);
    assert!(took < HOUR + 3 * MINUTE + least, "{took:?}");
}

/// Each has the default pace, twenty-five times too much together: WorkOS says so, and they agree on what it permits.
#[tokio::test(start_paused = true)]
async fn replicas_that_ask_for_too_much_are_brought_down_to_the_limit_and_lose_nothing() {
    let (seen, _) = herd(50.0, true).await;
    assert_eq!((seen.stored.len() as u64, seen.duplicates()), (REPLICAS * EACH, 0));
}
