//! What to do after a reply: pure, so that every status code and every way to fail is a row in a table.

use std::time::Duration;

use tokio::time::Instant;

use super::runs::Run;
use super::{Answer, DuplicatePolicy, Reply, Said};
use crate::outbox::{History, Timestamp};
use crate::planted::{Bug, planted};

/// WorkOS honours an idempotency key for 24 hours (API reference, "Idempotency"). An hour less, so that neither a
/// clock that is wrong by minutes nor the attempt itself reaches past it.
pub(super) const KEY_WINDOW: Duration = Duration::from_secs(23 * 3600);

/// What a reply means for its event, and what it says about the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) fate: Fate,
    pub(super) signal: Signal,
}

/// What becomes of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrived. `understood` is false if the body of the answer did not say so.
    Delivered { understood: bool },
    /// It stays and goes again, with this history.
    Retry { history: History, wait: Wait },
    /// It was refused for good. With `replace` its smallest form is sent in its place.
    Dead { status: Option<u16>, message: String, replace: bool },
}

/// What an event waits for before it goes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the endpoint: the event itself is not to blame, and is due as soon as anything is.
    Endpoint,
    /// For its own backoff, and at least for what the answer asked for. If `ambiguous`, the sink may have it already.
    Backoff { at_least: Duration, ambiguous: bool },
}

/// What a reply says about the endpoint, whichever event it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// It takes requests, with this key.
    Working,
    /// Something is wrong with it, or with this event: only more replies can tell.
    Failing { overloaded: bool },
    /// It asks for fewer requests.
    Throttled { retry_after: Option<Duration> },
    /// It does not take this key.
    Unauthorized,
    /// It cannot be reached.
    Unreachable,
    /// Whoever is there cannot prove to be it.
    Untrusted,
    /// Nothing: it was not asked.
    Silent,
}

/// Whether an event may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// The sink has never seen it, or still knows its key.
    Clear,
    /// The sink may have it and may have forgotten the key.
    PossibleDuplicate,
    /// As above, and the policy is not to send it then.
    Park,
}

/// What to do with an event before it is sent at `now`.
pub(super) fn depart(history: History, now: Timestamp, policy: DuplicatePolicy) -> Departure {
    let Some(first) = history.first_ambiguous else { return Departure::Clear };
    // An hour ahead of the clock means that the clock was set back: nobody knows how old the attempt is.
    let unknown_age = first.since(now) > Duration::from_secs(3600);
    if !unknown_age && now.since(first) < KEY_WINDOW {
        return Departure::Clear;
    }
    match policy {
        DuplicatePolicy::Send => Departure::PossibleDuplicate,
        DuplicatePolicy::Park => Departure::Park,
    }
}

/// A key is stuck after so many identical answers of 5xx...
const STUCK_TIMES: u32 = 8;

/// ... over so long, while other events were delivered.
const STUCK_FOR: Duration = Duration::from_secs(3600);

/// Whether a record in a run of identical 5xx goes on under a new key. Once: what a second key does not mend, a third will not.
pub(super) fn is_stuck(run: Run, history: History, now: Instant) -> bool {
    !history.rekeyed && run.times >= STUCK_TIMES && now.saturating_duration_since(run.since) >= STUCK_FOR
}

/// What to do after `reply`, to an attempt that began at `sent`.
pub(super) fn decide(reply: &Reply, history: History, sent: Timestamp) -> Decision {
    if planted(Bug::AttemptCap) && history.attempts >= 20 {
        return Decision { fate: refused(0, &Said::Nothing, false), signal: Signal::Silent };
    }
    match reply {
        Reply::Answered(answer) => judge(answer, history, sent),
        Reply::NotSent(_) => Decision { fate: Fate::unchanged(history), signal: Signal::Unreachable },
        Reply::Untrusted(_) => Decision { fate: Fate::unchanged(history), signal: Signal::Untrusted },
        Reply::Unknown(_) => {
            Decision { fate: Fate::ambiguous(history, sent, None), signal: Signal::Failing { overloaded: false } }
        }
        Reply::Refused(reason) => Decision {
            fate: Fate::Dead { status: None, message: reason.clone(), replace: false },
            signal: Signal::Silent,
        },
    }
}

