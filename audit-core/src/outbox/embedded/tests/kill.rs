//! Processes that are killed at any moment, that fork, and whose system calls fail. Each test runs this test binary once
//! more, as the process that something happens to.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::journal::{PATIENCE, Scratch, block_on, claim, event};
use super::rig::Random;
use crate::outbox::{
    BurialReason, Durability, Journal, JournalReader, JournalSettings, NewRecord, Outbox, OutboxErrorKind, Role,
    Timestamp,
};

const DIR: &str = "AUDITED_TEST_DIR";
const LIFE: &str = "AUDITED_TEST_LIFE";
/// After so many kills a new directory is begun: all of what is in one is read and verified after each.
const KILLS_A_DIRECTORY: usize = 100;

/// This test binary, about to run one of the processes below.
fn process(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("outbox::embedded::tests::kill::{name}"), "--ignored", "--nocapture"]);
    command.env(DIR, dir).stdin(Stdio::null());
    command
}

fn dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}

/// Told past the test harness, in one write.
pub(super) fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What a process told before it ended.
#[derive(Debug, Default)]
struct Told {
    stored: BTreeSet<String>,
    /// It was about to settle these: they may be there or not.
    settling: BTreeSet<String>,
}

impl Told {
    fn read(&mut self, output: &str) {
        // The last line may have been cut off.
        let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            if let Some(text) = line.strip_prefix("stored ") {
                self.stored.insert(text.to_owned());
            } else if let Some(text) = line.strip_prefix("settling ") {
                self.settling.insert(text.to_owned());
            }
        }
    }

    fn check(&self, dir: &Path, what: &str) {
        if !dir.exists() {
            // On a busy machine the process may be killed before it began.
            return assert!(self.stored.is_empty(), "{what}: the directory is gone");
        }
        let reader = JournalReader::open(dir).unwrap();
        let mut held = BTreeSet::new();
        for record in reader.pending(None, usize::MAX).unwrap() {
            assert!(held.insert(record.payload.clone()), "{what}: {record:?} is there twice");
        }
        held.extend(reader.dead_letters(None, usize::MAX).unwrap().into_iter().map(|letter| letter.payload));
        for text in self.stored.difference(&self.settling) {
            assert!(held.contains(text.as_bytes()), "{what}: {text} was stored and is lost");
        }
        assert_eq!(reader.verify().unwrap().findings, [], "{what}");
    }
}

