//! Whatever is written to an event, and in whatever order, it keeps to the contract that WorkOS publishes.

use std::num::NonZeroU64;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::limits::*;
use super::*;
use crate::capture::{Actor, EventWriter};
use crate::outbox::Timestamp;

/// One thing that a caller may write.
#[derive(Debug, Clone)]
enum Op {
    Actor { id: String, name: Option<String>, organization: String },
    Organization(String),
    Target { kind: String, id: String, name: String },
    Targets(usize),
    Text { key: String, value: String, redaction: Redaction },
    Number(String, f64),
    Integer(String, i128),
    Body(Body),
}

/// JSON of any shape, as a request's body may be.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(untagged)]
enum Body {
    Nothing(Option<()>),
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Body>),
    Map(std::collections::BTreeMap<String, Body>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{0,12}",
        2 => "(?s).{0,20}",
        1 => "[\\x00-\\x1f\"\\\\]{0,30}",
        1 => (any::<char>(), 450usize..2_000).prop_map(|(char, times)| String::from(char).repeat(times)),
    ]
}

fn redaction() -> impl Strategy<Value = Redaction> {
    prop_oneof![
        Just(Redaction::None),
        Just(Redaction::Redact),
        Just(Redaction::Mask),
        (0usize..600).prop_map(Redaction::MaskLast),
        Just(Redaction::Hash),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    let leaf = prop_oneof![
        Just(Body::Nothing(None)),
        any::<bool>().prop_map(Body::Bool),
        any::<f64>().prop_map(Body::Number),
        text().prop_map(Body::Text),
    ];
    leaf.prop_recursive(12, 200, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Body::List),
            prop::collection::btree_map(text(), inner, 0..20).prop_map(Body::Map),
        ]
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (text(), prop::option::of(text()), text()).prop_map(|(id, name, organization)| Op::Actor {
            id,
            name,
            organization
        }),
        text().prop_map(Op::Organization),
        (text(), text(), text()).prop_map(|(kind, id, name)| Op::Target { kind, id, name }),
        (0usize..30).prop_map(Op::Targets),
        (text(), text(), redaction()).prop_map(|(key, value, redaction)| Op::Text { key, value, redaction }),
        (text(), any::<f64>()).prop_map(|(key, value)| Op::Number(key, value)),
        (text(), any::<i128>()).prop_map(|(key, value)| Op::Integer(key, value)),
        body().prop_map(Op::Body),
    ]
}

fn write(event: &mut EventWriter<'_>, op: &Op) {
    match op {
        Op::Actor { id, name, organization } => {
            let actor = Actor::user(id).organization(organization);
            event.actor(&match name {
                Some(name) => actor.clone().name(name).impersonated_by(actor),
                None => actor,
            });
        }
        Op::Organization(id) => _ = event.organization(id),
        Op::Target { kind, id, name } => _ = event.target_of_named(kind, id, name),
        Op::Targets(count) => (0..*count).for_each(|id| _ = event.target_of("many", id)),
        Op::Text { key, value, redaction } => _ = event.metadata_as(key, value, *redaction),
        Op::Number(key, value) => _ = event.metadata(key, value),
        Op::Integer(key, value) => _ = event.metadata(key, value),
        Op::Body(body) => _ = event.body(body),
    }
}

fn encode(before: &[Op], after: &[Op], ending: Ending, defaults: Defaults<'_>) -> Encoded {
    let key = HashKey::new(&[7; 32]);
    let mut draft = Draft::begin("a.b", 3, Timestamp(1_700_000_000_000), |buf| {
        buf.extend_from_slice(b"{\"location\":\"here\"}");
    });
    before.iter().chain(after).for_each(|op| write(&mut EventWriter::new(&mut draft, key.as_ref()), op));
    draft.finish(defaults, ending)
}

/// The contract: WorkOS' OpenAPI description of "Create event", and its limit of 20 targets.
fn check_contract(json: &Value) -> Result<(), String> {
    let event = json["event"].as_object().ok_or("no event")?;
    for key in event.keys() {
        let known = ["action", "version", "occurred_at", "context", "actor", "targets", "metadata"];
        known.contains(&key.as_str()).then_some(()).ok_or_else(|| format!("unknown member {key}"))?;
    }
    event["action"].as_str().filter(|action| !action.is_empty()).ok_or("action")?;
    event["version"].as_u64().ok_or("version")?;
    event["occurred_at"].as_str().filter(|at| *at == "2023-11-14T22:13:20.000Z").ok_or("occurred_at")?;
    event["context"]["location"].as_str().filter(|location| !location.is_empty()).ok_or("location")?;
    check_thing(&event["actor"])?;
    let targets = event["targets"].as_array().ok_or("no targets")?;
    (1..=TARGETS).contains(&targets.len()).then_some(()).ok_or_else(|| format!("{} targets", targets.len()))?;
    targets.iter().try_for_each(check_thing)?;
    event.get("metadata").map_or(Ok(()), check_metadata)?;
    if let Some(organization) = json.get("organization_id") {
        organization.as_str().filter(|id| !id.is_empty()).ok_or("organization")?;
    }
    Ok(())
}

