//! What each rule makes of each kind of value: the table in `docs/attribute.md`.

use std::collections::BTreeMap;
use std::fmt;

use audited::testing::Recorder;
use audited::{
    ActorWriter, AuditActor, AuditBody, AuditTarget, BodyWriter, HashKey, Redaction, SECRET_NAMES, SECRET_WHOLE_NAMES,
    TargetWriter, audited, event, looks_secret,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Tier {
    Gold,
}

#[derive(Serialize, Clone)]
enum Method {
    Card { last4: &'static str },
}

#[derive(Serialize, Clone)]
struct Address {
    city: &'static str,
    zip: u32,
    password: &'static str,
}

struct Bytes(&'static [u8]);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// As `time` and `chrono` write theirs.
struct Date;

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("2026-02-28T12:00:00Z")
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct Request {
    text: &'static str,
    number: u64,
    same_number: &'static str,
    flag: bool,
    none: Option<&'static str>,
    some: Option<u8>,
    tier: Tier,
    method: Method,
    address: Address,
    list: Vec<u8>,
    people: Vec<Address>,
    map: BTreeMap<&'static str, u8>,
    huge: u64,
    wide: u128,
    not_a_number: f64,
    bytes: Bytes,
    date: Date,
    long: String,
}

fn request() -> Request {
    let address = Address { city: "Bern", zip: 3000, password: "hunter2" };
    Request {
        text: "DE89370400440532013000",
        number: 12_345_678,
        same_number: "12345678",
        flag: true,
        none: None,
        some: Some(1),
        tier: Tier::Gold,
        method: Method::Card { last4: "4242" },
        address: address.clone(),
        list: vec![1, 2],
        people: vec![address],
        map: [("a", 1)].into(),
        huge: u64::MAX,
        wide: 1,
        not_a_number: f64::NAN,
        bytes: Bytes(b"\x00\xff"),
        date: Date,
        long: "x".repeat(100_000),
    }
}

macro_rules! with_rule {
    ($name:ident, $rule:tt $(($($argument:tt)*))?) => {
        #[audited(
            action = "thing.done",
            target(type = "thing", id = 1),
            body(request:
                text = $rule $(($($argument)*))?, number = $rule $(($($argument)*))?, same_number = $rule $(($($argument)*))?,
                flag = $rule $(($($argument)*))?, none = $rule $(($($argument)*))?, some = $rule $(($($argument)*))?,
                tier = $rule $(($($argument)*))?, method = $rule $(($($argument)*))?, address = $rule $(($($argument)*))?,
                list = $rule $(($($argument)*))?, people = $rule $(($($argument)*))?, map = $rule $(($($argument)*))?,
                huge = $rule $(($($argument)*))?, wide = $rule $(($($argument)*))?,
                not_a_number = $rule $(($($argument)*))?, bytes = $rule $(($($argument)*))?, date = $rule $(($($argument)*))?,
                long = $rule $(($($argument)*))?,
            ),
        )]
        fn $name(request: &Request) {
            let _ = request;
        }
    };
}

with_rule!(in_the_open, allow);
with_rule!(hashed, hash);
with_rule!(masked, mask);
with_rule!(masked_to_the_last, mask(last = 4));
with_rule!(redacted, redact);

fn told(call: fn(&Request)) -> Value {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    call(&request());
    recorder.events()[0].json()["event"]["metadata"].clone()
}

#[test]
fn without_a_rule_a_value_keeps_its_type_as_far_as_it_fits() {
    let mut metadata = told(in_the_open);
    assert_eq!(metadata["long"].take().as_str().map(|text| text.chars().count()), Some(500));
    assert_eq!(
        metadata,
        json!({
            "text": "DE89370400440532013000", "number": 12_345_678, "same_number": "12345678", "flag": true, "some": 1,
            "tier": "gold", "method_Card_last4": "4242",
            "address_city": "Bern", "address_zip": 3000, "address_password": "[redacted]",
            "list": "[1,2]", "people": r#"[{"city":"Bern","zip":3000,"password":"[redacted]"}]"#, "map_a": 1,
            "huge": "18446744073709551615", "wide": "1", "not_a_number": "NaN", "bytes": "00ff",
            "date": "2026-02-28T12:00:00Z", "long": null,
        })
    );
}

/// The keys that every rule tells: nested values are redacted one by one, a list as a whole, and nothing of what is absent.
const KEYS: [&str; 19] = [
    "text",
    "number",
    "same_number",
    "flag",
    "some",
    "tier",
    "method_Card_last4",
    "address_city",
    "address_zip",
    "address_password",
    "list",
    "people",
    "map_a",
    "huge",
    "wide",
    "not_a_number",
    "bytes",
    "date",
    "long",
];

fn all(shown: &str, except: &[(&str, &str)]) -> Value {
    let shown = |key: &str| except.iter().find(|(name, _)| *name == key).map_or(shown, |(_, shown)| shown).to_owned();
    KEYS.iter().map(|key| ((*key).to_owned(), Value::from(shown(key)))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn mask_and_redact_show_nothing_of_any_value() {
    let hidden = [("list", "[redacted]"), ("people", "[redacted]"), ("long", "[redacted]")];
    assert_eq!(told(redacted), all("[redacted]", &[]));
    assert_eq!(told(masked), all("****", &hidden));
}

#[test]
fn the_last_characters_are_at_most_a_quarter() {
    let last = [
        ("text", "****3000"),
        ("number", "****78"),
        ("same_number", "****78"),
        ("flag", "****e"),
        ("tier", "****d"),
        ("method_Card_last4", "****2"),
        ("address_city", "****n"),
        ("address_zip", "****0"),
        ("address_password", "****2"),
        ("list", "[redacted]"),
        ("people", "[redacted]"),
        ("huge", "****1615"),
        ("bytes", "****f"),
        ("date", "****:00Z"),
        ("long", "[redacted]"),
    ];
    assert_eq!(told(masked_to_the_last), all("****", &last));
}

#[test]
fn a_hash_is_that_of_the_text_whatever_the_type() {
    let metadata = told(hashed);
    assert_eq!(metadata["number"], metadata["same_number"]);
    assert_eq!(metadata["some"], metadata["wide"]);
    assert_ne!(metadata["number"], metadata["huge"]);
    assert_eq!(metadata, told(hashed), "equal values stay comparable from event to event");
    for key in KEYS {
        let shown = metadata[key].as_str().unwrap();
        match key {
            "list" | "people" | "long" => assert_eq!(shown, "[redacted]", "{key}"),
            _ => assert!(shown.starts_with("hmac-sha256:") && shown.len() == 76, "{key}: {shown}"),
        }
    }
    assert_eq!(metadata.as_object().map(serde_json::Map::len), Some(KEYS.len()));
    let other = HashKey::new(&[1; 32]).unwrap().hash("true");
    assert_ne!(metadata["flag"], other, "the key is the log's");
}

#[test]
fn a_number_is_one_as_long_as_every_reader_has_all_of_its_digits() {
    const EXACT: i64 = 1 << 53;
    let recorder = Recorder::new();
    let _installed = recorder.install();
    event("thing.done")
        .target_of("thing", 1)
        .metadata("most", EXACT.unsigned_abs())
        .metadata("more", EXACT.unsigned_abs() + 1)
        .metadata("least", -EXACT)
        .metadata("less", -EXACT - 1)
        .metadata("signed", EXACT + 1)
        .metadata("float", EXACT as f64)
        .metadata("large_float", -2.0 * EXACT as f64)
        .metadata("short_float", 0.1_f32)
        .metadata("wide", -1_i128)
        .metadata("endless", f64::NEG_INFINITY)
        .emit();
    assert_eq!(
        recorder.only().json()["event"]["metadata"],
        json!({
            "most": EXACT, "more": "9007199254740993", "least": -EXACT, "less": "-9007199254740993",
            "signed": "9007199254740993", "float": EXACT as f64, "large_float": "-18014398509481984", "short_float": 0.1,
            "wide": "-1", "endless": "-inf",
        })
    );
}

/// A text that fails in its middle.
struct Half;

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half of it")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_text_that_is_not_whole_is_cut_and_counted_and_never_hashed() {
    #[audited(
        action = "thing.done",
        target(type = "thing", id = 1),
        metadata(%long, hashed: hash = %long, masked: mask(last = 4) = %half, whole: hash = %short, nothing),
    )]
    fn call(long: &str, short: &str, half: Half, nothing: ()) {
        let _ = (long, short, half, nothing);
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    call(&"x".repeat(100_000), "x", Half, ());
    let mut metadata = recorder.only().json()["event"]["metadata"].clone();
    assert_eq!(metadata["long"].take().as_str().map(str::len), Some(502), "500 characters, the last of them `…`");
    assert!(metadata["whole"].take().as_str().is_some_and(|hash| hash.starts_with("hmac-sha256:")));
    assert_eq!(metadata, json!({"long": null, "hashed": "[redacted]", "masked": "[redacted]", "whole": null}));
    assert_eq!(recorder.stats().mended.truncated, 1);
}

#[test]
fn what_is_nested_too_deep_is_cut_and_counted() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let mut nested = json!({"x": 1});
    for _ in 0..8 {
        nested = json!({"x": nested, "y": 2});
    }
    event("thing.done").target_of("thing", 1).body(&nested).emit();
    assert_eq!(recorder.only().metadata("x_x_x_x_x_x_x_x"), "…");
    assert_eq!(recorder.only().metadata("x_x_x_x_x_x_x_y"), 2);
    assert_eq!(recorder.stats().mended.truncated, 1);
}

