//! `cargo run --release` in this folder: the journal beside a bare file, SQLite and redb. Only ratios of one run mean
//! something; `AUDITED_BENCH_DIR` puts the files on the disk that is to be measured.

mod engines;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use audit_core::outbox::{
    ClaimRequest, Durability, Journal, JournalSettings, Lane, NewRecord, Outbox, Role, Timestamp,
};
use bytes::Bytes;

use self::engines::{Grouped, Raw, Redb, Sqlite};

/// The size of a usual event.
const EVENT: usize = 710;
const PATIENCE: Duration = Duration::from_secs(60);

fn record(durability: Durability, lane: u64) -> NewRecord {
    NewRecord {
        payload: vec![b'x'; EVENT],
        lane: Lane(lane.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        durability,
        role: Role::Event,
        accepted_at: Timestamp::now(),
    }
}

#[derive(Clone, Copy)]
struct Measured {
    rate: f64,
    p50: f64,
    p99: f64,
    /// CPU time of the whole process for an event, callers included.
    cpu: f64,
}

/// Microseconds of CPU that this process took so far.
fn cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // In ticks of 10 ms.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 1e4
}

/// Durable events a second with so many callers, each of which waits for its own.
fn durable(callers: u64, seconds: f64, append: impl Fn() + Send + Sync + 'static) -> Measured {
    let append = Arc::new(append);
    let stop = Arc::new(AtomicU64::new(0));
    let (begun, cpu) = (Instant::now(), cpu_time());
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let (append, stop) = (Arc::clone(&append), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut waits = Vec::new();
                while stop.load(Ordering::Relaxed) == 0 {
                    let from = Instant::now();
                    append();
                    waits.push(from.elapsed());
                }
                waits
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    stop.store(1, Ordering::Relaxed);
    let mut waits: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    let cpu = (cpu_time() - cpu) / waits.len() as f64;
    waits.sort_unstable();
    let micros = |at: usize| waits[at].as_secs_f64() * 1e6;
    Measured { rate, p50: micros(waits.len() / 2), p99: micros(waits.len() * 99 / 100), cpu }
}

fn fresh(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn journal(path: &Path) -> Journal {
    Journal::open(path, JournalSettings::default()).unwrap().0
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}

const ENGINES: [&str; 4] = ["bare file", "journal", "SQLite, WAL, FULL", "redb"];

fn append_with(engine: &str, dir: &Path, callers: u64, seconds: f64) -> Measured {
    let path = fresh(dir, "appends");
    let event = || Bytes::from(vec![b'x'; EVENT]);
    if engine == "journal" {
        let ours = journal(&path);
        return durable(callers, seconds, move || {
            ours.append(record(Durability::Durable, 1)).wait(PATIENCE).unwrap();
        });
    }
    std::fs::create_dir_all(&path).unwrap();
    let grouped = match engine {
        "bare file" => Grouped::over(Raw::at(&path)),
        "redb" => Grouped::over(Redb::at(&path)),
        _ => Grouped::over(Sqlite::at(&path)),
    };
    durable(callers, seconds, move || grouped.append(event()))
}

/// The engines take turns, so that what else the machine does falls on all of them. Ratios are those of one round.
fn appends(dir: &Path, seconds: f64, rounds: usize) {
    println!("medians of {rounds} rounds of {seconds} s each");
    println!("| callers | engine | durable events/s | of the bare file | p50 us | p99 us | CPU us an event |");
    println!("|---|---|---|---|---|---|---|");
    for callers in [1, 8, 64] {
        let turn = |_| ENGINES.map(|engine| append_with(engine, dir, callers, seconds));
        let all: Vec<[Measured; 4]> = (0..rounds).map(turn).collect();
        for (number, name) in ENGINES.iter().enumerate() {
            let of = |what: fn(&Measured) -> f64| median(all.iter().map(|round| what(&round[number])));
            let ratio = median(all.iter().map(|round| round[number].rate / round[0].rate));
            let (rate, p50, p99, cpu) = (of(|one| one.rate), of(|one| one.p50), of(|one| one.p99), of(|one| one.cpu));
            println!("| {callers} | {name} | {rate:.0} | {ratio:.2} | {p50:.0} | {p99:.0} | {cpu:.1} |");
        }
    }
}

fn fill(journal: &Journal, count: u64) {
    for number in 0..count {
        while let Some(Err(_)) = journal.append(record(Durability::Relaxed, number % 100)).now_or_never() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    journal.append(record(Durability::Durable, 1)).wait(PATIENCE).unwrap();
}

fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let data = entry.metadata().unwrap();
        sum += if data.is_dir() { disk_bytes(&entry.path()) } else { data.blocks() * 512 };
    }
    sum
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn drain(journal: &Journal, most: u64) -> u64 {
    let waiting_lanes = HashSet::new();
    block_on(async {
        let mut drained = 0;
        while drained < most {
            let request = ClaimRequest {
                max: 64,
                lease: Duration::from_secs(30),
                now: Timestamp::now(),
                waiting_lanes: &waiting_lanes,
            };
            let claimed = journal.claim(request).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for claimed in claimed {
                journal.acknowledge(claimed.claim).await.unwrap();
                drained += 1;
            }
        }
        drained
    })
}

fn drains(dir: &Path, count: u64) {
    let path = fresh(dir, "journal");
    let ours = journal(&path);
    fill(&ours, count);
    let from = Instant::now();
    let drained = drain(&ours, u64::MAX);
    let rate = drained as f64 / from.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_millis(200));
    let left = disk_bytes(&path) >> 20;
    drop(ours);

    let path = fresh(dir, "sqlite");
    std::fs::create_dir_all(&path).unwrap();
    let mut sqlite = Sqlite::at(&path);
    let events: Vec<Bytes> = (0..1024).map(|_| Bytes::from(vec![b'x'; EVENT])).collect();
    for _ in 0..count.div_ceil(1024) {
        engines::Engine::commit(&mut sqlite, &events);
    }
    let from = Instant::now();
    let mut drained = 0;
    loop {
        match sqlite.drain(64) {
            0 => break,
            some => drained += some,
        }
    }
    let peer = drained as f64 / from.elapsed().as_secs_f64();
    println!("\n| drain and acknowledge, 64 at a time | events/s | of SQLite | MiB on disk after |");
    println!("|---|---|---|---|");
    println!("| journal | {rate:.0} | {:.1} | {left} |", rate / peer);
    println!("| SQLite, WAL, FULL | {peer:.0} | 1.0 | {} |", disk_bytes(&path) >> 20);
}

/// In processes of their own: one fills and is killed, the other opens.
fn reopen(dir: &Path, count: u64) {
    let path = fresh(dir, "journal");
    let run = |what: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([what, path.to_str().unwrap(), &count.to_string()])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    println!("\n{count} events pending");
    println!("- filled: {}", run("fill"));
    for _ in 0..3 {
        println!("- after a kill: {}", run("open"));
    }
}

fn main() {
    let dir = std::env::var_os("AUDITED_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join("audited-bench-journal");
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", path, count] => {
            let ours = journal(Path::new(path));
            let from = Instant::now();
            fill(&ours, count.parse().unwrap());
            let rate = count.parse::<f64>().unwrap() / from.elapsed().as_secs_f64();
            let (now, most) = resident();
            println!("{rate:.0} relaxed events/s, {now} MiB resident, at most {most}");
            // No destructor runs: as good as a kill, as far as this process is concerned.
            std::process::abort();
        }
        ["open", path, _] => {
            let from = Instant::now();
            let (ours, recovery) = Journal::open(path, JournalSettings::default()).unwrap();
            let opened = from.elapsed();
            let first = drain(&ours, 1);
            let claimed = from.elapsed();
            let (now, most) = resident();
            println!(
                "opened in {:.1} ms, first {first} claimed after {:.1} ms, {now} MiB resident, at most {most}, {recovery:?}",
                opened.as_secs_f64() * 1e3,
                claimed.as_secs_f64() * 1e3,
            );
            std::process::abort();
        }
        ["appends"] => appends(&dir, 1.0, 5),
        ["drains"] => drains(&dir, 200_000),
        ["reopen"] => reopen(&dir, 1_000_000),
        _ => {
            appends(&dir, 1.0, 5);
            drains(&dir, 200_000);
            reopen(&dir, 1_000_000);
        }
    }
    let _ = std::fs::remove_dir_all(&dir);
}
