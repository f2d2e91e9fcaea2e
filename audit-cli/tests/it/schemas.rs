//! Actions and schemas over HTTP, and what they mean for events.

use audited_cli::LocalWorkos;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Sender, event, told};

async fn register(sender: &Sender, action: &str, schema: &Value) -> (u16, Value) {
    let path = format!("/audit_logs/actions/{action}/schemas");
    told(sender.request(Method::POST, &path).json(schema).send().await.unwrap()).await
}

async fn get(sender: &Sender, path: &str) -> (u16, Value) {
    told(sender.request(Method::GET, path).send().await.unwrap()).await
}

#[tokio::test]
async fn an_action_is_registered_then_its_events_are_checked_by_version() {
    let workos = LocalWorkos::builder().register_on_first_use(false).start().unwrap();
    let sender = Sender::to(&workos);
    let send = || sender.create(None, event("a").to_string());

    let (status, answer) = told(send().await.unwrap()).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_audit_log")));
    assert!(workos.rejected()[0].reason.as_deref().unwrap().contains("not registered"));

    let schema = json!({"targets": [{"type": "user"}, {"type": "team", "metadata":
        {"type": "object", "properties": {"owner": {"type": "string"}}}}],
        "actor": {"metadata": {"type": "object", "properties": {"role": {"type": "string"}}}}});
    let (status, created) = register(&sender, "user.signed_in", &schema).await;
    assert_eq!(status, 201);
    assert_eq!(created["object"], "audit_log_schema");
    assert_eq!(created["version"], 1);
    assert_eq!(created["targets"], schema["targets"]);
    assert_eq!(created["actor"], schema["actor"]);
    assert!(created["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(send().await.unwrap().status(), 200);

    let newer = json!({"targets": [{"type": "invoice"}]});
    assert_eq!(register(&sender, "user.signed_in", &newer).await.1["version"], 2);
    let mut second = event("b");
    second["event"]["version"] = json!(2);
    let (status, answer) = told(sender.create(None, second.to_string()).await.unwrap()).await;
    assert_eq!((status, answer["errors"][0]["instancePath"].as_str()), (400, Some("/targets/0/type")));
    assert_eq!(workos.counts().stored, 1);
}

#[tokio::test]
async fn actions_and_schemas_are_listed_page_by_page() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    for n in 1..=12 {
        let schema = json!({"targets": [{"type": format!("t{n}")}]});
        register(&sender, &format!("action.{n}"), &schema).await;
        register(&sender, "many.versions", &schema).await;
    }
    let (status, first) = get(&sender, "/audit_logs/actions").await;
    assert_eq!((status, first["object"].as_str()), (200, Some("list")));
    let names = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap().iter();
        data.map(|action| action["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first).len(), 10);
    assert_eq!(names(&first)[0], "action.12");
    let after = first["list_metadata"]["after"].as_str().unwrap();
    let (_, second) = get(&sender, &format!("/audit_logs/actions?after={after}")).await;
    assert_eq!(names(&second), ["action.2", "many.versions", "action.1"]);
    assert_eq!(second["list_metadata"]["after"], Value::Null);
    assert_eq!(second["data"][1]["schema"]["version"], 12);

    let path = "/audit_logs/actions/many.versions/schemas?order=asc&limit=3";
    let (_, page) = get(&sender, path).await;
    let versions: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|s| &s["version"]).collect();
    assert_eq!(versions, [1, 2, 3]);
    assert_eq!(get(&sender, "/audit_logs/actions/none/schemas").await.0, 404);
    assert_eq!(get(&sender, "/audit_logs/actions?limit=0").await.0, 422);
}

#[tokio::test]
async fn a_schema_that_is_none_is_422() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    for schema in [json!({}), json!({"targets": []}), json!([]), json!(null)] {
        let (status, answer) = register(&sender, "a.b", &schema).await;
        assert_eq!(status, 422, "{schema}");
        assert!(answer["message"].as_str().unwrap().contains("targets"));
    }
    assert_eq!(workos.rejected().len(), 4);
}

#[tokio::test]
async fn names_with_unusual_characters_are_names() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let schema = json!({"targets": [{"type": "t"}]});
    assert_eq!(register(&sender, "%3Cb%3E%2F%F0%9F%A6%80", &schema).await.0, 201);
    let (_, list) = get(&sender, "/audit_logs/actions").await;
    assert_eq!(list["data"][0]["name"], "<b>/🦀");
}

#[test]
fn schemas_come_from_files_and_a_wrong_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("schemas.json");
    let start = |text: &str| {
        std::fs::write(&file, text).unwrap();
        LocalWorkos::builder().schemas(&file).start()
    };
    assert!(start(r#"{"action": "a.b", "targets": [{"type": "t"}]}"#).is_ok());
    assert!(start(r#"[{"action": "a.b", "targets": [{"type": "t"}]}]"#).is_ok());
    for (text, says) in [
        ("{", "is not JSON"),
        (r#"{"targets": [{"type": "t"}]}"#, "schema 1 has no `action`"),
        (r#"[{"action": "a.b", "targets": []}]"#, "`targets` must have at least one"),
    ] {
        let error = start(text).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("schemas.json"), "{error}");
    }
}
