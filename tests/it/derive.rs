//! What a derived type says of itself.

use audited::testing::Recorder;
use audited::{AuditActor, AuditTarget, audited};
use serde_json::{Value, json};

#[derive(AuditTarget)]
#[audit(rename_all = "camelCase", name = "{number} for {customer.name:>5}")]
struct Invoice {
    id: u64,
    number: String,
    customer: Customer,
    #[audit(metadata)]
    amount_cents: u64,
    #[audit(metadata = "tier")]
    plan: Option<&'static str>,
    #[audit(metadata, with = doubled)]
    pages: u8,
    #[audit(metadata)]
    access_token: String,
    #[audit(metadata = "reference")]
    token: String,
    #[audit(metadata, allow)]
    password_hint: String,
    #[audit(redact)]
    note: String,
}

struct Customer {
    name: String,
}

fn doubled(pages: &u8) -> u8 {
    pages * 2
}

#[derive(AuditTarget)]
#[audit(type = "document", id = "{0}/{1}", name = %self.1)]
struct Versioned(String, u8);

#[derive(AuditTarget)]
#[audit(transparent)]
struct Wrapped(Versioned);

#[derive(AuditTarget)]
#[audit(delegate)]
enum Either {
    Versioned(Versioned),
    #[audit(type = "nothing", id = "none")]
    Neither,
    Numbered {
        id: u64,
        #[audit(metadata)]
        size: u8,
    },
}

#[derive(AuditActor, AuditTarget)]
struct CurrentUser {
    #[audit(id)]
    sub: String,
    #[audit(name, metadata = "mail")]
    email: Option<String>,
    #[audit(organization)]
    org_id: String,
    #[audit(impersonated_by)]
    admin: Option<Box<CurrentUser>>,
}

/// What is told of a target.
fn told(target: &impl AuditTarget) -> Value {
    #[audited(action = "thing.seen", targets(thing))]
    fn see(thing: &impl AuditTarget) {
        let _ = thing;
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    see(target);
    recorder.events()[0].targets()[0].clone()
}

#[test]
fn a_struct_says_what_its_fields_are_marked_for() {
    let invoice = Invoice {
        id: 7,
        number: "INV-7".into(),
        customer: Customer { name: "Ada".into() },
        amount_cents: 1_299,
        plan: None,
        pages: 4,
        access_token: "sk_live".into(),
        token: "sk_live".into(),
        password_hint: "the dog".into(),
        note: "private".into(),
    };
    assert_eq!(
        told(&invoice),
        json!({
            "type": "invoice",
            "id": "7",
            "name": "INV-7 for   Ada",
            "metadata": {
                "amountCents": 1_299,
                "pages": 8,
                "accessToken": "[redacted]",
                "reference": "[redacted]",
                "passwordHint": "the dog",
                "note": "[redacted]",
            },
        })
    );
}

#[test]
fn a_tuple_can_be_put_together_and_wrapped() {
    let expected = json!({"type": "document", "id": "a/2", "name": "2"});
    assert_eq!(told(&Versioned("a".into(), 2)), expected);
    assert_eq!(told(&Wrapped(Versioned("a".into(), 2))), expected);
    assert_eq!(<Wrapped as AuditTarget>::TYPE, "document");
}

#[test]
fn a_variant_is_what_is_in_it_or_what_it_says() {
    assert_eq!(told(&Either::Versioned(Versioned("a".into(), 2)))["type"], "document");
    assert_eq!(told(&Either::Neither), json!({"type": "nothing", "id": "none"}));
    assert_eq!(
        told(&Either::Numbered { id: 3, size: 4 }),
        json!({"type": "either", "id": "3", "metadata": {"size": 4}})
    );
}

#[test]
fn an_actor_belongs_to_an_organization_and_may_be_impersonated() {
    #[audited(action = "user.seen", actor = user, targets(user))]
    fn see(user: &CurrentUser) {
        let _ = user;
    }
    let admin = CurrentUser { sub: "admin_1".into(), email: None, org_id: "org_0".into(), admin: None };
    let user = CurrentUser {
        sub: "user_1".into(),
        email: Some("ada@example.com".into()),
        org_id: "org_1".into(),
        admin: Some(Box::new(admin)),
    };
    let recorder = Recorder::new();
    let _installed = recorder.install();
    see(&user);
    see(user.admin.as_ref().unwrap());
    let events = recorder.events();
    assert_eq!(events[1].actor()["metadata"], Value::Null, "nobody impersonates");
    let event = &events[0];
    assert_eq!(event.organization(), "org_1");
    assert_eq!(event.actor()["type"], "current_user");
    assert_eq!((&event.actor()["id"], &event.actor()["name"]), (&json!("user_1"), &json!("ada@example.com")));
    assert_eq!(event.actor()["metadata"]["impersonated_by_id"], "admin_1");
    assert_eq!(event.targets()[0]["metadata"], json!({"mail": "ada@example.com"}));
}
