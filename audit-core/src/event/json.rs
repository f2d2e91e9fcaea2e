//! JSON straight to bytes: strings with a cap, and the few other tokens an event needs.

use std::fmt;

/// What ends a text that was cut.
pub(crate) const CUT: char = '…';

/// Appends `text` as a JSON string of at most `max_chars` code points; a longer one ends in [`CUT`]. Tells whether it
/// was cut.
pub(crate) fn push_string(buf: &mut Vec<u8>, text: &str, max_chars: usize) -> bool {
    // A code point takes at least a byte, so most texts need no counting.
    if text.len() <= max_chars && !needs_escape(text.as_bytes()) {
        buf.reserve(text.len() + 2);
        buf.push(b'"');
        buf.extend_from_slice(text.as_bytes());
        buf.push(b'"');
        return false;
    }
    push_any_string(buf, text, max_chars)
}

#[cold]
fn push_any_string(buf: &mut Vec<u8>, text: &str, max_chars: usize) -> bool {
    buf.push(b'"');
    let cut = push_text(buf, text, max_chars);
    buf.push(b'"');
    cut
}

/// [`push_string`] without the quotes.
pub(crate) fn push_text(buf: &mut Vec<u8>, text: &str, max_chars: usize) -> bool {
    let cut = if text.len() <= max_chars { None } else { cut_at(text, max_chars) };
    match cut {
        None => push_escaped(buf, text),
        Some(end) => {
            push_escaped(buf, &text[..end]);
            push_char(buf, CUT);
        }
    }
    cut.is_some()
}

/// Where to cut `text` so that it and [`CUT`] are `max_chars` code points; `None` if it is short enough.
fn cut_at(text: &str, max_chars: usize) -> Option<usize> {
    let mut starts = text.char_indices().map(|(start, _)| start).skip(max_chars.saturating_sub(1));
    let end = starts.next()?;
    starts.next().map(|_| end)
}

/// Appends the inside of a JSON string.
#[inline]
pub(crate) fn push_escaped(buf: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if !needs_escape(bytes) {
        buf.extend_from_slice(bytes);
        return;
    }
    push_escaping(buf, bytes);
}

/// Whether any byte is a quote, a backslash or a control character, eight bytes at a time.
#[inline]
fn needs_escape(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        let word = bytes.iter().fold(u64::from_ne_bytes([b' '; 8]), |word, &byte| word << 8 | u64::from(byte));
        return special_bytes(word.to_ne_bytes()) & HIGH_BITS != 0;
    };
    let (chunks, _) = bytes.as_chunks::<8>();
    // What is left over is looked at together with bytes that were seen already.
    let found = chunks.iter().fold(special_bytes(*last), |found, chunk| found | special_bytes(*chunk));
    found & HIGH_BITS != 0
}

const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Has the high bit of a byte set if one of the bytes is special, and of none if none is; the other bits mean nothing.
#[inline]
fn special_bytes(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    let word = u64::from_ne_bytes(bytes);
    // What is less than one byte's worth borrows; a byte that is not ASCII looks as if it had, and is taken out at the end.
    let control = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | backslash) & !word
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cold]
fn push_escaping(buf: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| is_special(byte)) {
        buf.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match byte {
            b'"' | b'\\' => buf.extend_from_slice(&[b'\\', byte]),
            b'\n' => buf.extend_from_slice(b"\\n"),
            b'\r' => buf.extend_from_slice(b"\\r"),
            b'\t' => buf.extend_from_slice(b"\\t"),
            _ => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]);
                buf.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        rest = &rest[at + 1..];
    }
    buf.extend_from_slice(rest);
}

fn push_char(buf: &mut Vec<u8>, char: char) {
    buf.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A JSON string that is written piece by piece and stops, with an error to whoever writes, once it is full: a value of
/// ten million elements costs as much as its first 500 characters.
pub(crate) struct CappedString<'a> {
    buf: &'a mut Vec<u8>,
    /// Where the last character that may stay when the text must be cut ends.
    last_fit: usize,
    chars: usize,
    max_chars: usize,
    cut: bool,
}

impl<'a> CappedString<'a> {
    pub(crate) fn begin(buf: &'a mut Vec<u8>, max_chars: usize) -> Self {
        buf.push(b'"');
        let last_fit = buf.len();
        Self { buf, last_fit, chars: 0, max_chars, cut: false }
    }

    /// Ends the string and tells whether it was cut.
    pub(crate) fn end(self) -> bool {
        if self.cut {
            self.buf.truncate(self.last_fit);
            push_char(self.buf, CUT);
        }
        self.buf.push(b'"');
        self.cut
    }
}

impl fmt::Write for CappedString<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        // The last place is kept for the mark of a cut, so whole pieces are taken only below it.
        if self.chars + text.len() < self.max_chars {
            push_escaped(self.buf, text);
            self.chars += text.chars().count();
            self.last_fit = self.buf.len();
            return Ok(());
        }
        let mut utf8 = [0; 4];
        for char in text.chars() {
            if self.chars == self.max_chars {
                self.cut = true;
                return Err(fmt::Error);
            }
            push_escaped(self.buf, char.encode_utf8(&mut utf8));
            self.chars += 1;
            if self.chars < self.max_chars {
                self.last_fit = self.buf.len();
            }
        }
        Ok(())
    }
}

impl std::io::Write for CappedString<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // serde_json hands over whole characters; anything else would be a value that lies about being UTF-8.
        fmt::Write::write_str(self, &String::from_utf8_lossy(bytes)).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn written(text: &str, max: usize) -> (Vec<u8>, bool) {
        let mut buf = Vec::new();
        let cut = push_string(&mut buf, text, max);
        (buf, cut)
    }

    proptest! {
        #[test]
        fn a_string_reads_back_as_it_was(text in "(?s).{0,40}|[\\x00-\\x7f]{0,60}") {
            let (json, cut) = written(&text, 1_000);
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
            prop_assert!(!cut);
        }

        #[test]
        fn a_long_string_keeps_its_beginning_and_says_that_it_was_cut(text in "(?s).{0,30}", max in 1usize..20) {
            let (json, cut) = written(&text, max);
            let read: String = serde_json::from_slice(&json).unwrap();
            prop_assert_eq!(cut, text.chars().count() > max);
            if cut {
                prop_assert_eq!(read.chars().count(), max);
                prop_assert_eq!(read, text.chars().take(max - 1).chain([CUT]).collect::<String>());
            } else {
                prop_assert_eq!(read, text);
            }
        }

        #[test]
        fn piece_by_piece_gives_the_same_as_all_at_once(pieces in prop::collection::vec("(?s).{0,8}", 0..8), max in 1usize..30) {
            let mut buf = Vec::new();
            let mut string = CappedString::begin(&mut buf, max);
            for piece in &pieces {
                let _ = string.write_str(piece);
            }
            let cut = string.end();
            let (expected, expected_cut) = written(&pieces.concat(), max);
            prop_assert_eq!(String::from_utf8(buf).unwrap(), String::from_utf8(expected).unwrap());
            prop_assert_eq!(cut, expected_cut);
        }
    }
}
