//! What 500 handlers cost the compiler: `cargo bench --bench compile_time [-- HANDLERS]`.
//!
//! Writes one small crate a kind below `target/compile-time`, compiles what they depend on once, and then measures the crate
//! alone: the compiler's own processor time, since other builds may share the machine.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod crates;
mod measure;

use crates::{KINDS, Project};
use measure::{Cost, binary_bytes, cpu};

const ROUNDS: usize = 3;

fn main() {
    let handlers = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(500);
    let project = Project::write(handlers);
    let mut costs: Vec<Cost> = KINDS.iter().map(|_| Cost::default()).collect();
    for release in [false, true] {
        for kind in KINDS {
            // What it depends on.
            cpu(&project, kind.name, release);
        }
    }
    for _ in 0..ROUNDS {
        for (kind, cost) in KINDS.iter().zip(&mut costs) {
            for release in [false, true] {
                project.touch(kind.name);
                cost.note(release, cpu(&project, kind.name, release));
            }
        }
    }
    for (kind, cost) in KINDS.iter().zip(&mut costs) {
        cost.bytes = binary_bytes(&project, kind.name);
    }

    let bare = costs[0];
    let each = |with: f64, without: f64| (with - without) / handlers as f64;
    println!("| {handlers} handlers | check s | ms a handler | release s | ms a handler | KiB a handler |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (kind, cost) in KINDS.iter().zip(&costs) {
        let (check, release) = (each(cost.check, bare.check) * 1e3, each(cost.release, bare.release) * 1e3);
        let kib = each(cost.bytes as f64, bare.bytes as f64) / 1024.0;
        println!("| {} | {:.2} | {check:.1} | {:.2} | {release:.1} | {kib:.1} |", kind.what, cost.check, cost.release);
    }
    println!(
        "\nprocessor time of the last crate alone, least of {ROUNDS} interleaved rounds; a handler: over the bare one"
    );
}
