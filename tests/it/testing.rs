//! The test kit, as the tests of a program use it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use audited::outbox::{OutboxError, OutboxErrorKind};
use audited::testing::{Expected, ExpectedThing, Recorder, assert_audited, escaped};
use audited::{Actor, AuditActor, AuditTarget, Unavailable, audited, event};
use tokio::sync::Barrier;

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
    #[audit(name)]
    number: &'static str,
    #[audit(metadata)]
    amount_cents: u64,
}

#[derive(serde::Serialize)]
struct Payment {
    amount: u64,
    password: &'static str,
}

const INVOICE: Invoice = Invoice { id: 7, number: "INV-7", amount_cents: 129_900 };
const OTHER: Invoice = Invoice { id: 8, number: "INV-8", amount_cents: 1 };

#[derive(AuditActor)]
struct Clerk {
    id: u64,
    #[audit(name)]
    name: &'static str,
    #[audit(metadata)]
    desk: u8,
}

const CLERK: Clerk = Clerk { id: 5, name: "Ada", desk: 9 };

#[audited(action = "invoice.paid", actor = Actor::user(user), targets(invoice), body(payment))]
async fn pay(user: &str, invoice: &Invoice, payment: &Payment) -> Result<(), &'static str> {
    if payment.amount == 0 { Err("nothing to pay") } else { Ok(()) }
}

#[derive(Debug)]
struct Refused;

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self
    }
}

#[audited(action = "user.deleted", target(type = "user", id = id), durability = strict)]
async fn delete(id: u64, done: &std::cell::Cell<bool>) -> Result<(), Refused> {
    done.set(true);
    Ok(())
}

async fn paid_twice() -> Recorder {
    let recorder = Recorder::new();
    recorder.scope(pay("alice", &INVOICE, &Payment { amount: 100, password: "hunter2" })).await.unwrap();
    recorder.scope(pay("bob", &INVOICE, &Payment { amount: 0, password: "hunter2" })).await.unwrap_err();
    recorder
}

/// What a failing assertion says.
fn said<T>(assert: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(assert()))).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[tokio::test]
async fn one_event_is_found_by_what_matters() {
    let recorder = paid_twice().await;
    let event = assert_audited!(
        recorder,
        action = "invoice.paid",
        outcome = "failure",
        version = 1,
        location = "unknown",
        actor("user", id = "bob"),
        target("invoice", id = 7, name = "INV-7", metadata(amount_cents = 129_900)),
        metadata(amount = 0, "no-such-key" = None::<u8>),
    );
    assert_eq!(event.actor()["id"], "bob");
    assert_audited!(recorder, actor = "user", target = "invoice", metadata(amount = 100));
    let any = Expected::new().action("invoice.paid");
    assert_eq!(recorder.matching(&any).len(), 2);
}

/// What one expectation says where it is not met, each in both of its spellings.
#[tokio::test]
async fn each_thing_that_is_expected_is_looked_at() {
    let recorder = Recorder::new();
    let context = audited::context().log(&recorder.log()).location("203.0.113.7").organization("org_1");
    context.in_scope(|| {
        event("invoice.moved")
            .with(|event| {
                event.actor(&CLERK).targets([INVOICE, OTHER]).metadata("attempt", 2);
            })
            .target_of("folder", "f1")
            .version(3)
            .failed()
            .emit();
    });
    macro_rules! looked_at {
        ($(($($right:tt)+) but ($($wrong:tt)+) $said:literal;)+) => {$(
            assert_audited!(recorder, $($right)+);
            let failure = said(|| assert_audited!(recorder, $($wrong)+));
            let line = concat!("\nthe nearest, number 1 of 1, differs:\n  ", $said, "\n\n1. invoice.moved\n");
            assert!(failure.contains(line), "{line}\nis not in\n{failure}");
        )+};
    }
    looked_at! {
        (action = "invoice.moved") but (action = "invoice.paid")
            "action: expected \"invoice.paid\", found \"invoice.moved\"";
        (outcome = "failure") but (outcome = "success") "outcome: expected \"success\", found \"failure\"";
        (organization = "org_1") but (organization = "org_2")
            "organization: expected \"org_2\", found \"org_1\"";
        (version = 3) but (version = 1) "version: expected 1, found 3";
        (location = "203.0.113.7") but (location = "unknown")
            "location: expected \"unknown\", found \"203.0.113.7\"";
        (actor = "clerk") but (actor = "user") "actor type: expected \"user\", found \"clerk\"";
        (actor("clerk")) but (actor("user")) "actor type: expected \"user\", found \"clerk\"";
        (actor("clerk", id = 5)) but (actor("clerk", id = 6)) "actor id: expected \"6\", found \"5\"";
        (actor("clerk", name = "Ada")) but (actor("clerk", name = None::<u8>))
            "actor name: expected none, found \"Ada\"";
        (actor("clerk", metadata(desk = 9))) but (actor("clerk", metadata(desk = 8)))
            "actor metadata desk: expected 8, found 9";
        (target = "folder") but (target = "ledger")
            "target: expected of type \"ledger\", found invoice, invoice, folder";
        (target("folder")) but (target("ledger")) "target: expected of type \"ledger\", found invoice, invoice, folder";
        (target("invoice", id = 8)) but (target("invoice", id = 9)) "target invoice id: expected \"9\", found \"7\"";
        (target("invoice", name = "INV-8")) but (target("invoice", id = 8, name = "INV-7"))
            "target invoice id: expected \"8\", found \"7\"";
        (target("invoice", id = 8, name = "INV-8")) but (target("folder", id = "f1", name = "Files"))
            "target folder name: expected \"Files\", found none";
        (target("invoice", id = 8, metadata(amount_cents = 1)))
            but (target("invoice", id = 8, name = "INV-8", metadata(amount_cents = 2)))
            "target invoice metadata amount_cents: expected 2, found 1";
        (metadata("attempt" = 2)) but (metadata(attempt = 3)) "metadata attempt: expected 3, found 2";
    }
    assert!(recorder.matching(&Expected::new().version(2)).is_empty());
    let no_value = said(|| recorder.expect(&Expected::new().metadata("missing", Unserializable)));
    assert!(no_value.contains("metadata missing: expected [\"no\"], found none"), "{no_value}");
}

