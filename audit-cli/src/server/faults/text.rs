//! How a fault is written: on the command line, over HTTP and on the page.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

use super::{Fault, RetryAfter};

/// The text does not name a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFaultError {
    text: String,
    problem: &'static str,
}

impl fmt::Display for ParseFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "`{text}` is not a fault: {problem}; faults are latency=200ms, 429, 429=2s, \
             429-date=2s, 500 (any status from 400 to 599), reset, slow=5s, reply-lost, garbage, \
             not-success, hang"
        )
    }
}

impl std::error::Error for ParseFaultError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(time) => write!(f, "latency={}ms", time.as_millis()),
            Self::TooManyRequests(None) => f.write_str("429"),
            Self::TooManyRequests(Some(RetryAfter::Seconds(s))) => write!(f, "429={s}s"),
            Self::TooManyRequests(Some(RetryAfter::Date(s))) => write!(f, "429-date={s}s"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Reset => f.write_str("reset"),
            Self::SlowReply(time) => write!(f, "slow={}ms", time.as_millis()),
            Self::ReplyLost => f.write_str("reply-lost"),
            Self::Garbage => f.write_str("garbage"),
            Self::NotSuccess => f.write_str("not-success"),
            Self::Hang => f.write_str("hang"),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let error = |problem| ParseFaultError { text: text.to_owned(), problem };
        let (name, time) = match text.split_once('=') {
            Some((name, time)) => (name, Some(duration(time).map_err(error)?)),
            None => (text, None),
        };
        match (name, time) {
            ("latency", Some(time)) => Ok(Self::Latency(time)),
            ("slow", Some(time)) => Ok(Self::SlowReply(time)),
            ("429", Some(time)) => Ok(Self::TooManyRequests(Some(RetryAfter::Seconds(time.as_secs())))),
            ("429-date", Some(time)) => Ok(Self::TooManyRequests(Some(RetryAfter::Date(time.as_secs())))),
            ("latency" | "slow" | "429-date", None) => Err(error("it needs a time")),
            (_, Some(_)) => Err(error("only latency, slow, 429 and 429-date take a time")),
            ("429", None) => Ok(Self::TooManyRequests(None)),
            ("reset", None) => Ok(Self::Reset),
            ("reply-lost", None) => Ok(Self::ReplyLost),
            ("garbage", None) => Ok(Self::Garbage),
            ("not-success", None) => Ok(Self::NotSuccess),
            ("hang", None) => Ok(Self::Hang),
            (status, None) => match status.parse() {
                Ok(status @ 400..=599) => Ok(Self::Status(status)),
                _ => Err(error("there is none of this name")),
            },
        }
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or("the time is not like 200ms, 2s or 1m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back() {
        for fault in [
            Fault::Latency(Duration::from_millis(200)),
            Fault::TooManyRequests(None),
            Fault::TooManyRequests(Some(RetryAfter::Seconds(2))),
            Fault::TooManyRequests(Some(RetryAfter::Date(2))),
            Fault::Status(500),
            Fault::Status(503),
            Fault::Reset,
            Fault::SlowReply(Duration::from_secs(5)),
            Fault::ReplyLost,
            Fault::Garbage,
            Fault::NotSuccess,
            Fault::Hang,
        ] {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
    }

    #[test]
    fn what_is_no_fault_is_told_why() {
        for (text, why) in [
            ("latency", "needs a time"),
            ("latency=soon", "not like 200ms"),
            ("latency=-1s", "not like 200ms"),
            ("reset=1s", "take a time"),
            ("200", "none of this name"),
            ("", "none of this name"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
