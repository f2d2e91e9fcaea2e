//! `audited outbox`, on journals that the runtime wrote.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use audit_core::outbox::{
    BurialReason, ClaimRequest, Claimed, Durability, Journal, JournalReader, JournalSettings, Lane, NewRecord, Outbox,
    Role, Timestamp,
};
use serde_json::{Value, json};

use crate::support::audited;

const GUIDE: &str = include_str!("../../../docs/operations.md");
/// 2026-01-15T12:00:00Z.
const NOON: u64 = 1_768_478_400_000;
const SECOND: Duration = Duration::from_secs(1);

fn payload(number: u64, organization: &str, action: &str, name: &str) -> Vec<u8> {
    let event = json!({"organization_id": organization, "event": {
        "action": action, "occurred_at": "2026-01-15T12:00:00.000Z",
        "actor": {"type": "user", "id": format!("user_{number}"), "name": name},
        "targets": [{"type": "invoice", "id": format!("inv_{number}")}],
        "context": {"location": "203.0.113.7"}}});
    event.to_string().into_bytes()
}

fn append(journal: &Journal, number: u64, payload: Vec<u8>) {
    let record = NewRecord {
        payload,
        lane: Lane(number),
        durability: Durability::Durable,
        role: Role::Event,
        accepted_at: Timestamp(NOON + 1000 * number),
    };
    journal.append(record).wait(10 * SECOND).unwrap();
}

async fn claim(journal: &Journal, max: usize) -> Vec<Claimed> {
    let waiting_lanes = HashSet::new();
    let now = Timestamp(NOON + 60_000);
    let request = ClaimRequest { max, lease: SECOND, now, waiting_lanes: &waiting_lanes };
    journal.claim(request).await.unwrap()
}

/// Two dead letters, the smallest form of the first, and two that wait; the last by somebody with an evil name.
async fn journal(dir: &Path) -> Journal {
    let (journal, _) = Journal::open(dir, JournalSettings::default()).unwrap();
    append(&journal, 1, payload(1, "org_acme", "invoice.paid", "Zoë"));
    append(&journal, 2, payload(2, "org_gone", "invoice.paid", "Zoë"));
    append(&journal, 3, payload(3, "org_acme", "invoice.viewed", "Jon"));
    append(&journal, 4, payload(4, "org_acme", "invoice.viewed", "\u{1b}[2Jroot\u{202e}nimda"));
    let reasons = [
        (422, "Invalid metadata; event.metadata.iban: must be string (schema_validation)"),
        (404, "Organization not found: 'org_gone'. (entity_not_found)"),
    ];
    for (claimed, (status, message)) in claim(&journal, 2).await.into_iter().zip(reasons) {
        let at = Timestamp(NOON + 5_000);
        let reason = BurialReason { status: Some(status), message: message.to_owned(), at };
        let replacement = (status == 422).then(|| NewRecord {
            payload: payload(1, "org_acme", "invoice.paid", "-"),
            lane: claimed.lane,
            durability: Durability::Durable,
            role: Role::Event,
            accepted_at: claimed.accepted_at,
        });
        journal.bury(claimed.claim, reason, replacement).await.unwrap();
    }
    journal
}

