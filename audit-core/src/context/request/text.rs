//! What clients send, made readable: any bytes become text, and never more than an event may hold.

use std::borrow::Cow;
use std::io::{Cursor, Write as _};
use std::net::IpAddr;

use crate::event::limits::TEXT_CHARS;

/// No text of an event is longer than [`TEXT_CHARS`], and no character takes more bytes than four. One more, so that
/// what is cut is seen to be.
pub(in crate::context) const READABLE_BYTES: usize = (TEXT_CHARS + 1) * 4;

/// What is no UTF-8 shows as `U+FFFD`.
pub(in crate::context) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = &bytes[..bytes.len().min(READABLE_BYTES)];
    // What is UTF-8, as nearly all is, is seen faster so.
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// [`readable`], with `%41` as `A`; a `%` without two digits behind it stays.
pub(in crate::context) fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('%') { readable(&decode(text.as_bytes())).into_owned().into() } else { readable(text.as_bytes()) }
}

/// [`decoded`], with `+` as a space, as forms are written:
/// [URL Standard, section 5.1](https://url.spec.whatwg.org/#urlencoded-parsing).
pub(super) fn form_decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') { decoded(&text.replace('+', " ")).into_owned().into() } else { decoded(text) }
}

/// Hands the usual form of an address to `tell`. Every request has one, so it is worth more than `to_string`, which
/// allocates and formats number by number.
pub(in crate::context) fn spelled(address: IpAddr, tell: impl FnOnce(&str)) {
    // The longest is an IPv6 address that ends as an IPv4 one.
    let mut text = Cursor::new([0; 45]);
    // There is room for any, so writing does not fail.
    let _ = match address {
        IpAddr::V4(address) => address.octets().iter().enumerate().try_for_each(|(place, octet)| {
            text.write_all(if place == 0 { b"" } else { b"." })?;
            text.write_all(itoa::Buffer::new().format(*octet).as_bytes())
        }),
        IpAddr::V6(address) => write!(text, "{address}"),
    };
    let len = text.position() as usize;
    tell(str::from_utf8(&text.get_ref()[..len]).unwrap_or_default());
}

fn decode(text: &[u8]) -> Vec<u8> {
    let text = &text[..text.len().min(READABLE_BYTES * 3)];
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = || Some((hex(*behind.first()?)? << 4) | hex(*behind.get(1)?)?);
        match (byte, digits()) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &behind[2..];
            }
            _ => {
                decoded.push(byte);
                rest = behind;
            }
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_readable_and_never_many() {
        assert_eq!(readable(b"gr\xc3\xb6\xff\xfe"), "grö\u{fffd}\u{fffd}");
        assert!(readable(&vec![b'x'; 64 * 1024]).len() <= READABLE_BYTES);
        assert!(decoded(&"%41".repeat(64 * 1024)).len() <= READABLE_BYTES);
    }

    #[test]
    fn an_address_is_spelled_as_the_standard_library_does() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
        for text in ["0.0.0.0", "255.255.255.255", "203.0.113.7", "::", "2001:db8::1", "::ffff:192.0.2.1", longest] {
            let address: IpAddr = text.parse().unwrap();
            let mut told = None;
            spelled(address, |text| told = Some(text.to_owned()));
            assert_eq!(told, Some(address.to_string()));
        }
    }

    #[test]
    fn percent_signs_are_decoded_where_they_mean_something() {
        for (text, expected) in [
            ("plain", "plain"),
            ("San%20Francisco", "San Francisco"),
            ("%e2%82%ac", "€"),
            ("%ff", "\u{fffd}"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%é", "%é"),
            ("a+b", "a+b"),
            ("", ""),
        ] {
            assert_eq!(decoded(text), expected);
        }
        assert_eq!(form_decoded("a+b%2Bc"), "a b+c");
    }
}
