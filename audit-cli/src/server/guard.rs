//! Who may come in: this machine's own programs, and pages that this server itself served.
//!
//! A page of any other site can send requests to a loopback address, and by a name that it makes
//! point there can even read the answers. So a foreign `Host` is refused, and so is a write that
//! a browser sends from another origin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, header};
use axum::middleware::Next;

use super::refusal::Refusal;
use super::routes::reply;
use super::settings::Settings;
use super::state::State as Server;

/// Lets a request pass, or answers 403.
pub(crate) async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response<Body> {
    let mut response = match check(request.method(), request.headers(), &server.settings) {
        Ok(()) => next.run(request).await,
        Err(refusal) => reply::refusal(&refusal),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

fn check(method: &Method, headers: &HeaderMap, settings: &Settings) -> Result<(), Refusal> {
    let host = host(headers).unwrap_or_default();
    if !is_own_name(host, settings) {
        return Err(Refusal::message(
            403,
            "This Host is not served here. Use the address that `audited dev` printed, or start it \
             with `--allow-host NAME`.",
        ));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN);
    let own = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        origin.strip_prefix("http://") == Some(host)
    };
    let site = headers.get("sec-fetch-site");
    let same = |site: &HeaderValue| site == "same-origin" || site == "none";
    if origin.is_none_or(own) && site.is_none_or(same) {
        Ok(())
    } else {
        Err(Refusal::message(403, "Requests from pages of another origin are refused. Send it from a server."))
    }
}

/// The `Host` header, with its port.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// A name points wherever its owner lets it point; an address is what it is.
fn is_own_name(host: &str, settings: &Settings) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(name).parse::<IpAddr>() {
        return address.is_loopback() || settings.expose;
    }
    name.eq_ignore_ascii_case("localhost") || settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, pairs: &[(&'static str, &str)], settings: &Settings) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        check(method, &headers, settings).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn only_its_own_names_are_served() {
        let closed = Settings::default();
        let open = Settings { expose: true, hosts: vec!["dev.box".into()], ..Settings::default() };
        for (host, by_default, exposed) in [
            ("127.0.0.1:4100", 200, 200),
            ("127.0.0.1", 200, 200),
            ("localhost:4100", 200, 200),
            ("LOCALHOST", 200, 200),
            ("[::1]:4100", 200, 200),
            ("192.168.1.7:4100", 403, 200),
            ("dev.box:4100", 403, 200),
            ("evil.example", 403, 403),
            ("127.0.0.1.evil.example:4100", 403, 403),
            ("localhost.evil.example", 403, 403),
            ("", 403, 403),
        ] {
            assert_eq!(status(&Method::GET, &[("host", host)], &closed), by_default, "{host}");
            assert_eq!(status(&Method::GET, &[("host", host)], &open), exposed, "{host}");
        }
    }

    #[test]
    fn writes_from_another_origin_are_refused_and_reads_are_not() {
        let settings = Settings::default();
        let host = ("host", "127.0.0.1:4100");
        for (extra, written) in [
            (vec![], 200),
            (vec![("origin", "http://127.0.0.1:4100")], 200),
            (vec![("origin", "http://127.0.0.1:4101")], 403),
            (vec![("origin", "https://127.0.0.1:4100")], 403),
            (vec![("origin", "https://evil.example")], 403),
            (vec![("origin", "null")], 403),
            (vec![("sec-fetch-site", "same-origin")], 200),
            (vec![("sec-fetch-site", "cross-site")], 403),
            (vec![("sec-fetch-site", "same-site")], 403),
        ] {
            let mut pairs = vec![host];
            pairs.extend(extra);
            assert_eq!(status(&Method::POST, &pairs, &settings), written, "{pairs:?}");
            assert_eq!(status(&Method::DELETE, &pairs, &settings), written, "{pairs:?}");
            assert_eq!(status(&Method::GET, &pairs, &settings), 200, "{pairs:?}");
        }
    }
}