/// Standard output and standard error, and the exit code.
fn run(dir: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = audited(arguments).current_dir(dir).env_remove("AUDITED_DIR").output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text += &String::from_utf8(output.stderr).unwrap();
    (text, output.status.code())
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Keys are drawn at random, and disks differ in their blocks.
fn comparable(text: &str) -> String {
    let line = |line: &str| {
        if let Some(key) = line.strip_prefix("key          ") {
            assert_eq!((key.len(), key.matches('-').count()), (36, 4), "{key}");
            return "key          (a key)".to_owned();
        }
        match line.strip_prefix("disk     ") {
            Some(size) => {
                assert!(size.ends_with(" MiB"), "{size}");
                "disk     (a size)".to_owned()
            }
            None => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The commands of the guide with what it says they print, in order.
fn transcripts() -> Vec<(String, String)> {
    let mut transcripts: Vec<(String, String)> = Vec::new();
    for block in GUIDE.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut ours = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                ours = command.starts_with("audited outbox");
                if ours {
                    transcripts.push((command.to_owned(), String::new()));
                }
            } else if let Some((_, output)) = transcripts.last_mut().filter(|_| ours) {
                *output += line;
                output.push('\n');
            }
        }
    }
    transcripts
}

#[tokio::test]
async fn the_guide_shows_what_the_program_prints() {
    let dir = tempfile::tempdir().unwrap();
    journal(&dir.path().join(".audited")).await.close(10 * SECOND).unwrap();
    journal(&dir.path().join("damaged")).await.close(10 * SECOND).unwrap();
    flip_a_byte_of(&dir.path().join("damaged"), b"inv_3");
    let running = journal(&dir.path().join("running")).await;

    let transcripts = transcripts();
    assert!(transcripts.len() >= 8, "the guide has transcripts");
    for (command, expected) in transcripts {
        let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        let (printed, _) = run(dir.path(), &arguments);
        assert_eq!(comparable(&printed), comparable(&expected), "\n$ {command}\n{printed}");
    }
    drop(running);
}

fn flip_a_byte_of(journal: &Path, text: &[u8]) {
    for entry in fs::read_dir(journal.join("journal-0")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(text.len()).position(|window| window == text) {
            bytes[at] ^= 1;
            return fs::write(&path, bytes).unwrap();
        }
    }
    panic!("{} does not hold {}", journal.display(), text.escape_ascii());
}

#[tokio::test]
async fn every_verb_speaks_json_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".audited");
    journal(&path).await.close(10 * SECOND).unwrap();

    let status = json_lines(&run(dir.path(), &["outbox", "status", "--json"]).0);
    assert_eq!((status[0]["pending"].as_u64(), status[0]["dead"].as_u64()), (Some(3), Some(2)));
    assert!(status[0]["disk_bytes"].as_u64().unwrap() > 4096);

    let list = json_lines(&run(dir.path(), &["outbox", "list", "--json"]).0);
    let pending = JournalReader::open(&path).unwrap().pending(None, 9).unwrap();
    assert_eq!(list.len(), pending.len());
    for (told, held) in list.iter().zip(&pending) {
        assert_eq!(told["record"], held.record.0);
        assert_eq!(told["idempotency_key"], held.key.to_string());
        assert_eq!(told["payload"], serde_json::from_slice::<Value>(&held.payload).unwrap());
        let shown = json_lines(&run(dir.path(), &["outbox", "show", &held.record.0.to_string(), "--json"]).0);
        assert_eq!(shown[0], *told);
    }
    let behind = run(dir.path(), &["outbox", "list", "--json", "--after", "3", "--limit", "1"]).0;
    assert_eq!(json_lines(&behind), list[1..2], "a page");

    let dead = json_lines(&run(dir.path(), &["outbox", "dead", "--json"]).0);
    assert_eq!((dead[0]["dead"]["status"].as_u64(), dead[1]["dead"]["status"].as_u64()), (Some(422), Some(404)));
    assert_eq!(dead[0]["dead"]["at"], "2026-01-15T12:00:05.000Z");
    let verified = json_lines(&run(dir.path(), &["outbox", "verify", "--json"]).0);
    assert_eq!(verified[0]["findings"], json!([]));
}

#[tokio::test]
async fn what_is_printed_does_not_command_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\r\n\u{2028}";
    let path = dir.path().join(".audited");
    let (journal, _) = Journal::open(&path, JournalSettings::default()).unwrap();
    append(&journal, 1, payload(1, evil, evil, evil));
    append(&journal, 2, evil.as_bytes().to_vec());
    append(&journal, 3, payload(3, evil, evil, evil));
    let claimed = claim(&journal, 1).await.remove(0);
    let reason = BurialReason { status: Some(400), message: evil.to_owned(), at: Timestamp(NOON) };
    journal.bury(claimed.claim, reason, None).await.unwrap();
    for arguments in [&["list"][..], &["dead"], &["show", "1"], &["show", "2"], &["show", "3"], &["status"]] {
        for format in [&[][..], &["--json"]] {
            let arguments = [&["outbox"], arguments, format].concat();
            let (printed, code) = run(dir.path(), &arguments);
            assert_eq!(code, Some(0), "{printed}");
            let active = |c: char| c != '\n' && c.is_control() || matches!(c, '\u{202e}' | '\u{2028}');
            assert!(!printed.contains(active), "{arguments:?}: {printed:?}");
        }
    }
    let (_, code) = run(dir.path(), &["outbox", "status", "--dir", "\u{1b}[31mnowhere"]);
    assert_eq!(code, Some(5));
}

