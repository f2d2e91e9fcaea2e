//! Text from events must not command the terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character written out (`\u001b`) that a terminal would act on, that would change the order in which
/// the rest is read, or that nobody would see. JSON stays the same JSON by this.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_active(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Controls (escape sequences begin with one, in C0 or C1); what steers bidirectional text (Unicode UAX 9) and can make
/// a name read as another one; line and paragraph separators; characters without width, tags among them.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "invoice.paid", "Zoë 日本 🦀", "a\u{a0}b \\ \"quoted\""] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_commands_a_terminal_or_hides_is_written_out() {
        let cases = [
            ("\u{1b}[2J", "\\u001b[2J"),
            ("\u{9b}1m", "\\u009b1m"),
            ("a\r\nb\t\u{7}\u{7f}", "a\\u000d\\u000ab\\u0009\\u0007\\u007f"),
            ("admin\u{202e}nimda", "admin\\u202enimda"),
            ("\u{2066}x\u{2069}\u{200f}\u{61c}", "\\u2066x\\u2069\\u200f\\u061c"),
            ("a\u{200b}b\u{feff}\u{2028}", "a\\u200bb\\ufeff\\u2028"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ];
        for (text, shown) in cases {
            assert_eq!(printable(text), shown);
        }
    }

    /// Every character there is.
    #[test]
    fn nothing_that_is_shown_is_active_and_json_stays_the_same() {
        let all: String = ('\0'..=char::MAX).collect();
        let json = serde_json::to_string(&all).unwrap();
        let shown = printable(&json);
        assert!(!shown.chars().any(is_active));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), all);
    }
}
