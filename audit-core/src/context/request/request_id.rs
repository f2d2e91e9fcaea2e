//! The name of a request: the one it came with, or a new one.

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
pub(crate) fn made() -> RequestId {
    static NAMES: OnceLock<OfProcess<Names>> = OnceLock::new();
    NAMES.get_or_init(|| OfProcess::new(Names::new)).get().next()
}

/// The names that one process makes.
struct Names {
    /// 16 digits and `-`.
    process: [u8; PROCESS_BYTES],
    count: AtomicU64,
}

const PROCESS_BYTES: usize = 17;

impl Names {
    fn new() -> Self {
        // Without randomness, the process's id tells it from its neighbours.
        let process = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        let mut digits = [b'-'; PROCESS_BYTES];
        push_hex(&mut digits[..16], process);
        Self { process: digits, count: AtomicU64::new(0) }
    }

    fn next(&self) -> RequestId {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1) as usize;
        let mut id = RequestId { text: [0; MADE_BYTES], len: PROCESS_BYTES + digits };
        id.text[..PROCESS_BYTES].copy_from_slice(&self.process);
        push_hex(&mut id.text[PROCESS_BYTES..id.len], number);
        id
    }
}

/// The longest name that is made here.
const MADE_BYTES: usize = PROCESS_BYTES + 16;

/// A name that was made here: the process and the request's number in it, in hexadecimal digits.
pub(crate) struct RequestId {
    text: [u8; MADE_BYTES],
    len: usize,
}

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        // Digits and a dash are UTF-8.
        str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

/// Writes the last digits of `number`.
fn push_hex(digits: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest & 0xf) as usize];
        rest >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_printable_name_of_bounded_length_is_taken() {
        assert_eq!(taken(Some(b"req_01/a-B")), Some("req_01/a-B"));
        let long = [b'x'; 129];
        assert_eq!(taken(Some(&long[1..])).map(str::len), Some(128));
        for other in [&b""[..], b"a b", b"a\tb", b"\xff\xfe", "größe".as_bytes(), &long] {
            assert_eq!(taken(Some(other)), None, "{other:?}");
        }
        assert_eq!(taken(None), None);
    }

    #[test]
    fn made_names_differ() {
        let (one, other) = (made(), made());
        assert_ne!(one.as_str(), other.as_str());
    }

    #[test]
    fn a_made_name_is_the_process_and_a_number_without_leading_zeros() {
        let names = Names { count: AtomicU64::new(0xfe), ..Names::new() };
        let process = str::from_utf8(&names.process).unwrap();
        for number in ["fe", "ff", "100"] {
            assert_eq!(names.next().as_str(), format!("{process}{number}"));
        }
        let (first, last) = (Names::new().next(), Names { count: AtomicU64::new(u64::MAX), ..Names::new() }.next());
        assert!(first.as_str().ends_with("-0") && last.as_str().ends_with(&format!("-{:x}", u64::MAX)));
        let mut digits = [0; 16];
        push_hex(&mut digits, 0x0123_4567_89ab_cdef);
        assert_eq!(digits, *b"0123456789abcdef");
    }

    #[test]
    fn a_forked_child_does_not_repeat_its_parents_names() {
        let mut names = OfProcess::new(Names::new);
        let before = names.get().next().as_str().to_owned();
        names.fork();
        let of_child = [names.get().next(), names.get().next()].map(|name| name.as_str().to_owned());
        assert!(!of_child.iter().any(|name| name.starts_with(&before[..PROCESS_BYTES])), "{of_child:?}");
        assert_ne!(of_child[0], of_child[1]);
    }
}