#[tokio::test]
async fn a_redriven_letter_waits_under_a_new_key_and_what_runs_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".audited");
    let running = journal(&path).await;
    let reader = || JournalReader::open(&path).unwrap();
    let letter = reader().dead_letters(None, 1).unwrap().remove(0);

    let (said, code) = run(dir.path(), &["outbox", "redrive", "1"]);
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("another process holds"), "{said}");
    assert_eq!(reader().contents().unwrap().dead, 2);

    running.close(10 * SECOND).unwrap();
    let (said, code) = run(dir.path(), &["outbox", "redrive", "1", "77"]);
    assert_eq!(code, Some(7), "one of them was there: {said}");
    assert!(said.contains("1 dead letter waits again") && said.contains("77"), "{said}");
    let contents = reader().contents().unwrap();
    assert_eq!((contents.pending, contents.dead), (4, 1));
    let again = reader().pending(None, 1).unwrap().remove(0);
    assert_eq!((again.record, &again.payload), (letter.record, &letter.payload));
    assert_ne!(again.key, letter.key);

    assert_eq!(run(dir.path(), &["outbox", "redrive", "--all"]).1, Some(0));
    assert_eq!(reader().contents().unwrap().dead, 0);
}

/// What lies on the disk while a process runs is what a kill leaves.
fn killed(from: &Path, to: &Path) {
    for share in ["", "journal-0"] {
        DirBuilder::new().mode(0o700).create(to.join(share)).unwrap();
    }
    for entry in fs::read_dir(from.join("journal-0")).unwrap() {
        let name = entry.unwrap().file_name();
        fs::copy(from.join("journal-0").join(&name), to.join("journal-0").join(&name)).unwrap();
    }
}

#[tokio::test]
async fn a_redrive_leaves_to_the_application_what_its_next_start_has_to_tell() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".audited");
    let running = journal(&dir.path().join("running")).await;
    killed(&dir.path().join("running"), &path);
    flip_a_byte_of(&path, b"inv_3");
    for _ in 0..2 {
        let (said, code) = run(dir.path(), &["outbox", "redrive", "--all"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("had not closed the journal"), "{said}");
    }
    let (next, told) = Journal::open(&path, JournalSettings::default()).unwrap();
    assert_eq!((told.unclean, told.lost, told.pending, told.dead), (true, 1, 4, 0), "{told:?}");
    next.close(10 * SECOND).unwrap();
    drop(next);

    // Where there is nothing to tell, nothing is told.
    assert_eq!(
        run(dir.path(), &["outbox", "redrive", "--all", "--json"]).0,
        "{\"redriven\":[],\"unclean_stop\":false}\n"
    );
    let (_, told) = Journal::open(&path, JournalSettings::default()).unwrap();
    assert_eq!((told.unclean, told.lost), (false, 0));
    drop(running);
}

#[tokio::test]
async fn exit_codes_tell_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str]| run(dir.path(), &[&["outbox"], arguments].concat()).1;
    assert_eq!(code(&["status"]), Some(5), "no directory");
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert_eq!(code(&["status", "--dir", "empty"]), Some(5), "no journal in it");
    assert_eq!(code(&["redrive", "--all", "--dir", "empty"]), Some(5));
    assert_eq!(fs::read_dir(dir.path().join("empty")).unwrap().count(), 0, "nothing is made there");

    let path = dir.path().join(".audited");
    journal(&path).await.close(10 * SECOND).unwrap();
    assert_eq!(code(&["verify"]), Some(0));
    assert_eq!(code(&["show", "77"]), Some(7));
    assert_eq!(code(&["redrive"]), Some(2), "which?");
    assert_eq!(code(&["redrive", "1", "--all"]), Some(2));
    flip_a_byte_of(&path, b"inv_3");
    assert_eq!(code(&["verify"]), Some(6));
}
