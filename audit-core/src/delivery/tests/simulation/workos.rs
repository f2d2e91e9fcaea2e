//! WorkOS, as far as its documents tell: it stores an event once for each key that it remembers, and it remembers for 24
//! hours. It is never restarted.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::super::rig::{HOUR, answer, status, taken, throttled};
use crate::delivery::retry::Random;
use crate::delivery::{Reply, Said, Sink};
use crate::outbox::IdempotencyKey;

/// How long it remembers a key, and its reply to it.
const REMEMBERS: Duration = Duration::from_secs(24 * 3600);

/// How long a request takes, both ways.
const LATENCY: Duration = Duration::from_millis(80);

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Weather {
    Fine,
    /// Nobody is reached.
    Unreachable,
    /// The connection breaks before the event is stored.
    Reset,
    /// The event is stored, and nobody hears of it.
    ReplyLost,
    /// An answer without a look at the event.
    Status(u16),
    /// The event is stored, and the answer says otherwise.
    StoredBut(u16),
    /// The event is not stored, and this answer is remembered under its key.
    Stuck(u16),
    Throttled(Option<Duration>),
    /// A success that cannot be read.
    Garbled,
    Slow(Duration),
}

/// Says what becomes of a request at a time since the beginning.
pub(super) type Forecast = dyn Fn(&mut Random, Duration, &[u8]) -> Weather + Send + Sync;

pub(super) struct ModelWorkos {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    forecast: Box<Forecast>,
    random: Random,
    seen: Seen,
    keys: HashMap<IdempotencyKey, Remembered>,
}

struct Remembered {
    payload: Bytes,
    at: Duration,
    reply: Reply,
}

/// What has happened so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// When each request left, those that reached nobody included.
    pub(super) requests: Vec<Duration>,
    /// The keys under which each payload arrived: one, unless the delivery gave it another on purpose.
    pub(super) keys: HashMap<Bytes, HashSet<IdempotencyKey>>,
    /// When each payload was stored; more than once is a duplicate.
    pub(super) stored: HashMap<Bytes, Vec<Duration>>,
    /// Requests that arrived.
    pub(super) arrived: u64,
    /// When the sender of one heard an answer that settles whether the event was stored.
    pub(super) answered: Vec<Duration>,
}

impl Seen {
    /// Keys that took the place of others.
    pub(super) fn second_keys(&self) -> u64 {
        self.keys.values().map(|keys| keys.len() as u64 - 1).sum()
    }

    /// Requests that may or may not have been stored, for all that their sender knows.
    pub(super) fn ambiguous(&self) -> u64 {
        self.arrived - self.answered.len() as u64
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.stored.values().map(|times| times.len() as u64 - 1).sum()
    }

    /// The most requests within a second that begins at or after `from`.
    pub(super) fn peak(&self, from: Duration) -> usize {
        let mut times: Vec<Duration> = self.requests.iter().copied().filter(|at| *at >= from).collect();
        times.sort_unstable();
        let mut first = 0;
        let within = times.iter().enumerate().map(|(last, at)| {
            while *at - times[first] >= Duration::from_secs(1) {
                first += 1;
            }
            last + 1 - first
        });
        within.max().unwrap_or(0)
    }
}

