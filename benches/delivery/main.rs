//! What bringing an event to WorkOS costs, and what becomes of it, beside what one would write otherwise.
//!
//! `cargo bench --bench delivery` runs everything; `-- cpu`, `limit`, `loss` or `memory` behind it runs one part. Every
//! client and the server that it talks to are processes of their own (this program again), so that the CPU and the
//! memory of each are its own. Clients take turns, so that a machine whose speed drifts slows all of them.
//! `AUDITED_BENCH_DIR` puts the journal on the disk that is to be measured.
//!
//! The official SDK takes minutes to compile and is a peer only if it was built before, by `cargo build --release` in
//! `benches/workos`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod clients;
mod measure;
mod sink;

use std::time::Duration;

use clients::Client;
use measure::{Cost, median, ratio};
use sink::{Behaviour, Sink};

const ROUNDS: usize = 3;

/// Milliseconds that the server takes to answer, and how many events are sent to it.
const LATENCIES: [(u64, u64); 3] = [(0, 20_000), (20, 6_000), (80, 2_000)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--sink", behaviour] => sink::serve(behaviour.parse().unwrap()),
        ["--client", name, url, events] => clients::run(name, url, events.parse().unwrap()),
        [] => [cpu, limit, loss, memory].into_iter().for_each(|part| part()),
        ["cpu"] => cpu(),
        ["limit"] => limit(),
        ["loss"] => loss(),
        ["memory"] => memory(),
        _ => panic!("the parts are cpu, limit, loss and memory"),
    }
}

/// CPU an event and events a second, 64 under way, at three latencies.
fn cpu() {
    let peers: Vec<Client> =
        [Client::AUDITED, Client::TASKS, Client::TASKS_ONE_THREAD].into_iter().chain(Client::official_sdk()).collect();
    println!("| 64 under way | server answers after | events/s | CPU us/event | audited / it |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (millis, events) in LATENCIES {
        let mut costs: Vec<Vec<Cost>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (peer, costs) in peers.iter().zip(&mut costs) {
                let sink = Sink::start(Behaviour { latency: Duration::from_millis(millis), ..Behaviour::default() });
                let cost = peer.send(&sink, events);
                assert_eq!((cost.delivered, sink.counts().stored), (events, events), "{}", peer.what);
                costs.push(cost);
            }
        }
        for (peer, own) in peers.iter().zip(&costs) {
            let rate = median(own.iter().map(Cost::rate));
            let micros = median(own.iter().map(Cost::cpu_an_event));
            let ratio = ratio(&costs[0], own, Cost::cpu_an_event);
            println!("| {} | {millis} ms | {rate:.0} | {micros:.1} | {ratio} |", peer.what);
        }
    }
    println!("\nmedian (least, most) of {ROUNDS} interleaved rounds; an event is {} bytes\n", clients::BODY.len());
    if peers.len() == 3 {
        println!("without the official SDK, which is not built: `cargo build --release` in benches/workos\n");
    }
}

/// Events a second when the server permits 100.
fn limit() {
    const PERMITTED: u64 = 100;
    const WATCHED: Duration = Duration::from_secs(20);
    let sink =
        Sink::start(Behaviour { latency: Duration::from_millis(80), limit: Some(PERMITTED), ..Behaviour::default() });
    let client = Client::PACED.spawn(&sink, 3_000);
    // Past the slow start.
    std::thread::sleep(Duration::from_secs(6));
    let before = sink.counts();
    std::thread::sleep(WATCHED);
    let after = sink.counts();
    let share = (after.stored - before.stored) as f64 / WATCHED.as_secs_f64() / PERMITTED as f64;
    let cost = client.finish();
    let counts = sink.counts();
    println!("| limit of {PERMITTED}/s over any 10 s, 80 ms, pace 98.5 | of what is permitted | 429 | delivered |");
    println!("| --- | ---: | ---: | ---: |");
    println!("| {} | {share:.3} | {} | {} of 3000 |\n", Client::PACED.what, counts.throttled, cost.delivered);
}

/// What arrives when one request in five fails, and when there are 1,024 descriptors.
fn loss() {
    println!("| | | delivered | requests | open descriptors |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for peer in [Client::AUDITED, Client::TASKS] {
        let sink = Sink::start(Behaviour { faulty: true, ..Behaviour::default() });
        let cost = peer.send(&sink, 4_000);
        let counts = sink.counts();
        let what = "10 % 500, 10 % reset";
        println!("| {what} | {} | {} of 4000 | {} | {} |", peer.what, counts.stored, counts.requests, cost.descriptors);
    }
    for peer in [Client::AUDITED, Client::UNBOUNDED] {
        let sink = Sink::start(Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() });
        let cost = peer.with_descriptors(1_024).send(&sink, 8_000);
        let counts = sink.counts();
        let what = "1,024 descriptors";
        println!("| {what} | {} | {} of 8000 | {} | {} |", peer.what, counts.stored, counts.requests, cost.descriptors);
    }
    println!();
}

/// The memory of a client whose server takes every request and answers none.
fn memory() {
    println!("| pending, nothing answers | MiB at most |");
    println!("| ---: | ---: |");
    for events in [1_000, 200_000] {
        let sink = Sink::start(Behaviour { latency: Duration::from_secs(3600), ..Behaviour::default() });
        let cost = Client::HOARDING.send(&sink, events);
        println!("| {events} | {:.1} |", cost.peak_kib as f64 / 1024.0);
    }
    println!();
}
