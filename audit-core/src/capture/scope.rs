//! One audited call, from its first line to its outcome, with exactly one event on every way out.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::clock;
use super::description::Description;
use super::event::EventWriter;
use super::outcome::Unavailable;
use super::target::AuditTarget;
use crate::audit_log::{AuditLog, Storing, registry};
use crate::context::{Context, UNKNOWN_LOCATION};
use crate::event::{Defaults, Draft, Encoded, Ending, HashKey, Trace};
use crate::outbox::{Appending, OutboxError, RecordId};
use crate::spare::{self, Spare};

/// How long a strict call on a thread waits for its intent to be stored, at the most.
const INTENT_DEADLINE: Duration = Duration::from_secs(5);

thread_local! {
    /// The scope whose body runs on this thread right now, innermost.
    static CURRENT: Cell<Option<Slot>> = const { Cell::new(None) };

    /// Slots of scopes that ended on this thread.
    static SPARE: Spare<Slot> = const { Spare::new() };
}

/// A scope that was opened; nothing if there is no log to tell.
#[derive(Debug)]
pub struct Scope(Option<Slot>);

/// Where a scope lives, so that neither the handler's future nor what swaps scopes has to move all of it. The slot of a scope
/// that ended serves the thread's next one: a call costs no allocation of its own.
type Slot = Box<Option<Live>>;

fn slot_of(live: Live) -> Slot {
    let mut slot = spare::take(&SPARE).unwrap_or_default();
    *slot = Some(live);
    slot
}

/// Keeps the slot of a scope that ended.
fn vacate(mut slot: Slot) {
    *slot = None;
    spare::keep(&SPARE, slot);
}

#[derive(Debug)]
struct Live {
    draft: Draft,
    description: &'static Description,
    log: AuditLog,
    context: Option<Context>,
    /// The intent that the event takes the place of.
    intent: Option<RecordId>,
    /// The intent's number, which is the event's.
    trace: Option<Trace>,
}

/// How a scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Success,
    Failure,
    Panicked,
    Cancelled,
}

/// Opens a scope and captures what is to be told of its beginning.
#[inline]
pub fn open(description: &'static Description, capture: impl FnOnce(&mut EventWriter<'_>)) -> Scope {
    begin(description, &mut once(capture))
}

/// Opens a scope whose intent is stored before the call goes on. Captures at once; what is awaited is the storing.
#[inline]
pub fn open_strict(description: &'static Description, capture: impl FnOnce(&mut EventWriter<'_>)) -> Opening {
    Opening(Some(begin_strict(description, &mut once(capture))))
}

/// What runs once, in the shape in which it can be handed on behind a pointer: whatever takes it is compiled once, not for
/// each handler.
#[inline]
pub(super) fn once(capture: impl FnOnce(&mut EventWriter<'_>)) -> impl FnMut(&mut EventWriter<'_>) {
    let mut capture = Some(capture);
    move |event| {
        if let Some(capture) = capture.take() {
            capture(event);
        }
    }
}

/// A scope whose intent is being stored.
///
/// Its output is an error when the intent cannot be stored; then the call must not happen.
#[derive(Debug)]
#[must_use = "the intent is not known to be stored before this is awaited"]
pub struct Opening(Option<Result<(Live, Appending), Unavailable>>);

impl Future for Opening {
    type Output = Result<Scope, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        if let Some(Ok((_, appending))) = &mut self.0 {
            let Poll::Ready(result) = Pin::new(appending).poll(task) else { return Poll::Pending };
            let Some(Ok((live, _))) = self.0.take() else { return Poll::Pending };
            return Poll::Ready(live.with_intent(result));
        }
        match self.0.take() {
            Some(Err(unavailable)) => Poll::Ready(Err(unavailable)),
            _ => Poll::Pending,
        }
    }
}

