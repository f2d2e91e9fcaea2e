//! The contract, limit by limit: on the limit is good, one past it is not.

use serde_json::{Map, Value, json};

use super::*;

fn documented() -> Value {
    json!({"organization_id": "org_01EHWNCE74X7JSDV0X3SZ3KJNY", "event": {
        "action": "user.signed_in", "occurred_at": "2022-09-02T16:35:39.317Z", "version": 1,
        "actor": {"type": "user", "id": "user_TF4C5938", "metadata": {"role": "admin"}},
        "targets": [{"type": "user", "id": "user_98432YHF", "name": "Jon Smith"},
            {"type": "team", "id": "team_J8YASKA2", "metadata": {"owner": "user_01GBTCQ2"}}],
        "context": {"location": "123.123.123.123", "user_agent": "Chrome/104.0.0.0"},
        "metadata": {"extra": "data"}}})
}

fn run(value: &Value) -> Result<ValidRequest, Refusal> {
    check(value.to_string().as_bytes(), &Readings::default())
}

/// The documented event with the value at `pointer` replaced, or removed if it is none.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut request = documented();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap();
    match (value, parent) {
        (Some(value), Value::Array(parent)) => parent[name.parse::<usize>().unwrap()] = value,
        (Some(value), parent) => parent[name] = value,
        (None, Value::Object(parent)) => assert!(parent.remove(name).is_some()),
        (None, parent) => panic!("{parent} has no members"),
    }
    request
}

fn keys(count: usize) -> Value {
    Value::Object((0..count).map(|i| (format!("k{i}"), json!(i))).collect::<Map<_, _>>())
}

#[test]
fn the_documented_example_is_good() {
    let request = run(&documented()).unwrap();
    assert_eq!(request.organization, "org_01EHWNCE74X7JSDV0X3SZ3KJNY");
    assert_eq!(request.event, documented()["event"]);
}

#[test]
fn each_missing_member_is_named() {
    for (pointer, field) in [
        ("/organization_id", "organization_id"),
        ("/event", "event"),
        ("/event/action", "event.action"),
        ("/event/occurred_at", "event.occurred_at"),
        ("/event/actor", "event.actor"),
        ("/event/actor/id", "event.actor.id"),
        ("/event/actor/type", "event.actor.type"),
        ("/event/targets", "event.targets"),
        ("/event/targets/1/id", "event.targets.1.id"),
        ("/event/targets/1/type", "event.targets.1.type"),
        ("/event/context", "event.context"),
        ("/event/context/location", "event.context.location"),
    ] {
        let expected = json!({"message": "Validation failed.",
            "errors": [{"code": "required", "field": field}]});
        for request in [with(pointer, None), with(pointer, Some(Value::Null))] {
            let refusal = run(&request).unwrap_err();
            assert_eq!((refusal.status, &refusal.body), (422, &expected));
            assert!(refusal.reason.contains(field), "{}", refusal.reason);
        }
    }
}

#[test]
fn each_member_of_the_wrong_type_is_named() {
    for (pointer, wrong) in [
        ("/organization_id", json!(1)),
        ("/event", json!([])),
        ("/event/action", json!({})),
        ("/event/version", json!("1")),
        ("/event/version", json!(1.5)),
        ("/event/actor", json!("user_1")),
        ("/event/actor/name", json!(null)),
        ("/event/actor/metadata", json!([])),
        ("/event/targets", json!({})),
        ("/event/targets/0", json!("user")),
        ("/event/targets/0/name", json!(7)),
        ("/event/context/user_agent", json!(7)),
        ("/event/metadata", json!("x")),
    ] {
        let refusal = run(&with(pointer, Some(wrong))).unwrap_err();
        let field = pointer[1..].replace('/', ".");
        assert_eq!(refusal.status, 422, "{pointer}");
        assert_eq!(refusal.body["errors"], json!([{"code": "invalid_type", "field": field}]));
    }
}

#[test]
fn all_faults_of_form_are_told_at_once() {
    let refusal = run(&json!({"event": {"actor": {}}})).unwrap_err();
    let fields: Vec<&str> =
        refusal.body["errors"].as_array().unwrap().iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(
        fields,
        [
            "organization_id",
            "event.action",
            "event.occurred_at",
            "event.actor.id",
            "event.actor.type",
            "event.targets",
            "event.context"
        ]
    );
}

