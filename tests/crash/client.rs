//! A client that sends one request after the other on one connection, until it breaks.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a client knows of its requests.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// Each of these was answered with 200.
    pub(crate) answered: Vec<u64>,
    /// These were sent, and nobody knows what became of them.
    pub(crate) unanswered: Vec<u64>,
    /// The statuses of other answers.
    pub(crate) refused: Vec<(u64, u16)>,
}

/// Sends until the connection breaks; every fourth call is a strict one.
pub(crate) fn run(address: SocketAddr, ids: &AtomicU64, log: &Mutex<Log>) {
    let Ok(mut connection) = connect(address) else { return };
    loop {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let path = if id.is_multiple_of(4) { format!("/close/{id}") } else { format!("/pay/{id}") };
        let answer = post(&mut connection, &path);
        let mut log = log.lock().unwrap();
        match answer {
            Ok(200) => log.answered.push(id),
            Ok(status) => log.refused.push((id, status)),
            Err(_) => return log.unanswered.push(id),
        }
    }
}

/// Asks for one thing, whose answer does not matter.
pub(crate) fn ask(address: SocketAddr, path: &str) {
    let _ = connect(address).and_then(|mut connection| post(&mut connection, path));
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(BufReader::new(stream))
}

fn post(connection: &mut BufReader<TcpStream>, path: &str) -> io::Result<u16> {
    let request = format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            break;
        }
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