impl ModelWorkos {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            forecast: Box::new(|_, _, _| Weather::Fine),
            random: Random::seeded(seed ^ 0x5eed),
            seen: Seen::default(),
            keys: HashMap::new(),
        };
        Self { began: Instant::now(), state: Mutex::new(state) }
    }

    pub(super) fn forecast(&self, forecast: impl Fn(&mut Random, Duration, &[u8]) -> Weather + Send + Sync + 'static) {
        self.state().forecast = Box::new(forecast);
    }

    pub(super) fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self, key: IdempotencyKey, payload: Bytes) -> Reply {
        let weather = {
            let state = &mut *self.state();
            let at = self.began.elapsed();
            state.seen.requests.push(at);
            (state.forecast)(&mut state.random, at, &payload)
        };
        if weather == Weather::Unreachable {
            return Reply::NotSent("connection refused".to_owned());
        }
        let slow = if let Weather::Slow(by) = weather { by } else { Duration::ZERO };
        sleep((LATENCY + slow) / 2).await;
        self.state().arrives(key, &payload);
        let judged = match weather {
            Weather::Reset => Reply::Unknown("connection reset".to_owned()),
            Weather::Status(code) => status(code),
            Weather::Throttled(wait) => throttled(wait),
            _ => self.state().take(self.began.elapsed(), key, &payload, &weather),
        };
        // Whoever stops listening here does not hear of it.
        sleep((LATENCY + slow) / 2).await;
        let heard = match weather {
            Weather::ReplyLost => Reply::Unknown("connection closed before message completed".to_owned()),
            Weather::StoredBut(code) => status(code),
            Weather::Garbled if judged == taken() => answer(200, Said::Nothing),
            _ => judged,
        };
        let mut state = self.state();
        if let Reply::Answered(answer) = &heard
            && matches!(answer.status, 200..=299 | 400..=404 | 413 | 422 | 429)
        {
            let at = self.began.elapsed();
            state.seen.answered.push(at);
        }
        heard
    }
}

impl State {
    fn arrives(&mut self, key: IdempotencyKey, payload: &Bytes) {
        self.seen.arrived += 1;
        self.seen.keys.entry(payload.clone()).or_default().insert(key);
    }

    fn take(&mut self, at: Duration, key: IdempotencyKey, payload: &Bytes, weather: &Weather) -> Reply {
        if let Some(remembered) = self.keys.get(&key).filter(|remembered| at - remembered.at < REMEMBERS) {
            assert_eq!(remembered.payload, payload, "two bodies under one key");
            return remembered.reply.clone();
        }
        let reply = if let Weather::Stuck(code) = weather { status(*code) } else { judge(payload) };
        if reply == taken() {
            self.seen.stored.entry(payload.clone()).or_default().push(at);
        }
        self.keys.insert(key, Remembered { payload: payload.clone(), at, reply: reply.clone() });
        reply
    }
}

/// What becomes of an event when nothing is wrong with the weather: its payload says so.
fn judge(payload: &[u8]) -> Reply {
    if says(payload, b"nowhere") {
        answer(404, Said::Refusal("Organization not found.".to_owned()))
    } else if is_poison(payload) && (says(payload, b"twice") || !payload.starts_with(MINIMAL)) {
        answer(422, Said::Refusal("event.metadata: too many".to_owned()))
    } else {
        taken()
    }
}

/// What the smallest form of an event begins with.
pub(super) const MINIMAL: &[u8] = b"minimal ";

fn says(payload: &[u8], word: &[u8]) -> bool {
    payload.windows(word.len()).any(|window| window == word)
}

/// Whether something is wrong with what a user wrote into the event.
pub(super) fn is_poison(payload: &[u8]) -> bool {
    says(payload, b"poison")
}

/// Whether WorkOS refuses an event for good, whatever the weather.
pub(super) fn is_refused(payload: &[u8]) -> bool {
    judge(payload) != taken()
}

impl Sink for ModelWorkos {
    fn send(&self, key: IdempotencyKey, payload: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.answer(key, payload))
    }

    fn minimal(&self, payload: &[u8]) -> Option<Bytes> {
        (!payload.starts_with(MINIMAL)).then(|| [MINIMAL, payload].concat().into())
    }
}

impl fmt::Debug for ModelWorkos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelWorkos")
    }
}

/// Nothing but a storm of 429 for that long.
pub(super) fn storm_until(end: Duration) -> impl Fn(&mut Random, Duration, &[u8]) -> Weather + Send + Sync {
    move |_, at, _| if at < end { Weather::Throttled(None) } else { Weather::Fine }
}

/// Four hours and 31 minutes, as on 2025-07-23 (WorkOS status page, "erroneously rate-limited").
pub(super) const STORM: Duration = Duration::from_secs(4 * HOUR.as_secs() + 31 * 60);
