//! The program: what it prints, how it ends.

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
