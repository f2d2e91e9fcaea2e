//! Every way out of a scope, on the runtime's own face: what generated code calls.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::audit_log::{AuditLog, registry};
use crate::outbox::{Durability, MemoryOutbox, OutboxErrorKind};
use crate::testing::{RecordedEvent, Recorder};

static PAID: Description = Description::new("invoice.paid", "billing", "pay").failure_action("invoice.payment_failed");
static QUIET: Description = Description::new("invoice.viewed", "billing", "view").on(false, true, true, false);
static STRICT: Description = Description::new("invoice.voided", "billing", "void").durability(Durability::Strict);

fn capture(event: &mut EventWriter<'_>) {
    event.actor(&Actor::user("user_1").organization("org_1")).target_of("invoice", 7);
}

fn close<T, E>(output: Option<&Result<T, E>>, _event: &mut EventWriter<'_>) -> bool {
    Probe(output).peel().failed
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn only(recorder: &Recorder) -> RecordedEvent {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[test]
fn a_value_is_told_once_without_an_outcome() {
    let recorder = Recorder::new();
    let answer =
        block_on(recorder.scope(async { scope(open(&PAID, capture), async { Ok::<_, ()>(42) }, close).await }));
    assert_eq!(answer, Ok(42));
    let event = only(&recorder);
    assert_eq!((event.action(), event.outcome(), event.organization()), ("invoice.paid", "success", "org_1"));
    assert_eq!(event.json()["event"].get("metadata"), None);
    assert_eq!(event.target("invoice").unwrap()["id"], "7");
}

#[test]
fn an_error_is_told_under_its_own_action() {
    let recorder = Recorder::new();
    let _ = block_on(recorder.scope(async { scope(open(&PAID, capture), async { Err::<(), _>("no") }, close).await }));
    let event = only(&recorder);
    assert_eq!((event.action(), event.outcome()), ("invoice.payment_failed", "failure"));
}

#[test]
fn a_dropped_future_is_told_as_cancelled_and_one_never_polled_is_not_told() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let mut begun = Box::pin(scope(open(&PAID, capture), std::future::pending::<Result<(), ()>>(), close));
    assert!(begun.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(scope(open(&PAID, capture), std::future::pending::<Result<(), ()>>(), close));
    assert_eq!(recorder.events().len(), 0);
    drop(begun);
    let event = only(&recorder);
    assert_eq!((event.action(), event.outcome()), ("invoice.paid", "cancelled"));
}

#[test]
fn a_panic_is_told_and_goes_on() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let body = async {
        let divisor: u32 = std::hint::black_box(0);
        Ok::<_, ()>(1 / divisor)
    };
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(scope(open(&PAID, capture), body, close))));
    assert!(caught.is_err());
    let sync = catch_unwind(AssertUnwindSafe(|| {
        scope_sync(open(&PAID, capture), || -> Result<(), ()> { panic!("on purpose") }, close)
    }));
    assert!(sync.is_err());
    let outcomes: Vec<_> = recorder.events().iter().map(|event| event.outcome().to_owned()).collect();
    assert_eq!(outcomes, ["panicked", "panicked"]);
}

#[test]
fn a_future_dropped_while_its_thread_unwinds_was_cancelled() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let mut waiting = Box::pin(scope(open(&PAID, capture), std::future::pending::<Result<(), ()>>(), close));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        panic!("somebody else's");
    }));
    assert_eq!(only(&recorder).outcome(), "cancelled");
}

#[test]
fn only_the_ways_out_that_are_asked_for_are_told() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    assert_eq!(scope_sync(open(&QUIET, capture), || Ok::<_, ()>(1), close), Ok(1));
    assert_eq!(recorder.events().len(), 0);
    assert_eq!(scope_sync(open(&QUIET, capture), || Err::<(), _>(1), close), Err(1));
    assert_eq!(only(&recorder).outcome(), "failure");
}

#[test]
fn record_reaches_the_innermost_scope_of_its_own_future() {
    let recorder = Recorder::new();
    let yielding = |name: &'static str| async move {
        scope(
            open(&PAID, capture),
            async move {
                record(|event| {
                    event.metadata("first", name);
                });
                yield_once().await;
                scope_sync(
                    open(&QUIET, capture),
                    || {
                        record(|event| {
                            event.metadata("inner", name);
                        });
                        Err::<(), _>(())
                    },
                    close,
                )
                .unwrap_err();
                record(|event| {
                    event.metadata("second", name).target_of("late", name);
                });
                Ok::<_, ()>(())
            },
            close,
        )
        .await
    };
    let (mut left, mut right) =
        (Box::pin(recorder.scope(yielding("left"))), Box::pin(recorder.scope(yielding("right"))));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(left.as_mut().poll(context).is_pending());
    assert!(right.as_mut().poll(context).is_pending());
    assert!(left.as_mut().poll(context).is_ready());
    assert!(right.as_mut().poll(context).is_ready());
    let events = recorder.events();
    assert_eq!(events.len(), 4);
    for (index, name) in [(0, "left"), (2, "right")] {
        assert_eq!(events[index].metadata("inner"), name);
        assert_eq!(events[index].metadata("first"), &serde_json::Value::Null);
        assert_eq!(events[index + 1].metadata("first"), name);
        assert_eq!(events[index + 1].metadata("second"), name);
        assert_eq!(events[index + 1].target("late").unwrap()["id"], name);
        assert_eq!(events[index + 1].target("invoice").unwrap()["id"], "7");
    }
}