#[test]
fn times_are_utc_unless_any_offset_is_read() {
    let any = Readings { utc_only: false, ..Readings::default() };
    for (text, utc, offset) in [
        ("2026-01-15T12:00:00.000Z", true, true),
        ("2026-01-15T12:00:00Z", true, true),
        ("2026-01-15T12:00:00+02:00", false, true),
        ("2026-01-15T12:00:00", false, false),
        ("2026-01-15 12:00:00Z", false, false),
        ("2026-02-30T12:00:00Z", false, false),
        ("yesterday", false, false),
        ("", false, false),
    ] {
        let body = with("/event/occurred_at", Some(json!(text))).to_string();
        let answer = |readings: &Readings| check(body.as_bytes(), readings).map_err(|r| r.status);
        assert_eq!(answer(&Readings::default()).is_ok(), utc, "{text}");
        assert_eq!(answer(&any).is_ok(), offset, "{text}");
    }
}

#[test]
fn a_body_that_is_not_an_object_is_told_so() {
    for (body, status) in [("", 400), ("{", 400), ("[]", 422), ("null", 422), ("7", 422)] {
        let refusal = check(body.as_bytes(), &Readings::default()).unwrap_err();
        assert_eq!(refusal.status, status, "{body}");
        assert!(refusal.body["message"].is_string());
    }
}

#[test]
fn metadata_has_fifty_keys_of_forty_characters_and_values_of_five_hundred() {
    for place in ["/event", "/event/actor", "/event/targets/0"] {
        let pointer = format!("{place}/metadata");
        let instance = pointer.trim_start_matches("/event");
        let long = "k".repeat(40);
        let crab = "🦀".repeat(500);
        for good in [
            keys(50),
            json!({ long.as_str(): 1 }),
            json!({"": 1, "a-B_9": true}),
            json!({ "v": crab }),
            json!({"v": 1.5, "w": -3}),
        ] {
            assert!(run(&with(&pointer, Some(good))).is_ok(), "{pointer}");
        }
        for (bad, keyword, at) in [
            (keys(51), "maxProperties", instance.to_owned()),
            (json!({ format!("{long}k"): 1 }), "additionalProperties", instance.to_owned()),
            (json!({"a.b": 1}), "additionalProperties", instance.to_owned()),
            (json!({"ü": 1}), "additionalProperties", instance.to_owned()),
            (json!({ "v": format!("{crab}x") }), "maxLength", format!("{instance}/v")),
            (json!({"v": null}), "type", format!("{instance}/v")),
            (json!({"v": []}), "type", format!("{instance}/v")),
            (json!({"v": {}}), "type", format!("{instance}/v")),
        ] {
            let refusal = run(&with(&pointer, Some(bad))).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert_eq!(refusal.body["code"], "invalid_audit_log");
            assert_eq!(refusal.body["errors"][0]["keyword"], keyword, "{pointer}");
            assert_eq!(refusal.body["errors"][0]["instancePath"], at);
            assert!(!refusal.advice.is_empty());
        }
    }
}

#[test]
fn values_of_any_length_are_good_where_so_read() {
    let readings = Readings { limit_values: false, ..Readings::default() };
    let long = with("/event/metadata", Some(json!({ "v": "x".repeat(2_000) })));
    assert!(check(long.to_string().as_bytes(), &readings).is_ok());
}

#[test]
fn twenty_targets_are_good_and_twenty_one_are_not() {
    let targets = |n: usize| Some(json!(vec![json!({"type": "user", "id": "u"}); n]));
    assert!(run(&with("/event/targets", targets(20))).is_ok());
    let refusal = run(&with("/event/targets", targets(21))).unwrap_err();
    assert_eq!(
        refusal.body,
        json!({"code": "invalid_audit_log", "message": "Invalid Audit Log event", "errors": [{
            "instancePath": "/targets", "schemaPath": "#/properties/targets/maxItems",
            "keyword": "maxItems", "params": {"limit": 20},
            "message": "must NOT have more than 20 items"}]})
    );
}

#[test]
fn members_that_the_description_does_not_name_are_ignored() {
    assert!(run(&with("/event/extra", Some(json!({"a": null})))).is_ok());
}
