//! Whether this machine's clock and WorkOS' agree: an audit log is worth no more than its times (PCI DSS 10.6, NIST SP 800-53
//! AU-8).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::HeaderMap;

use super::retry_after::server_time;

/// More than a network and a proxy's cache explain.
const TOLERATED: Duration = Duration::from_secs(300);

/// Compares the two clocks with every answer, and tells when they come apart.
#[derive(Debug, Default)]
pub(super) struct Skew(AtomicBool);

impl Skew {
    pub(super) fn note(&self, headers: &HeaderMap, now: SystemTime) {
        let (Some(theirs), Ok(ours)) = (server_time(headers), now.duration_since(UNIX_EPOCH)) else { return };
        let apart = ours.abs_diff(theirs);
        if self.is_news(apart > TOLERATED) && apart > TOLERATED {
            tracing::warn!(
                target: "audited",
                seconds = apart.as_secs(),
                ahead = ours > theirs,
                "this machine's clock and WorkOS' are minutes apart: audit events carry this machine's time"
            );
        }
    }

    fn is_news(&self, apart: bool) -> bool {
        self.0.swap(apart, Ordering::Relaxed) != apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_come_apart_are_news_once() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        let server = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let skew = Skew::default();
        for (now, apart) in [
            (server, false),
            (server + TOLERATED, false),
            (server - TOLERATED - Duration::from_secs(1), true),
            (server + TOLERATED + Duration::from_secs(1), true),
            (server, false),
        ] {
            skew.note(&headers, now);
            assert_eq!(skew.0.load(Ordering::Relaxed), apart, "{now:?}");
        }
        assert!(skew.is_news(true));
        assert!(!skew.is_news(true));
        skew.note(&HeaderMap::new(), server);
        assert!(skew.0.load(Ordering::Relaxed), "an answer without a date says nothing");
    }
}
