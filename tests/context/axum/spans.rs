//! The trace of the current OpenTelemetry span.

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tower::ServiceExt as _;

use crate::support::people::Thing;

const OF_HEADER: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OF_SPAN: &str = "0123456789abcdef0123456789abcdef";

#[audited(action = "thing.seen", targets(Thing { id: 1 }))]
async fn see() {}

async fn trace_of_a_request(recorder: &Recorder) -> String {
    let app = Router::new().route("/", post(see)).layer(AuditLayer::new().log(&recorder.log()).trace_id(true));
    let request = Request::post("/").header("traceparent", format!("00-{OF_HEADER}-00f067aa0ba902b7-01"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    recorder.only().metadata("trace_id").as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_span_is_believed_before_a_header() {
    assert_eq!(trace_of_a_request(&Recorder::new()).await, OF_HEADER, "without a span");

    let (trace, span) = (TraceId::from_hex(OF_SPAN).unwrap(), SpanId::from_hex("0123456789abcdef").unwrap());
    let span = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
    let _current = opentelemetry::Context::current().with_remote_span_context(span).attach();
    assert_eq!(trace_of_a_request(&Recorder::new()).await, OF_SPAN);
}
