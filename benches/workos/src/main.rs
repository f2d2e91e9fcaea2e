//! `audited-bench-workos URL EVENTS`: sends so many events by `create_event` of the official SDK, 64 at a time, each
//! with a key, and prints `delivered`, the CPU in microseconds and the wall time in microseconds.
//!
//! The bench `delivery` runs it if it was built.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, from_value};
use tokio::sync::Semaphore;
use workos::audit_logs::CreateEventParams;
use workos::{Client, RequestOptions};

const IN_FLIGHT: usize = 64;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(events), Some(body)) = (arguments.next(), arguments.next(), arguments.next()) else {
        panic!("usage: audited-bench-workos URL EVENTS BODY");
    };
    let events: u64 = events.parse().expect("a number");
    // What an application has: values, of which the SDK makes a body.
    let event: Value = serde_json::from_str(&body).expect("JSON");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    let delivered = runtime.block_on(send(url, events, event));
    println!("{delivered} {} {}", cpu_micros(), begun.elapsed().as_micros());
}

async fn send(url: String, events: u64, event: Value) -> u64 {
    let client = Arc::new(Client::builder().api_key("sk_test").base_url(url).build());
    let slots = Arc::new(Semaphore::new(IN_FLIGHT));
    let delivered = Arc::new(AtomicU64::new(0));
    let params: CreateEventParams = CreateEventParams::new(from_value(event).expect("an event"));
    for _ in 0..events {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("open");
        let (client, delivered, params) = (Arc::clone(&client), Arc::clone(&delivered), params.clone());
        tokio::spawn(async move {
            let options = RequestOptions::new().idempotency_key(uuid::Uuid::new_v4().to_string());
            if client.audit_logs().create_event_with_options(params, Some(&options)).await.is_ok() {
                delivered.fetch_add(1, Ordering::Relaxed);
            }
            drop(slot);
        });
    }
    let _all = slots.acquire_many(IN_FLIGHT as u32).await.expect("open");
    delivered.load(Ordering::Relaxed)
}

/// User and system time of this process, all its threads, to a hundredth of a second.
fn cpu_micros() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    ticks * 10_000
}
