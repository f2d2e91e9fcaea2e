//! The attribute on functions of every kind, told to a recorder.

use std::sync::Arc;

use audited::testing::Recorder;
use audited::{AuditActor, AuditTarget, audited};
use serde::Serialize;
use serde_json::json;

#[derive(AuditActor)]
#[audit(type = "user")]
struct CurrentUser {
    #[audit(id)]
    sub: String,
    #[audit(name)]
    email: String,
    #[audit(organization)]
    org_id: String,
    #[audit(metadata)]
    role: Role,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Role {
    Admin,
}

#[derive(AuditTarget, Clone)]
#[audit(type = "invoice")]
struct Invoice {
    #[audit(id)]
    id: u64,
    #[audit(name)]
    number: Option<String>,
    #[audit(metadata)]
    amount_cents: u64,
    #[audit(metadata = "tier")]
    plan: Role,
    #[audit(metadata, mask(last = 4))]
    iban: String,
    #[audit(metadata, hash)]
    tax_id: String,
    #[allow(dead_code)]
    notes: String,
}

#[derive(AuditTarget)]
struct LedgerEntry {
    id: String,
}

#[derive(Serialize)]
struct Payment {
    amount: u64,
    currency: String,
    iban: String,
    memo: String,
}

fn user() -> CurrentUser {
    CurrentUser { sub: "user_1".into(), email: "alice@example.com".into(), org_id: "org_1".into(), role: Role::Admin }
}

fn invoice() -> Invoice {
    Invoice {
        id: 7,
        number: Some("INV-7".into()),
        amount_cents: 1_299,
        plan: Role::Admin,
        iban: "DE89370400440532013000".into(),
        tax_id: "DE123".into(),
        notes: "secret".into(),
    }
}

fn payment() -> Payment {
    Payment { amount: 5, currency: "EUR".into(), iban: "DE89".into(), memo: "thanks".into() }
}

#[audited(action = "invoice.viewed", actor = user, targets(invoice))]
async fn view(user: CurrentUser, invoice: Invoice) -> u64 {
    drop(user);
    invoice.id
}

#[audited(
    action = "invoice.paid",
    version = 2,
    actor = user,
    organization = user.org_id,
    targets(invoice, extra),
    target(type = "ledger", id = ledger_id),
    body(payment: amount, currency, iban = hash, memo = mask),
    metadata(items = 3, note = %payment.memo, raw = ?ledger_id),
    ok(entry => targets(entry), metadata(entry = entry.id)),
    err(e => metadata(reason = %e)),
    failure_action = "invoice.payment_failed",
)]
async fn pay(
    user: &CurrentUser,
    invoice: Invoice,
    extra: Vec<Invoice>,
    ledger_id: u32,
    payment: Payment,
    fail: bool,
) -> Result<LedgerEntry, String> {
    tokio::task::yield_now().await;
    if fail {
        return Err(format!("declined {}", invoice.id));
    }
    let id = Ok::<_, String>(payment.amount.to_string())?;
    Ok(LedgerEntry { id })
}

struct Service {
    name: String,
}

impl Service {
    #[audited(action = "service.renamed", actor = user, target(type = "service", id = self.name), metadata(to = name))]
    fn rename(&mut self, user: &CurrentUser, name: &str) -> Result<(), std::num::ParseIntError> {
        let _: u32 = name.parse()?;
        self.name = name.to_owned();
        Ok(())
    }