#[test]
fn the_last_characters_fit_into_a_value() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let text = "x".repeat(10_000);
    event("thing.done").target_of("thing", 1).metadata_as("last", text, Redaction::MaskLast(5_000)).emit();
    assert_eq!(recorder.only().metadata("last").as_str().map(|text| (text.len(), &text[..5])), Some((500, "****x")));
}

/// However it is spelled, and wherever it comes from.
#[test]
fn each_name_of_the_lists_is_that_of_a_secret() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    for name in SECRET_NAMES.iter().chain(SECRET_WHOLE_NAMES) {
        let (first, rest) = name.split_at(1);
        let spelled = [name.to_uppercase(), format!("{first}_{rest}"), format!("{first}-{rest}_")];
        for key in spelled {
            event("thing.done")
                .target_of("thing", 1)
                .body(&json!({key.as_str(): "hunter2", "in": {key.as_str(): 1}, "of": [{key.as_str(): true}]}))
                .emit();
            let told = recorder.events().pop().unwrap().json()["event"]["metadata"].clone();
            assert_eq!((&told[&key], &told[format!("in_{key}")]), (&json!("[redacted]"), &json!("[redacted]")));
            assert_eq!(told["of"], format!(r#"[{{"{key}":"[redacted]"}}]"#));
        }
        let longer = format!("{name}word");
        assert_eq!(looks_secret(&longer), SECRET_NAMES.contains(name) || *name == "pass", "{longer}");
    }
}

#[test]
fn what_does_not_serialize_is_counted_and_takes_nothing_with_it() {
    #[derive(Clone, Copy)]
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    #[derive(Serialize)]
    struct Some {
        before: u8,
        broken: Broken,
        after: u8,
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    event("thing.done")
        .target_of("thing", 1)
        .metadata("alone", Broken)
        .metadata("list", (1, Broken, 2))
        .metadata("some", Some { before: 1, broken: Broken, after: 2 })
        .emit();
    let metadata = recorder.only().json()["event"]["metadata"].clone();
    assert_eq!(metadata, json!({"list": "[1,null,2]", "some_before": 1, "some_after": 2}));
    assert_eq!(recorder.stats().mended.failed, 3);
}

struct Session(&'static str);

impl AuditTarget for Session {
    const TYPE: &'static str = "session";

    fn describe(&self, target: &mut TargetWriter<'_>) {
        target.id(1).metadata("token", self.0).metadata_as("access_token", self.0, Redaction::None);
    }
}

impl AuditActor for Session {
    const TYPE: &'static str = "session";

    fn describe(&self, actor: &mut ActorWriter<'_>) {
        actor.id(1).metadata("jwt", self.0).metadata_as("cookie", self.0, Redaction::None);
    }
}

impl AuditBody for Session {
    fn describe(&self, body: &mut BodyWriter<'_>) {
        body.metadata("otp", self.0).metadata_as("passphrase", self.0, Redaction::None);
    }
}

#[test]
fn what_is_written_by_hand_under_the_name_of_a_secret_is_redacted_as_well() {
    #[audited(action = "session.opened", actor = session, targets(session), body(session))]
    fn open(session: &Session) {
        audited::record(|event| {
            event.metadata("api_key", session.0).metadata_as("password", session.0, Redaction::None);
        });
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    open(&Session("s1"));
    let event = &recorder.events()[0];
    assert_eq!(event.targets()[0]["metadata"], json!({"token": "[redacted]", "access_token": "s1"}));
    assert_eq!(event.actor()["metadata"], json!({"jwt": "[redacted]", "cookie": "s1"}));
    assert_eq!(
        event.json()["event"]["metadata"],
        json!({"api_key": "[redacted]", "password": "s1", "otp": "[redacted]", "passphrase": "s1"})
    );
}
