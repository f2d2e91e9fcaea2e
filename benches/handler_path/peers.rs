//! The same handler, audited in each of the ways that one might.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::mpsc::{SyncSender, sync_channel};

use audited::outbox::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, NewRecord, Outbox, OutboxFuture,
    RecordId, Retry,
};
use audited::{AuditLog, audited};
use serde::Serialize;
use serde_json::{Value, json};

use crate::models::{Invoice, Request, User};

type Calls = fn(u32) -> Pin<Box<dyn Future<Output = ()>>>;

pub(crate) struct Peer {
    pub name: &'static str,
    pub what: &'static str,
    /// Runs a closure within what the peer needs around it.
    pub within: fn(&mut dyn FnMut()),
    pub calls: Calls,
}

macro_rules! calls_of {
    ($handler:ident) => {
        |calls| {
            Box::pin(async move {
                for _ in 0..calls {
                    black_box($handler(black_box(&REQUEST)).await);
                }
            })
        }
    };
}

pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "bare", what: "the bare handler", within: alone, calls: calls_of!(bare) },
    Peer { name: "disabled", what: "`#[audited]`, no log started", within: alone, calls: calls_of!(audited_pay) },
    Peer { name: "audited", what: "**`#[audited]`**", within: in_context, calls: calls_of!(audited_pay) },
    Peer {
        name: "instrument",
        what: "`tracing::instrument`, six fields, JSON subscriber",
        within: in_subscriber,
        calls: calls_of!(instrumented),
    },
    Peer { name: "by-hand", what: "by hand: `json!` and `tokio::spawn`", within: alone, calls: calls_of!(by_hand) },
    Peer {
        name: "borrowed",
        what: "a borrowed struct through `serde_json`",
        within: alone,
        calls: calls_of!(borrowed),
    },
    Peer { name: "floor", what: "the floor: copying an event and one push", within: alone, calls: calls_of!(floor) },
];

static REQUEST: LazyLock<Request> = LazyLock::new(Request::example);

/// Where every peer's bytes go: a bounded channel that another thread empties.
static CHANNEL: LazyLock<SyncSender<Vec<u8>>> = LazyLock::new(|| {
    let (sender, receiver) = sync_channel::<Vec<u8>>(65_536);
    std::thread::spawn(move || receiver.iter().for_each(drop));
    sender
});

/// The bytes of an event as ours writes it.
static EVENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let recorder = audited::testing::Recorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(context(&recorder.log()).scope(audited_pay(&REQUEST)));
    serde_json::to_vec(recorder.events()[0].json()).unwrap()
});

pub(crate) fn event_len() -> usize {
    EVENT.len()
}

/// What the handler does beside being audited.
fn work(request: &Request) -> u64 {
    request.invoice.amount_cents ^ u64::from(request.attempt)
}

async fn bare(request: &Request) -> u64 {
    work(request)
}

#[audited(
    action = "invoice.paid",
    actor = request.user,
    targets(request.invoice),
    metadata(currency = request.currency, note = request.note, attempt = request.attempt, trial = request.trial),
    durability = relaxed,
)]
async fn audited_pay(request: &Request) -> u64 {
    work(request)
}

#[tracing::instrument(
    skip_all,
    fields(
        actor = %request.user.id,
        target = %request.invoice.id,
        currency = %request.currency,
        note = %request.note,
        attempt = request.attempt,
        trial = request.trial,
    )
)]
async fn instrumented(request: &Request) -> u64 {
    work(request)
}

/// The handler that people write today.
async fn by_hand(request: &Request) -> u64 {
    let result = work(request);
    let event = json!({
        "organization_id": request.user.organization,
        "event": {
            "action": "invoice.paid",
            "version": 1,
            "occurred_at": jiff::Timestamp::now().to_string(),
            "actor": {
                "type": "user",
                "id": request.user.id,
                "name": request.user.email,
                "metadata": { "role": request.user.role },
            },
            "targets": [{
                "type": "invoice",
                "id": request.invoice.id,
                "name": request.invoice.number,
                "metadata": { "amount_cents": request.invoice.amount_cents, "plan": request.invoice.plan },
            }],
            "context": { "location": request.location, "user_agent": request.user_agent },
            "metadata": {
                "currency": request.currency,
                "note": request.note,
                "attempt": request.attempt,
                "trial": request.trial,
            },
        },
    });
    tokio::spawn(send(event));
    result
}

