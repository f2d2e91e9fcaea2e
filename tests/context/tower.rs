//! A service on tower without any framework that is known.

use std::convert::Infallible;

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use hyper::{Request, Response};
use tower::{Layer as _, ServiceExt as _};

use crate::support::people::{Thing, only};

#[audited(action = "thing.paid", targets(Thing { id: 1 }))]
async fn pay() {}

/// Answers `POST path`; only what is paid is audited.
async fn answer(layer: AuditLayer, path: &str) {
    let service = tower::service_fn(|request: Request<()>| async move {
        if request.uri().path().ends_with("/pay") {
            pay().await;
        }
        Ok::<_, Infallible>(Response::new(()))
    });
    layer.layer(service).oneshot(Request::post(path).body(()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn routes_have_the_names_that_a_function_gives_them() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).route(true).route_from(|request| match request.uri.path() {
        "/things/boom" => panic!("this panic is meant to be"),
        "/elsewhere" => None,
        path => Some(path.replace(|digit: char| digit.is_ascii_digit(), "#")),
    });
    answer(layer.clone(), "/things/7/pay").await;
    assert_eq!(only(&recorder).metadata("route"), "/things/#/pay");

    for path in ["/things/7", "/things/8", "/things/boom", "/elsewhere"] {
        answer(layer.clone(), path).await;
    }
    assert_eq!(recorder.log().unaudited_routes(), ["POST (no route)", "POST /things/#"]);
    assert_eq!(recorder.stats().unaudited, 4);
}
