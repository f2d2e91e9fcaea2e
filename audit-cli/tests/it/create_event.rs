//! Create event: what is answered, and what the handle tells of it.

use audited_cli::{LocalWorkos, Verdict};
use serde_json::json;

use crate::support::{PATIENCE, Sender, event, told};

#[tokio::test]
async fn the_documented_event_is_stored() {
    let workos = LocalWorkos::start().unwrap();
    let body = event("user_1").to_string();
    let response = Sender::to(&workos).create(Some("key-1"), body.clone()).await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(told(response).await, (200, json!({"success": true})));

    let events = workos.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].organization, "org_01EHWNCE74X7JSDV0X3SZ3KJNY");
    assert_eq!(events[0].event, event("user_1")["event"]);
    assert_eq!(events[0].action(), "user.signed_in");
    assert_eq!(events[0].idempotency_key.as_deref(), Some("key-1"));
    assert_eq!(events[0].attempts, 1);
    let requests = workos.requests();
    assert_eq!(requests[0].body, body.as_bytes());
    assert_eq!(requests[0].status, Some(200));
}

#[tokio::test]
async fn without_a_good_key_nothing_is_stored() {
    let workos = LocalWorkos::builder().api_key("sk_good").forbidden_key("sk_reader").start().unwrap();
    let sender = Sender::to(&workos);
    let body = event("user_1").to_string();
    for (key, status, message) in [
        (None, 401, "Unauthorized"),
        (Some("sk_other"), 401, "Unauthorized"),
        (Some("sk_reader"), 403, "Forbidden"),
        (Some("sk_good"), 200, ""),
    ] {
        let mut request = sender.anonymous("/audit_logs/events").body(body.clone());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let (answered, body) = told(request.send().await.unwrap()).await;
        assert_eq!(answered, status, "{key:?}");
        assert_eq!(body["message"].as_str().unwrap_or_default(), message);
    }
    assert_eq!(workos.counts().stored, 1);
    assert_eq!(workos.counts().refused, 3);
    assert!(workos.rejected()[1].reason.as_deref().unwrap().contains("--api-key"));
}

#[tokio::test]
async fn an_unknown_organization_is_404() {
    let workos = LocalWorkos::builder().organization("org_1").start().unwrap();
    let body = event("user_1").to_string();
    let response = Sender::to(&workos).create(None, body).await.unwrap();
    assert_eq!(
        told(response).await,
        (404, json!({"message": "Organization not found: 'org_01EHWNCE74X7JSDV0X3SZ3KJNY'."}))
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_on_it_is_read() {
    let mut body = event("user_1").to_string().into_bytes();
    body.resize(2_000, b' ');
    let workos = LocalWorkos::builder().body_limit(2_000).start().unwrap();
    let sender = Sender::to(&workos);
    assert_eq!(sender.create(None, body.clone()).await.unwrap().status(), 200);
    body.push(b' ');
    let (status, answer) = told(sender.create(None, body).await.unwrap()).await;
    assert_eq!((status, answer), (413, json!({"message": "request entity too large"})));
}

#[tokio::test]
async fn what_is_refused_is_told_with_reason_and_exact_body() {
    let workos = LocalWorkos::start().unwrap();
    let mut wrong = event("user_1");
    wrong["event"].as_object_mut().unwrap().remove("action");
    let wrong = format!("{wrong}\n ");
    let (status, answer) = told(Sender::to(&workos).create(Some("k"), wrong.clone()).await.unwrap()).await;
    assert_eq!(status, 422);
    assert_eq!(answer["errors"], json!([{"code": "required", "field": "event.action"}]));
    let rejected = workos.rejected();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].verdict, Verdict::Refused);
    assert_eq!(rejected[0].body, wrong.as_bytes());
    assert_eq!(rejected[0].idempotency_key.as_deref(), Some("k"));
    let reason = rejected[0].reason.as_deref().unwrap();
    assert!(reason.contains("`event.action` is missing"), "{reason}");
}

#[tokio::test]
async fn a_wrong_path_is_404_and_on_the_record() {
    let workos = LocalWorkos::start().unwrap();
    let response = Sender::to(&workos).request(reqwest::Method::POST, "/api/audit_logs/events").send().await.unwrap();
    assert_eq!(told(response).await, (404, json!({"message": "Not Found"})));
    assert_eq!(workos.rejected()[0].path, "/api/audit_logs/events");
}

#[test]
fn plain_code_waits_for_events_without_sleeping() {
    let workos = LocalWorkos::start().unwrap();
    let url = workos.url();
    let sender = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for actor in ["a", "b", "c"] {
                let request = reqwest::Client::new().post(format!("{url}/audit_logs/events"));
                let body = event(actor).to_string();
                request.bearer_auth("sk_x").body(body).send().await.unwrap();
            }
        });
    });
    let events = workos.wait_for(3, PATIENCE).unwrap();
    let actors: Vec<_> = events.iter().map(|e| e.event["actor"]["id"].clone()).collect();
    assert_eq!(actors, ["a", "b", "c"]);
    sender.join().unwrap();
}

#[tokio::test]
async fn async_code_waits_without_blocking_and_drop_frees_the_port() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let (_, events) = tokio::join!(sender.create(None, event("a").to_string()), workos.stored(1));
    assert_eq!(events.len(), 1);
    let address = workos.address();
    drop(workos);
    let again = LocalWorkos::builder().listen(address).start().unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn the_oldest_fall_off_within_the_budget_and_the_counts_remember_them() {
    let workos = LocalWorkos::builder().keep_bytes(10_000).start().unwrap();
    let sender = Sender::to(&workos);
    for i in 0..50 {
        let body = event(&format!("user_{i}")).to_string();
        assert_eq!(sender.create(None, body).await.unwrap().status(), 200);
    }
    assert_eq!(workos.counts().stored, 50);
    let events = workos.events();
    assert!((5..15).contains(&events.len()), "{}", events.len());
    assert_eq!(events.last().unwrap().event["actor"]["id"], "user_49");
}

#[tokio::test]
async fn a_condition_may_look_at_the_server_itself() {
    let workos = LocalWorkos::start().unwrap();
    let body = event("a").to_string();
    Sender::to(&workos).create(None, body).await.unwrap();
    let found = workos.wait_until(PATIENCE, |_| workos.events().len() == 1);
    assert_eq!(found.unwrap().stored, 1);
}
