//! What the compiler took for it.

use std::fs;
use std::process::{Command, Stdio};

use crate::crates::Project;

/// The least of several rounds: seconds of processor time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub check: f64,
    pub release: f64,
    /// Of the stripped program.
    pub bytes: u64,
}

impl Default for Cost {
    fn default() -> Self {
        Self { check: f64::INFINITY, release: f64::INFINITY, bytes: 0 }
    }
}

impl Cost {
    pub(crate) fn note(&mut self, release: bool, seconds: f64) {
        let least = if release { &mut self.release } else { &mut self.check };
        *least = least.min(seconds);
    }
}

/// Compiles one crate, and returns how many seconds of processor time that took: `cargo check`, or a release build.
pub(crate) fn cpu(project: &Project, name: &str, release: bool) -> f64 {
    let before = of_children();
    let kind: &[&str] = if release { &["build", "--release"] } else { &["check"] };
    let status = Command::new(env!("CARGO"))
        .args(kind)
        .args(["--quiet", "--package", name])
        .current_dir(&project.dir)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", project.dir.join("target"))
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{name} does not compile");
    of_children() - before
}

/// Seconds of user and system time of all children that have ended, from `/proc/self/stat` (fields 16 and 17 of proc(5)).
fn of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name, which may hold anything, ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: f64 = [13, 14].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

pub(crate) fn binary_bytes(project: &Project, name: &str) -> u64 {
    fs::metadata(project.dir.join("target/release").join(name)).unwrap().len()
}
