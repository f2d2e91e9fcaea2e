//! Headers of any shape, over HTTP/1.1 and HTTP/2: an event each, and never a panic.

use audited::actix_web::AuditMiddleware;
use audited::testing::Recorder;

use super::start;
use crate::support::server::{Headers, send};
use crate::support::{http2, people};

#[tokio::test]
async fn headers_of_any_bytes_and_any_size_are_told_readably() {
    let long = vec![b'\xff'; 64 * 1024];
    let cut = format!("{}…", "\u{fffd}".repeat(499));
    let duplicate: Headers<'_> = &[("user-agent", b"first"), ("user-agent", b"second")];
    let cases: [(Headers<'_>, &str); 4] = [
        (&[("user-agent", b"gr\xc3\xb6\xff")], "gr\u{f6}\u{fffd}"),
        (&[("user-agent", &long)], &cut),
        (duplicate, "first"),
        (&[("user-agent", b"\"quoted\\\"")], "\"quoted\\\""),
    ];
    for (headers, expected) in cases {
        for over_http2 in [false, true] {
            let recorder = Recorder::new();
            let (address, server) = start(AuditMiddleware::new().log(&recorder.log()));
            let path = "/tenants/1/things/7/pay";
            let reply = match over_http2 {
                false => send(address, "POST", path, headers, b"").await,
                true => http2::send(address, "POST", path, headers).await,
            };
            server.stop(false).await;
            assert_eq!(reply.status, 200, "{over_http2}");
            let event = people::only(&recorder);
            assert_eq!(event.json()["event"]["context"]["user_agent"], expected, "{over_http2}");
        }
    }
}
