//! What is believed about the client's address, header by header.

use super::*;

struct Request {
    peer: Option<&'static str>,
    header: &'static str,
    lines: Vec<Vec<u8>>,
}

impl RequestView for Request {
    fn method(&self) -> &str {
        "GET"
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        assert_eq!(name, self.header);
        self.lines.iter().map(Vec::as_slice).collect()
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.header_lines(name).first().copied()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.parse().unwrap())
    }
}

fn located(way: &ClientAddress, request: &Request) -> String {
    let mut told = "nothing".to_owned();
    way.find(request, |location| told = location.to_owned());
    told
}

/// Where a request from 10.0.0.1, a trusted proxy of 10.0.0.0/8 and 2001:db8:ffff::/48, is said to come from.
fn over(header: &'static str, lines: &[&[u8]]) -> String {
    let proxies = TrustedProxies::networks(["10.0.0.0/8", "2001:db8:ffff::/48"]).unwrap();
    let way = match header {
        "forwarded" => ClientAddress::forwarded(proxies),
        _ => ClientAddress::x_forwarded_for(proxies),
    };
    let lines = lines.iter().map(|line| line.to_vec()).collect();
    located(&way, &Request { peer: Some("10.0.0.1"), header, lines })
}

const PEER: &str = "10.0.0.1";

