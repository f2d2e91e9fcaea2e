//! `changes(&before, &after)`: what a change made of a model.

use std::collections::BTreeMap;

use audited::testing::Recorder;
use audited::{AuditTarget, audited, changes, record};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(AuditTarget, Clone)]
struct Account {
    id: u64,
    #[audit(name)]
    owner: String,
    #[audit(metadata)]
    seats: u32,
    #[audit(metadata)]
    active: bool,
    #[audit(metadata = "tier")]
    plan: Option<&'static str>,
    #[audit(metadata)]
    address: Address,
    #[audit(metadata)]
    tags: Vec<&'static str>,
    #[audit(mask(last = 4))]
    iban: String,
    #[audit(mask)]
    phone: &'static str,
    #[audit(redact)]
    members: Vec<&'static str>,
    #[audit(metadata)]
    password: &'static str,
    #[audit(metadata = "a_key_that_is_as_long_as_a_key_can_be_01")]
    long: u8,
    notes: &'static str,
}

#[derive(Clone, Serialize)]
struct Address {
    city: &'static str,
    zip: u32,
    door: BTreeMap<&'static str, &'static str>,
}

fn account() -> Account {
    Account {
        id: 1,
        owner: "Ada".to_owned(),
        seats: 5,
        active: true,
        plan: None,
        address: Address { city: "Bern", zip: 3000, door: [("pin", "1234")].into() },
        tags: vec!["a", "b"],
        iban: "DE89370400440532013000".to_owned(),
        phone: "1",
        members: vec!["ada"],
        password: "hunter2",
        long: 1,
        notes: "old",
    }
}

#[audited(action = "account.changed", targets(account))]
fn change(account: &mut Account, by: impl FnOnce(&mut Account)) {
    let before = account.clone();
    by(account);
    changes(&before, account);
}

fn told(by: impl FnOnce(&mut Account)) -> Value {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    change(&mut account(), by);
    recorder.events()[0].json()["event"]["metadata"].clone()
}

#[test]
fn a_change_of_something_endless_costs_no_more_than_what_fits() {
    struct Endless<'a>(&'a std::cell::Cell<u32>);
    impl Serialize for Endless<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map((0..100_000).map(|number| {
                self.0.set(self.0.get() + 1);
                (number, number)
            }))
        }
    }
    #[derive(AuditTarget)]
    struct Sheet<'a> {
        id: u8,
        #[audit(metadata)]
        cells: Endless<'a>,
    }
    let asked = std::cell::Cell::new(0);
    let recorder = Recorder::new();
    let _installed = recorder.install();
    audited::event("sheet.changed")
        .target_of("sheet", 1)
        .changes(&Sheet { id: 1, cells: Endless(&asked) }, &Sheet { id: 1, cells: Endless(&asked) })
        .emit();
    assert!(asked.get() < 1_000, "{}", asked.get());
}

#[test]
fn what_differs_is_told_as_it_was_and_as_it_is() {
    let metadata = told(|account| {
        account.owner = "Bob".to_owned();
        account.seats = 8;
        account.active = false;
        account.address.zip = 3001;
        account.tags.push("c");
        account.notes = "new";
    });
    assert_eq!(
        metadata,
        json!({
            "seats_before": 5, "seats_after": 8,
            "active_before": true, "active_after": false,
            "address_zip_before": 3000, "address_zip_after": 3001,
            "tags_before": "[\"a\",\"b\"]", "tags_after": "[\"a\",\"b\",\"c\"]",
        })
    );
}

#[test]
fn what_did_not_change_is_not_told() {
    assert_eq!(told(|account| account.notes = "new"), Value::Null);
}

#[test]
fn what_was_absent_or_is_is_told_once() {
    assert_eq!(told(|account| account.plan = Some("pro")), json!({"tier_after": "pro"}));
    let recorder = Recorder::new();
    let _installed = recorder.install();
    change(&mut Account { plan: Some("pro"), ..account() }, |account| account.plan = None);
    assert_eq!(recorder.events()[0].json()["event"]["metadata"], json!({"tier_before": "pro"}));
}

#[test]
fn both_sides_are_redacted_and_a_change_behind_a_mask_is_seen() {
    let metadata = told(|account| {
        account.iban = "DE75512108001245126199".to_owned();
        account.phone = "2";
        account.members = vec!["eve"];
        account.password = "hunter3";
        account.address.door.insert("pin", "4321");
    });
    assert_eq!(
        metadata,
        json!({
            "iban_before": "****3000", "iban_after": "****6199",
            "phone_before": "****", "phone_after": "****",
            "members_before": "[redacted]", "members_after": "[redacted]",
            "password_before": "[redacted]", "password_after": "[redacted]",
            "address_door_pin_before": "[redacted]", "address_door_pin_after": "[redacted]",
        })
    );
}

#[test]
fn a_change_is_seen_behind_what_is_told_of_a_long_text() {
    #[derive(AuditTarget)]
    struct Page {
        id: u8,
        #[audit(metadata)]
        text: String,
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let page = |end: &str| Page { id: 1, text: "x".repeat(10_000) + end };
    audited::event("page.changed").target(page("a")).changes(&page("a"), &page("b")).emit();
    let event = &recorder.events()[0];
    assert_eq!(event.metadata("text_before"), event.metadata("text_after"));
    assert!(event.metadata("text_after").is_string());
}

#[test]
fn a_long_key_is_cut_so_that_both_fit() {
    assert_eq!(
        told(|account| account.long = 2),
        json!({"a_key_that_is_as_long_as_a_key_ca_before": 1, "a_key_that_is_as_long_as_a_key_ca_after": 2})
    );
}

#[test]
fn a_record_can_tell_it_beside_other_things() {
    #[audited(action = "account.changed", targets(account))]
    fn grow(account: &Account) {
        let after = Account { seats: 6, ..account.clone() };
        record(|event| {
            event.metadata("why", "asked").changes(account, &after).changes(account, &after);
        });
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    grow(&account());
    assert_eq!(
        recorder.events()[0].json()["event"]["metadata"],
        json!({"why": "asked", "seats_before": 5, "seats_after": 6})
    );
}
