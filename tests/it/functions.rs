//! Every kind of function tells every way out of it, once.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use audited::testing::Recorder;
use audited::{AuditTarget, Unavailable, audited};
use axum::http::StatusCode;
use axum::response::IntoResponse;

#[derive(AuditTarget, Clone)]
struct Invoice {
    id: u64,
}

/// How a call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Early,
    Question,
    Badly,
    Panic,
    Wait,
}

const INVOICE: Invoice = Invoice { id: 7 };

/// Actions and outcomes, in order.
fn told(recorder: &Recorder) -> Vec<(String, String)> {
    let events = recorder.events();
    events.iter().map(|event| (event.action().to_owned(), event.outcome().to_owned())).collect()
}

fn outcomes(recorder: &Recorder) -> Vec<String> {
    told(recorder).into_iter().map(|(_, outcome)| outcome).collect()
}

#[audited(action = "invoice.paid", targets(invoice))]
fn pay(invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError> {
    match end {
        End::Early => return Ok(0),
        End::Question => "x".parse::<u64>().map(drop)?,
        End::Badly => return "x".parse(),
        End::Panic => panic!("as it was to"),
        End::Well | End::Wait => {}
    }
    Ok(invoice.id)
}

#[audited(action = "invoice.paid", targets(invoice))]
async fn pay_later(invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError> {
    tokio::task::yield_now().await;
    if end == End::Wait {
        pending::<()>().await;
    }
    __pay_now(invoice, end)
}

/// Not audited: the body that the async kinds share.
fn __pay_now(invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError> {
    match end {
        End::Early => return Ok(0),
        End::Question => "x".parse::<u64>().map(drop)?,
        End::Badly => return "x".parse(),
        End::Panic => panic!("as it was to"),
        End::Well | End::Wait => {}
    }
    Ok(invoice.id)
}

#[audited(action = "invoice.paid", targets(invoice))]
fn pay_as_future(invoice: Invoice, end: End) -> impl Future<Output = Result<u64, std::num::ParseIntError>> + Send {
    async move {
        tokio::task::yield_now().await;
        if end == End::Wait {
            pending::<()>().await;
        }
        __pay_now(invoice, end)
    }
}

#[audited(action = "invoice.paid", targets(invoice))]
fn pay_boxed(
    invoice: Invoice,
    end: End,
) -> Pin<Box<dyn Future<Output = Result<u64, std::num::ParseIntError>> + Send + 'static>> {
    let twice = invoice.id * 2;
    Box::pin(async move {
        tokio::task::yield_now().await;
        if end == End::Wait {
            pending::<()>().await;
        }
        assert_eq!(twice, 14);
        __pay_now(invoice, end)
    })
}

#[async_trait::async_trait]
trait Ledger {
    async fn pay(&self, invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError>;
}

struct Book;

#[async_trait::async_trait]
impl Ledger for Book {
    #[audited(action = "invoice.paid", targets(invoice))]
    async fn pay(&self, invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError> {
        tokio::task::yield_now().await;
        if end == End::Wait {
            pending::<()>().await;
        }
        __pay_now(invoice, end)
    }
}

/// Runs `call` to each end and says what was told.
async fn to_each_end<F>(call: impl Fn(End) -> F) -> Vec<String>
where
    F: Future<Output = Result<u64, std::num::ParseIntError>>,
{
    let recorder = Recorder::new();
    for end in [End::Well, End::Early, End::Question, End::Badly] {
        let _ = recorder.scope(async { call(end).await }).await;
    }
    let mut panicking = pin!(recorder.scope(async { call(End::Panic).await }));
    while let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(|| poll_once(panicking.as_mut()))) {}
    let waiting = tokio::time::timeout(Duration::from_millis(20), recorder.scope(async { call(End::Wait).await }));
    assert!(waiting.await.is_err());
    // Never polled: nothing happened.
    drop(recorder.scope(async { call(End::Well).await }));
    recorder.scope(async { drop(call(End::Well)) }).await;
    outcomes(&recorder)
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

const EACH_END: [&str; 6] = ["success", "success", "failure", "failure", "panicked", "cancelled"];

#[tokio::test]
async fn an_async_function_tells_each_way_out_once() {
    assert_eq!(to_each_end(|end| pay_later(INVOICE, end)).await, EACH_END);
}

#[tokio::test]
async fn a_function_that_returns_a_future_tells_how_the_future_ended() {
    assert_eq!(to_each_end(|end| pay_as_future(INVOICE, end)).await, EACH_END);
}

#[tokio::test]
async fn a_function_that_returns_a_box_tells_how_the_future_in_it_ended() {
    assert_eq!(to_each_end(|end| pay_boxed(INVOICE, end)).await, EACH_END);
}

#[tokio::test]
async fn an_async_trait_tells_how_the_future_ended() {
    assert_eq!(to_each_end(|end| Book.pay(INVOICE, end)).await, EACH_END);
}

#[test]
fn a_plain_function_tells_each_way_out_once() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    for end in [End::Well, End::Early, End::Question, End::Badly] {
        let _ = pay(INVOICE, end);
    }
    assert!(catch_unwind(|| pay(INVOICE, End::Panic)).is_err());
    assert_eq!(outcomes(&recorder), EACH_END[..5]);
}

#[audited(action = "invoice.paid", targets(invoice))]
#[audited(action = "ledger.written", target(type = "ledger", id = invoice.id))]
async fn pay_and_write(invoice: Invoice) -> u64 {
    invoice.id
}

#[tokio::test]
async fn several_attributes_are_one_event_each() {
    let recorder = Recorder::new();
    recorder.scope(pay_and_write(INVOICE)).await;
    let mut actions: Vec<_> = told(&recorder).into_iter().map(|(action, _)| action).collect();
    actions.sort();
    assert_eq!(actions, ["invoice.paid", "ledger.written"]);
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn see(invoice: Invoice, status: StatusCode) -> impl IntoResponse {
    (status, "seen")
}

#[audited(action = "invoice.seen", targets(invoice))]
fn see_now(invoice: Invoice, status: StatusCode) -> impl IntoResponse {
    (status, "seen")
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn see_result(invoice: Invoice, status: StatusCode) -> Result<StatusCode, String> {
    Ok(status)
}

#[tokio::test]
async fn a_status_tells_of_a_failure_wherever_it_can_be_seen() {
    let recorder = Recorder::new();
    for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
        let response = recorder.scope(see(INVOICE, status)).await.into_response();
        assert_eq!(response.status(), status);
        let response = recorder.scope(async { see_now(INVOICE, status) }).await.into_response();
        assert_eq!(response.status(), status);
        assert_eq!(recorder.scope(see_result(INVOICE, status)).await, Ok(status));
    }
    assert_eq!(outcomes(&recorder), ["success", "success", "success", "failure", "failure", "failure"]);
}

#[derive(Debug, PartialEq)]
struct Refused;

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self
    }
}

#[audited(action = "invoice.closed", organization = "org_1", targets(invoice), durability = strict)]
async fn close(invoice: &Invoice) -> Result<u64, Refused> {
    Ok(invoice.id)
}

#[audited(action = "invoice.closed", organization = "org_1", targets(invoice), durability = strict)]
fn close_now(invoice: &Invoice) -> Result<u64, Refused> {
    Ok(invoice.id)
}

#[tokio::test]
async fn a_strict_function_does_not_run_where_it_cannot_be_told() {
    let recorder = Recorder::new();
    assert_eq!(recorder.scope(close(&INVOICE)).await, Ok(7));
    recorder.fail(Some(audited::outbox::OutboxErrorKind::Full));
    assert_eq!(recorder.scope(close(&INVOICE)).await, Err(Refused));
    recorder.fail(None);
    let _installed = recorder.install();
    assert_eq!(close_now(&INVOICE), Ok(7));
    assert_eq!(outcomes(&recorder), ["success", "success"]);
}

/// The way out that is narrowed away first, and what is told in its place: nothing.
#[tokio::test]
async fn only_the_ways_out_that_are_named_are_told() {
    macro_rules! narrowed {
        ($($name:ident: $($exit:ident)+ => $told:expr;)+) => {$(
            #[audited(action = "invoice.paid", targets(invoice), on($($exit),+))]
            async fn $name(invoice: Invoice, end: End) -> Result<u64, std::num::ParseIntError> {
                tokio::task::yield_now().await;
                match end {
                    End::Badly => "x".parse(),
                    End::Panic => panic!("as it was to"),
                    End::Wait => pending().await,
                    End::Well | End::Early | End::Question => Ok(invoice.id),
                }
            }
            let recorder = Recorder::new();
            let _ = recorder.scope($name(INVOICE, End::Well)).await;
            let _ = recorder.scope($name(INVOICE, End::Badly)).await;
            let mut panics = pin!(recorder.scope($name(INVOICE, End::Panic)));
            while let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(|| poll_once(panics.as_mut()))) {}
            let mut waits = Box::pin(recorder.scope($name(INVOICE, End::Wait)));
            assert!(poll_once(waits.as_mut()).is_pending() && poll_once(waits.as_mut()).is_pending());
            drop(waits);
            assert_eq!(outcomes(&recorder), $told, stringify!($name));
        )+};
    }
    narrowed! {
        all: ok err panic cancel => ["success", "failure", "panicked", "cancelled"];
        only_ok: ok => ["success"];
        only_err: err => ["failure"];
        only_panic: panic => ["panicked"];
        only_cancel: cancel => ["cancelled"];
        ended: ok err => ["success", "failure"];
    }
}

/// Or it would be told as `unknown` at the next start.
#[test]
fn an_intent_is_settled_even_where_that_way_out_is_not_told() {
    #[audited(action = "invoice.closed", targets(invoice), on(ok), durability = strict)]
    fn close_well(invoice: &Invoice) -> Result<(), Refused> {
        let _ = invoice;
        Err(Refused)
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    assert_eq!(close_well(&INVOICE), Err(Refused));
    assert_eq!((recorder.intents().len(), outcomes(&recorder)), (1, vec!["failure".to_owned()]));
}

#[audited(
    action = "user.signed_in",
    target(type = "user", id = 1),
    metadata(reference = password, open: allow = password, hidden: redact = password, password_length = password.len())
)]
fn sign_in(password: &str) {
    let _ = password;
}

