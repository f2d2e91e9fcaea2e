//! HTTP/1.1 connections to WorkOS, kept and used again: directly, or through the proxy that the environment names.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;

use crate::Error as CrateError;

/// A connection that was idle for longer is not used again: shorter than the 60 s after which load balancers commonly
/// hang up, because a request on a connection that is being closed may or may not have arrived.
const IDLE: Duration = Duration::from_secs(20);

/// How often an idle connection's other end is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

type Tcp = HttpsConnector<HttpConnector>;
type Pool<C> = Box<Client<Punctual<HttpsConnector<C>>, Full<Bytes>>>;
type BoxError = Box<dyn StdError + Send + Sync>;

/// Sends requests as they are: it follows no redirect, and repeats nothing but what was never written.
#[derive(Debug, Clone)]
pub(super) enum Http {
    Direct(Pool<HttpConnector>),
    Proxied(Pool<Tunnel<Tcp>>),
}

impl Http {
    /// Connects to nothing yet. A connection, its TLS handshake and a proxy's tunnel included, takes at most `within`.
    pub(super) fn new(to: &Uri, tls: ClientConfig, proxies: &Matcher, within: Duration) -> Result<Self, CrateError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_connect_timeout(Some(within));
        let tcp = over_tls(tls.clone(), tcp);
        let Some(proxy) = proxies.intercept(to) else {
            return Ok(Self::Direct(Box::new(kept().build(Punctual { inner: tcp, within }))));
        };
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            // It may carry a password, so it is not repeated.
            return Err(CrateError::configuration(
                "the proxy that HTTPS_PROXY or ALL_PROXY names is neither http nor https, and no other kind is spoken \
                 here: name one of these, or exempt WorkOS in NO_PROXY",
            ));
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        Ok(Self::Proxied(Box::new(kept().build(Punctual { inner: over_tls(tls, tunnel), within }))))
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        match self {
            Self::Direct(client) => client.request(request).await,
            Self::Proxied(client) => client.request(request).await,
        }
    }
}

fn over_tls<C>(tls: ClientConfig, connector: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector)
}

fn kept() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
    builder
}

/// A connector with a deadline for all that it does.
#[derive(Debug, Clone)]
pub(super) struct Punctual<C> {
    inner: C,
    within: Duration,
}

impl<C> Service<Uri> for Punctual<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (within, connecting) = (self.within, self.inner.call(to));
        Box::pin(async move {
            match tokio::time::timeout(within, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(format!("there was no connection within {within:?}").into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn tls() -> ClientConfig {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    }

    fn workos() -> Uri {
        Uri::from_static("https://api.workos.com/audit_logs/events")
    }

    /// What the proxy is asked for, and how the attempt ends when it refuses.
    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel_and_told_its_password_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://user:word@{}", listener.local_addr().unwrap());
        let http =
            Http::new(&workos(), tls(), &Matcher::builder().https(proxy).build(), Duration::from_secs(5)).unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
            String::from_utf8(head).unwrap()
        });
        let request = Request::post(workos()).header("authorization", "Bearer canary").body(Full::default()).unwrap();
        let error = http.send(request).await.unwrap_err();
        assert!(error.is_connect(), "nothing was sent: {error:?}");
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("CONNECT api.workos.com:443 HTTP/1.1\r\n"), "{asked}");
        // `user:word`
        assert!(asked.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjp3b3jk"), "{asked}");
        assert!(!asked.contains("canary"), "{asked}");
    }

    #[test]
    fn names_that_are_exempt_are_reached_directly_and_other_kinds_of_proxies_are_refused() {
        let within = Duration::from_secs(1);
        let exempt = Matcher::builder().https("http://127.0.0.1:1").no("api.workos.com").build();
        assert!(matches!(Http::new(&workos(), tls(), &exempt, within), Ok(Http::Direct(_))));
        let socks = Matcher::builder().https("socks5://user:canary@127.0.0.1:1").build();
        let error = Http::new(&workos(), tls(), &socks, within).unwrap_err();
        assert!(error.is_configuration() && !format!("{error:?}").contains("canary"), "{error:?}");
    }
}
