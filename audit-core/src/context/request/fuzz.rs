//! The parsers of this room, for `crate::fuzz`.
#![allow(clippy::expect_used, reason = "nobody's process but a fuzzer's")]

use std::net::IpAddr;

use super::client_address::{ClientAddress, TrustedProxies};
use super::view::RequestView;

struct Lines<'a>(Vec<&'a [u8]>);

impl RequestView for Lines<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn header(&self, _: &str) -> Option<&[u8]> {
        self.0.first().copied()
    }

    fn header_lines(&self, _: &str) -> Vec<&[u8]> {
        self.0.clone()
    }

    fn peer(&self) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, 1]))
    }
}

/// Whatever the lines of a header say, the client's address is an address or an obfuscated name.
pub fn client_address(data: &[u8]) {
    let request = Lines(data.split(|byte| *byte == b'\n').collect());
    let proxies = || TrustedProxies::networks(["10.0.0.0/8", "2001:db8:ffff::/48"]).expect("these are networks");
    let ways = [
        ClientAddress::x_forwarded_for(proxies()),
        ClientAddress::x_forwarded_for(TrustedProxies::hops(2)),
        ClientAddress::forwarded(proxies()),
        ClientAddress::header("true-client-ip"),
    ];
    for way in ways {
        let mut told = None;
        way.find(&request, |location| told = Some(location.to_owned()));
        let told = told.expect("at least the peer's is told");
        let obfuscated = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        assert!(
            told.parse::<IpAddr>().is_ok()
                || told == "unknown"
                || (told.starts_with('_') && told.bytes().all(obfuscated)),
            "{told:?}"
        );
    }
}