/// Which is the value of no event, and not `None`, which every event has that does not have the key.
struct Unserializable;

impl serde::Serialize for Unserializable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_thread_has_the_recorder_that_was_installed_last_and_is_still_there() {
    let (outer, inner, context) = (Recorder::new(), Recorder::new(), Recorder::new());
    let tell = |action: &str| event(action).target_of("team", 1).emit();
    let installed = outer.install();
    tell("before.told");
    {
        let _installed = inner.install();
        tell("within.told");
        audited::context().log(&context.log()).in_scope(|| tell("closer.told"));
    }
    tell("after.told");
    drop(installed);
    tell("nowhere.told");
    let actions =
        |recorder: &Recorder| recorder.events().iter().map(|event| event.action().to_owned()).collect::<Vec<_>>();
    assert_eq!(actions(&outer), ["before.told", "after.told"]);
    assert_eq!(actions(&inner), ["within.told"]);
    assert_eq!(actions(&context), ["closer.told"], "what a context says is nearer than what a thread does");
}

#[tokio::test]
async fn the_production_path_runs() {
    let recorder = paid_twice().await;
    assert_audited!(recorder, metadata(amount = 100, password = "[redacted]"));
    assert!(!format!("{:?}", recorder.events()).contains("hunter2"));
    assert_eq!(recorder.stats().mended.redacted, 2);
}

#[tokio::test]
async fn a_failure_says_what_differs_from_the_nearest() {
    let recorder = paid_twice().await;
    let said = said(|| {
        assert_audited!(
            recorder,
            action = "invoice.paid",
            outcome = "failure",
            actor("user", id = "carol"),
            target = "ledger",
            metadata(amount = 1, tries = 2),
        )
    });
    for line in [
        "no event is as expected\n",
        "expected: action = \"invoice.paid\", outcome = \"failure\", actor(\"user\", id = \"carol\"), target(\"ledger\"), \
         metadata(amount = 1, tries = 2)\n",
        "the nearest, number 2 of 2, differs:\n",
        "  actor id: expected \"carol\", found \"bob\"\n",
        "  target: expected of type \"ledger\", found invoice\n",
        "  metadata amount: expected 1, found 0\n",
        "  metadata tries: expected 2, found none\n",
        "1. invoice.paid\n  outcome: success\n",
        "2. invoice.paid\n  outcome: failure\n",
    ] {
        assert!(said.contains(line), "{line}\nis not in\n{said}");
    }
}

#[tokio::test]
async fn more_than_one_is_no_match_and_nothing_says_why() {
    let recorder = paid_twice().await;
    assert!(
        said(|| assert_audited!(recorder, action = "invoice.paid")).starts_with("2 events are as expected, not one")
    );
    assert!(
        said(|| recorder.only()).starts_with("exactly one event was expected, and 2 were recorded\n\n1. invoice.paid")
    );
    assert!(said(|| Recorder::new().only()).contains("no event was recorded: did the call run within"));
    let none = said(|| Recorder::new().expect(&Expected::new().actor(ExpectedThing::new("user"))));
    assert!(none.starts_with("no event is as expected\nexpected: actor(\"user\")\nno event was recorded"), "{none}");
}

#[tokio::test]
async fn a_snapshot_is_the_same_in_each_run() {
    let recorder = Recorder::new();
    let context =
        audited::context().log(&recorder.log()).location("203.0.113.7").metadata("request_id", fastrand::u64(..));
    context.scope(pay("alice", &INVOICE, &Payment { amount: 100, password: "hunter2" })).await.unwrap();
    assert_eq!(
        recorder.snapshot(),
        r#"
invoice.paid
  outcome: success
  version: 1
  organization: null
  actor: user "alice"
  target: invoice "7"
    name: "INV-7"
    metadata amount_cents: 129900
  location: "203.0.113.7"
  metadata amount: 100
  metadata password: "[redacted]"
  metadata request_id: [request_id]
"#
    );
}

