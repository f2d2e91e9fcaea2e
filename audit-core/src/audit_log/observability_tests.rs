//! `docs/observability.md` beside the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Stats;

const GUIDE: &str = include_str!("../../../docs/observability.md");

/// The paths of all fields, `delivery.retried` for instance, as `Debug` tells them.
fn fields_of_stats() -> BTreeSet<String> {
    let (mut fields, mut within) = (BTreeSet::new(), Vec::new());
    for line in format!("{:#?}", Stats::default()).lines().skip(1) {
        let Some((name, value)) = line.trim().split_once(": ") else {
            within.pop();
            continue;
        };
        within.push(name);
        if !value.ends_with('{') {
            fields.insert(within.join("."));
            within.pop();
        }
    }
    fields
}

#[test]
fn every_field_of_the_stats_is_in_the_guide() {
    let fields = fields_of_stats();
    assert!(fields.contains("accepted") && fields.contains("mended.redacted") && fields.len() > 30, "{fields:?}");
    for field in fields {
        assert!(GUIDE.contains(&format!("`{field}`")), "`{field}` is not in docs/observability.md");
    }
}

/// An event of `tracing` as the source has it.
#[derive(Debug)]
struct Told {
    level: String,
    message: String,
    fields: Vec<String>,
    source: String,
}

fn sources(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The arguments of a macro that begins behind `(`: text by text, strings whole.
fn arguments(source: &str) -> Vec<String> {
    let (mut arguments, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for c in source.chars() {
        if !quoted {
            match c {
                '(' | '{' | '[' => depth += 1,
                ')' if depth == 0 => break,
                ')' | '}' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    arguments.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        arguments.last_mut().unwrap().push(c);
    }
    arguments.into_iter().map(|argument| argument.trim().to_owned()).filter(|argument| !argument.is_empty()).collect()
}

fn told() -> Vec<Told> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut told = Vec::new();
    for file in &files {
        // Not those of this very search.
        for part in file.split(concat!("tracing", "::")).skip(1) {
            let Some((level, rest)) = part.split_once("!(") else { continue };
            if !matches!(level, "error" | "warn" | "info" | "debug" | "trace") {
                continue;
            }
            let mut arguments = arguments(rest);
            let source = arguments.join(", ");
            let message = arguments.pop().unwrap();
            let message: String = message.trim_matches('"').split("\\\n").map(str::trim_start).collect();
            assert_eq!(arguments.remove(0), "target: \"audited\"", "{source}");
            let name = |field: &String| field.split(" = ").next().unwrap().trim_matches(['%', '?']).to_owned();
            let fields = arguments.iter().map(name).collect();
            told.push(Told { level: level.to_owned(), message, fields, source });
        }
    }
    told
}

/// Level, beginning of the message and the rest of each row.
fn rows() -> Vec<[&'static str; 3]> {
    let table = GUIDE.split("| level |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').splitn(3, '|').map(str::trim);
        [(); 3].map(|()| cells.next().unwrap())
    })
    .collect()
}

#[test]
fn every_event_is_in_the_guide_with_its_level_and_fields_and_no_other() {
    let (told, rows) = (told(), rows());
    assert!(told.len() > 25 && rows.len() > 25, "{} events, {} rows", told.len(), rows.len());
    for Told { level, message, fields, source } in &told {
        let row = rows.iter().find(|[of, begins, _]| of == level && message.starts_with(begins));
        let [.., documented] = row.unwrap_or_else(|| panic!("not in docs/observability.md: {level} {message}"));
        for field in fields {
            assert!(documented.contains(&format!("`{field}`")), "`{field}` is not in the row of {source}");
        }
    }
    for [level, begins, documented] in rows {
        let of_row = told.iter().filter(|told| told.level == level && told.message.starts_with(begins));
        let fields: BTreeSet<&str> = of_row.clone().flat_map(|told| told.fields.iter().map(String::as_str)).collect();
        assert!(of_row.count() > 0, "no event says: {begins}");
        let documented: BTreeSet<&str> = documented.split('`').skip(1).step_by(2).collect();
        assert_eq!(documented, fields, "{begins}");
    }
}

#[test]
fn every_reason_of_health_is_in_the_guide() {
    let source = include_str!("health/report.rs");
    let codes = source.split("fn code(").nth(1).unwrap().split("=> \"").skip(1);
    let codes: Vec<&str> = codes.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(codes.len() >= 13, "{codes:?}");
    for code in codes {
        assert!(GUIDE.contains(&format!("| `{code}` |")), "`{code}` is not in docs/observability.md");
    }
}
