//! Where WorkOS is.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use url::Url;

use crate::Error;

/// WorkOS' own address (WorkOS docs, "API Reference").
pub(super) const DEFAULT: &str = "https://api.workos.com";

/// A base URL to which an API key may be sent.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) events: Uri,
    pub(super) is_loopback: bool,
    pub(super) is_plain: bool,
}

impl Endpoint {
    /// Takes https anywhere, and http on this machine only: the key travels in a header.
    ///
    /// Messages never repeat a user name, a password or a query: these can be secrets.
    pub(super) fn parse(base: &str) -> Result<Self, Error> {
        let base = base.trim();
        let mut url = Url::parse(base).map_err(|error| {
            Error::configuration(format!(
                "the base URL of WorkOS is not a URL ({error}): give it as `{DEFAULT}`, scheme included"
            ))
        })?;
        let (scheme, host) = (url.scheme().to_owned(), url.host_str().unwrap_or_default().to_owned());
        let wrong = |what: &str, next: &str| {
            Error::configuration(format!("the base URL of WorkOS, `{scheme}://{host}`, {what}: {next}"))
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("contains a user name or a password", "remove it; the API key is a setting of its own"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("contains a query or a fragment", "remove everything from `?` or `#` on"));
        }
        let is_loopback = is_loopback(&host);
        let is_plain = match &*scheme {
            "https" => false,
            "http" if is_loopback => true,
            "http" => {
                return Err(wrong(
                    "would send the API key unencrypted",
                    "use https; http is only taken for this machine (127.0.0.0/8, [::1], localhost)",
                ));
            }
            _ => return Err(wrong("has a scheme that WorkOS does not speak", "use https")),
        };
        let path = format!("{}/audit_logs/events", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let events = url
            .as_str()
            .parse()
            .map_err(|_| wrong("is a URL that cannot be requested", "use plain characters in its host and its path"))?;
        Ok(Self { events, is_loopback, is_plain })
    }
}

/// Whether a URL's host is this machine, by its name alone: nothing is looked up.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_https_anywhere_and_http_on_this_machine() {
        let good = [
            (DEFAULT, "https://api.workos.com/audit_logs/events"),
            ("https://api.workos.com/", "https://api.workos.com/audit_logs/events"),
            (" https://proxy.example/workos// ", "https://proxy.example/workos/audit_logs/events"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/audit_logs/events"),
            ("http://127.9.9.9", "http://127.9.9.9/audit_logs/events"),
            ("http://127.1:80", "http://127.0.0.1/audit_logs/events"),
            ("http://[::1]:4000/", "http://[::1]:4000/audit_logs/events"),
            ("http://LocalHost:1", "http://localhost:1/audit_logs/events"),
        ];
        for (base, events) in good {
            let endpoint = Endpoint::parse(base).unwrap();
            assert_eq!(endpoint.events.to_string(), events, "{base}");
            assert_eq!(endpoint.is_plain, base.contains("http://"));
            assert_eq!(endpoint.is_loopback, base.contains("http://"));
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        let bad = [
            ("", "scheme included"),
            ("api.workos.com", "scheme included"),
            ("https://", "scheme included"),
            ("http://api.workos.com", "use https"),
            ("http://127.0.0.1.example.com", "use https"),
            ("http://localhost.example.com", "use https"),
            ("http://localhost@example.com", "remove it"),
            ("http://10.0.0.1", "use https"),
            ("http://0.0.0.0", "use https"),
            ("http://[::2]", "use https"),
            ("ftp://127.0.0.1", "use https"),
            ("file:///etc/passwd", "use https"),
            ("https://user@api.workos.com", "remove it"),
            ("https://api.workos.com?x", "remove everything"),
            ("https://api.workos.com/#x", "remove everything"),
        ];
        for (base, next) in bad {
            let error = Endpoint::parse(base).unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(next), "{base}: {error}");
        }
    }

    #[test]
    fn never_repeats_what_can_be_a_secret() {
        for base in [
            "https://canary:canary@api.workos.com",
            "https://api.workos.com?key=canary",
            "https://api.workos.com/#canary",
            "http://x:canary@example.com",
            "https://canary:canary@ho st",
        ] {
            let error = Endpoint::parse(base).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }
}
