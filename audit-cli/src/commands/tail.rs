//! `audited tail`: what a running server receives, line by line.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::printable::printable;
use super::signal;
use crate::cli::{Colour, TailArgs};
use crate::exit::Failure;

/// Follows until Ctrl-C.
pub(crate) fn run(args: &TailArgs) -> Result<(), Failure> {
    let failed = |error| Failure::Io("cannot wait for Ctrl-C", error);
    let runtime = signal::runtime().map_err(failed)?;
    runtime.block_on(async {
        tokio::select! {
            followed = follow(args) => followed,
            ended = signal::end() => ended.map_err(failed),
        }
    })
}

async fn follow(args: &TailArgs) -> Result<(), Failure> {
    let unreachable = |problem: String| Failure::Unreachable(args.address, problem);
    let after = if args.from_start {
        0
    } else {
        let status = get(args.address, "/_audited/status").await.map_err(unreachable)?;
        let status = status.collect().await.map_err(|e| unreachable(e.to_string()))?;
        let status: Value =
            serde_json::from_slice(&status.to_bytes()).map_err(|_| unreachable("it is not an `audited dev`".into()))?;
        status["counts"]["received"].as_u64().unwrap_or_default()
    };
    let path = format!("/_audited/stream?after={after}");
    let mut body = get(args.address, &path).await.map_err(unreachable)?;
    let painter = Painter {
        colours: match args.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        },
    };
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| unreachable("the server went away".into()))?;
        pending.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        let whole = pending.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = pending.drain(..whole).collect();
        print(&lines, args.json, &painter).map_err(super::output)?;
    }
    Err(unreachable("the server went away".into()))
}

/// One GET over a connection of its own.
async fn get(address: SocketAddr, path: &str) -> Result<hyper::body::Incoming, String> {
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, "application/x-ndjson")
        .body(Body::empty())
        .map_err(|e| e.to_string())?;
    let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
    if response.status() == StatusCode::OK {
        Ok(response.into_body())
    } else {
        Err(format!("it answered {}", response.status()))
    }
}

fn print(lines: &[u8], json: bool, painter: &Painter) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        if json {
            out.write_all(line)?;
            out.write_all(b"\n")?;
        } else if let Ok(row) = serde_json::from_slice(line) {
            writeln!(out, "{}", painter.row(&row))?;
        }
    }
    out.flush()
}

/// Writes a row for a person.
struct Painter {
    colours: bool,
}

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const DIM: &str = "2";
const BOLD: &str = "1";

impl Painter {
    fn row(&self, row: &Value) -> String {
        let time = row["received_at"].as_str().unwrap_or_default();
        let time = self.paint(DIM, time.get(11..23).unwrap_or(time));
        let verdict = row["verdict"].as_str().unwrap_or_default();
        let colour = match verdict {
            "stored" => GREEN,
            "refused" => RED,
            "faulted" => YELLOW,
            _ => DIM,
        };
        let status = row["status"].as_u64().map_or("---".into(), |status| status.to_string());
        let verdict = self.paint(colour, &format!("{status} {verdict:<8}"));
        let mut line = format!("{time} {verdict} ");
        match row["action"].as_str() {
            Some(action) => {
                line += &self.paint(BOLD, action);
                line += &format!("  {}", party(&row["actor"]));
                let targets = row["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
                if !targets.is_empty() {
                    let targets: Vec<String> = targets.iter().map(party).collect();
                    line += &format!(" → {}", targets.join(", "));
                }
                let organization = plain(&row["organization"]);
                line += &self.paint(DIM, &format!("  {organization}"));
            }
            None => line += &format!("{} {}", plain(&row["method"]), plain(&row["path"])),
        }
        if let Some(outcome) = row["outcome"].as_str() {
            line += &self.paint(YELLOW, &format!("  {}", printable(outcome)));
        }
        if !row["fault"].is_null() {
            line += &self.paint(YELLOW, &format!("  fault {}", plain(&row["fault"])));
        }
        if let Some(reason) = row["reason"].as_str() {
            line += &self.paint(RED, &format!("\n             {}", printable(reason)));
        }
        line
    }

    fn paint(&self, code: &str, text: &str) -> String {
        let text = text.lines().map(printable).collect::<Vec<_>>().join("\n");
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text }
    }
}

fn party(party: &Value) -> String {
    let name = if party["name"].is_null() { &party["id"] } else { &party["name"] };
    format!("{}:{}", plain(&party["type"]), plain(name))
}

fn plain(value: &Value) -> String {
    printable(value.as_str().unwrap_or("-")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row() -> Value {
        json!({"received_at": "2026-01-15T12:00:00.123Z", "verdict": "stored", "status": 200,
            "action": "invoice.paid", "actor": {"type": "user", "id": "u1", "name": null},
            "targets": [{"type": "invoice", "id": "i1", "name": "INV-1"}],
            "organization": "org_1", "outcome": null, "fault": null, "reason": null})
    }

    #[test]
    fn a_row_reads_at_a_glance() {
        let plain = Painter { colours: false };
        assert_eq!(plain.row(&row()), "12:00:00.123 200 stored   invoice.paid  user:u1 → invoice:INV-1  org_1");
        assert!(Painter { colours: true }.row(&row()).contains("\u{1b}[32m200 stored"));
    }

    #[test]
    fn hostile_names_do_not_command_the_terminal() {
        let mut row = row();
        for pointer in ["/action", "/actor/id", "/targets/0/name", "/organization"] {
            *row.pointer_mut(pointer).unwrap() = json!("\u{1b}[2J\u{9b}1;1H\r\u{7}x\ny");
        }
        row["reason"] = json!("\u{1b}]0;title\u{7}");
        row["outcome"] = json!("\u{1b}c");
        let line = Painter { colours: false }.row(&row);
        assert!(!line.chars().any(|c| c.is_control() && c != '\n'), "{line:?}");
    }

    /// Whatever a row says, of whatever type its members are.
    #[test]
    fn no_row_commands_the_terminal() {
        let mut state = 4711_u64;
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % limit
        };
        for _ in 0..2_000 {
            let mut row = row();
            for pointer in [
                "/received_at",
                "/verdict",
                "/action",
                "/actor",
                "/actor/name",
                "/targets/0/id",
                "/organization",
                "/outcome",
                "/fault",
                "/reason",
            ] {
                let text: String =
                    (0..below(20)).filter_map(|_| char::from_u32(u32::try_from(below(0x2100)).ok()?)).collect();
                let value =
                    [json!(text), json!(null), json!([text]), json!(7)][usize::try_from(below(4)).unwrap()].clone();
                if let Some(place) = row.pointer_mut(pointer) {
                    *place = value;
                }
            }
            let line = Painter { colours: false }.row(&row);
            assert!(!line.chars().any(|c| c != '\n' && c.is_control()), "{line:?}");
            assert!(!line.contains(['\u{202e}', '\u{2066}']), "{line:?}");
        }
    }
}
