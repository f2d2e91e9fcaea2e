//! The name of a request: the one it came with, or a new one.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::of_process::OfProcess;

/// The longest name that is taken from a request.
const MOST_BYTES: usize = 128;

/// The request's own name, if it is one: printable ASCII of at most 128 bytes. Anything else is not a name that somebody
/// could look for.
pub(super) fn taken(header: Option<&[u8]>) -> Option<&str> {
    let name = header.filter(|name| !name.is_empty() && name.len() <= MOST_BYTES)?;
    str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// A name that no other request has: of the process, and the request's number in it.
pub(super) fn made() -> RequestId {
    static NAMES: OnceLock<OfProcess<Names>> = OnceLock::new();
    NAMES.get_or_init(|| OfProcess::new(Names::new)).get().next()
}

/// The names that one process makes.
struct Names {
    process: u64,
    count: AtomicU64,
}

impl Names {
    fn new() -> Self {
        // Without randomness, the process's id tells it from its neighbours.
        let process = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        Self { process, count: AtomicU64::new(0) }
    }

    fn next(&self) -> RequestId {
        RequestId { process: self.process, number: self.count.fetch_add(1, Ordering::Relaxed) }
    }
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

    #[test]
    fn a_forked_child_does_not_repeat_its_parents_names() {
        let mut names = OfProcess::new(Names::new);
        let before = names.get().next();
        names.fork();
        let of_child = [names.get().next(), names.get().next()].map(|name| name.to_string());
        assert!(!of_child.iter().any(|name| name.starts_with(&format!("{:016x}", before.process))), "{of_child:?}");
        assert_ne!(of_child[0], of_child[1]);
    }
}
