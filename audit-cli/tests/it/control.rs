//! What a test in another language uses: faults, time and records over HTTP; and the guard.

use std::time::Duration;

use audited_cli::LocalWorkos;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Sender, event, told};

async fn post(sender: &Sender, path: &str, body: &Value) -> (u16, Value) {
    told(sender.request(Method::POST, path).json(body).send().await.unwrap()).await
}

async fn get(sender: &Sender, path: &str) -> (u16, Value) {
    told(sender.request(Method::GET, path).send().await.unwrap()).await
}

#[tokio::test]
async fn faults_are_ordered_shown_and_ended_over_http() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let (status, _) = post(&sender, "/_audited/faults", &json!({"fault": "503", "next": 2})).await;
    assert_eq!(status, 200);
    let (_, faults) = post(&sender, "/_audited/faults", &json!({"fault": "429=7s", "share": 1})).await;
    assert_eq!(faults, json!({"next": [{"fault": "503", "next": 2}], "shares": [{"fault": "429=7s", "share": 1.0}]}));
    let send = || sender.create(None, event("a").to_string());
    assert_eq!(send().await.unwrap().status(), 503);
    assert_eq!(send().await.unwrap().status(), 503);
    assert_eq!(send().await.unwrap().headers()["retry-after"], "7");
    sender.request(Method::DELETE, "/_audited/faults").send().await.unwrap();
    assert_eq!(send().await.unwrap().status(), 200);
    for wrong in [
        json!({"fault": "none"}),
        json!({"fault": "none", "next": 1}),
        json!({"fault": "reset"}),
        json!({"fault": "reset", "next": 1, "share": 0.5}),
        json!({"fault": "reset", "share": 1.5}),
        json!({"fault": "reset", "next": 1, "x": 1}),
    ] {
        let (status, answer) = post(&sender, "/_audited/faults", &wrong).await;
        assert_eq!(status, 400, "{wrong}");
        assert!(answer["message"].is_string());
    }
}

#[tokio::test]
async fn time_is_advanced_over_http_and_never_goes_back() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let send = || sender.create(Some("k"), event("a").to_string());
    send().await.unwrap();
    let (status, answer) = post(&sender, "/_audited/clock", &json!({"advance": "24h"})).await;
    assert_eq!(status, 200);
    assert!(answer["now"].as_str().unwrap().ends_with('Z'));
    send().await.unwrap();
    assert_eq!(workos.counts().stored, 2);
    for wrong in [json!({"advance": "-1h"}), json!({"advance": "soon"}), json!({})] {
        assert_eq!(post(&sender, "/_audited/clock", &wrong).await.0, 400);
    }
}

#[tokio::test]
async fn one_request_is_shown_in_full_with_its_attempts() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    workos.fail_next(1, audited_cli::Fault::Status(500));
    for _ in 0..2 {
        sender.create(Some("k"), event("a").to_string()).await.unwrap();
    }
    sender.create(Some("k2"), "{}").await.unwrap();
    let (_, shown) = get(&sender, "/_audited/requests/2").await;
    assert_eq!(shown["verdict"], "stored");
    assert_eq!(shown["body"], event("a").to_string());
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(shown["attempts"][0]["fault"], "500");
    let (_, shown) = get(&sender, "/_audited/requests/3").await;
    assert_eq!(shown["answer"]["errors"][0]["field"], "organization_id");
    assert!(shown["reason"].as_str().unwrap().contains("`organization_id` is missing"));
    assert!(!shown["advice"].as_str().unwrap().is_empty());
    assert_eq!(get(&sender, "/_audited/requests/4").await.0, 404);
    assert_eq!(get(&sender, "/_audited/requests/0").await.0, 404);
}

#[tokio::test]
async fn the_rate_limit_is_for_each_key_and_says_when_to_come_back() {
    let workos = LocalWorkos::builder().rate_limit(3).start().unwrap();
    let sender = Sender::to(&workos);
    for _ in 0..3 {
        assert_eq!(get(&sender, "/audit_logs/actions").await.0, 200);
    }
    let limited = sender.create(None, event("a").to_string()).await.unwrap();
    let after: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(told(limited).await, (429, json!({"message": "Too many requests.", "code": "rate_limit_exceeded"})));
    let other = sender.anonymous("/audit_logs/events").bearer_auth("sk_other");
    assert_eq!(other.body(event("b").to_string()).send().await.unwrap().status(), 200);
    workos.advance(Duration::from_secs(after));
    assert_eq!(sender.create(None, event("a").to_string()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn pages_of_other_origins_and_foreign_names_are_kept_out() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let body = event("a").to_string();
    let forged =
        sender.request(Method::POST, "/audit_logs/events").header("Origin", "https://evil.example").body(body.clone());
    assert_eq!(forged.send().await.unwrap().status(), 403);
    let rebound = sender.request(Method::GET, "/_audited/status").header("Host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 403);
    assert_eq!(workos.counts().received, 0);

    let named = LocalWorkos::builder().allow_host("dev.box").start().unwrap();
    let request = Sender::to(&named).request(Method::GET, "/_audited/status").header("Host", "dev.box:1");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[test]
fn an_address_that_others_reach_must_be_asked_for() {
    let address = "0.0.0.0:0".parse().unwrap();
    let error = LocalWorkos::builder().listen(address).start().unwrap_err();
    assert!(error.to_string().contains("--expose"), "{error}");
    assert!(LocalWorkos::builder().listen(address).expose().start().is_ok());
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let workos = LocalWorkos::start().unwrap();
    let request = Sender::to(&workos).request(Method::PUT, "/audit_logs/events");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
}
