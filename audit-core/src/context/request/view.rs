//! A request as each framework shows it.

use std::borrow::Cow;
use std::net::IpAddr;

/// What a framework can tell about a request. One trait object for all of them, so that reading a request is compiled
/// once and not for every body and service type.
pub(crate) trait RequestView {
    /// The first line of a header, as it came: any bytes.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// The address at the other end of the connection.
    fn peer(&self) -> Option<IpAddr>;
}

/// What a header says, readable whatever it is made of: at most `max_bytes` of it, and what is no UTF-8 as `U+FFFD`.
pub(super) fn readable(value: &[u8], max_bytes: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(&value[..value.len().min(max_bytes)])
}
