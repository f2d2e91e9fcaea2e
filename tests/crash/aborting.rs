//! Where a panic aborts the process, nothing runs after it: no guard, no hook of ours. What was on disk before is there.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use audited::AuditLog;
use audited_cli::LocalWorkos;

use crate::trial::PATIENCE;

const ABORTED: i32 = 6;

/// Builds `tests/aborting` with everything in it that it depends on as a program does that says `panic = "abort"` in its
/// profile. It has a target folder of its own: the tests' own dependencies are built to unwind.
fn program() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aborting");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "--quiet", "--package", "aborting", "--target-dir"]).arg(&target);
    build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_PROFILE_DEV_PANIC", "abort");
    assert!(build.status().unwrap().success(), "tests/aborting is built");
    target.join("debug/aborting")
}

#[test]
fn where_panics_abort_what_was_stored_is_there_and_a_strict_call_is_told_as_unknown() {
    let program = program();
    for (how, third) in [("durable", None), ("strict", Some("unknown"))] {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Command::new(&program);
        let died = run.arg(dir.path()).arg(how).stderr(Stdio::null()).status().unwrap();
        assert_eq!(died.signal(), Some(ABORTED), "{how}: {died}");

        let workos = LocalWorkos::start().unwrap();
        let log = AuditLog::builder().api_key("sk_test").base_url(workos.url()).outbox_dir(dir.path());
        let audit = log.install(false).start_blocking().unwrap();
        let recovery = audit.recovery();
        assert!(recovery.unclean, "{how}");
        assert_eq!((recovery.open_intents, recovery.lost), (u64::from(third.is_some()), 0), "{how}");
        let report = audit.shutdown_blocking(PATIENCE);
        assert_eq!((report.pending, report.dead), (0, 0), "{how}");
        let told: Vec<_> = workos.events().into_iter().map(|stored| stored.event).collect();
        let mut told: Vec<_> = told
            .iter()
            .map(|event| (event["targets"][0]["id"].as_str().unwrap(), event["metadata"]["outcome"].as_str()))
            .collect();
        told.sort_unstable();
        let expected = [("1", None), ("2", None)].into_iter().chain(third.map(|outcome| ("3", Some(outcome))));
        assert_eq!(told, expected.collect::<Vec<_>>(), "{how}");
    }
}