fn judge(answer: &Answer, history: History, sent: Timestamp) -> Decision {
    let Answer { status, retry_after, ref said } = *answer;
    match status {
        200..=299 => Decision { fate: taken(status, said), signal: Signal::Working },
        401 | 403 => Decision { fate: Fate::unchanged(history), signal: Signal::Unauthorized },
        429 if planted(Bug::DropOn429) => Decision { fate: refused(status, said, false), signal: Signal::Working },
        429 => Decision { fate: Fate::unchanged(history), signal: Signal::Throttled { retry_after } },
        // The same key is in use this very moment, or this very request came too early: no word about the endpoint.
        409 | 425 => Decision { fate: Fate::ambiguous(history, sent, retry_after), signal: Signal::Working },
        _ if is_elsewhere(status, said) => {
            Decision { fate: Fate::elsewhere(history), signal: Signal::Failing { overloaded: false } }
        }
        400..=499 if status != 408 => {
            let replace = matches!(status, 400 | 413 | 422);
            Decision { fate: refused(status, said, replace), signal: Signal::Working }
        }
        // 408, 5xx, and what is no final status code at all.
        _ => Decision {
            fate: Fate::ambiguous(history, sent, retry_after),
            signal: Signal::Failing { overloaded: matches!(status, 408 | 503 | 504) },
        },
    }
}

/// Whether another server answered in the sink's place, as behind a wrong base URL, a proxy or a captive portal: a
/// redirect, a method or an address that is not known there, or a 404 that is not about the event. Such an answer must
/// not bury anything. One event alone that is met so does not hold up the others: it waits by itself, and the endpoint
/// counts as down only after several in a row.
fn is_elsewhere(status: u16, said: &Said) -> bool {
    match status {
        300..=399 | 405 | 407 | 421 => true,
        404 => !matches!(said, Said::Refusal(_)),
        _ => false,
    }
}

fn taken(status: u16, said: &Said) -> Fate {
    match said {
        Said::Success => Fate::Delivered { understood: true },
        Said::Nothing => Fate::Delivered { understood: false },
        Said::Refusal(_) => refused(status, said, true),
    }
}

fn refused(status: u16, said: &Said, replace: bool) -> Fate {
    let message = match said {
        Said::Refusal(words) => words.clone(),
        Said::Success | Said::Nothing => format!("refused with status {status}, without a reason that can be read"),
    };
    Fate::Dead { status: Some(status), message, replace }
}

impl Fate {
    /// Nothing of this attempt reached the sink's store: it does not count, and no clock runs.
    fn unchanged(history: History) -> Self {
        Self::Retry { history, wait: Wait::Endpoint }
    }

    /// Somebody else has seen it, so no clock runs, but it does not go again at once.
    fn elsewhere(history: History) -> Self {
        let history = History { attempts: history.attempts.saturating_add(1), ..history };
        Self::Retry { history, wait: Wait::Backoff { at_least: Duration::ZERO, ambiguous: false } }
    }