#[test]
fn a_snapshot_has_all_events_and_all_that_is_told_of_them() {
    let recorder = Recorder::new();
    let context = audited::context()
        .log(&recorder.log())
        .organization("org_1")
        .user_agent("curl/8")
        .metadata("trace_id", fastrand::u64(..).to_string());
    context.in_scope(|| {
        event("invoice.moved").actor(&CLERK).targets([INVOICE, OTHER]).failed().emit();
        event("invoice.seen").target(OTHER).version(2).emit();
    });
    assert_eq!(
        recorder.snapshot(),
        r#"
invoice.moved
  outcome: failure
  version: 1
  organization: "org_1"
  actor: clerk "5"
    name: "Ada"
    metadata desk: 9
  target: invoice "7"
    name: "INV-7"
    metadata amount_cents: 129900
  target: invoice "8"
    name: "INV-8"
    metadata amount_cents: 1
  location: "unknown"
  user_agent: "curl/8"
  metadata trace_id: [trace_id]

invoice.seen
  outcome: success
  version: 2
  organization: "org_1"
  actor: unknown "unknown"
  target: invoice "8"
    name: "INV-8"
    metadata amount_cents: 1
  location: "unknown"
  user_agent: "curl/8"
  metadata trace_id: [trace_id]
"#
    );
}

#[test]
fn a_disk_fails_so_many_times_and_says_why() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    let tell = || event("user.signed_in").target_of("team", 1).emit_blocking();
    recorder.fail_next(2, OutboxErrorKind::Full);
    for _ in 0..2 {
        let error = tell().unwrap_err();
        let cause = error.source().and_then(|source| source.downcast_ref::<OutboxError>());
        assert_eq!(cause.map(OutboxError::kind), Some(OutboxErrorKind::Full));
    }
    tell().unwrap();
    assert_eq!(recorder.only().action(), "user.signed_in");
}

#[test]
fn a_slow_disk_holds_up_nobody_who_does_not_wait_for_it() {
    #[audited(action = "invoice.seen", targets(invoice), durability = relaxed)]
    async fn see(invoice: &Invoice) {}
    let recorder = Recorder::new();
    let _slow = recorder.hold();
    let mut call = Box::pin(recorder.scope(see(&INVOICE)));
    assert_eq!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
}

#[tokio::test]
async fn a_disk_fails_as_often_as_a_test_wants() {
    let recorder = Recorder::new();
    let done = std::cell::Cell::new(false);
    recorder.fail_next(1, OutboxErrorKind::Full);
    recorder.scope(delete(1, &done)).await.unwrap_err();
    assert!(!done.get(), "the intent could not be stored, so nothing happens");
    recorder.scope(delete(2, &done)).await.unwrap();
    assert!(done.get());
    assert_audited!(recorder, action = "user.deleted", target("user", id = 2));

    recorder.fail_outcomes(OutboxErrorKind::Storage);
    recorder.scope(delete(3, &done)).await.unwrap();
    assert_eq!((recorder.intents().len(), recorder.events().len()), (2, 1));
    assert_eq!(recorder.stats().unsettled, 1);

    recorder.fail(None);
    recorder.scope(delete(4, &done)).await.unwrap();
    assert_eq!((recorder.intents().len(), recorder.events().len()), (3, 2));
}

#[test]
fn a_slow_disk_is_waited_for_until_it_is_done() {
    let recorder = Recorder::new();
    let slow = recorder.hold();
    let payment = Payment { amount: 1, password: "" };
    let mut call = Box::pin(recorder.scope(pay("alice", &INVOICE, &payment)));
    let mut task = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut task).is_pending());
    assert!(call.as_mut().poll(&mut task).is_pending());
    assert_eq!(recorder.only().action(), "invoice.paid");
    drop(slow);
    assert_eq!(call.as_mut().poll(&mut task), Poll::Ready(Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorders_of_tasks_and_threads_never_see_each_others_events() {
    const EACH: usize = 16;
    let before = escaped();
    let together = Arc::new(Barrier::new(EACH));
    let tasks: Vec<_> = (0..EACH)
        .map(|number| {
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                let recorder = Recorder::new();
                let user = format!("user_{number}");
                for _ in 0..8 {
                    together.wait().await;
                    recorder.scope(pay(&user, &INVOICE, &Payment { amount: 1, password: "" })).await.unwrap();
                }
                (user, recorder)
            })
        })
        .collect();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            std::thread::spawn(move || {
                let recorder = Recorder::new();
                let _installed = recorder.install();
                let user = format!("thread_{number}");
                for _ in 0..8 {
                    event("user.signed_in").actor(&Actor::user(&user)).target_of("team", 1).emit();
                }
                (user, recorder)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
    for (user, recorder) in all {
        let mine = Expected::new().actor(ExpectedThing::new("user").id(&user));
        assert_eq!((recorder.matching(&mine).len(), recorder.events().len()), (8, 8), "{user}");
    }
    assert_eq!(escaped(), before, "none went to a log that nobody chose");
}
