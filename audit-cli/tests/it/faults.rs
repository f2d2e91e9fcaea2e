//! Each fault as a client sees it, and what was stored meanwhile.

use std::time::{Duration, Instant};

use audited_cli::{Fault, LocalWorkos, RetryAfter, Verdict};
use serde_json::json;

use crate::support::{PATIENCE, Sender, event, told};

fn server(fault: Fault) -> (LocalWorkos, Sender) {
    let workos = LocalWorkos::start().unwrap();
    workos.fail_next(1, fault);
    let sender = Sender::to(&workos);
    (workos, sender)
}

/// Sends the same event again and expects it to be stored once in all.
async fn healthy_again(workos: &LocalWorkos, sender: &Sender) {
    let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
    assert_eq!(told(response).await, (200, json!({"success": true})));
    let events = workos.events();
    assert_eq!((events.len(), events[0].attempts), (1, 2));
    let requests = workos.requests();
    assert_eq!(requests[0].body, requests[1].body);
}

#[tokio::test]
async fn statuses_are_answered_and_nothing_is_stored() {
    for status in [500, 503, 408] {
        let (workos, sender) = server(Fault::Status(status));
        let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
        let (answered, body) = told(response).await;
        assert_eq!(answered, status);
        assert!(body["message"].is_string());
        assert_eq!(workos.requests()[0].verdict, Verdict::Faulted);
        assert!(workos.events().is_empty());
        healthy_again(&workos, &sender).await;
    }
}

#[tokio::test]
async fn too_many_requests_comes_with_each_form_of_retry_after() {
    for form in [None, Some(RetryAfter::Seconds(7)), Some(RetryAfter::Date(7))] {
        let (workos, sender) = server(Fault::TooManyRequests(form));
        let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
        let header = response.headers().get("retry-after").cloned();
        assert_eq!(
            told(response).await,
            (429, json!({"message": "Too many requests.", "code": "rate_limit_exceeded"}))
        );
        match form {
            None => assert_eq!(header, None),
            Some(RetryAfter::Seconds(_)) => assert_eq!(header.unwrap(), "7"),
            Some(_) => {
                let date = httpdate::parse_http_date(header.unwrap().to_str().unwrap()).unwrap();
                let ahead = date.duration_since(workos.requests()[0].received_at).unwrap();
                assert!((5..=8).contains(&ahead.as_secs()), "{ahead:?}");
            }
        }
        healthy_again(&workos, &sender).await;
    }
}

#[tokio::test]
async fn a_reset_is_an_error_of_the_connection() {
    let (workos, sender) = server(Fault::Reset);
    let error = sender.create(Some("k"), event("a").to_string()).await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert!(workos.events().is_empty());
    assert_eq!(workos.requests()[0].status, None);
    healthy_again(&workos, &sender).await;
}

#[tokio::test]
async fn a_lost_reply_is_an_error_although_the_event_is_stored() {
    let (workos, sender) = server(Fault::ReplyLost);
    let error = sender.create(Some("k"), event("a").to_string()).await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert_eq!(workos.events().len(), 1);
    assert_eq!(workos.requests()[0].status, None);
    healthy_again(&workos, &sender).await;
}

fn is_reset(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn latency_delays_the_answer_and_a_slow_one_trickles() {
    let delay = Duration::from_millis(200);
    for fault in [Fault::Latency(delay), Fault::SlowReply(delay)] {
        let (workos, sender) = server(fault);
        let start = Instant::now();
        let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
        assert_eq!(told(response).await, (200, json!({"success": true})));
        assert!(start.elapsed() >= delay, "{fault}: {:?}", start.elapsed());
        assert_eq!(workos.events().len(), 1);
        assert_eq!(workos.requests()[0].fault, Some(fault));
    }
}

#[tokio::test]
async fn answers_that_only_look_like_success() {
    let (workos, sender) = server(Fault::Garbage);
    let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
    assert!(workos.events().is_empty());
    healthy_again(&workos, &sender).await;

    let (workos, sender) = server(Fault::NotSuccess);
    let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
    assert_eq!(told(response).await, (200, json!({"success": false})));
    healthy_again(&workos, &sender).await;
}

#[tokio::test]
async fn a_hang_gives_no_answer_and_does_not_keep_the_server_from_stopping() {
    let (workos, sender) = server(Fault::Hang);
    let body = event("a").to_string();
    let hanging = sender.create(Some("k"), body.clone());
    tokio::select! {
        answer = hanging => panic!("answered: {answer:?}"),
        // The request is on the record while its client waits.
        () = async {
            while workos.counts().faulted == 0 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    healthy_again(&workos, &sender).await;
    let start = Instant::now();
    drop(workos);
    assert!(start.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn shares_meet_their_share_and_the_same_seed_the_same_requests() {
    let run = async |seed| {
        let workos = LocalWorkos::builder().seed(seed).fail_share(0.5, Fault::Status(500)).start().unwrap();
        let sender = Sender::to(&workos);
        let mut statuses = Vec::new();
        for i in 0..60 {
            let body = event(&i.to_string()).to_string();
            statuses.push(sender.create(None, body).await.unwrap().status().as_u16());
        }
        statuses
    };
    let first = run(3).await;
    assert_eq!(first, run(3).await);
    assert_ne!(first, run(4).await);
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((15..45).contains(&failed), "{failed}");
}

#[tokio::test]
async fn cleared_faults_are_gone() {
    let (workos, sender) = server(Fault::Reset);
    workos.fail_share(1.0, Fault::Status(500));
    workos.clear_faults();
    let response = sender.create(None, event("a").to_string()).await.unwrap();
    assert_eq!(response.status(), 200);
}
