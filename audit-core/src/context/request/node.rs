//! One hop's name in `X-Forwarded-For` or `Forwarded`: an address, mostly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who a hop says its client is: a `node` of RFC 7239, section 6, without its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node<'a> {
    Address(IpAddr),
    /// A name that stands for an address which is not told, `_` included.
    Obfuscated(&'a str),
    /// The hop does not know, or does not say.
    Unknown,
}

impl<'a> Node<'a> {
    /// Reads `203.0.113.7`, `203.0.113.7:80`, `2001:db8::1`, `fe80::1%eth0`, `[2001:db8::1]:80`, `unknown`, `_hidden`;
    /// `None` is none of these.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        if let Some(bracketed) = text.strip_prefix('[') {
            let (address, port) = bracketed.split_once(']')?;
            return is_port_suffix(port).then(|| v6(address)).flatten();
        }
        // Two colons are an address of its own; one comes before a port.
        let (name, port) = match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return v6(text),
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        if !port.is_none_or(is_port) {
            return None;
        }
        if name.eq_ignore_ascii_case("unknown") {
            Some(Self::Unknown)
        } else if is_obfuscated(name) {
            Some(Self::Obfuscated(name))
        } else {
            name.parse().ok().map(|address: Ipv4Addr| Self::Address(address.into()))
        }
    }
}

/// An IPv6 address, without the zone that only its own host understands; one that maps an IPv4 address is that.
fn v6(text: &str) -> Option<Node<'static>> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let is_zone = |zone: &str| !zone.is_empty() && zone.bytes().all(is_name_byte);
    if !zone.is_none_or(is_zone) {
        return None;
    }
    address.parse().ok().map(|address: Ipv6Addr| Node::Address(IpAddr::V6(address).to_canonical()))
}

fn is_port_suffix(suffix: &str) -> bool {
    suffix.is_empty() || suffix.strip_prefix(':').is_some_and(is_port)
}

fn is_port(port: &str) -> bool {
    let is_number = || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_number() || is_obfuscated(port)
}

fn is_obfuscated(name: &str) -> bool {
    name.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(is_name_byte))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