fn check_thing(thing: &Value) -> Result<(), String> {
    for key in ["id", "type"] {
        thing[key].as_str().filter(|text| !text.is_empty()).ok_or_else(|| format!("{key} of {thing}"))?;
    }
    thing.get("name").is_none_or(Value::is_string).then_some(()).ok_or("name")?;
    thing.get("metadata").map_or(Ok(()), check_metadata)
}

fn check_metadata(metadata: &Value) -> Result<(), String> {
    let members = metadata.as_object().ok_or("metadata is no object")?;
    (1..=METADATA_KEYS).contains(&members.len()).then_some(()).ok_or_else(|| format!("{} keys", members.len()))?;
    for (key, value) in members {
        let fits = (1..=METADATA_KEY_CHARS).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        fits.then_some(()).ok_or_else(|| format!("key {key:?}"))?;
        match value {
            Value::String(text) if text.chars().count() <= METADATA_VALUE_CHARS => {}
            Value::Number(number) if number.as_f64().is_some_and(|float| float.abs() <= EXACT_INTEGER as f64) => {}
            Value::Bool(_) => {}
            other => return Err(format!("value {other} under {key:?}")),
        }
    }
    Ok(())
}

/// `serde_json` takes the last of two equal keys in silence; the contract's reader may not.
fn has_no_duplicate_keys(payload: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(payload) else { return false };
    // What is lost when a duplicate is dropped is lost in the length, too.
    serde_json::to_vec(&value).is_ok_and(|compact| compact.len() == normalized_len(payload))
}

/// The length of `payload` with every string and number as `serde_json` writes it.
fn normalized_len(payload: &[u8]) -> usize {
    let mut tokens = serde_json::Deserializer::from_slice(payload);
    let mut len = 0;
    serde::de::Deserializer::deserialize_any(&mut tokens, Measure(&mut len)).map_or(0, |()| len)
}

/// Adds up what a value takes when it is written without spaces, duplicates included.
struct Measure<'a>(&'a mut usize);

impl<'de> serde::de::DeserializeSeed<'de> for Measure<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Measure<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.0 += if value { 4 } else { 5 };
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.0 += value.to_string().len();
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.0 += value.to_string().len();
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.0 += serde_json::to_string(&value).unwrap_or_default().len();
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.0 += serde_json::to_string(value).unwrap_or_default().len();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 += 4;
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        *self.0 += 2;
        let mut first = true;
        while items.next_element_seed(Measure(self.0))?.is_some() {
            *self.0 += usize::from(!std::mem::take(&mut first));
        }
        Ok(())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        *self.0 += 2;
        let mut first = true;
        while members.next_key_seed(Measure(self.0))?.is_some() {
            *self.0 += 1 + usize::from(!std::mem::take(&mut first));
            members.next_value_seed(Measure(self.0))?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_event_keeps_the_contract(
        before in vec(op(), 0..12),
        after in vec(op(), 0..6),
        outcome in prop::option::of(Just("failure")),
        action in prop::option::of(Just("a.failed_in_another_way")),
        trace in prop::option::of((any::<u64>(), 1..1_u64 << 53)),
    ) {
        let trace = trace.and_then(|(instance, number)| Some(Trace { instance, sequence: NonZeroU64::new(number)? }));
        let mut context = Fragments::default();
        context.set("request_id", |json| json.extend_from_slice(b"\"r\""));
        context.set("outcome", |json| json.extend_from_slice(b"\"mine\""));
        let defaults = Defaults { metadata: Some(&context), organization: Some(b"\"org\""), ..Defaults::default() };
        let encoded = encode(&before, &after, Ending { outcome, action, trace }, defaults);
        let json: Value = serde_json::from_slice(&encoded.payload)
            .map_err(|error| TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(&encoded.payload))))?;
        check_contract(&json).map_err(TestCaseError::fail)?;
        prop_assert!(encoded.payload.len() <= EVENT_BYTES);
        prop_assert!(has_no_duplicate_keys(&encoded.payload));
        prop_assert_eq!(json["event"]["action"].as_str(), Some(action.unwrap_or("a.b")));
        if let Some(outcome) = outcome {
            prop_assert_eq!(json["event"]["metadata"]["outcome"].as_str(), Some(outcome));
        }
        if let Some(trace) = trace {
            let metadata = &json["event"]["metadata"];
            prop_assert_eq!(metadata["audited_seq"].as_u64(), Some(trace.sequence.get()));
            prop_assert_eq!(metadata["audited_id"].as_str(), Some(&*trace.id()));
        }
        // The same input is mended in the same way.
        prop_assert_eq!(encoded.payload, encode(&before, &after, Ending { outcome, action, trace }, defaults).payload);
    }
}