/// Stands for the request to WorkOS: all the same in every peer, so here it is only its bytes.
async fn send(event: Value) {
    let _ = CHANNEL.try_send(serde_json::to_vec(&event).unwrap());
}

async fn borrowed(request: &Request) -> u64 {
    #[derive(Serialize)]
    struct Body<'a> {
        organization_id: &'a str,
        event: Event<'a>,
    }
    #[derive(Serialize)]
    struct Event<'a> {
        action: &'a str,
        version: u32,
        occurred_at: jiff::Timestamp,
        actor: Actor<'a>,
        targets: [Target<'a>; 1],
        context: Context<'a>,
        metadata: Metadata<'a>,
    }
    #[derive(Serialize)]
    struct Actor<'a> {
        r#type: &'a str,
        id: &'a str,
        name: &'a str,
        metadata: ActorMetadata<'a>,
    }
    #[derive(Serialize)]
    struct ActorMetadata<'a> {
        role: &'a str,
    }
    #[derive(Serialize)]
    struct Target<'a> {
        r#type: &'a str,
        id: &'a str,
        name: &'a str,
        metadata: TargetMetadata<'a>,
    }
    #[derive(Serialize)]
    struct TargetMetadata<'a> {
        amount_cents: u64,
        plan: &'a str,
    }
    #[derive(Serialize)]
    struct Context<'a> {
        location: &'a str,
        user_agent: &'a str,
    }
    #[derive(Serialize)]
    struct Metadata<'a> {
        currency: &'a str,
        note: &'a str,
        attempt: u32,
        trial: bool,
    }
    let result = work(request);
    let (User { id, email, organization, role }, invoice) = (&request.user, &request.invoice);
    let Invoice { id: invoice_id, number, amount_cents, plan } = invoice;
    let body = Body {
        organization_id: organization,
        event: Event {
            action: "invoice.paid",
            version: 1,
            occurred_at: jiff::Timestamp::now(),
            actor: Actor { r#type: "user", id, name: email, metadata: ActorMetadata { role } },
            targets: [Target {
                r#type: "invoice",
                id: invoice_id,
                name: number,
                metadata: TargetMetadata { amount_cents: *amount_cents, plan },
            }],
            context: Context { location: &request.location, user_agent: &request.user_agent },
            metadata: Metadata {
                currency: &request.currency,
                note: &request.note,
                attempt: request.attempt,
                trial: request.trial,
            },
        },
    };
    let mut bytes = Vec::with_capacity(1_024);
    serde_json::to_writer(&mut bytes, &body).unwrap();
    let _ = CHANNEL.try_send(bytes);
    result
}

async fn floor(request: &Request) -> u64 {
    let _ = CHANNEL.try_send(EVENT.clone());
    work(request)
}

fn alone(run: &mut dyn FnMut()) {
    run();
}

fn in_subscriber(run: &mut dyn FnMut()) {
    use tracing_subscriber::fmt::format::FmtSpan;
    // Its lines go nowhere, which is cheaper than where they would go in earnest.
    let subscriber =
        tracing_subscriber::fmt().json().with_span_events(FmtSpan::CLOSE).with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(subscriber, run);
}

fn in_context(run: &mut dyn FnMut()) {
    static LOG: LazyLock<AuditLog> = LazyLock::new(|| {
        AuditLog::builder()
            .api_key(audited::workos::ApiKeySource::fixed("sk_bench"))
            .base_url("http://127.0.0.1:9")
            .outbox(ChannelOutbox)
            .install(false)
            .start_blocking()
            .unwrap()
    });
    context(&LOG).in_scope(run);
}

fn context(log: &AuditLog) -> audited::Context {
    audited::context().log(log).location(&REQUEST.location).user_agent(&REQUEST.user_agent)
}

/// An outbox that hands its records to the channel that every peer uses.
#[derive(Debug)]
struct ChannelOutbox;

impl Outbox for ChannelOutbox {
    fn append(&self, record: NewRecord) -> Appending {
        let _ = CHANNEL.try_send(record.payload);
        Appending::done(Ok(RecordId(0)))
    }

    fn claim<'a>(&'a self, _request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn acknowledge(&self, _claim: ClaimId) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn reschedule(&self, _claim: ClaimId, _retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn bury(&self, _claim: ClaimId, _reason: BurialReason, _replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn rekey(&self, _claim: ClaimId, _retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        Box::pin(async { Ok(Contents::default()) })
    }

    fn dead_letters(&self, _after: Option<RecordId>, _max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn redrive(&self, _record: RecordId) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}
