//! What the quickstart needs and does not show: clients, and a line for each event.

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use audited_cli::StoredEvent;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request and prints the first line of the answer.
pub(crate) async fn post(address: SocketAddr, path: &str, json: &str) -> Result<(), Box<dyn Error>> {
    let mut answer = String::new();
    send(address, path, json).await?.read_to_string(&mut answer).await?;
    println!("POST {path}: {}", answer.lines().next().unwrap_or("no answer"));
    Ok(())
}

/// Sends a request and hangs up once `begun`.
pub(crate) async fn post_and_leave(
    address: SocketAddr,
    path: &str,
    begun: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let connection = send(address, path, "").await?;
    begun.await;
    drop(connection);
    println!("POST {path}: the client went away");
    Ok(())
}

async fn send(address: SocketAddr, path: &str, json: &str) -> std::io::Result<TcpStream> {
    let mut connection = TcpStream::connect(address).await?;
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nuser-agent: quickstart");
    let length = json.len();
    let request = format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}");
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}

/// Waits until `condition` holds.
pub(crate) async fn until(patience: Duration, condition: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    Ok(tokio::time::timeout(patience, poll).await?)
}

/// An event as its reader wants it: when, who, what, to what, from where, and how it ended.
fn line(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
    let targets = event["targets"].as_array().into_iter().flatten();
    let targets: Vec<_> = targets
        .map(|target| format!("{} {}", target["type"].as_str().unwrap_or("-"), target["id"].as_str().unwrap_or("-")))
        .collect();
    let metadata = event["metadata"].as_object().into_iter().flatten();
    let metadata: Vec<_> =
        metadata.filter(|(key, _)| *key != "request_id").map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "{}  {:<17} {} on {} from {}  {}",
        text("/occurred_at"),
        text("/action"),
        text("/actor/name"),
        targets.join(", "),
        text("/context/location"),
        metadata.join(" ")
    )
}

pub(crate) fn show(report: &audited::ShutdownReport) {
    println!("{} delivered, {} pending, {} dead", report.delivered, report.pending, report.dead);
}

/// Prints what arrived, and tells whether it is `expected`, in any order.
pub(crate) fn received_each_once(received: &[StoredEvent], expected: &[&str]) -> bool {
    received.iter().for_each(|received| println!("{}", line(&received.event)));
    let mut actions: Vec<_> = received.iter().map(StoredEvent::action).collect();
    actions.sort_unstable();
    actions == expected
}