/// [`open_strict`], on a thread that may wait.
///
/// # Errors
/// When the intent cannot be stored; then the call must not happen.
pub fn open_strict_sync(
    description: &'static Description,
    capture: impl FnOnce(&mut EventWriter<'_>),
) -> Result<Scope, Unavailable> {
    let (live, appending) = begin_strict(description, &mut once(capture))?;
    live.with_intent(appending.wait(INTENT_DEADLINE))
}

fn begin(description: &'static Description, capture: &mut dyn FnMut(&mut EventWriter<'_>)) -> Scope {
    let context = Context::current();
    let log = registry::resolve(context.as_ref());
    Scope(log.map(|log| slot_of(Live::begin(description, log, context, capture))))
}

fn begin_strict(
    description: &'static Description,
    capture: &mut dyn FnMut(&mut EventWriter<'_>),
) -> Result<(Live, Appending), Unavailable> {
    let context = Context::current();
    let Some(log) = registry::resolve(context.as_ref()) else {
        return Err(Unavailable::new(
            "no audit log is started in this process: call `AuditLog::from_env()?.start()` before the first request",
        ));
    };
    let mut live = Live::begin(description, log, context, capture);
    live.trace = live.log.next_trace();
    let ending = Ending { outcome: Some("unknown"), action: None, trace: live.trace };
    let intent = encode(&live.log, live.context.as_ref(), &mut live.draft.clone(), ending);
    let appending = live.log.append_intent(intent, description)?;
    Ok((live, appending))
}

/// Writes to the event of the innermost scope that runs here: what is known only in the middle of a call.
///
/// Outside of any scope, or without an audit log, `write` does not run; outside of any scope that is counted in
/// [`Stats::unscoped_records`](crate::Stats::unscoped_records).
///
/// ```
/// # struct Coupon { code: String }
/// # fn find_coupon() -> Option<Coupon> { None }
/// audit_core::record(|event| {
///     event.metadata("attempt", 2);
/// });
/// ```
pub fn record(write: impl FnOnce(&mut EventWriter<'_>)) {
    // Taken out meanwhile, so that a `record` within `write` finds no scope rather than this one half-written.
    match CURRENT.try_with(Cell::take) {
        Ok(Some(mut slot)) => {
            if let Some(Live { draft, log, .. }) = &mut *slot {
                guarded(draft, log.hash_key(), &mut once(write));
            }
            let _ = CURRENT.try_with(|current| current.set(Some(slot)));
        }
        _ => registry::count_unscoped_record(),
    }
}

/// Tells what a change made of a model, in the event of the innermost scope that runs here: what [`record`] with
/// [`EventWriter::changes`] does.
///
/// Each field that the model tells as metadata is compared, and one that differs is told twice, under its key with
/// `_before` and with `_after`: a number stays a number. What was absent, or is, is told once. Both sides are redacted as the
/// model says, so a masked field whose value changed shows two masks, which tells that it changed. Nested values are compared
/// key by key. A key of more than 33 characters is cut, so that both of its keys have the 40 that WorkOS takes; of a text, the
/// first 65,536 characters are compared.
///
/// ```
/// use audit_core::{AuditTarget, TargetWriter, changes};
///
/// #[derive(Clone)]
/// struct Team {
///     id: u64,
///     seats: u32,
///     plan: &'static str,
/// }
/// # impl AuditTarget for Team {
/// #     const TYPE: &'static str = "team";
/// #     fn describe(&self, target: &mut TargetWriter<'_>) {
/// #         target.id(self.id).metadata("seats", self.seats).metadata("plan", self.plan);
/// #     }
/// # }
///
/// // In a function with `#[audited(action = "team.resized", …)]`: the event's metadata gets
/// // `"seats_before": 5, "seats_after": 8`, and nothing of the plan, which stayed.
/// fn resize(team: &mut Team, seats: u32) {
///     let before = team.clone();
///     team.seats = seats;
///     changes(&before, team);
/// }
/// ```
pub fn changes<T: AuditTarget + ?Sized>(before: &T, after: &T) {
    record(|event| {
        event.changes(before, after);
    });
}

/// Lets the caller's code write to an event; if it panics, what it wrote whole stays.
pub(super) fn guarded(draft: &mut Draft, hash_key: Option<&HashKey>, write: &mut dyn FnMut(&mut EventWriter<'_>)) {
    if catch_unwind(AssertUnwindSafe(|| write(&mut EventWriter::new(draft, hash_key)))).is_err() {
        draft.count_failed();
    }
}

impl Live {
    fn begin(
        description: &'static Description,
        log: AuditLog,
        context: Option<Context>,
        capture: &mut dyn FnMut(&mut EventWriter<'_>),
    ) -> Self {
        let mut draft = new_draft(description.action, description.version, context.as_ref());
        guarded(&mut draft, log.hash_key(), capture);
        Self { draft, description, log, context, intent: None, trace: None }
    }

    /// A scope of a strict call, if its intent was stored.
    fn with_intent(mut self, stored: Result<RecordId, OutboxError>) -> Result<Scope, Unavailable> {
        self.intent = Some(self.log.intent_stored(stored)?);
        Ok(Scope(Some(slot_of(self))))
    }

    /// Hands the event over, if this way out is told. Returns the wait for it, if there is one.
    fn finish(&mut self, exit: Exit) -> Option<Storing> {
        let Description { on, failure_action, .. } = *self.description;
        let (told, outcome, action) = match exit {
            Exit::Success => (on.ok, None, None),
            Exit::Failure => (on.err, Some("failure"), failure_action),
            Exit::Panicked => (on.panic, Some("panicked"), None),
            Exit::Cancelled => (on.cancel, Some("cancelled"), None),
        };
        // An intent must be settled whatever the way out, or it would be told as `unknown`.
        if !told && self.intent.is_none() {
            return None;
        }
        let Self { draft, description, log, context, intent, trace } = self;
        let ending = Ending { outcome, action, trace: trace.or_else(|| log.next_trace()) };
        let event = encode(log, context.as_ref(), draft, ending);
        log.append(event, description, *intent)
    }
}

/// An event that begins now.
pub(super) fn new_draft(action: &str, version: u32, context: Option<&Context>) -> Draft {
    Draft::begin(action, version, clock::now(), |buf| match context {
        Some(context) => context.begin_event(buf),
        None => {
            buf.extend_from_slice(b"{\"location\":");
            buf.extend_from_slice(UNKNOWN_LOCATION);
            buf.push(b'}');
        }
    })
}

/// Ends `draft` with what it takes from its surroundings.
pub(super) fn encode(log: &AuditLog, context: Option<&Context>, draft: &mut Draft, ending: Ending) -> Encoded {
    match context {
        Some(context) => context.defaults(|defaults| draft.finish(log.fill(defaults), ending)),
        None => draft.finish(log.fill(Defaults::default()), ending),
    }
}

/// An open scope around a call.
#[derive(Debug)]
struct Around {
    slot: Option<Slot>,
    /// The call has begun; one that never did is not told.
    begun: bool,
    /// The body runs right now. Still so in `Drop` means that it panicked.
    running: bool,
}

impl Around {
    /// Runs a part of the body with this scope as the innermost.
    #[inline]
    fn run<T>(&mut self, body: impl FnOnce() -> T) -> T {
        if self.slot.is_none() {
            return body();
        }
        self.begun = true;
        self.running = true;
        let result = {
            let _entered = Entered::new(&mut self.slot);
            body()
        };
        self.running = false;
        result
    }

    /// Ends the scope, unless it has ended: `close` writes what its end tells.
    fn end(&mut self, returned: bool, close: &mut dyn FnMut(&mut EventWriter<'_>) -> bool) -> Option<Storing> {
        let mut slot = self.slot.take()?;
        let live = slot.as_mut().as_mut()?;
        let mut failed = false;
        guarded(&mut live.draft, live.log.hash_key(), &mut |event| failed = close(event));
        let exit = match returned {
            true if failed => Exit::Failure,
            true => Exit::Success,
            false if self.running => Exit::Panicked,
            false => Exit::Cancelled,
        };
        let storing = live.finish(exit);
        vacate(slot);
        storing
    }
}

/// A scope's end: whatever happens to the call, this tells it once.
#[derive(Debug)]
struct Guard<R, C: Close<R>> {
    around: Around,
    close: Option<C>,
    output: PhantomData<fn(&R)>,
}

/// Writes what a scope's end tells and says whether the call failed: `None` where it did not return.
pub trait Close<R>: FnOnce(Option<&R>, &mut EventWriter<'_>) -> bool {}

impl<R, F: FnOnce(Option<&R>, &mut EventWriter<'_>) -> bool> Close<R> for F {}

impl<R, C: Close<R>> Guard<R, C> {
    #[inline]
    fn new(scope: Scope, close: C) -> Self {
        let around = Around { slot: scope.0, begun: false, running: false };
        Self { around, close: Some(close), output: PhantomData }
    }

    // One copy for both ways to get here: what it calls is all that a handler writes about its end.
    #[inline(never)]
    fn end(&mut self, output: Option<&R>) -> Option<Storing> {
        let close = &mut self.close;
        self.around.end(output.is_some(), &mut |event| close.take().is_some_and(|close| close(output, event)))
    }
}

impl<R, C: Close<R>> Drop for Guard<R, C> {
    fn drop(&mut self) {
        if self.around.begun && self.around.slot.is_some() {
            // Nobody is left to wait for it.
            drop(self.end(None));
        }
    }
}

/// While it lives, its scope is the innermost of this thread.
struct Entered<'a>(&'a mut Option<Slot>);

impl<'a> Entered<'a> {
    fn new(slot: &'a mut Option<Slot>) -> Self {
        swap(slot);
        Self(slot)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(slot: &mut Option<Slot>) {
    // Fails only while the thread ends; then the scope stays where it is.
    let _ = CURRENT.try_with(|current| *slot = current.replace(slot.take()));
}

/// Runs an async body within its scope.
#[inline]
pub fn scope<F: Future, C: Close<F::Output>>(scope: Scope, future: F, close: C) -> Scoped<F, C> {
    Scoped { future, guard: Guard::new(scope, close), output: None, storing: None }
}

/// Runs a body within its scope.
#[inline]
pub fn scope_sync<R, C: Close<R>>(scope: Scope, body: impl FnOnce() -> R, close: C) -> R {
    let mut guard = Guard::new(scope, close);
    let output = guard.around.run(body);
    if let Some(storing) = guard.end(Some(&output)) {
        storing.wait();
    }
    output
}

pin_project! {
    /// A future that runs within its scope; see [`scope`].
    #[derive(Debug)]
    pub struct Scoped<F: Future, C: Close<F::Output>> {
        #[pin]
        future: F,
        guard: Guard<F::Output, C>,
        // What the body returned, while its event is stored.
        output: Option<F::Output>,
        storing: Option<Storing>,
    }
}

impl<F: Future, C: Close<F::Output>> Future for Scoped<F, C> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if this.storing.is_none() {
            let Poll::Ready(output) = this.guard.around.run(|| this.future.as_mut().poll(task)) else {
                return Poll::Pending;
            };
            let Some(storing) = this.guard.end(Some(&output)) else { return Poll::Ready(output) };
            *this.output = Some(output);
            *this.storing = Some(storing);
        }
        let Some(storing) = this.storing else { return Poll::Pending };
        if Pin::new(&mut *storing).poll(task).is_pending() {
            return Poll::Pending;
        }
        // Polled again after it was ready, this would wait for ever instead of panicking.
        this.output.take().map_or(Poll::Pending, Poll::Ready)
    }
}
