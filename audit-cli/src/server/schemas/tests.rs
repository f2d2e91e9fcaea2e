//! Versions, learned actions, and what does not fit.

use serde_json::json;

use super::*;

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn registry(schemas: &[Value]) -> Registry {
    let mut registry = Registry::default();
    for schema in schemas {
        let definition = Definition::parse(schema).unwrap();
        registry.register("team.joined", definition, at(), &Readings::default());
    }
    registry
}

fn event(targets: &[&str]) -> Value {
    let targets: Vec<Value> = targets.iter().map(|t| json!({"type": t, "id": "1"})).collect();
    json!({"action": "team.joined", "actor": {"type": "user", "id": "u"}, "targets": targets})
}

fn check(registry: &mut Registry, event: &Value) -> Result<(), Refusal> {
    registry.check(event, at(), &Readings::default(), false)
}

#[test]
fn every_type_of_the_schema_must_occur_and_the_error_is_as_recorded() {
    let mut registry = registry(&[json!({"targets": [{"type": "team"}]})]);
    assert!(check(&mut registry, &event(&["team"])).is_ok());
    assert!(check(&mut registry, &event(&["user", "team"])).is_ok());
    let refusal = check(&mut registry, &event(&["user"])).unwrap_err();
    assert_eq!(refusal.status, 400);
    assert_eq!(
        refusal.body,
        json!({"code": "invalid_audit_log", "message": "Invalid Audit Log event", "errors": [{
            "instancePath": "/targets/0/type",
            "schemaPath": "#/properties/targets/allOf/0/contains/properties/type/const",
            "keyword": "const", "params": {"allowValues": ["team"]},
            "message": "must be equal to constant", "schema": "team",
            "parentSchema": {"enum": ["team"], "type": "string"}, "data": "user"}]})
    );
    assert!(check(&mut registry, &event(&[])).is_err());
}

#[test]
fn an_event_is_checked_against_the_version_it_names_and_without_one_the_first() {
    let mut registry = registry(&[json!({"targets": [{"type": "team"}]}), json!({"targets": [{"type": "user"}]})]);
    let mut old = event(&["team"]);
    let mut new = event(&["user"]);
    assert!(check(&mut registry, &old).is_ok());
    assert!(check(&mut registry, &new).is_err());
    let latest = Readings { default_to_latest: true, ..Readings::default() };
    assert!(registry.check(&new, at(), &latest, false).is_ok());
    old["version"] = json!(2);
    new["version"] = json!(2.0);
    assert!(check(&mut registry, &old).is_err());
    assert!(check(&mut registry, &new).is_ok());
    new["version"] = json!(3);
    let refusal = check(&mut registry, &new).unwrap_err();
    assert!(refusal.reason.contains("no schema of version 3"), "{}", refusal.reason);
}

#[test]
fn metadata_is_held_against_its_schema_wherever_it_is() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "number"}},
        "required": ["n"]});
    let mut registry = registry(&[json!({"targets": [{"type": "team", "metadata": schema}],
        "actor": {"metadata": schema}, "metadata": schema})]);
    assert!(check(&mut registry, &event(&["team"])).is_ok(), "absent is not checked");
    for (pointer, path) in [
        ("/metadata", "/metadata"),
        ("/actor/metadata", "/actor/metadata"),
        ("/targets/0/metadata", "/targets/0/metadata"),
    ] {
        let with = |metadata: Value| {
            let mut event = event(&["team"]);
            let parent = pointer.trim_end_matches("/metadata");
            event.pointer_mut(parent).unwrap()["metadata"] = metadata;
            event
        };
        assert!(check(&mut registry, &with(json!({"n": 1}))).is_ok());
        let refusal = check(&mut registry, &with(json!({"n": "1"}))).unwrap_err();
        assert_eq!(refusal.body["errors"][0]["instancePath"], format!("{path}/n"));
        assert_eq!(refusal.body["errors"][0]["keyword"], "type");
        let refusal = check(&mut registry, &with(json!({}))).unwrap_err();
        assert_eq!(refusal.body["errors"][0]["message"], "must have required property 'n'");
    }
}

#[test]
fn an_unknown_action_is_refused_or_learned() {
    let mut registry = Registry::default();
    let refusal = check(&mut registry, &event(&["team"])).unwrap_err();
    assert_eq!(refusal.status, 400);
    assert!(refusal.advice.contains("--register-on-first-use"));

    let readings = Readings::default();
    for types in [&["team"][..], &["user", "user"], &[]] {
        let fits = registry.check(&event(types), at(), &readings, true);
        assert!(fits.is_ok(), "what is learned refuses nothing");
    }
    let action = registry.action("team.joined").unwrap();
    assert!(action.learned);
    assert_eq!(action.json()["schema"]["targets"], json!([{"type": "team"}, {"type": "user"}]));

    let definition = Definition::parse(&json!({"targets": [{"type": "team"}]})).unwrap();
    let (schema, new) = registry.register("team.joined", definition, at(), &readings);
    assert_eq!((schema.version, new), (1, true), "what is registered replaces it");
    assert!(registry.check(&event(&["user"]), at(), &readings, true).is_err());
}

#[test]
fn the_same_schema_again_is_the_same_version_unless_told_otherwise() {
    let mut registry = registry(&[json!({"targets": [{"type": "team"}]})]);
    let same = || Definition::parse(&json!({"targets": [{"type": "team"}], "x": 1})).unwrap();
    let (schema, new) = registry.register("team.joined", same(), at(), &Readings::default());
    assert_eq!((schema.version, new), (1, false));
    let readings = Readings { reuse_same_schema: false, ..Readings::default() };
    let (schema, new) = registry.register("team.joined", same(), at(), &readings);
    assert_eq!((schema.version, new), (2, true));
}

#[test]
fn targets_beyond_the_schema_are_refused_where_so_read() {
    let mut registry = registry(&[json!({"targets": [{"type": "team"}]})]);
    let readings = Readings { refuse_extra_targets: true, ..Readings::default() };
    let refusal = registry.check(&event(&["team", "user"]), at(), &readings, false).unwrap_err();
    assert_eq!(refusal.body["errors"][0]["instancePath"], "/targets/1/type");
}

#[test]
fn a_definition_that_is_none_is_told_where_and_why() {
    for (body, field, code) in [
        (json!(7), "targets", "required"),
        (json!({}), "targets", "required"),
        (json!({"targets": []}), "targets", "min_items"),
        (json!({"targets": {}}), "targets", "invalid_type"),
        (json!({"targets": ["team"]}), "targets.0", "invalid_type"),
        (json!({"targets": [{}]}), "targets.0.type", "required"),
        (json!({"targets": [{"type": 1}]}), "targets.0.type", "invalid_type"),
        (json!({"targets": [{"type": "t", "metadata": []}]}), "targets.0.metadata", "invalid_type"),
        (json!({"targets": [{"type": "t"}], "actor": {}}), "actor.metadata", "required"),
        (json!({"targets": [{"type": "t"}], "metadata": {"type": "strin"}}), "metadata", "invalid_schema"),
        (
            json!({"targets": [{"type": "t"}], "metadata": {"$ref": "http://127.0.0.1:9/x"}}),
            "metadata",
            "invalid_schema",
        ),
    ] {
        let error = Definition::parse(&body).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{body}");
    }
}
