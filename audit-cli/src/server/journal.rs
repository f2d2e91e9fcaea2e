//! What must survive a restart, for `--data DIR`: one file, one JSON record a line, appended.
//!
//! A record is written before its request is answered, so a `kill -9` loses nothing that was
//! answered with success; a power cut may. A last line that breaks off is cut away at the next
//! start. The file can be read with any tool that takes JSON lines.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fs4::FileExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lock::lock;

const FILE: &str = "audit-logs.jsonl";
const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record<'a> {
    /// The first line.
    Format { version: u32 },
    /// An event was stored.
    Event {
        at: i64,
        key: Option<Cow<'a, str>>,
        /// The request's body, byte for byte.
        body: Cow<'a, str>,
    },
    /// A schema was registered.
    Schema { at: i64, action: Cow<'a, str>, schema: Cow<'a, Value> },
    /// An organization's retention was set.
    Retention { organization: Cow<'a, str>, days: u32 },
    /// An export was created.
    Export { export: Cow<'a, Value> },
    /// The server's own time was moved forward.
    Clock { ahead_ms: u64 },
}

/// The open file. No other process has it open.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    tail: Mutex<Tail>,
}

#[derive(Debug)]
struct Tail {
    file: File,
    /// Where the next record begins: what is beyond was not written whole.
    end: u64,
}

impl Journal {
    /// Opens or creates the journal of the directory, and hands every record to `replay`.
    pub(crate) fn open(
        directory: &Path,
        mut replay: impl FnMut(Record<'_>) -> Result<(), String>,
    ) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(|e| format!("cannot be created: {e}"))?;
        let path = directory.join(FILE);
        let unusable = |error: io::Error| format!("{FILE} cannot be used: {error}");
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(unusable)?;
        if FileExt::try_lock(&file).is_err() {
            return Err(format!("{FILE} is used by another `audited dev`; stop that one or take another directory"));
        }
        let mut end = 0;
        let mut line = Vec::new();
        let mut reader = BufReader::new(&mut file);
        for number in 1_u64.. {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(unusable)?;
            if length == 0 || line.last() != Some(&b'\n') {
                break;
            }
            let spoilt = |problem: String| {
                format!(
                    "{FILE}, line {number}: {problem}; mend or remove that line, or take another \
                     directory"
                )
            };
            let record = serde_json::from_slice(&line).map_err(|e| spoilt(e.to_string()))?;
            match record {
                Record::Format { version: FORMAT } if number == 1 => {}
                Record::Format { version } => {
                    return Err(spoilt(format!("format {version} is not known here")));
                }
                _ if number == 1 => return Err(spoilt("it is not a journal".into())),
                record => replay(record).map_err(spoilt)?,
            }
            end += length as u64;
        }
        file.set_len(end).map_err(unusable)?;
        let journal = Self { path, tail: Mutex::new(Tail { file, end }) };
        if end == 0 {
            let first = Record::Format { version: FORMAT };
            journal.append(&first).map_err(unusable)?;
        }
        Ok(journal)
    }

    /// Appends a record. If it cannot be written whole, nothing of it stays.
    pub(crate) fn append(&self, record: &Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut tail = lock(&self.tail);
        let end = tail.end;
        tail.file.seek(SeekFrom::Start(end))?;
        if let Err(error) = tail.file.write_all(&line) {
            // Cutting back is tried; if it fails too, the next record overwrites from `end`.
            let _ = tail.file.set_len(end);
            return Err(error);
        }
        tail.end += line.len() as u64;
        Ok(())
    }

    /// Hands every stored event to `visit`, oldest first, until it says stop with `false`.
    pub(crate) fn events(&self, mut visit: impl FnMut(i64, &[u8]) -> bool) -> io::Result<()> {
        let end = lock(&self.tail).end;
        let mut reader = BufReader::new(File::open(&self.path)?.take(end));
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if let Record::Event { at, body, .. } = serde_json::from_slice(&line)?
                && !visit(at, body.as_bytes())
            {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &str) -> Record<'_> {
        Record::Event { at: 7, key: Some("k".into()), body: body.into() }
    }

    fn bodies(directory: &Path) -> Result<(Journal, Vec<String>), String> {
        let mut bodies = Vec::new();
        let journal = Journal::open(directory, |record| {
            if let Record::Event { body, .. } = record {
                bodies.push(body.into_owned());
            }
            Ok(())
        })?;
        Ok((journal, bodies))
    }

    #[test]
    fn what_was_appended_is_there_again() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, none) = bodies(directory.path()).unwrap();
        assert!(none.is_empty());
        journal.append(&event("{\n\"a\": \"\u{1F980}\"}")).unwrap();
        journal.append(&event("b")).unwrap();
        let mut seen = Vec::new();
        journal
            .events(|at, body| {
                seen.push((at, body.to_vec()));
                true
            })
            .unwrap();
        assert_eq!(seen.len(), 2);
        drop(journal);
        let (_, all) = bodies(directory.path()).unwrap();
        assert_eq!(all, ["{\n\"a\": \"\u{1F980}\"}", "b"]);
    }

    #[test]
    fn a_line_that_breaks_off_is_cut_away_at_every_length() {
        let whole = {
            let directory = tempfile::tempdir().unwrap();
            let (journal, _) = bodies(directory.path()).unwrap();
            journal.append(&event("first")).unwrap();
            journal.append(&event("second")).unwrap();
            fs::read(directory.path().join(FILE)).unwrap()
        };
        let lines: Vec<usize> = (0..whole.len()).filter(|i| whole[*i] == b'\n').collect();
        for length in lines[1] + 1..whole.len() {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(FILE), &whole[..length]).unwrap();
            let (journal, found) = bodies(directory.path()).unwrap();
            assert_eq!(found, ["first"], "cut at {length}");
            journal.append(&event("third")).unwrap();
            drop(journal);
            assert_eq!(bodies(directory.path()).unwrap().1, ["first", "third"]);
        }
    }

    #[test]
    fn a_spoilt_line_and_a_foreign_file_are_refused_with_their_line() {
        for (text, says) in [
            ("{\"kind\":\"format\",\"version\":1}\nnonsense\n", "line 2"),
            ("{\"kind\":\"format\",\"version\":9}\n", "format 9"),
            ("{\"kind\":\"clock\",\"ahead_ms\":1}\n", "not a journal"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(FILE), text).unwrap();
            let error = bodies(directory.path()).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let directory = tempfile::tempdir().unwrap();
        let (_held, _) = bodies(directory.path()).unwrap();
        let error = bodies(directory.path()).unwrap_err();
        assert!(error.contains("another `audited dev`"), "{error}");
    }
}