    #[audited(action = "service.copied", actor = user, target(type = "service", id = self.name))]
    async fn copy<'a, T: AsRef<str> + 'a>(self: Arc<Self>, user: &CurrentUser, value: &'a T) -> &'a str {
        value.as_ref()
    }
}

#[audited(action = "body.all", actor = user, target(type = "thing", id = "x"), body(payment))]
fn whole(user: CurrentUser, payment: Payment) -> impl Sized {
    (user.sub, payment.amount)
}

#[tokio::test]
async fn a_call_is_told_with_all_that_was_named_and_nothing_else() {
    let recorder = Recorder::new();
    assert_eq!(recorder.scope(view(user(), invoice())).await, 7);
    let events = recorder.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.action(), event.outcome(), event.organization()), ("invoice.viewed", "success", "org_1"));
    assert_eq!(
        event.actor(),
        &json!({"type": "user", "id": "user_1", "name": "alice@example.com", "metadata": {"role": "admin"}})
    );
    let target = event.target("invoice").unwrap();
    assert_eq!(target["id"], "7");
    assert_eq!(target["name"], "INV-7");
    assert_eq!(target["metadata"]["amount_cents"], 1_299);
    assert_eq!(target["metadata"]["tier"], "admin");
    assert_eq!(target["metadata"]["iban"], "****3000");
    assert!(target["metadata"]["tax_id"].as_str().unwrap().starts_with("hmac-sha256:"));
    assert!(!format!("{event:?}").contains("secret"));
}

#[tokio::test]
async fn everything_that_the_grammar_has() {
    let recorder = Recorder::new();
    let user = user();
    recorder.scope(pay(&user, invoice(), vec![invoice()], 9, payment(), false)).await.unwrap();
    let events = recorder.events();
    let event = &events[0];
    assert_eq!((event.action(), event.version(), event.outcome()), ("invoice.paid", 2, "success"));
    let kinds: Vec<_> = event.targets().iter().map(|target| target["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["invoice", "invoice", "ledger", "ledger_entry"]);
    assert_eq!(event.metadata("amount"), 5);
    assert_eq!(event.metadata("currency"), "EUR");
    assert!(event.metadata("iban").as_str().unwrap().starts_with("hmac-sha256:"));
    assert_eq!(event.metadata("memo"), "****");
    assert_eq!(event.metadata("items"), 3);
    assert_eq!(event.metadata("note"), "thanks");
    assert_eq!(event.metadata("raw"), "9");
    assert_eq!(event.metadata("entry"), "5");
}

#[tokio::test]
async fn a_failure_has_its_own_action_and_names_the_type_of_what_is_not_there() {
    let recorder = Recorder::new();
    let user = user();
    let failed = recorder.scope(pay(&user, invoice(), vec![], 9, payment(), true)).await;
    assert_eq!(failed.map(|entry| entry.id), Err("declined 7".to_owned()));
    let events = recorder.events();
    let event = &events[0];
    assert_eq!((event.action(), event.outcome()), ("invoice.payment_failed", "failure"));
    assert_eq!(event.metadata("reason"), "declined 7");
    assert_eq!(event.target("ledger_entry").unwrap()["id"], "none");
    let ids: Vec<_> = event.targets().iter().map(|target| target["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["7", "none", "9", "none"]);
}

#[test]
fn methods_and_plain_functions_are_told_too() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let mut service = Service { name: "a".into() };
    service.rename(&user(), "12").unwrap();
    service.rename(&user(), "b").unwrap_err();
    let _ = whole(user(), payment());
    let told: Vec<_> =
        recorder.events().iter().map(|event| (event.action().to_owned(), event.outcome().to_owned())).collect();
    let told: Vec<_> = told.iter().map(|(action, outcome)| (action.as_str(), outcome.as_str())).collect();
    assert_eq!(told, [("service.renamed", "success"), ("service.renamed", "failure"), ("body.all", "success")]);
    let events = recorder.events();
    assert_eq!(events[0].target("service").unwrap()["id"], "a");
    assert_eq!(events[1].target("service").unwrap()["id"], "12");
    assert_eq!(
        events[2].json()["event"]["metadata"],
        json!({"amount": 5, "currency": "EUR", "iban": "DE89", "memo": "thanks"})
    );
}

#[tokio::test]
async fn a_generic_method_with_lifetimes_is_told() {
    let recorder = Recorder::new();
    let service = Arc::new(Service { name: "a".into() });
    let value = String::from("v");
    assert_eq!(recorder.scope(service.copy(&user(), &value)).await, "v");
    assert_eq!(recorder.events()[0].action(), "service.copied");
}
