//! The program: what it prints, how it ends.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Program, audited, event};

#[tokio::test]
async fn dev_prints_what_to_set_and_ends_cleanly_on_ctrl_c() {
    for signal in ["-INT", "-TERM"] {
        let mut program = Program::dev(&["--register-on-first-use"]);
        let sender = program.sender();
        let response = sender.create(None, event("a").to_string()).await.unwrap();
        assert_eq!(response.status(), 200);
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0), "{signal}");
        let rest = program.rest();
        assert!(rest.contains("WORKOS_API_KEY=sk_"), "{rest}");
        assert!(rest.contains("1 event stored"), "{rest}");
    }
}

#[test]
fn exit_codes_are_as_help_says() {
    let ends = |arguments: &[&str]| {
        let output = audited(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(ends(&["--help"]).0, Some(0));
    assert_eq!(ends(&["dev", "--nonsense"]).0, Some(2));
    assert_eq!(ends(&["dev", "--reading", "nonsense"]).0, Some(2));
    let (code, error) = ends(&["dev", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("--expose"), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = ends(&["dev", "--listen", &address]);
    assert_eq!(code, Some(3));
    assert!(error.contains("another program has it"), "{error}");
}

#[tokio::test]
async fn tail_follows_in_words_and_as_json_until_the_server_is_gone() {
    let mut program = Program::dev(&["--register-on-first-use"]);
    let address = program.url.trim_start_matches("http://").to_owned();
    let sender = program.sender();
    sender.create(Some("k"), event("a").to_string()).await.unwrap();
    sender.create(None, "{}").await.unwrap();

    let tail = |more: &[&str]| {
        let mut command = audited(&["tail", "--address", &address, "--from-start"]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut json = tail(&["--json"]);
    let mut words = tail(&["--color", "never"]);
    let lines = |child: &mut std::process::Child| -> Vec<String> {
        let output = BufReader::new(child.stdout.take().unwrap());
        output.lines().take(2).map(Result::unwrap).collect()
    };
    let rows = lines(&mut json);
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    assert_eq!(row["action"], "user.signed_in");
    assert_eq!(row["verdict"], "stored");
    let shown = lines(&mut words);
    assert!(shown[0].contains("200 stored   user.signed_in  user:a"), "{}", shown[0]);
    assert!(shown[1].contains("422 refused"), "{}", shown[1]);
    for child in [json, words] {
        // Its reader is gone; the next line ends it, as `head` would.
        sender.create(None, event(&child.id().to_string()).to_string()).await.unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{error}");
    }

    let mut last = audited(&["tail", "--address", &address]);
    let last = last.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    program.signal("-INT");
    program.wait();
    let output = last.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("start the server with `audited dev`"), "{error}");
}

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = audited(&["completions", shell]).output().unwrap();
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("register-on-first-use"), "{shell}");
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = |arguments: &[&str]| {
        let output = audited(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(help(&["--help"]).contains("Exit codes:"));
    let verbs = ["dev", "tail", "completions"];
    for verb in verbs.into_iter().chain(cfg!(feature = "outbox").then_some("outbox")) {
        assert!(help(&[verb, "--help"]).contains("Example"), "{verb}");
    }
}
