//! What a process used, and what is said of several runs.

use std::fs::{self, File};
use std::time::{Duration, Instant};

/// What a client told at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) delivered: u64,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) peak_kib: u64,
    pub(crate) descriptors: u64,
}

/// Measures this process. Opened at its start, since at its end there may be no descriptor left to read with.
pub(crate) struct Meter {
    begun: Instant,
    stat: File,
    status: File,
}

impl Meter {
    pub(crate) fn start() -> Self {
        let open = |name| File::open(name).unwrap();
        Self { begun: Instant::now(), stat: open("/proc/self/stat"), status: open("/proc/self/status") }
    }

    pub(crate) fn cost(self, delivered: u64, descriptors: u64) -> Cost {
        let wall = self.begun.elapsed();
        Cost { delivered, cpu: cpu(self.stat), wall, peak_kib: peak_kib(self.status), descriptors }
    }
}

impl Cost {
    pub(crate) fn tell(&self) {
        let Self { delivered, cpu, wall, peak_kib, descriptors } = self;
        println!("{delivered} {} {} {peak_kib} {descriptors}", cpu.as_micros(), wall.as_micros());
    }

    /// As told by another process. The official SDK's program tells no more than the first three.
    pub(crate) fn parse(line: &str) -> Self {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().unwrap());
        let (Some(delivered), Some(cpu), Some(wall)) = (numbers.next(), numbers.next(), numbers.next()) else {
            panic!("a client said `{line}`");
        };
        Self {
            delivered,
            cpu: Duration::from_micros(cpu),
            wall: Duration::from_micros(wall),
            peak_kib: numbers.next().unwrap_or_default(),
            descriptors: numbers.next().unwrap_or_default(),
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.delivered as f64 / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_an_event(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.delivered as f64
    }
}

pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The median of the ratios round by round, and the least and the most.
pub(crate) fn ratio(ours: &[Cost], theirs: &[Cost], of: impl Fn(&Cost) -> f64) -> String {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| of(ours) / of(theirs)).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2}, {most:.2})", median(ratios.iter().copied()))
}

/// Files and sockets that this process has open.
pub(crate) fn descriptors() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

/// User and system time of all threads of this process, to a hundredth of a second.
fn cpu(stat: File) -> Duration {
    let stat = std::io::read_to_string(stat).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * ticks)
}

fn peak_kib(status: File) -> u64 {
    let status = std::io::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
