//! `audited outbox`: one file for each verb.

mod dead;
mod list;
mod record;
mod redrive;
mod show;
mod status;
mod verify;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use audit_core::outbox::{JournalReader, OutboxError};
use serde_json::Value;

use super::printable::printable;
use crate::cli::outbox::{OutboxArgs, Verb};
use crate::exit::Failure;

/// So many records are read at a time.
const PAGE: usize = 500;

/// Runs the verb.
pub(crate) fn run(args: &OutboxArgs) -> Result<(), Failure> {
    let journal = Opened { reader: open(&args.dir)?, dir: &args.dir };
    let mut out = Output { out: io::stdout().lock(), json: args.json };
    match &args.verb {
        Verb::Status => status::run(&journal, &mut out),
        Verb::List(page) => list::run(&journal, page, &mut out),
        Verb::Show(show) => show::run(&journal, show, &mut out),
        Verb::Dead(page) => dead::run(&journal, page, &mut out),
        Verb::Verify => verify::run(&journal, &mut out),
        Verb::Redrive(redrive) => redrive::run(&journal, redrive, &mut out),
    }?;
    out.out.flush().map_err(super::output)
}

/// A journal that is there.
struct Opened<'a> {
    reader: JournalReader,
    dir: &'a Path,
}

impl Opened<'_> {
    fn failed(&self, error: OutboxError) -> Failure {
        failed(self.dir, &error)
    }
}

fn open(dir: &Path) -> Result<JournalReader, Failure> {
    let reader = JournalReader::open(dir).map_err(|error| failed(dir, &error))?;
    // An empty directory reads as an empty journal, which is not what somebody wants to hear who misspelt it.
    let shares = std::fs::read_dir(dir).into_iter().flatten().flatten();
    if !shares.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("journal-")) {
        let message =
            "there is no journal in it: name the directory that the application uses with `--dir` or AUDITED_DIR";
        return Err(Failure::Journal(format!("{}: {message}", shown(dir))));
    }
    Ok(reader)
}

fn failed(dir: &Path, error: &OutboxError) -> Failure {
    let mut story = format!("{}: {error}", shown(dir));
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !story.contains(&text) {
            story += &format!(": {text}");
        }
        cause = error.source();
    }
    Failure::Journal(story)
}

fn shown(dir: &Path) -> String {
    printable(&dir.display().to_string()).into_owned()
}

/// Standard output, in words or as JSON.
struct Output {
    out: io::StdoutLock<'static>,
    json: bool,
}

impl Output {
    /// One line, whatever is in it.
    fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", printable(line)).map_err(super::output)
    }

    /// The object on a line of its own if JSON is wanted, else the lines.
    fn tell(&mut self, json: impl FnOnce() -> Value, lines: impl FnOnce() -> Vec<String>) -> Result<(), Failure> {
        if self.json {
            return self.line(&json().to_string());
        }
        lines().iter().try_for_each(|line| self.line(line))
    }
}