#[test]
fn x_forwarded_for_is_read_from_the_right() {
    let cases: &[(&[&[u8]], &str)] = &[
        // The plain shapes.
        (&[b"203.0.113.7"], "203.0.113.7"),
        (&[b"203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (&[b"203.0.113.7,10.0.0.2,10.0.0.3"], "203.0.113.7"),
        (&[b" \t203.0.113.7 \t, 10.0.0.2 "], "203.0.113.7"),
        (&[b"2001:db8::7"], "2001:db8::7"),
        (&[b"2001:DB8:0:0::7"], "2001:db8::7"),
        (&[b"203.0.113.7, 2001:db8:ffff::2"], "203.0.113.7"),
        // What a client sent stands left of what the proxy wrote, and is not believed.
        (&[b"1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (&[b"127.0.0.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (&[b"10.0.0.9, 203.0.113.7"], "203.0.113.7"),
        (&[b"garbage, 203.0.113.7"], "203.0.113.7"),
        (&[b"\xff\xfe, 203.0.113.7"], "203.0.113.7"),
        (&[b"\", 203.0.113.7"], "203.0.113.7"),
        (&[b"', 203.0.113.7"], "203.0.113.7"),
        // Over several lines.
        (&[b"1.1.1.1", b"203.0.113.7"], "203.0.113.7"),
        (&[b"203.0.113.7", b"10.0.0.2"], "203.0.113.7"),
        (&[b"1.1.1.1, 203.0.113.7", b"10.0.0.2, 10.0.0.3"], "203.0.113.7"),
        (&[b"203.0.113.7", b""], "203.0.113.7"),
        (&[b"203.0.113.7", b" , ,"], "203.0.113.7"),
        // Ports, brackets, zones, quotes.
        (&[b"203.0.113.7:4711"], "203.0.113.7"),
        (&[b"[2001:db8::7]"], "2001:db8::7"),
        (&[b"[2001:db8::7]:4711"], "2001:db8::7"),
        (&[b"fe80::7%eth0"], "fe80::7"),
        (&[b"[fe80::7%25en0]:443"], "fe80::7"),
        (&[b"[fe80::7%en0]:443"], "fe80::7"),
        (&[b"\"203.0.113.7\""], "203.0.113.7"),
        (&[b"\"[2001:db8::7]:80\""], "2001:db8::7"),
        (&[b"::ffff:203.0.113.7"], "203.0.113.7"),
        (&[b"[::ffff:203.0.113.7]:80"], "203.0.113.7"),
        (&[b"203.0.113.7, ::ffff:10.0.0.2"], "203.0.113.7"),
        (&[b"::1"], "::1"),
        // Nothing there, or nobody but proxies.
        (&[], PEER),
        (&[b""], PEER),
        (&[b","], PEER),
        (&[b"10.0.0.9"], "10.0.0.9"),
        (&[b"10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        // What cannot be understood, where a proxy should have written.
        (&[b"unknown"], PEER),
        (&[b"UNKNOWN, 10.0.0.2"], PEER),
        (&[b"203.0.113.7, unknown"], PEER),
        (&[b"_hidden"], PEER),
        (&[b"localhost"], PEER),
        (&[b"203.0.113"], PEER),
        (&[b"203.0.113.256"], PEER),
        (&[b"0203.0.113.7"], PEER),
        (&[b"203.0.113.7:99999"], PEER),
        (&[b"203.0.113.7:"], PEER),
        (&[b"203.0.113.7:+80"], PEER),
        (&[b"203.0.113.7 10.0.0.2"], PEER),
        (&[b"203.0.113.7;10.0.0.2"], PEER),
        (&[b"[2001:db8::7"], PEER),
        (&[b"2001:db8::7]"], PEER),
        (&[b"[203.0.113.7]"], PEER),
        (&[b"[2001:db8::7]x"], PEER),
        (&[b"fe80::7%"], PEER),
        (&[b"2001:db8:::7"], PEER),
        (&[b"\xff\xfe"], PEER),
        (&["２０３.0.113.7".as_bytes()], PEER),
        (&[b"\"203.0.113.7"], PEER),
        (&[b"<script>"], PEER),
    ];
    for (lines, location) in cases {
        let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        assert_eq!(over("x-forwarded-for", lines), *location, "{shown:?}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_says() {
    let cases: &[(&[&[u8]], &str)] = &[
        // Section 4's own examples.
        (&[b"for=\"_gazonk\""], "_gazonk"),
        (&[b"For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        (&[b"for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
        (&[b"for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"),
        (&[b"for=192.0.2.43, for=\"[2001:db8:ffff::17]\""], "192.0.2.43"),
        // Section 6 and 7.
        (&[b"for=_hidden, for=_SEVKISEK"], "_SEVKISEK"),
        (&[b"for=_hidden;by=_proxy, for=10.0.0.2"], "_hidden"),
        (&[b"for=\"203.0.113.7:_port\""], "203.0.113.7"),
        (&[b"for=\"_a.b-c_d:_p\""], "_a.b-c_d"),
        (&[b"for=203.0.113.7", b"for=10.0.0.2;by=10.0.0.1"], "203.0.113.7"),
        (&[b"FOR=203.0.113.7;PROTO=https"], "203.0.113.7"),
        (&[b"proto=https;for=203.0.113.7;host=\"a,b;c\""], "203.0.113.7"),
        (&[b"for=203.0.113.7;ext=\"\\\"a,b\\\\\", for=10.0.0.2"], "203.0.113.7"),
        (&[b"for=203.0.113.7:80"], "203.0.113.7"),
        (&[b"for=203.0.113.7 ; proto=http ,for=10.0.0.2"], "203.0.113.7"),
        (&[b"for=203.0.113.7;"], "203.0.113.7"),
        // A client's quote does not swallow what the proxy appends.
        (&[b"for=\", for=203.0.113.7"], "203.0.113.7"),
        (&[b"for=\"1.1.1.1, for=203.0.113.7, for=10.0.0.2"], "203.0.113.7"),
        (&[b"for=1.1.1.1;a=\"", b"for=203.0.113.7"], "203.0.113.7"),
        (&[b"for=1.1.1.1\\, for=203.0.113.7"], "203.0.113.7"),
        // What cannot be understood, or is not said, where a proxy should have written.
        (&[b"for=unknown"], PEER),
        (&[b"for=\"unknown\", for=10.0.0.2"], PEER),
        (&[b"proto=https"], PEER),
        (&[b"for=203.0.113.7;for=203.0.113.8"], PEER),
        (&[b"for="], PEER),
        (&[b"for=\"\""], PEER),
        (&[b"for"], PEER),
        (&[b"203.0.113.7"], PEER),
        (&[b"for=203.0.113.7;proto"], PEER),
        (&[b"for=\"203.0.113.7"], PEER),
        (&[b"for=_"], PEER),
        (&[b"for=_a b"], PEER),
        (&[b"for=\xff"], PEER),
        (&[], PEER),
    ];
    for (lines, location) in cases {
        let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        assert_eq!(over("forwarded", lines), *location, "{shown:?}");
    }
}

#[test]
fn a_stranger_is_not_believed_and_neither_is_a_connection_without_an_address() {
    for (peer, location) in
        [(Some("203.0.113.9"), "203.0.113.9"), (Some("::ffff:10.0.0.1"), "1.1.1.1"), (None, "nothing")]
    {
        let way = ClientAddress::x_forwarded_for(TrustedProxies::networks(["10.0.0.0/8"]).unwrap());
        let request = Request { peer, header: "x-forwarded-for", lines: vec![b"1.1.1.1".to_vec()] };
        assert_eq!(located(&way, &request), location, "{peer:?}");
    }
}

#[test]
fn hops_are_counted_from_the_peer() {
    let lines = || vec![b"1.1.1.1, 2.2.2.2".to_vec(), b"3.3.3.3, unknown".to_vec()];
    for (hops, location) in
        [(0, "9.9.9.9"), (1, "9.9.9.9"), (2, "3.3.3.3"), (3, "2.2.2.2"), (4, "1.1.1.1"), (5, "9.9.9.9")]
    {
        let way = ClientAddress::x_forwarded_for(TrustedProxies::hops(hops));
        let request = Request { peer: Some("9.9.9.9"), header: "x-forwarded-for", lines: lines() };
        assert_eq!(located(&way, &request), location, "{hops} hops");
    }
}

#[test]
fn a_named_header_has_one_line_with_one_address() {
    let cases: &[(&[&str], &str)] = &[
        (&["203.0.113.7"], "203.0.113.7"),
        (&[" 2001:db8::7 "], "2001:db8::7"),
        (&["203.0.113.7:80"], "203.0.113.7"),
        (&[], PEER),
        (&[""], PEER),
        (&["203.0.113.7, 1.1.1.1"], PEER),
        (&["203.0.113.7", "1.1.1.1"], PEER),
        (&["unknown"], PEER),
    ];
    for (lines, location) in cases {
        let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let request = Request { peer: Some(PEER), header: "true-client-ip", lines };
        assert_eq!(located(&ClientAddress::header("true-client-ip"), &request), *location, "{:?}", request.lines);
    }
}

#[test]
fn a_header_without_an_end_is_read_as_far_as_it_must_be() {
    let noise = "1.1.1.1,\"\\".repeat(8 * 1024);
    let line = format!("{noise}, 203.0.113.7, 10.0.0.2").into_bytes();
    let before = unreadable_addresses();
    assert_eq!(over("x-forwarded-for", &[&line]), "203.0.113.7");
    assert_eq!(over("x-forwarded-for", &[noise.as_bytes()]), PEER);
    assert!(unreadable_addresses() > before);
}

#[test]
fn a_network_that_is_none_is_named() {
    let error = TrustedProxies::networks(["10.0.0.0/8", "10.0.0.0/33"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`10.0.0.0/33` is no network and no IP address: write it as `10.0.0.0/8` or `192.0.2.1`"
    );
    assert!(TrustedProxies::networks(["::1", "192.0.2.1"]).is_ok());
}
