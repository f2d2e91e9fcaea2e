//! `metadata(n: number = …)`, `#[audit(number)]`, and secrets that only go where they are hidden.

use std::borrow::Cow;

use audited::testing::Recorder;
use audited::{AuditActor, AuditBody, AuditTarget, audited};
use secrecy::{SecretBox, SecretString};
use serde_json::{Value, json};

fn told(call: impl FnOnce()) -> Value {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    call();
    recorder.events()[0].json()["event"].clone()
}

#[test]
fn a_stated_type_is_the_type_that_is_told() {
    struct Page {
        size: u16,
    }
    #[audited(
        action = "page.seen",
        target(type = "page", id = 1),
        metadata(
            size: number = page.size,
            half: number = f64::from(page.size) / 2.0,
            next: number = next,
            full: bool = page.size > 1,
            title: string,
            shown: string = %page.size,
            hidden: string hash = title,
            pin: allow number = page.size,
        ),
    )]
    fn see(page: Page, next: Option<i64>, title: Cow<'_, str>) {
        let _ = (page, next, title);
    }
    let mut metadata = told(|| see(Page { size: 3 }, None, "Home".into()))["metadata"].clone();
    assert!(metadata["hidden"].take().as_str().is_some_and(|hash| hash.starts_with("hmac-sha256:")));
    assert_eq!(
        metadata,
        json!({"size": 3, "half": 1.5, "full": true, "title": "Home", "shown": "3", "hidden": null, "pin": 3})
    );
}

#[test]
fn a_fields_stated_type_is_the_type_that_is_told() {
    #[derive(AuditActor, AuditTarget, AuditBody)]
    #[audit(rename_all = "camelCase")]
    struct Page<N> {
        id: u8,
        #[audit(metadata, number)]
        size: N,
        #[audit(metadata = "previous", number)]
        next: Option<i64>,
        #[audit(bool)]
        is_full: bool,
        #[audit(string)]
        title: Cow<'static, str>,
        #[audit(number, with = Vec::len)]
        lines: Vec<u8>,
        #[audit(string, hash)]
        hidden: u8,
        #[audit(allow, number)]
        pin: u16,
        #[audit(redact, string)]
        note: u8,
    }
    #[audited(action = "page.seen", actor = page, targets(page), body(page))]
    fn see(page: &Page<u16>) {
        let _ = page;
    }
    let page = Page {
        id: 1,
        size: 3,
        next: None,
        is_full: true,
        title: "Home".into(),
        lines: vec![0; 7],
        hidden: 1,
        pin: 4,
        note: 2,
    };
    let event = told(|| see(&page));
    for mut metadata in [&event["actor"], &event["targets"][0], &event].map(|of| of["metadata"].clone()) {
        assert!(metadata["hidden"].take().as_str().is_some_and(|hash| hash.starts_with("hmac-sha256:")));
        assert_eq!(
            metadata,
            json!({
                "size": 3, "isFull": true, "title": "Home", "lines": 7, "hidden": null, "pin": 4, "note": "[redacted]",
            })
        );
    }
}

struct Login {
    token: SecretString,
    previous: Option<SecretString>,
    code: SecretBox<u32>,
}

fn login() -> Login {
    Login { token: SecretString::from("sk_live_12345678"), previous: None, code: SecretBox::new(Box::new(123_456)) }
}

#[audited(
    action = "user.signed_in",
    target(type = "user", id = 1),
    body(login: token = mask(last = 4), previous = hash),
    metadata(code: hash = login.code, again: redact = login.token, same: hash = token, plain: hash = "sk_live_12345678"),
)]
fn sign_in(login: &Login, token: &SecretString) {
    let _ = (login, token);
}

#[test]
fn a_secret_is_told_as_it_is_hidden() {
    let login = login();
    let metadata = told(|| sign_in(&login, &login.token))["metadata"].clone();
    assert_eq!(metadata["token"], "****5678");
    assert_eq!(metadata["again"], "[redacted]");
    assert_eq!(metadata["same"], metadata["plain"], "the hash is that of the secret itself");
    assert!(metadata["code"].as_str().is_some_and(|hash| hash.starts_with("hmac-sha256:")));
    assert_eq!(metadata.get("previous"), None);
    assert!(!metadata.to_string().contains("sk_live"), "{metadata}");
}

#[test]
fn a_secret_that_may_be_absent_is_told_where_it_is_there() {
    let login = Login { previous: Some(SecretString::from("sk_live_0")), ..login() };
    let metadata = told(|| sign_in(&login, &SecretString::from("sk_live_0")))["metadata"].clone();
    assert!(metadata["previous"].is_string());
    assert_eq!(metadata["previous"], metadata["same"]);
}

#[test]
fn a_models_secret_is_told_as_it_is_hidden_and_a_change_of_it_is_seen() {
    #[derive(AuditTarget)]
    struct Key {
        id: u8,
        #[audit(mask)]
        secret: SecretString,
    }
    #[audited(action = "key.rotated", targets(before))]
    fn rotate(before: Key, after: Key) {
        audited::changes(&before, &after);
    }
    let key = |secret: &str| Key { id: 1, secret: SecretString::from(secret) };
    let event = told(|| rotate(key("one"), key("two")));
    assert_eq!(event["targets"][0]["metadata"], json!({"secret": "****"}));
    assert_eq!(event["metadata"], json!({"secret_before": "****", "secret_after": "****"}));
    assert_eq!(told(|| rotate(key("one"), key("one")))["metadata"], Value::Null);
}
