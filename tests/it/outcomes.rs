//! How a call ended, told from whatever it returned.

use std::error::Error;

use actix_web::HttpResponse;
use actix_web::error::ErrorBadRequest;
use audited::testing::Recorder;
use audited::{Outcome, audited};
use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Each call as its return type has it: one that goes well and one that does not, as far as the type can say.
macro_rules! returning {
    ($($name:ident -> $ty:ty: $well:expr, $badly:expr => $outcome:literal;)+) => {$(
        #[test]
        fn $name() {
            #[audited(action = "thing.done", target(type = "thing", id = 1))]
            fn call(well: bool) -> $ty {
                if well { $well } else { $badly }
            }
            #[audited(action = "thing.done", target(type = "thing", id = 1))]
            async fn call_later(well: bool) -> $ty {
                if well { $well } else { $badly }
            }
            let recorder = Recorder::new();
            let _installed = recorder.install();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for well in [true, false] {
                let _ = call(well);
                let _ = runtime.block_on(call_later(well));
            }
            let told: Vec<_> = recorder.events().iter().map(|event| event.outcome().to_owned()).collect();
            assert_eq!(told, ["success", "success", $outcome, $outcome]);
        }
    )+};
}

/// A type of one's own.
enum Reply {
    Done,
    Refused,
}

impl Outcome for Reply {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Refused)
    }
}

/// Of which only the response tells.
struct Page(StatusCode);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

#[derive(Debug)]
struct Failed;

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        StatusCode::BAD_REQUEST.into_response()
    }
}

/// As tonic answers, whose status is one of HTTP's in any case.
fn grpc(status: &'static str) -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(status));
    response
}

type Answer = Result<StatusCode, Failed>;

returning! {
    a_result -> Result<u8, Failed>: Ok(1), Err(Failed) => "failure";
    a_result_under_another_name -> Answer: Ok(StatusCode::OK), Err(Failed) => "failure";
    a_boxed_error -> Result<u8, Box<dyn Error + Send + Sync>>: Ok(1), Err("no".into()) => "failure";
    nothing -> (): (), () => "success";
    none_is_no_failure -> Option<u8>: Some(1), None => "success";
    text -> String: "fine".to_owned(), "not fine".to_owned() => "success";
    a_status -> StatusCode: StatusCode::OK, StatusCode::CONFLICT => "failure";
    a_status_within_ok -> Result<StatusCode, Failed>: Ok(StatusCode::OK), Ok(StatusCode::CONFLICT) => "failure";
    a_tuple_that_begins_with_a_status -> (StatusCode, Json<u8>): (StatusCode::OK, Json(1)), (StatusCode::CONFLICT, Json(1)) => "failure";
    a_response -> Response: StatusCode::OK.into_response(), StatusCode::CONFLICT.into_response() => "failure";
    a_response_within_ok -> Result<Response, Failed>: Ok(StatusCode::OK.into_response()), Ok(StatusCode::CONFLICT.into_response()) => "failure";
    what_becomes_a_response -> impl IntoResponse: Page(StatusCode::OK), Page(StatusCode::CONFLICT) => "failure";
    a_result_that_becomes_a_response -> impl IntoResponse: Ok(Json(1)), Err(Failed) => "failure";
    what_becomes_a_response_within_ok -> Result<impl IntoResponse, Failed>: Ok(Page(StatusCode::OK)), Ok(Page(StatusCode::CONFLICT)) => "failure";
    an_error_beside_what_becomes_a_response -> Result<impl IntoResponse, Failed>: Ok("fine"), Err(Failed) => "failure";
    a_status_of_grpc -> tonic::Status: tonic::Status::ok(""), tonic::Status::not_found("no") => "failure";
    a_result_of_grpc -> Result<tonic::Response<u8>, tonic::Status>: Ok(tonic::Response::new(1)), Err(tonic::Status::not_found("no")) => "failure";
    a_response_of_grpc -> Response<()>: grpc("0"), grpc("5") => "failure";
    a_status_of_actix -> actix_web::http::StatusCode: actix_web::http::StatusCode::FOUND, actix_web::http::StatusCode::BAD_REQUEST => "failure";
    a_response_of_actix -> HttpResponse: HttpResponse::Found().finish(), HttpResponse::BadRequest().finish() => "failure";
    a_response_of_actix_within_ok -> Result<HttpResponse, actix_web::Error>: Ok(HttpResponse::Ok().finish()), Ok(HttpResponse::BadRequest().finish()) => "failure";
    an_error_of_actix -> Result<HttpResponse, actix_web::Error>: Ok(HttpResponse::Ok().finish()), Err(ErrorBadRequest("no")) => "failure";
    a_responder_of_actix_is_what_stands_behind_it -> impl actix_web::Responder: HttpResponse::Ok().finish(), HttpResponse::BadRequest().finish() => "failure";
    a_responder_of_actix_that_does_not_tell -> impl actix_web::Responder: "fine", "not fine" => "success";
    a_type_of_ones_own -> Reply: Reply::Done, Reply::Refused => "failure";
    a_type_of_ones_own_within_ok -> Result<Reply, Failed>: Ok(Reply::Done), Ok(Reply::Refused) => "failure";
}

#[test]
fn a_failure_begins_at_status_400() {
    #[audited(action = "thing.done", target(type = "thing", id = 1))]
    fn call(status: StatusCode) -> StatusCode {
        status
    }
    #[audited(action = "thing.done", target(type = "thing", id = 1))]
    fn respond(status: StatusCode) -> Response {
        status.into_response()
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    for status in [100, 204, 303, 399, 400, 404, 500, 599] {
        let status = StatusCode::from_u16(status).unwrap();
        call(status);
        respond(status);
    }
    let told: Vec<_> = recorder.events().iter().map(|event| event.outcome().to_owned()).collect();
    assert_eq!(told, [["success"; 8], ["failure"; 8]].concat());
}

#[test]
fn a_generic_value_is_no_failure() {
    #[audited(action = "thing.done", target(type = "thing", id = 1))]
    fn call<T>(value: T) -> T {
        value
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let _ = call(StatusCode::CONFLICT);
    let _ = call(Err::<u8, _>(Failed));
    let told: Vec<_> = recorder.events().iter().map(|event| event.outcome().to_owned()).collect();
    assert_eq!(told, ["success", "success"]);
}

#[test]
fn a_pattern_sees_the_value_before_it_becomes_a_response() {
    #[audited(action = "thing.done", target(type = "thing", id = 1), ok(Json(number) => metadata(number)))]
    fn call(number: u8) -> impl IntoResponse {
        Json(number)
    }
    #[audited(action = "thing.done", target(type = "thing", id = 1), ok(Json(number) => metadata(number)))]
    async fn call_later(number: u8) -> Result<impl IntoResponse, Failed> {
        Ok(Json(number))
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let _ = call(7);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _ = runtime.block_on(call_later(8));
    let told: Vec<_> = recorder.events().iter().map(|event| event.metadata("number").clone()).collect();
    assert_eq!(told, [7, 8]);
}
