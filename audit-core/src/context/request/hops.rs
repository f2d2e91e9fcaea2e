//! The hops that a request came over, as proxies wrote them down: read from the right, where the nearest proxy wrote.
//!
//! Whatever stands left of what a trusted proxy wrote was sent by somebody who may lie, so nothing here looks at the left
//! to understand the right: a quote that a client opens cannot swallow what a proxy appends.

use super::node::Node;

/// Which header the proxies write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.2`, a convention.
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7;proto=https, for=10.0.0.2`, RFC 7239.
    Forwarded,
}

impl Chain {
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// What each hop wrote, the last one first: over all lines of the header, since a proxy may append to the last or
    /// begin another. `None` for what cannot be understood.
    pub(super) fn hops<'a>(self, lines: &'a [&'a [u8]]) -> impl Iterator<Item = Option<Node<'a>>> {
        let elements = lines.iter().rev().flat_map(|line| split_from_right(line, b','));
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()).map(move |element| match self {
            // An obfuscated name has a meaning in the other header only.
            Self::XForwardedFor => Node::parse(unquoted(element)).filter(|node| !matches!(node, Node::Obfuscated(_))),
            Self::Forwarded => forwarded_for(element),
        })
    }
}

/// The `for` of one element of `Forwarded`: RFC 7239, section 4. An element without one says that the hop is unknown.
fn forwarded_for(element: &[u8]) -> Option<Node<'_>> {
    let mut node = None;
    for pair in split_from_right(element, b';') {
        let Some(at) = pair.iter().position(|&byte| byte == b'=') else {
            if pair.trim_ascii().is_empty() {
                continue;
            }
            return None;
        };
        if pair[..at].trim_ascii().eq_ignore_ascii_case(b"for") {
            // "Each parameter MUST NOT occur more than once per field-value."
            if node.is_some() {
                return None;
            }
            node = Some(Node::parse(unquoted(pair[at + 1..].trim_ascii()))?);
        }
    }
    Some(node.unwrap_or(Node::Unknown))
}

/// What is between quotes, if it is. No name of a hop has anything to escape.
fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

/// The pieces between separators outside of quotes, the last one first.
fn split_from_right(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let at = text.iter().enumerate().rposition(|(at, &byte)| {
            if byte == b'"' && !is_escaped(&text[..at]) {
                quoted = !quoted;
            }
            byte == separator && !quoted
        });
        rest = at.map(|at| &text[..at]);
        Some(at.map_or(text, |at| &text[at + 1..]))
    })
}

/// Whether what stands behind `before` is escaped: by an odd number of backslashes.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}
