//! What an audited call costs its caller, beside what one would write otherwise.
//!
//! `cargo bench --bench handler_path` prints nanoseconds, allocations and, where valgrind is installed, instructions of
//! one call, all in one run: the peers take turns, so that a machine whose speed drifts slows all of them. Every peer
//! hands its event to a channel that another thread empties.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod models;
mod peers;

use std::process::Command;
use std::time::{Duration, Instant};

use peers::{PEERS, Peer};

const CALLS: u32 = 50_000;
const ROUNDS: usize = 9;

fn main() {
    // Encoded once, before any runtime runs.
    let event_len = peers::event_len();
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--calls-of") {
        let (name, calls) = (&arguments[at + 1], arguments[at + 2].parse().unwrap());
        let peer = PEERS.iter().find(|peer| peer.name == *name).unwrap();
        run(peer, calls);
        return;
    }
    let mut nanos: Vec<Vec<f64>> = PEERS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (peer, nanos) in PEERS.iter().zip(&mut nanos) {
            nanos.push(run(peer, CALLS).as_nanos() as f64 / f64::from(CALLS));
        }
    }
    let nanos: Vec<f64> = nanos.iter_mut().map(|all| median(all)).collect();
    let instructions: Vec<Option<u64>> = PEERS.iter().map(instructions).collect();
    let ours = PEERS.iter().position(|peer| peer.name == "audited").unwrap();

    println!("| one call of | ns | audited / it | allocations | bytes | instructions |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (index, peer) in PEERS.iter().enumerate() {
        let (allocations, bytes) = allocations(peer);
        let instructions = instructions[index].map_or("-".to_owned(), |count| count.to_string());
        let ratio = nanos[ours] / nanos[index];
        println!(
            "| {} | {:.0} | {ratio:.3} | {allocations:.1} | {bytes:.0} | {instructions} |",
            peer.what, nanos[index]
        );
    }
    println!("\nmedian of {ROUNDS} interleaved rounds of {CALLS} calls; an event is {event_len} bytes");
    if instructions.iter().all(Option::is_none) {
        println!("instructions need valgrind, which is not installed here");
    }
}

/// Runs so many calls, one after the other, as a task of a runtime of its own.
fn run(peer: &Peer, calls: u32) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut took = Duration::ZERO;
    (peer.within)(&mut || {
        took = runtime.block_on(async {
            (peer.calls)(calls / 10).await;
            let start = Instant::now();
            (peer.calls)(calls).await;
            // What a call leaves to a task of its own is part of its price.
            tokio::task::yield_now().await;
            start.elapsed()
        });
    });
    took
}

fn allocations(peer: &Peer) -> (f64, f64) {
    const COUNTED: u32 = 1_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut counted = allocation_counter::AllocationInfo::default();
    (peer.within)(&mut || {
        runtime.block_on(async { (peer.calls)(COUNTED).await });
        counted = allocation_counter::measure(|| {
            runtime.block_on(async {
                (peer.calls)(COUNTED).await;
                tokio::task::yield_now().await;
            });
        });
    });
    // The future of the whole loop is boxed once.
    (
        (counted.count_total.saturating_sub(1)) as f64 / f64::from(COUNTED),
        counted.bytes_total as f64 / f64::from(COUNTED),
    )
}

/// Instructions of one call, by the difference between many calls and few, under callgrind.
fn instructions(peer: &Peer) -> Option<u64> {
    const FEW: u64 = 1_000;
    const MANY: u64 = 6_000;
    let count = |calls: u64| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args(["--calls-of", peer.name, &calls.to_string()])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    // Each run makes a tenth more calls, to warm up.
    Some(count(MANY)?.saturating_sub(count(FEW)?) * 10 / ((MANY - FEW) * 11))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