fn metadata_of(value: &impl serde::Serialize) -> (Value, Mended) {
    let mut draft = Draft::begin("a.b", 1, Timestamp(0), |buf| buf.extend_from_slice(b"{\"location\":\"here\"}"));
    EventWriter::new(&mut draft, None).body(value);
    let encoded = draft.finish(Defaults::default(), Ending::default());
    let json: Value = serde_json::from_slice(&encoded.payload).unwrap();
    (json["event"]["metadata"].clone(), encoded.mended)
}

#[test]
fn a_body_is_flattened_by_rule() {
    #[derive(serde::Serialize)]
    enum Method {
        Card { last4: String },
        Wire(String),
        Cash,
        Split(u8, u8),
    }
    #[derive(serde::Serialize)]
    struct Payment {
        amount: u64,
        huge: u64,
        ratio: f64,
        not_a_number: f64,
        note: Option<String>,
        absent: Option<String>,
        tags: Vec<&'static str>,
        lines: Vec<Method>,
        method: Method,
        other: Method,
        third: Method,
        password: String,
        nested: std::collections::BTreeMap<String, std::collections::BTreeMap<u8, bool>>,
    }
    let payment = Payment {
        amount: 1_299,
        huge: u64::MAX,
        ratio: 0.5,
        not_a_number: f64::NAN,
        note: Some("thanks".to_owned()),
        absent: None,
        tags: vec!["a", "b"],
        lines: vec![Method::Cash, Method::Split(1, 2)],
        method: Method::Card { last4: "4242".to_owned() },
        other: Method::Wire("DE89".to_owned()),
        third: Method::Cash,
        password: "hunter2".to_owned(),
        nested: [("a b".to_owned(), [(7, true)].into())].into(),
    };
    let (metadata, mended) = metadata_of(&payment);
    assert_eq!(
        metadata,
        serde_json::json!({
            "amount": 1_299,
            "huge": "18446744073709551615",
            "ratio": 0.5,
            "not_a_number": "NaN",
            "note": "thanks",
            "tags": "[\"a\",\"b\"]",
            "lines": "[\"Cash\",{\"Split\":[1,2]}]",
            "method_Card_last4": "4242",
            "other_Wire": "DE89",
            "third": "Cash",
            "password": "[redacted]",
            "nested_a_b_7": true,
        })
    );
    assert_eq!((mended.redacted, mended.renamed), (1, 1));
}

#[test]
fn a_secret_in_a_list_is_hidden_as_it_is_beside_one() {
    #[derive(serde::Serialize)]
    struct Login {
        user: &'static str,
        password: &'static str,
    }
    let (metadata, mended) = metadata_of(&serde_json::json!({
        "logins": [Login { user: "ada", password: "hunter2" }, Login { user: "bob", password: "hunter3" }],
    }));
    assert_eq!(
        metadata["logins"],
        "[{\"password\":\"[redacted]\",\"user\":\"ada\"},{\"password\":\"[redacted]\",\"user\":\"bob\"}]"
    );
    assert_eq!(mended.redacted, 2);
}

#[test]
fn a_hostile_body_costs_little() {
    /// Counts how many elements somebody asked for.
    struct Endless<'a>(&'a std::cell::Cell<u64>);
    impl serde::Serialize for Endless<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..10_000_000).inspect(|_| self.0.set(self.0.get() + 1)))
        }
    }
    struct Wide<'a>(&'a std::cell::Cell<u64>);
    impl serde::Serialize for Wide<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let entries = (0..10_000_000).inspect(|_| self.0.set(self.0.get() + 1));
            serializer.collect_map(entries.map(|key| (key, key)))
        }
    }
    struct Deep<'a>(&'a std::cell::Cell<u64>);
    impl serde::Serialize for Deep<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.set(self.0.get() + 1);
            serializer.collect_map([("down", Deep(self.0))])
        }
    }
    let asked = std::cell::Cell::new(0);
    let (metadata, mended) = metadata_of(&Endless(&asked));
    assert!(asked.take() < 2_100);
    assert_eq!(metadata["body"].as_str().unwrap().chars().count(), METADATA_VALUE_CHARS);
    assert_eq!(mended.truncated, 1);
    let (metadata, mended) = metadata_of(&Wide(&asked));
    assert!(asked.take() < 100);
    assert_eq!(metadata.as_object().unwrap().len(), USER_METADATA_KEYS);
    assert_eq!(mended.dropped, 1);
    let (metadata, _) = metadata_of(&Deep(&asked));
    assert_eq!(asked.take(), 9);
    assert_eq!(metadata.as_object().unwrap().values().next().unwrap(), "…");
}

#[test]
fn targets_beyond_the_twentieth_are_counted() {
    let encoded = encode(&[Op::Targets(57)], &[], Ending::default(), Defaults::default());
    let json: Value = serde_json::from_slice(&encoded.payload).unwrap();
    let targets = json["event"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), TARGETS);
    assert_eq!(targets[18]["id"], "18");
    assert_eq!(targets[19], serde_json::json!({"type": "many", "id": "more", "name": "and 38 more"}));
    assert_eq!(encoded.mended.extra_targets, 38);
}
