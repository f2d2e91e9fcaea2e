//! What is done for rust-analyzer only, so that it completes where an attribute is still being written.
//!
//! It has an attribute expanded twice, as it is and with a word at the cursor, and completes that word if both expansions
//! are the same up to it. So nothing that is wrong may keep an attribute from expanding there, and no text before an
//! expression may depend on the expression. The compiler's expansions are the better for neither: an error of ours would
//! become several of its own.
//!
//! A bracket that is not closed never gets here, since no `TokenStream` has one: of `targets(` without its `)` there is only
//! what the editor has closed by itself, if anything, and the compiler complains before any macro runs.

#[cfg(any(test, fuzzing))]
thread_local! {
    /// Lets a test be the editor.
    pub(crate) static PRETENDED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether an editor asks, and not the compiler. Macros are told of it nowhere but in the name of the program that runs
/// them; under another name an editor gets what the compiler gets.
pub(crate) fn asks() -> bool {
    static BY_NAME: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        let program = std::env::current_exe().ok();
        let name = program.as_deref().and_then(std::path::Path::file_name);
        name.is_some_and(|name| name.to_string_lossy().starts_with("rust-analyzer"))
    });
    #[cfg(any(test, fuzzing))]
    if PRETENDED.get() {
        return true;
    }
    *BY_NAME
}

#[cfg(test)]
mod tests {
    use super::PRETENDED;
    use crate::audited::audited;
    use proc_macro2::TokenStream;

    fn expanded(attribute: &str) -> String {
        let function = "fn see(invoice: Invoice, short: &Invoice) -> Result<Invoice, Invoice> { Ok(invoice) }";
        let read = |text: &str| text.parse::<TokenStream>().unwrap_or_default();
        audited(read(attribute), read(function)).to_string()
    }

    /// What rust-analyzer needs to find the receiver and the names in scope.
    #[test]
    fn an_expansion_is_the_same_up_to_the_cursor_with_a_word_there_and_without() {
        PRETENDED.set(true);
        for half in [
            "target(type = \"invoice\", id = invoice.|)",
            "target(type = \"invoice\", id = invoice.nu|)",
            "target(type = \"invoice\", id = 1, name = %invoice.|)",
            "targets(short, invoice.|)",
            "targets(short, inv|)",
            "actor = invoice.|",
            "organization = invoice.|",
            "metadata(x = |)",
            "metadata(x = inv|)",
            "metadata(x = invoice.|, y = 1)",
            "metadata(x: number = invoice.nu|)",
            "metadata(invoice.|)",
            "metadata(?invoice.nu|)",
            "body(invoice: |)",
            "body(invoice: nu|)",
            "body(invoice: address.|)",
            "ok(value => metadata(x = value.|))",
            "err(error => targets(error.|))",
        ] {
            for around in ["action = \"a.b\", targets(short), ", "targets(short), ", "action = \"a.b\", version = 0, "]
            {
                let attribute = format!("{around}{half}");
                let with = expanded(&attribute.replace('|', "cursor"));
                let without = expanded(&attribute.replace('|', ""));
                // A word that is half there is a part of the one at the cursor.
                let begun: String = half
                    .split('|')
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .rev()
                    .take_while(|c| c.is_alphabetic())
                    .collect();
                let word = format!("{}cursor", begun.chars().rev().collect::<String>());
                let before = with.split(&word).next().unwrap_or_default();
                // The dot behind the argument of `body` comes with the field.
                let before = before.trim_end_matches([' ', '.']);
                assert!(with.len() > before.len() + word.len(), "{attribute}: {with}");
                assert!(without.starts_with(before), "{attribute}:\n{with}\n{without}");
            }
        }
    }
}
