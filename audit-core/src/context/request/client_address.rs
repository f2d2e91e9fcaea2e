//! Where a request came from, as far as somebody trustworthy says so.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;

use super::hops::Chain;
use super::node::Node;
use super::text::spelled;
use super::view::RequestView;

/// Requests whose header, though it is to be believed, named no address.
static UNREADABLE: AtomicU64 = AtomicU64::new(0);

pub(crate) fn unreadable_addresses() -> u64 {
    UNREADABLE.load(Ordering::Relaxed)
}

/// Who is believed about the client's address.
///
/// Any client can send any header, so by default it is the address at the other end of the connection. Behind a proxy
/// that is the proxy, and then the proxy has to be believed:
///
/// ```
/// use audit_core::context::tower::{AuditLayer, ClientAddress, TrustedProxies};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // A content delivery network that sets a header of its own on every request:
/// let layer = AuditLayer::new().client_address(ClientAddress::header("true-client-ip"));
///
/// // Proxies of one's own, by their addresses:
/// let proxies = TrustedProxies::networks(["10.0.0.0/8", "2001:db8:1::/48"])?;
/// let layer = AuditLayer::new().client_address(ClientAddress::x_forwarded_for(proxies));
///
/// // A load balancer whose addresses change, in front of which there is nothing else:
/// let layer = AuditLayer::new().client_address(ClientAddress::forwarded(TrustedProxies::hops(1)));
/// # let _ = layer;
/// # Ok(()) }
/// ```
///
/// A header that should name an address and does not is counted in
/// [`Stats::unreadable_addresses`](crate::Stats::unreadable_addresses), and the location is the peer's address.
#[derive(Debug, Clone, Default)]
pub struct ClientAddress(Way);

#[derive(Debug, Clone, Default)]
enum Way {
    #[default]
    Peer,
    Header(Cow<'static, str>),
    Chain(Chain, TrustedProxies),
}

impl ClientAddress {
    /// The address at the other end of the connection. The default.
    #[must_use]
    pub fn peer() -> Self {
        Self(Way::Peer)
    }

    /// The one address in this header, such as `true-client-ip`, `cf-connecting-ip` or `fastly-client-ip`; where it is
    /// absent, the peer's. Only for a header that the proxy in front of the service sets on every request, whatever the
    /// client sent, and that no client can reach the service without.
    #[must_use]
    pub fn header(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Way::Header(name.into()))
    }

    /// The address that the outermost trusted proxy wrote into `X-Forwarded-For`, over all of its lines.
    #[must_use]
    pub fn x_forwarded_for(proxies: TrustedProxies) -> Self {
        Self(Way::Chain(Chain::XForwardedFor, proxies))
    }

    /// The address, or the obfuscated name, that the outermost trusted proxy wrote into `Forwarded`
    /// ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)), over all of its lines.
    #[must_use]
    pub fn forwarded(proxies: TrustedProxies) -> Self {
        Self(Way::Chain(Chain::Forwarded, proxies))
    }

    /// Whether nobody but the peer is asked.
    pub(crate) fn is_peer(&self) -> bool {
        matches!(self.0, Way::Peer)
    }

    /// Hands the client's address to `tell`, if there is one.
    pub(crate) fn find(&self, request: &dyn RequestView, tell: impl FnOnce(&str)) {
        let peer = || request.peer().map(|peer| peer.to_canonical());
        let lines = match &self.0 {
            Way::Peer => Vec::new(),
            Way::Header(name) => request.header_lines(name),
            Way::Chain(chain, _) => request.header_lines(chain.header()),
        };
        let found = match &self.0 {
            Way::Peer => Ok(None),
            Way::Header(_) => in_one_line(&lines).map(|address| address.map(Client::Address)),
            Way::Chain(chain, proxies) => proxies.client(peer(), chain.hops(&lines)),
        };
        if found.is_err() {
            UNREADABLE.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(target: "audited", "a request names no client address where it should: the peer's is told");
        }
        match found.ok().flatten().or_else(|| peer().map(Client::Address)) {
            Some(Client::Address(address)) => spelled(address, tell),
            Some(Client::Obfuscated(name)) => tell(name),
            None => {}
        }
    }
}

