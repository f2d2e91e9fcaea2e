//! A request as each framework shows it.

use std::borrow::Cow;
use std::net::IpAddr;

/// What a framework can tell about a request. One trait object for all of them, so that reading a request is compiled
/// once and not for every body and service type.
pub(crate) trait RequestView {
    fn method(&self) -> &str;

    /// The route that matched, as the program wrote it: `/invoices/{id}`.
    fn route(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// The parts of the path that the route names, decoded.
    fn route_parameters(&self, _each: &mut dyn FnMut(&str, &str)) {}

    /// What stands behind the `?`, as it came.
    fn query(&self) -> Option<&str> {
        None
    }

    /// The first line of a header, as it came: any bytes.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// [`header`](Self::header) of `user-agent`, which every request is asked for.
    fn user_agent(&self) -> Option<&[u8]> {
        self.header("user-agent")
    }

    /// All lines of a header, in order.
    fn header_lines(&self, name: &str) -> Vec<&[u8]>;

    /// The address at the other end of the connection.
    fn peer(&self) -> Option<IpAddr>;
}
