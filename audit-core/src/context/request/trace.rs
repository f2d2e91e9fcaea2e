//! The trace that a request belongs to.

/// The trace id of a `traceparent`: [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header), section
/// 3.2. What is no valid header of any version has none.
pub(super) fn trace_id(traceparent: &[u8]) -> Option<&str> {
    let text = str::from_utf8(traceparent).ok()?;
    let mut fields = text.splitn(4, '-');
    let (version, trace, parent, rest) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    // Later versions may append to the flags, behind a dash; version 00 may not, and ff is none.
    let flags_fit = if version == "00" { is_hex(rest, 2) } else { is_hex(rest.split('-').next()?, 2) };
    let fits = is_hex(version, 2) && version != "ff" && is_id(trace, 32) && is_id(parent, 16) && flags_fit;
    fits.then_some(trace)
}

/// The trace of the OpenTelemetry span that is current on this thread, if there is one.
#[cfg(feature = "opentelemetry")]
pub(super) fn of_current_span() -> Option<String> {
    use opentelemetry::trace::TraceContextExt as _;

    opentelemetry::Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.trace_id().to_string())
    })
}

/// An id is not all zeros.
fn is_id(text: &str, len: usize) -> bool {
    is_hex(text, len) && text.bytes().any(|digit| digit != b'0')
}

/// Lower case only, says the standard.
fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_header_has_a_trace() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        let valid = |text: &str| trace_id(text.as_bytes()) == Some(TRACE);
        assert!(valid(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
        assert!(valid(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later")));
        for invalid in [
            "",
            "00",
            &format!("00-{TRACE}-00f067aa0ba902b7"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{TRACE}-{}-01", "0".repeat(16)),
            &format!("00-{TRACE}é-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_id(invalid.as_bytes()), None, "{invalid}");
        }
        assert_eq!(trace_id(b"00-\xff-\xff-01"), None);
    }
}