    /// The sink may have stored the event, so its idempotency window runs.
    fn ambiguous(history: History, sent: Timestamp, at_least: Option<Duration>) -> Self {
        // Past its window a key may begin a new one at the sink, which lasts another 24 hours: so it does here, and
        // every window is counted once.
        let first = match history.first_ambiguous {
            Some(first) if depart(history, sent, DuplicatePolicy::Send) == Departure::Clear => first,
            Some(_) | None => sent,
        };
        let history = History { attempts: history.attempts.saturating_add(1), first_ambiguous: Some(first), ..history };
        let wait = Wait::Backoff { at_least: at_least.unwrap_or_default(), ambiguous: true };
        Self::Retry { history, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Timestamp = Timestamp(1_700_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn answer(status: u16, said: Said) -> Decision {
        decide(&Reply::Answered(Answer { status, retry_after: None, said }), History::default(), SENT)
    }

    fn refusal() -> Said {
        Said::Refusal("event.action: required".to_owned())
    }

    /// One word for what happens to the event and one for the endpoint.
    fn row(decision: &Decision) -> (&'static str, &'static str) {
        let fate = match &decision.fate {
            Fate::Delivered { .. } => "delivered",
            Fate::Retry { history, .. } if *history == History::default() => "keep",
            Fate::Retry { history: History { attempts: 1, first_ambiguous: None, rekeyed: false }, wait } => {
                assert_eq!(*wait, Wait::Backoff { at_least: Duration::ZERO, ambiguous: false });
                "wait"
            }
            Fate::Retry { history, .. } => {
                assert_eq!(*history, History { attempts: 1, first_ambiguous: Some(SENT), rekeyed: false });
                "retry"
            }
            Fate::Dead { replace: true, .. } => "replace",
            Fate::Dead { replace: false, .. } => "dead",
        };
        let signal = match decision.signal {
            Signal::Working => "working",
            Signal::Failing { overloaded: false } => "failing",
            Signal::Failing { overloaded: true } => "overloaded",
            Signal::Throttled { .. } => "throttled",
            Signal::Unauthorized => "unauthorized",
            Signal::Unreachable => "unreachable",
            Signal::Untrusted => "untrusted",
            Signal::Silent => "silent",
        };
        (fate, signal)
    }

    #[test]
    fn every_status_has_its_row() {
        for status in 100..=599_u16 {
            let expected = match status {
                200..=299 => ("delivered", "working"),
                400 | 413 | 422 => ("replace", "working"),
                401 | 403 => ("keep", "unauthorized"),
                429 => ("keep", "throttled"),
                409 | 425 => ("retry", "working"),
                408 | 503 | 504 => ("retry", "overloaded"),
                100..=199 | 500..=599 => ("retry", "failing"),
                300..=399 | 404 | 405 | 407 | 421 => ("wait", "failing"),
                402..=499 => ("dead", "working"),
                _ => unreachable!(),
            };
            assert_eq!(row(&answer(status, Said::Nothing)), expected, "{status}");
            if status == 404 {
                assert_eq!(row(&answer(status, refusal())), ("dead", "working"), "404 with a reason");
                assert_eq!(row(&answer(status, Said::Success)), expected, "404 that claims success");
            } else if !(200..=299).contains(&status) {
                assert_eq!(row(&answer(status, refusal())), expected, "{status} with a reason");
                assert_eq!(row(&answer(status, Said::Success)), expected, "{status} that claims success");
            }
        }
    }

    #[test]
    fn what_is_no_status_code_is_tried_again() {
        for status in [0, 99, 600, 999, u16::MAX] {
            assert_eq!(row(&answer(status, Said::Nothing)), ("retry", "failing"), "{status}");
        }
    }

    #[test]
    fn a_success_is_judged_by_its_body() {
        for status in 200..=299 {
            assert_eq!(answer(status, Said::Success).fate, Fate::Delivered { understood: true });
            assert_eq!(answer(status, Said::Nothing).fate, Fate::Delivered { understood: false });
            assert_eq!(row(&answer(status, refusal())), ("replace", "working"));
        }
    }

    #[test]
    fn a_dead_letter_carries_the_sinks_words() {
        let Fate::Dead { status, message, .. } = answer(422, refusal()).fate else { panic!("not dead") };
        assert_eq!((status, &*message), (Some(422), "event.action: required"));
        let Fate::Dead { message, .. } = answer(410, Said::Nothing).fate else { panic!("not dead") };
        assert!(message.contains("410"), "{message}");
    }

    #[test]
    fn what_the_sink_was_not_asked_says_nothing_about_it() {
        let refused = decide(&Reply::Refused("no organization".to_owned()), History::default(), SENT);
        assert_eq!(row(&refused), ("dead", "silent"));
        let Fate::Dead { status, message, .. } = refused.fate else { panic!("not dead") };
        assert_eq!((status, &*message), (None, "no organization"));
    }

    #[test]
    fn another_servers_answer_starts_no_clock_and_stops_none() {
        let history = History { attempts: 3, first_ambiguous: Some(SENT), rekeyed: false };
        let reply = Reply::Answered(Answer { status: 302, retry_after: None, said: Said::Nothing });
        let Fate::Retry { history, .. } = decide(&reply, history, SENT.after(HOUR)).fate else { panic!("not kept") };
        assert_eq!(history, History { attempts: 4, first_ambiguous: Some(SENT), rekeyed: false });
    }

    #[test]
    fn what_never_left_starts_no_clock_and_what_may_have_arrived_does() {
        let not_sent = decide(&Reply::NotSent("refused".to_owned()), History::default(), SENT);
        assert_eq!(row(&not_sent), ("keep", "unreachable"));
        let untrusted = decide(&Reply::Untrusted("expired".to_owned()), History::default(), SENT);
        assert_eq!(row(&untrusted), ("keep", "untrusted"));
        let unknown = decide(&Reply::Unknown("reset".to_owned()), History::default(), SENT);
        assert_eq!(row(&unknown), ("retry", "failing"));
    }

    #[test]
    fn the_first_ambiguous_attempt_is_remembered_through_everything() {
        let history = History { attempts: 3, first_ambiguous: Some(SENT), rekeyed: false };
        let later = SENT.after(HOUR);
        for status in [429, 401, 500, 409] {
            let reply = Reply::Answered(Answer { status, retry_after: None, said: Said::Nothing });
            let Fate::Retry { history: after, .. } = decide(&reply, history, later).fate else { panic!("{status}") };
            assert_eq!(after.first_ambiguous, Some(SENT), "{status}");
            assert_eq!(after.attempts, if status < 409 || status == 429 { 3 } else { 4 }, "{status}");
        }
    }

    #[test]
    fn retry_after_reaches_who_waits() {
        let ask = |status| {
            let retry_after = Some(Duration::from_secs(7));
            decide(&Reply::Answered(Answer { status, retry_after, said: Said::Nothing }), History::default(), SENT)
        };
        assert_eq!(ask(429).signal, Signal::Throttled { retry_after: Some(Duration::from_secs(7)) });
        let Fate::Retry { wait, .. } = ask(503).fate else { panic!("not retried") };
        assert_eq!(wait, Wait::Backoff { at_least: Duration::from_secs(7), ambiguous: true });
    }

    #[test]
    fn a_key_is_stuck_after_eight_times_and_an_hour_and_only_once() {
        let now = Instant::now();
        let fresh = History { attempts: 20, first_ambiguous: Some(SENT), rekeyed: false };
        let second = Duration::from_secs(1);
        for (times, lasted, history, stuck) in [
            (8, HOUR, fresh, true),
            (7, HOUR, fresh, false),
            (8, HOUR - second, fresh, false),
            (1_000, HOUR - second, fresh, false),
            (7, 100 * HOUR, fresh, false),
            (9, 2 * HOUR, fresh, true),
            (8, HOUR, History { rekeyed: true, ..fresh }, false),
            (u32::MAX, 1_000 * HOUR, History { rekeyed: true, ..fresh }, false),
        ] {
            let run = Run::of(times, now);
            assert_eq!(is_stuck(run, history, now + lasted), stuck, "{times} times in {lasted:?}");
        }
    }

    #[test]
    fn the_window_closes_after_23_hours() {
        let history = History { attempts: 1, first_ambiguous: Some(SENT), rekeyed: false };
        let at = |after: Duration, policy| depart(history, SENT.after(after), policy);
        let just_before = 23 * HOUR - Duration::from_millis(1);
        assert_eq!(at(just_before, DuplicatePolicy::Send), Departure::Clear);
        assert_eq!(at(just_before, DuplicatePolicy::Park), Departure::Clear);
        assert_eq!(at(23 * HOUR, DuplicatePolicy::Send), Departure::PossibleDuplicate);
        assert_eq!(at(23 * HOUR, DuplicatePolicy::Park), Departure::Park);
        let unsent = depart(History::default(), SENT.after(1000 * HOUR), DuplicatePolicy::Park);
        assert_eq!(unsent, Departure::Clear, "what never left has no window");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stretch_the_window() {
        let history = History { attempts: 1, first_ambiguous: Some(SENT.after(8760 * HOUR)), rekeyed: false };
        assert_eq!(depart(history, SENT, DuplicatePolicy::Send), Departure::PossibleDuplicate);
        let history =
            History { attempts: 1, first_ambiguous: Some(SENT.after(Duration::from_secs(2))), rekeyed: false };
        assert_eq!(depart(history, SENT, DuplicatePolicy::Park), Departure::Clear, "a step of seconds is no jump");
    }

    #[test]
    fn a_possible_duplicate_opens_a_new_window() {
        let history = History { attempts: 1, first_ambiguous: Some(SENT), rekeyed: false };
        let again = SENT.after(25 * HOUR);
        let Fate::Retry { history, .. } = decide(&Reply::Unknown(String::new()), history, again).fate else {
            panic!("not retried")
        };
        assert_eq!(history.first_ambiguous, Some(again));
        assert_eq!(depart(history, again.after(HOUR), DuplicatePolicy::Send), Departure::Clear, "counted once");
    }
}
