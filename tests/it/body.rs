//! Rules that stand on a type: `#[derive(AuditBody)]`, `body(payment)`, `#[audit(flatten)]`.

use audited::testing::Recorder;
use audited::{AuditActor, AuditBody, AuditTarget, audited};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(AuditBody)]
#[audit(rename_all = "camelCase")]
struct Payment {
    #[audit(metadata)]
    amount_cents: u64,
    #[audit(metadata = "cur")]
    currency: &'static str,
    #[audit(mask(last = 4))]
    iban: &'static str,
    #[audit(metadata, with = str::len)]
    memo: &'static str,
    #[audit(metadata)]
    api_key: &'static str,
    #[audit(flatten)]
    address: Option<Address>,
    #[audit(flatten)]
    method: Method,
    #[allow(dead_code)]
    note: &'static str,
}

#[derive(AuditBody)]
struct Address {
    #[audit(metadata)]
    city: &'static str,
    #[audit(redact)]
    street: &'static str,
}

#[derive(AuditBody)]
enum Method {
    Card {
        #[audit(metadata)]
        last4: u16,
    },
    #[audit(delegate)]
    Wire(Wire<u8>),
    Cash,
}

#[derive(AuditBody)]
#[audit(transparent)]
struct Wire<T>(Bank<T>);

#[derive(AuditBody)]
struct Bank<T>(#[audit(metadata = "bank")] T);

fn payment(method: Method) -> Payment {
    Payment {
        amount_cents: 5,
        currency: "EUR",
        iban: "DE89370400440532013000",
        memo: "thanks",
        api_key: "sk_1",
        address: Some(Address { city: "Bern", street: "Gasse 1" }),
        method,
        note: "not told",
    }
}

#[audited(action = "invoice.paid", target(type = "invoice", id = 1), body(payment))]
fn pay(payment: &Payment) {
    let _ = payment;
}

fn told(call: impl FnOnce()) -> Value {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    call();
    recorder.events()[0].json()["event"].clone()
}

#[test]
fn a_body_is_told_as_its_type_says() {
    assert_eq!(
        told(|| pay(&payment(Method::Card { last4: 4242 })))["metadata"],
        json!({
            "amountCents": 5, "cur": "EUR", "iban": "****3000", "memo": 6, "apiKey": "[redacted]",
            "city": "Bern", "street": "[redacted]", "last4": 4242,
        })
    );
    let wired = told(|| pay(&Payment { address: None, ..payment(Method::Wire(Wire(Bank(7)))) }));
    assert_eq!(wired["metadata"]["bank"], 7);
    assert_eq!(wired["metadata"].get("city"), None, "what is not there has nothing to tell");
    assert_eq!(told(|| pay(&payment(Method::Cash)))["metadata"].get("bank"), None);
}

#[test]
fn the_rules_on_the_type_win_over_serialize() {
    #[derive(AuditBody, Serialize)]
    struct Login {
        #[audit(metadata)]
        user: &'static str,
        device: &'static str,
    }
    #[audited(action = "user.signed_in", target(type = "user", id = 1), body(login))]
    fn sign_in(login: Login) {
        let _ = login.device;
    }
    assert_eq!(told(|| sign_in(Login { user: "ada", device: "phone" }))["metadata"], json!({"user": "ada"}));
}

#[test]
fn what_the_handler_names_wins_over_the_body() {
    #[audited(action = "invoice.paid", target(type = "invoice", id = 1), body(address), metadata(city = "here"))]
    fn name(address: Address) {
        let _ = address;
    }
    let metadata = told(|| name(Address { city: "Bern", street: "Gasse 1" }))["metadata"].clone();
    assert_eq!(metadata, json!({"city": "here", "street": "[redacted]"}));
}

#[test]
fn a_record_can_tell_it_too() {
    #[audited(action = "invoice.paid", target(type = "invoice", id = 1))]
    fn late() {
        audited::record(|event| {
            event.described(&Address { city: "Bern", street: "Gasse 1" });
        });
    }
    assert_eq!(told(late)["metadata"], json!({"city": "Bern", "street": "[redacted]"}));
}

#[derive(AuditTarget, AuditActor, AuditBody)]
#[audit(type = "customer")]
struct Customer {
    id: u64,
    #[audit(name)]
    name: &'static str,
    #[audit(metadata)]
    tier: &'static str,
    #[audit(flatten)]
    address: Address,
}

#[derive(AuditTarget)]
struct Invoice<C> {
    id: u64,
    #[audit(metadata)]
    city: &'static str,
    #[audit(flatten)]
    customer: C,
}

#[test]
fn a_nested_models_fields_are_told_among_those_around_it() {
    #[audited(action = "invoice.seen", actor = customer, targets(invoice))]
    fn see(invoice: Invoice<&Customer>, customer: &Customer) {
        let _ = (invoice, customer);
    }
    let customer = Customer { id: 1, name: "Ada", tier: "gold", address: Address { city: "Bern", street: "Gasse 1" } };
    let event = told(|| see(Invoice { id: 7, city: "Rome", customer: &customer }, &customer));
    assert_eq!(
        event["targets"][0],
        json!({"id": "7", "type": "invoice", "metadata": {"city": "Rome", "tier": "gold", "street": "[redacted]"}}),
        "what is outside wins"
    );
    assert_eq!(event["actor"]["metadata"], json!({"city": "Bern", "tier": "gold", "street": "[redacted]"}));
}