#[test]
#[ignore = "a process of another test"]
fn busy() {
    let Some(dir) = dir() else { return };
    let (journal, _) =
        Journal::open(dir, JournalSettings { segment: 64 * 1024, ..JournalSettings::default() }).unwrap();
    // Process ids come again.
    let (journal, life) = (&journal, &std::env::var(LIFE).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for number in 0.. {
                    let text = format!("{life} {thread} {number}");
                    let intent = number % 7 == 0;
                    let role = if intent { Role::Intent } else { Role::Event };
                    let id = journal.append(NewRecord { role, ..event(&text) }).wait(PATIENCE).unwrap();
                    tell(&format!("stored {text}"));
                    if intent {
                        let settled = format!("{text} settled");
                        tell(&format!("settling {text}"));
                        let record = NewRecord { role: Role::Settles(id), ..event(&settled) };
                        journal.append(record).wait(PATIENCE).unwrap();
                        tell(&format!("stored {settled}"));
                    }
                }
            });
        }
        loop {
            for (number, claimed) in claim(journal, 5).into_iter().enumerate() {
                tell(&format!("settling {}", String::from_utf8_lossy(&claimed.payload)));
                let reason = BurialReason { status: None, message: String::new(), at: Timestamp(1) };
                block_on(async {
                    match number {
                        4 => journal.bury(claimed.claim, reason, None).await,
                        _ => journal.acknowledge(claimed.claim).await,
                    }
                })
                .unwrap();
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    });
}

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_stored() {
    let cycles = std::env::var("AUDITED_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(100);
    let mut random = Random(99);
    let (mut scratch, mut told, mut stored) = (Scratch::new("kill"), Told::default(), 0);
    for cycle in 0..cycles {
        if cycle > 0 && cycle % KILLS_A_DIRECTORY == 0 {
            stored += std::mem::take(&mut told).stored.len();
            scratch = Scratch::new("kill");
        }
        let mut busy = process("busy", scratch.path());
        let mut child = busy.env(LIFE, cycle.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text).unwrap()
        });
        std::thread::sleep(Duration::from_micros(2_000 + random.next() % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        told.read(&reader.join().unwrap());
        told.check(scratch.path(), &format!("kill {cycle}"));
    }
    stored += told.stored.len();
    tell(&format!("{cycles} kills of the journal alone: {stored} stored, 0 lost"));
    assert!(stored > cycles, "only {stored} were stored");
}

#[test]
#[ignore = "a process of another test"]
fn script() {
    let Some(dir) = dir() else { return };
    let Ok((journal, _)) = Journal::open(dir, JournalSettings { segment: 32 * 1024, ..JournalSettings::default() })
    else {
        return tell("not opened");
    };
    let append = |record: NewRecord| {
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        let result = journal.append(record).wait(PATIENCE);
        match &result {
            Ok(_) => tell(&format!("stored {text}")),
            Err(error) => assert!(matches!(error.kind(), OutboxErrorKind::Storage | OutboxErrorKind::Full), "{error}"),
        }
        result
    };
    for number in 0..3 {
        let _ = append(event(&format!("{number}{}", "x".repeat(9_000))));
    }
    if let Ok(intent) = append(NewRecord { role: Role::Intent, ..event("paying") }) {
        tell("settling paying");
        let _ = append(NewRecord { role: Role::Settles(intent), ..event("paid") });
    }
    let _ = journal.append(NewRecord { durability: Durability::Relaxed, ..event("relaxed") }).wait(PATIENCE);
    for (number, claimed) in claim(&journal, 3).into_iter().enumerate() {
        tell(&format!("settling {}", String::from_utf8_lossy(&claimed.payload)));
        let reason = BurialReason { status: Some(422), message: "refused".into(), at: Timestamp(1) };
        let _ = block_on(async {
            match number {
                0 => journal.bury(claimed.claim, reason, Some(event("minimal"))).await,
                _ => journal.acknowledge(claimed.claim).await,
            }
        });
    }
    for number in 3..6 {
        let _ = append(event(&format!("{number}{}", "x".repeat(9_000))));
    }
    let _ = journal.close(PATIENCE);
    tell("done");
}

/// Every system call with which the journal touches its files, and what may become of it.
const CALLS: [(&str, &[&str]); 10] = [
    ("pwrite64", &["signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EINTR"]),
    ("fdatasync", &["signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EINTR"]),
    ("fsync", &["signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EINTR"]),
    ("fallocate", &["signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EINTR"]),
    ("ftruncate", &["signal=SIGKILL", "error=EIO", "error=EINTR"]),
    ("openat", &["signal=SIGKILL", "error=EIO", "error=EMFILE", "error=ENOSPC"]),
    ("mkdir", &["signal=SIGKILL", "error=EIO", "error=ENOSPC"]),
    ("flock", &["signal=SIGKILL", "error=EIO", "error=EAGAIN"]),
    ("getdents64", &["signal=SIGKILL", "error=EIO"]),
    ("pread64", &["signal=SIGKILL", "error=EIO", "error=EINTR"]),
];

/// What the script told is there, also after the next start.
fn check_script(dir: &Path, output: &str, what: &str) {
    let mut told = Told::default();
    told.read(output);
    if dir.exists() {
        told.check(dir, what);
        drop(Journal::open(dir, JournalSettings::default()).unwrap());
        told.check(dir, &format!("{what}, reopened"));
    } else {
        assert!(told.stored.is_empty(), "{what}: stored nowhere");
    }
}

#[test]
fn every_system_call_may_fail_or_be_the_last() {
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is needed, and allowed to trace");
        return tell("SKIPPED: there is no strace here, so no system call was made to fail");
    }
    let mut runs = 0;
    for (call, faults) in CALLS {
        for fault in faults {
            for number in 1.. {
                let scratch = Scratch::new("strace");
                let what = format!("{call}:{fault}:when={number}");
                let log = scratch.path().with_extension("log");
                let script = process("script", scratch.path());
                let mut traced = Command::new("strace");
                traced.args(["-f", "-o", log.to_str().unwrap(), "-e", &format!("trace={call}")]);
                // Only what concerns these files, and not what the process needs to start.
                let share = scratch.path().join("journal-0");
                traced.arg("-P").arg(scratch.path()).arg("-P").arg(&share).arg("-P").arg(share.join("lock"));
                for file in 1..=6 {
                    traced.arg("-P").arg(share.join(format!("segment-{file:04}")));
                    traced.arg("-P").arg(share.join(format!("table-{file:04}")));
                }
                traced.args(["-e", &format!("inject={what}")]).arg(script.get_program()).args(script.get_args());
                let output = traced.env(DIR, scratch.path()).stdin(Stdio::null()).output().unwrap();
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let log_text = std::fs::read_to_string(&log).unwrap_or_default();
                let _ = std::fs::remove_file(&log);
                let hit = log_text.contains("(INJECTED)") || log_text.contains("killed by SIGKILL");
                assert!(text.contains("done\n") || hit, "{what}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
                if !hit {
                    assert!(number > 1, "{call} is not called");
                    break;
                }
                runs += 1;
                assert!(fault.contains("KILL") || text.contains("test result: ok"), "{what}: {text}");
                check_script(scratch.path(), &text, &what);
            }
        }
    }
    tell(&format!("{runs} system calls failed or were the last, one a run"));
    assert!(runs > 200, "only {runs} runs");
}

/// A file that may not grow beyond a limit: the kernel then writes the part that fits, and fails with the rest.
#[test]
fn a_write_may_be_cut_short_at_any_sector() {
    let mut short = 0;
    for sectors in 8..=72 {
        let scratch = Scratch::new("short");
        let script = process("script", scratch.path());
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {sectors}; exec \"$0\" \"$@\"")]);
        limited.arg(script.get_program()).args(script.get_args());
        let output = limited.env(DIR, scratch.path()).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("test result: ok"), "{sectors} sectors: {text}");
        short += usize::from(text.matches("stored ").count() < 9);
        check_script(scratch.path(), &text, &format!("{sectors} sectors"));
    }
    assert!(short > 30, "a write was cut short {short} times only");
}