#[test]
fn a_secret_is_not_to_be_had_in_the_open_by_another_key() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    sign_in("hunter2");
    let event = &recorder.events()[0];
    for (key, shown) in
        [("reference", "[redacted]"), ("open", "hunter2"), ("hidden", "[redacted]"), ("password_length", "[redacted]")]
    {
        assert_eq!(event.metadata(key), shown, "{key}");
    }
}

#[audited(action = "invoice.paid", targets(invoice), detached)]
async fn pay_detached(invoice: Invoice, done: Arc<tokio::sync::Notify>) -> u64 {
    tokio::time::sleep(Duration::from_millis(20)).await;
    done.notify_one();
    invoice.id
}

#[audited(action = "invoice.paid", targets(invoice), detached)]
async fn only_panics_detached(invoice: Invoice) {
    panic!("{}", invoice.id)
}

#[audited(action = "invoice.paid", targets(invoice), detached)]
async fn never_returns_detached(invoice: Invoice) -> ! {
    panic!("{}", invoice.id)
}

#[tokio::test]
async fn a_detached_function_that_only_panics_is_told() {
    let recorder = Recorder::new();
    let first = tokio::spawn(recorder.scope(only_panics_detached(INVOICE))).await;
    let second = tokio::spawn(recorder.scope(async {
        never_returns_detached(INVOICE).await;
    }))
    .await;
    assert!(first.is_err_and(|error| error.is_panic()));
    assert!(second.is_err_and(|error| error.is_panic()));
    assert_eq!(outcomes(&recorder), ["panicked", "panicked"]);
}

#[tokio::test]
async fn a_detached_function_goes_on_although_nobody_waits() {
    let recorder = Recorder::new();
    let done = Arc::new(tokio::sync::Notify::new());
    let call = recorder.scope(pay_detached(INVOICE, Arc::clone(&done)));
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    done.notified().await;
    while recorder.events().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(outcomes(&recorder), ["success"]);
}
