//! Exports, retention, configuration.

use std::time::Duration;

use audited_cli::{LocalWorkos, Reading};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Sender, client, event, told};

const ORGANIZATION: &str = "org_01EHWNCE74X7JSDV0X3SZ3KJNY";

fn order() -> Value {
    json!({"organization_id": ORGANIZATION, "range_start": "2022-01-01T00:00:00.000Z",
        "range_end": "2023-01-01T00:00:00.000Z"})
}

async fn export(sender: &Sender, order: &Value) -> (u16, Value) {
    let request = sender.request(Method::POST, "/audit_logs/exports").json(order);
    told(request.send().await.unwrap()).await
}

async fn get(sender: &Sender, path: &str) -> (u16, Value) {
    told(sender.request(Method::GET, path).send().await.unwrap()).await
}

#[tokio::test]
async fn an_export_becomes_ready_and_its_url_downloads_until_it_expires() {
    let workos = LocalWorkos::builder().export_delay(Duration::from_secs(3600)).start().unwrap();
    let sender = Sender::to(&workos);
    for actor in ["one", "two, \"quoted\""] {
        sender.create(None, event(actor).to_string()).await.unwrap();
    }
    let (status, created) = export(&sender, &order()).await;
    assert_eq!((status, created["state"].as_str()), (201, Some("pending")));
    assert!(created.get("url").is_none());
    // Stored after the export was made, so not in it.
    workos.advance(Duration::from_secs(1));
    sender.create(None, event("late").to_string()).await.unwrap();
    let path = format!("/audit_logs/exports/{}", created["id"].as_str().unwrap());
    assert_eq!(get(&sender, &path).await.1["state"], "pending");
    workos.advance(Duration::from_secs(3600));
    let (status, ready) = get(&sender, &path).await;
    assert_eq!((status, ready["state"].as_str()), (200, Some("ready")));

    let url = ready["url"].as_str().unwrap();
    let response = client().get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let csv = response.bytes().await.unwrap();
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let actors: Vec<String> = reader.records().map(|row| row.unwrap()[5].to_owned()).collect();
    assert_eq!(actors, ["one", "two, \"quoted\""]);

    workos.advance(Duration::from_secs(600));
    assert_eq!(client().get(url).send().await.unwrap().status(), 403);
    let (_, again) = get(&sender, &path).await;
    assert_ne!(again["url"], ready["url"]);
    assert_eq!(client().get(again["url"].as_str().unwrap()).send().await.unwrap().status(), 200);
    workos.advance(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(get(&sender, &path).await.1["state"], "expired");
}

#[tokio::test]
async fn what_cannot_be_exported_is_told() {
    let workos = LocalWorkos::builder().organization(ORGANIZATION).start().unwrap();
    let sender = Sender::to(&workos);
    let (status, answer) = export(&sender, &order()).await;
    assert_eq!((status, answer), (400, json!({"message": ["No audit log events found"], "error": "Bad Request"})));
    let mut other = order();
    other["organization_id"] = json!("org_other");
    assert_eq!(export(&sender, &other).await.0, 400);
    let mut empty = order();
    empty["range_end"] = empty["range_start"].clone();
    assert_eq!(export(&sender, &empty).await.1["message"], "Invalid date range");
    assert_eq!(
        get(&sender, "/audit_logs/exports/audit_log_export_0").await,
        (404, json!({"message": "Audit Log Export not found: 'audit_log_export_0'."}))
    );

    let workos = LocalWorkos::builder().reading(Reading::EmptyExportAccept).start().unwrap();
    assert_eq!(export(&Sender::to(&workos), &order()).await.0, 201);
}

#[tokio::test]
async fn events_past_their_retention_are_not_exported() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    sender.create(None, event("a").to_string()).await.unwrap();
    workos.advance(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(export(&sender, &order()).await.0, 400);
    let path = format!("/organizations/{ORGANIZATION}/audit_logs_retention");
    let year = json!({"retention_period_in_days": 365});
    let set = sender.request(Method::PUT, &path).json(&year);
    assert_eq!(told(set.send().await.unwrap()).await, (200, year));
    assert_eq!(export(&sender, &order()).await.0, 201);
}

#[tokio::test]
async fn retention_and_configuration() {
    let workos = LocalWorkos::builder().organization("org_1").start().unwrap();
    let sender = Sender::to(&workos);
    let path = "/organizations/org_1/audit_logs_retention";
    let set = async |body: Value| {
        let request = sender.request(Method::PUT, path).json(&body);
        told(request.send().await.unwrap()).await.0
    };
    assert_eq!(get(&sender, path).await.1, json!({"retention_period_in_days": 30}));
    assert_eq!(set(json!({"retention_period_in_days": 90})).await, 422);
    assert_eq!(set(json!({"retention_period": "2_YEARS"})).await, 200);
    assert_eq!(get(&sender, path).await.1, json!({"retention_period_in_days": 730}));
    assert_eq!(
        get(&sender, "/organizations/org_1/audit_log_configuration").await.1,
        json!({"organization_id": "org_1", "retention_period_in_days": 730, "state": "active"})
    );
    assert_eq!(get(&sender, "/organizations/org_2/audit_log_configuration").await.0, 404);
}
