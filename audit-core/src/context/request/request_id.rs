//! The name of a request: the one it came with, or a new one.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest name that is taken from a request.
const MOST_BYTES: usize = 128;

/// The request's own name, if it is one: printable ASCII of at most 128 bytes. Anything else is not a name that somebody
/// could look for.
pub(super) fn taken(header: Option<&[u8]>) -> Option<&str> {
    let name = header.filter(|name| !name.is_empty() && name.len() <= MOST_BYTES)?;
    str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// A name that no other request has: where this process began counting, at random, and the request's number.
pub(super) fn made() -> RequestId {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let process = *PROCESS.get_or_init(|| {
        // Without randomness, the process's id tells it from its neighbours.
        getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
    });
    RequestId { process, number: COUNT.fetch_add(1, Ordering::Relaxed) }
}

/// A name that was made here.
pub(super) struct RequestId {
    process: u64,
    number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.process, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_printable_name_of_bounded_length_is_taken() {
        assert_eq!(taken(Some(b"req_01/a-B")), Some("req_01/a-B"));
        let long = [b'x'; MOST_BYTES + 1];
        assert_eq!(taken(Some(&long[1..])).map(str::len), Some(MOST_BYTES));
        for other in [&b""[..], b"a b", b"a\tb", b"\xff\xfe", "größe".as_bytes(), &long] {
            assert_eq!(taken(Some(other)), None, "{other:?}");
        }
        assert_eq!(taken(None), None);
    }

    #[test]
    fn made_names_differ() {
        assert_ne!(made().to_string(), made().to_string());
    }
}