/// A header of trusted proxies cannot be understood.
#[derive(Debug, PartialEq, Eq)]
struct Unreadable;

/// The address in a header that has one line with one address; `None` if there is no line.
fn in_one_line(lines: &[&[u8]]) -> Result<Option<IpAddr>, Unreadable> {
    match lines {
        [] => Ok(None),
        [line] => match Node::parse(line.trim_ascii()) {
            Some(Node::Address(address)) => Ok(Some(address)),
            _ => Err(Unreadable),
        },
        _ => Err(Unreadable),
    }
}

/// Which proxies are believed.
#[derive(Clone)]
pub struct TrustedProxies(Trust);

#[derive(Clone)]
enum Trust {
    Hops(usize),
    Networks(Arc<[IpNet]>),
}

#[derive(Debug, PartialEq, Eq)]
enum Client<'a> {
    Address(IpAddr),
    Obfuscated(&'a str),
}

impl TrustedProxies {
    /// This many proxies, whatever their addresses: the peer is the first, and the client is whom the last one of them
    /// wrote down. Too many would believe what a client sent, so count only those that every request comes over.
    ///
    /// A request that came over fewer hops is told with the peer's address, and counted as unreadable.
    #[must_use]
    pub fn hops(count: usize) -> Self {
        Self(Trust::Hops(count))
    }

    /// The proxies of these networks and addresses: `10.0.0.0/8`, `192.0.2.1`, `2001:db8::/32`. The client is the last
    /// address in the chain that is none of them.
    ///
    /// # Errors
    /// When one of them is neither.
    pub fn networks<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, InvalidNetwork> {
        let parse = |network: T| {
            let text = network.as_ref().trim();
            let address = || IpAddr::from_str(text).map(|address| IpNet::from(address.to_canonical()));
            IpNet::from_str(text).or_else(|_| address()).map_err(|_| InvalidNetwork { text: text.to_owned() })
        };
        Ok(Self(Trust::Networks(networks.into_iter().map(parse).collect::<Result<_, _>>()?)))
    }

    /// The client, of which the hops tell: the nearest first. `None` if they do not need to be asked.
    fn client<'a>(
        &self,
        peer: Option<IpAddr>,
        mut hops: impl Iterator<Item = Option<Node<'a>>>,
    ) -> Result<Option<Client<'a>>, Unreadable> {
        match &self.0 {
            Trust::Hops(0) => Ok(None),
            Trust::Hops(count) => match hops.nth(count - 1) {
                Some(Some(Node::Address(address))) => Ok(Some(Client::Address(address))),
                Some(Some(Node::Obfuscated(name))) => Ok(Some(Client::Obfuscated(name))),
                _ => Err(Unreadable),
            },
            Trust::Networks(networks) => {
                let is_trusted = |address: IpAddr| networks.iter().any(|network| network.contains(&address));
                // A connection without an address, as over a Unix socket, comes from nobody who could be trusted.
                let Some(mut nearest) = peer else { return Ok(None) };
                while is_trusted(nearest) {
                    match hops.next() {
                        Some(Some(Node::Address(address))) => nearest = address,
                        Some(Some(Node::Obfuscated(name))) => return Ok(Some(Client::Obfuscated(name))),
                        Some(Some(Node::Unknown) | None) => return Err(Unreadable),
                        // The request began at a trusted host.
                        None => break,
                    }
                }
                Ok(Some(Client::Address(nearest)))
            }
        }
    }
}

impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Trust::Hops(count) => write!(f, "TrustedProxies::hops({count})"),
            Trust::Networks(networks) => write!(f, "TrustedProxies::networks({networks:?})"),
        }
    }
}

/// A network of trusted proxies that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNetwork {
    text: String,
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no network and no IP address: write it as `10.0.0.0/8` or `192.0.2.1`", self.text)
    }
}

impl std::error::Error for InvalidNetwork {}

#[cfg(test)]
#[path = "client_address_tests.rs"]
mod tests;
