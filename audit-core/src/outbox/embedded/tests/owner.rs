//! Files of somebody else, and files whose modes keep the journal out.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::thread;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::journal::{PATIENCE, Scratch, append, claim, event};
use super::kill::tell;
use crate::outbox::{Journal, JournalReader, JournalSettings, Outbox, OutboxErrorKind};
use crate::{AuditLog, Error};

const NOBODY: u32 = 65_534;

/// Runs on a thread that has given up root for good, and with it all that it starts.
fn as_nobody<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let without_root = || {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        set_thread_groups(&[]).unwrap();
        set_thread_res_gid(group, group, group).unwrap();
        set_thread_res_uid(user, user, user).unwrap();
        run()
    };
    thread::scope(|scope| scope.spawn(without_root).join()).expect("it does not panic")
}

fn start(dir: &Path) -> Result<AuditLog, Error> {
    let log = AuditLog::builder().api_key("sk_test").base_url("http://127.0.0.1:1").outbox_dir(dir);
    log.install(false).start_blocking()
}

#[test]
fn a_journal_of_somebody_else_is_left_alone_and_its_user_told_what_to_do() {
    if !geteuid().is_root() {
        return tell("SKIPPED: only root can give files to somebody else");
    }
    let scratch = Scratch::new("owner");
    let dir = scratch.path();
    let (journal, _) = Journal::open(dir, JournalSettings::default()).unwrap();
    append(&journal, event("of root"));
    journal.close(PATIENCE).unwrap();
    drop(journal);
    let (share, lock) = (dir.join("journal-0"), dir.join("journal-0/lock"));
    let below = dir.join("below");

    // What is given to nobody, step by step, and what is in the way then.
    type Step<'a> = (&'a Path, &'a Path, &'a str);
    let steps: [Step<'_>; 4] = [
        (Path::new(""), &below, "Permission denied"),
        (Path::new(""), dir, "belongs to another user"),
        (dir, dir, "journal-0 belongs to another user"),
        (&share, dir, "Permission denied"),
    ];
    for (given, opened, complaint) in steps {
        if given != Path::new("") {
            chown(given, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let error = as_nobody(|| Journal::open(opened, JournalSettings::default()).map(drop)).unwrap_err();
        assert_eq!(error.kind(), OutboxErrorKind::Storage);
        let told = error.to_string();
        assert!(told.contains(complaint) && told.contains("cannot be written"), "{}: {told}", opened.display());
        let error = as_nobody(|| start(opened).map(drop)).unwrap_err();
        let told = error.to_string();
        assert!(error.is_outbox() && told.contains(&*opened.to_string_lossy()), "{told}");
        assert!(told.contains("name a directory that this process may write to"), "{told}");
        let _ = as_nobody(|| JournalReader::open(opened).and_then(|reader| reader.contents()).map(drop));
    }

    // The lock is nobody's, and the records are root's.
    chown(&lock, Some(NOBODY), Some(NOBODY)).unwrap();
    let error = as_nobody(|| Journal::open(dir, JournalSettings::default()).map(drop)).unwrap_err();
    assert_eq!(error.kind(), OutboxErrorKind::Storage);

    for path in [dir, &share, &lock] {
        chown(path, Some(0), Some(0)).unwrap();
    }
    let (journal, recovery) = Journal::open(dir, JournalSettings::default()).unwrap();
    assert_eq!((recovery.pending, recovery.lost, recovery.unclean), (1, 0, false), "nothing was touched");
    assert_eq!(claim(&journal, 9)[0].payload, "of root");
    let others = fs::read_dir(&share).unwrap().filter(|file| file.as_ref().unwrap().metadata().unwrap().uid() != 0);
    assert_eq!(others.count(), 0);
}

#[test]
fn a_directory_that_is_shut_under_a_running_journal_is_used_again_when_it_is_open() {
    let scratch = Scratch::new("shut");
    let dir = scratch.path();
    let shut = || {
        let settings = JournalSettings { segment: 64 * 1024, ..JournalSettings::default() };
        let (journal, _) = Journal::open(dir, settings).unwrap();
        let share = dir.join("journal-0");
        let (mut number, mut stored) = (0, Vec::new());
        let mut store = || {
            number += 1;
            let text = format!("{number} {}", "x".repeat(9_000));
            let result = journal.append(event(&text)).wait(PATIENCE);
            if result.is_ok() {
                stored.push(text);
            }
            result
        };
        store().unwrap();
        fs::set_permissions(&share, Permissions::from_mode(0o000)).unwrap();
        // Into what it has open, it goes on; the next file cannot be opened.
        let error = loop {
            if let Err(error) = store() {
                break error;
            }
        };
        assert_eq!(error.kind(), OutboxErrorKind::Storage);
        assert!(error.to_string().contains("cannot be written: Permission denied"), "{error}");
        while !journal.health().failing {
            thread::yield_now();
        }
        store().unwrap_err();
        assert_eq!(claim(&journal, 1).len(), 1, "delivery goes on");

        fs::set_permissions(&share, Permissions::from_mode(0o700)).unwrap();
        store().expect("it is used again");
        while journal.health().failing {
            thread::yield_now();
        }
        journal.close(PATIENCE).unwrap();
        stored
    };
    let stored = if geteuid().is_root() { as_nobody(shut) } else { shut() };
    let held = JournalReader::open(dir).unwrap().pending(None, usize::MAX).unwrap();
    let held: Vec<_> = held.iter().map(|record| String::from_utf8_lossy(&record.payload).into_owned()).collect();
    assert_eq!(held, stored);
}
