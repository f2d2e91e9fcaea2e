//! The official SDKs of WorkOS cannot tell this server from WorkOS: each registers a schema,
//! creates an event twice under one key, is refused a wrong one, exports, downloads, and sets the
//! retention.
//!
//! They are installed from their registries on the first run. Where that is not possible the test
//! is skipped, loudly; with `CI=true` it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use audited_cli::{LocalWorkos, Verdict};

use crate::support::skip;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

#[test]
fn node() {
    let room = room("node");
    for file in ["package.json", "run.mjs"] {
        std::fs::copy(Path::new(TESTS).join("node").join(file), room.join(file)).unwrap();
    }
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--silent"]);
    if installed(install.current_dir(&room)) {
        run(Command::new("node").arg(room.join("run.mjs")));
    }
}

#[test]
fn python() {
    let room = room("python");
    let packages = room.join("packages");
    let python = Path::new(TESTS).join("python");
    if !packages.join("workos").exists() {
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--root-user-action=ignore"]);
        install.arg("--requirement").arg(python.join("requirements.txt"));
        if !installed(install.arg("--target").arg(&packages)) {
            return;
        }
    }
    let mut script = Command::new("python3");
    run(script.arg(python.join("run.py")).env("PYTHONPATH", &packages));
}

#[test]
#[ignore = "the SDK takes minutes to compile: for the nightly run"]
fn rust() {
    let manifest = Path::new(TESTS).join("rust").join("Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]);
    let room = room("rust");
    if installed(cargo.arg(manifest).arg("--target-dir").arg(&room)) {
        run(&mut Command::new(room.join("debug/audited-sdk-run")));
    }
}

/// A directory that is kept, so that an SDK is downloaded once.
fn room(name: &str) -> PathBuf {
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(name);
    std::fs::create_dir_all(&room).unwrap();
    room
}

fn installed(install: &mut Command) -> bool {
    match install.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => skip(&format!("{install:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => skip(&format!("{install:?}: {error}")),
    }
}

/// Runs a script against a server of its own and looks at what arrived.
fn run(script: &mut Command) {
    let workos = LocalWorkos::builder().api_key("sk_test_sdk").register_on_first_use(false).start().unwrap();
    let output = script.env("WORKOS_BASE_URL", workos.url()).env("WORKOS_API_KEY", "sk_test_sdk").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{:#?}", workos.rejected());
    let events = workos.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].attempts, 2);
    assert_eq!(events[0].event["actor"]["id"], "user_TF4C5938");
    let counts = workos.counts();
    assert_eq!((counts.stored, counts.repeated, counts.refused), (1, 1, 2));
    for refused in workos.rejected() {
        assert_eq!(refused.status, Some(400), "{refused:?}");
        assert_eq!(refused.verdict, Verdict::Refused);
    }
}