#[test]
fn a_record_outside_of_any_scope_is_counted_and_does_not_run() {
    let before = registry::unscoped_records();
    record(|_| panic!("nobody to write to"));
    assert!(registry::unscoped_records() > before);
}

#[test]
fn a_panicking_value_is_lost_and_the_call_is_not() {
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("on purpose")
        }
    }
    impl serde::Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("on purpose")
        }
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let open = open(&PAID, |event| {
        event.metadata("before", 1).metadata("bad", crate::private::display(&Bad)).metadata("between", 2);
        event.target_of("invoice", 7).metadata("worse", Bad).metadata("after", 3);
    });
    scope_sync(open, || Ok::<_, ()>(()), close).unwrap();
    let event = only(&recorder);
    assert_eq!(event.json()["event"]["metadata"], serde_json::json!({"before": 1, "between": 2}));
    assert_eq!(event.targets().len(), 1);
    assert_eq!(recorder.stats().mended.failed, 2);
}

#[test]
fn strict_stores_an_intent_first_and_settles_it() {
    let recorder = Recorder::new();
    let pay = || async {
        let scope_ = open_strict(&STRICT, capture).await?;
        scope(scope_, async { Ok::<_, Unavailable>(1) }, close).await
    };
    assert_eq!(block_on(recorder.scope(pay())).unwrap(), 1);
    assert_eq!(recorder.intents()[0].outcome(), "unknown");
    assert_eq!(only(&recorder).outcome(), "success");

    recorder.fail(Some(OutboxErrorKind::Full));
    let refused = block_on(recorder.scope(pay())).unwrap_err();
    assert!(refused.to_string().starts_with("refused, since it cannot be audited"), "{refused}");
    assert_eq!(recorder.stats().refused, 1);
    assert_eq!(recorder.events().len(), 1);
}

#[test]
fn strict_refuses_a_call_without_an_organization_or_a_log() {
    let nobody = || async { open_strict(&STRICT, |event| _ = event.target_of("invoice", 7)).await.map(drop) };
    let log = AuditLog::builder().api_key("sk_test").outbox(MemoryOutbox::new(1_024)).install(false).start_blocking();
    let log = log.unwrap();
    let error = block_on(crate::context().log(&log).scope(nobody())).unwrap_err().to_string();
    assert!(error.contains("`invoice.voided` (billing::void) has no organization"), "{error}");
    assert_eq!(log.stats().refused, 1);
    let error = block_on(nobody()).unwrap_err().to_string();
    assert!(error.contains("no audit log is started"), "{error}");
}

#[test]
fn a_context_gives_what_the_scope_does_not_say() {
    let recorder = Recorder::new();
    let request = async {
        crate::set_actor(&Actor::user("late").name("Late").impersonated_by(Actor::user("admin").name("Root")));
        scope_sync(open(&PAID, |event| _ = event.target_of("invoice", 7)), || Ok::<_, ()>(()), close)
    };
    let context = crate::context()
        .log(&recorder.log())
        .location("203.0.113.7")
        .user_agent("curl/8")
        .organization("org_ctx")
        .metadata("request_id", "r1");
    block_on(context.scope(request)).unwrap();
    let event = only(&recorder);
    assert_eq!(event.location(), "203.0.113.7");
    assert_eq!(event.json()["event"]["context"]["user_agent"], "curl/8");
    assert_eq!(event.organization(), "org_ctx");
    assert_eq!(event.metadata("request_id"), "r1");
    assert_eq!(event.actor()["id"], "late");
    assert_eq!(event.actor()["metadata"]["impersonated_by_name"], "Root");
}

#[test]
fn whoever_acts_is_told_with_their_kind() {
    let actors = [
        (Actor::user("u"), "user", "u"),
        (Actor::api_key("k"), "api_key", "k"),
        (Actor::system("s"), "system", "s"),
        (Actor::job("j"), "job", "j"),
        (Actor::anonymous(), "anonymous", "anonymous"),
        (Actor::of("robot", "r"), "robot", "r"),
    ];
    for (actor, kind, id) in actors {
        let recorder = Recorder::new();
        let _installed = recorder.install();
        let open = open(&PAID, |event| _ = event.actor(&actor).target_of("invoice", 7));
        scope_sync(open, || Ok::<_, ()>(()), close).unwrap();
        assert_eq!(only(&recorder).actor(), &serde_json::json!({"type": kind, "id": id}));
    }
}

#[test]
fn a_missing_actor_is_loud() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    scope_sync(open(&PAID, |event| _ = event.target_of("invoice", 7)), || Ok::<_, ()>(()), close).unwrap();
    assert_eq!(only(&recorder).actor(), &serde_json::json!({"type": "unknown", "id": "unknown"}));
    assert_eq!(recorder.stats().unknown_actors, 1);
}

fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    std::future::poll_fn(move |_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending })
}