#[test]
#[ignore = "a process of another test"]
fn forks() {
    let Some(dir) = dir() else { return };
    let (journal, _) = Journal::open(dir, JournalSettings::default()).unwrap();
    journal.append(event("parent before")).wait(PATIENCE).unwrap();
    for number in 0..5 {
        match fork::fork().unwrap() {
            fork::Fork::Child => {
                journal.append(event(&format!("child {number}"))).wait(PATIENCE).unwrap();
                journal.close(PATIENCE).unwrap();
                std::process::exit(0);
            }
            fork::Fork::Parent(_) => journal.append(event(&format!("parent {number}"))).wait(PATIENCE).unwrap(),
        };
    }
    // The children are done when their locks are free.
    let end = std::time::Instant::now() + PATIENCE;
    let mut keys = Vec::new();
    while keys.len() < 11 && std::time::Instant::now() < end {
        keys.extend(claim(&journal, 99).into_iter().map(|claimed| *claimed.key.as_bytes()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let different: BTreeSet<_> = keys.iter().collect();
    assert_eq!((keys.len(), different.len()), (11, 11), "each record once, each with a key of its own");
    tell("all are here");
}

#[test]
fn a_forked_child_has_a_share_of_its_own_that_the_parent_adopts() {
    let scratch = Scratch::new("fork");
    let output = process("forks", scratch.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("all are here"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a process of another test"]
fn writes() {
    let Some(dir) = dir() else { return };
    let (journal, _) = Journal::open(dir, JournalSettings::default()).unwrap();
    for number in 0.. {
        let text = format!("{} {number}", std::process::id());
        journal.append(event(&text)).wait(PATIENCE).unwrap();
        tell(&format!("stored {text}"));
    }
}

#[test]
#[ignore = "a process of another test"]
fn drains() {
    let Some(dir) = dir() else { return };
    let (journal, _) = Journal::open(&dir, JournalSettings::default()).unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end && !JournalReader::open(&dir).unwrap().pending(None, 1).unwrap().is_empty() {
        for claimed in claim(&journal, 5) {
            tell(&format!("drained {}", String::from_utf8_lossy(&claimed.payload)));
            block_on(journal.acknowledge(claimed.claim)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    journal.close(PATIENCE).unwrap();
}

/// Twelve writers die; of the eight that come after, each has a share of its own, and four shares are left for whoever
/// is first. In a process of its own: one that is being started holds its parent's locks for a moment.
#[test]
#[ignore = "a process of another test"]
fn many() {
    let Some(dir) = dir() else { return };
    let run = |name: &str| process(name, &dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = Told::default();
    let mut writers: Vec<_> = (0..12).map(|_| run("writes")).collect();
    for writer in &mut writers {
        // It has stored something when it tells so.
        let mut output = std::io::BufReader::new(writer.stdout.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("stored") {
            assert!(std::io::BufRead::read_line(&mut output, &mut lines).unwrap() > 0, "{lines}");
        }
        writer.kill().unwrap();
        output.read_to_string(&mut lines).unwrap();
        writer.wait().unwrap();
        told.read(&lines);
    }
    let drainers: Vec<_> = (0..8).map(|_| run("drains")).collect();
    let mut drained = BTreeSet::new();
    for drainer in drainers {
        let output = drainer.wait_with_output().unwrap();
        assert!(output.status.success());
        for text in String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.strip_prefix("drained ")) {
            assert!(drained.insert(text.to_owned()), "{text} was drained twice");
        }
    }
    let left: Vec<_> = told.stored.difference(&drained).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(told.stored.len() >= 12);
    tell("all were drained once");
}

#[test]
fn what_dead_processes_left_is_drained_once_by_the_many_that_come_after() {
    let scratch = Scratch::new("many");
    let output = process("many", scratch.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("all were drained once"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
