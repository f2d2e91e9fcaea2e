//! A small HTTP server on loopback that does to each request what a script says, and keeps what it saw.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// An answer, with these headers beside `Content-Length`.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// An answer after a while.
    Later(Duration, u16),
    /// The connection is reset after so many bytes of the request were read.
    ResetAfter(usize),
    /// The request is read in full and taken, and the connection closed without an answer.
    TakeAndClose,
    /// The request is read in full and taken, and the connection reset without an answer.
    TakeAndReset,
    /// These bytes are sent instead of an answer, and the connection is closed.
    Raw(Vec<u8>),
    /// These bytes are sent instead of an answer, and then nothing.
    RawAndHang(Vec<u8>),
    /// Nothing is ever answered.
    Hang,
}

impl Act {
    pub(crate) fn ok() -> Self {
        Self::Answer(200, Vec::new(), br#"{"success":true}"#.to_vec())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    pub(crate) fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(status, Vec::new(), body.into())
    }

    /// Whether the event is in the server's log afterwards.
    fn takes(&self) -> bool {
        match self {
            Self::Answer(status, ..) | Self::Later(_, status) => (200..=299).contains(status),
            Self::TakeAndClose | Self::TakeAndReset => true,
            Self::ResetAfter(_) | Self::Raw(_) | Self::RawAndHang(_) | Self::Hang => false,
        }
    }
}

/// A request as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) connection: usize,
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    /// Dropped, it ends the server.
    _running: oneshot::Sender<()>,
}

struct State {
    script: Box<dyn Fn(usize) -> Act + Send + Sync>,
    nth: AtomicUsize,
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    taken: Mutex<HashMap<String, Vec<u8>>>,
}

impl Server {
    /// Starts a server that asks `script` what to do with its first request, its second, and so on, from 0.
    pub(crate) fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let state = Arc::new(State {
            script: Box::new(script),
            nth: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            taken: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (running, ended) = oneshot::channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = shared.accept(TcpListener::from_std(listener).unwrap()) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, state, _running: running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// What is in the server's log: one body for each idempotency key.
    pub(crate) fn taken(&self) -> HashMap<String, Vec<u8>> {
        self.state.taken.lock().unwrap().clone()
    }
}

impl State {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = self.connections.fetch_add(1, Ordering::Relaxed);
            let state = Arc::clone(&self);
            tokio::spawn(async move {
                let mut stream = stream;
                while state.serve(&mut stream, connection).await.is_some() {}
            });
        }
    }

    /// Serves one request; `None` ends the connection.
    async fn serve(&self, stream: &mut TcpStream, connection: usize) -> Option<()> {
        let mut read = Vec::new();
        grow(stream, &mut read).await?;
        let act = (self.script)(self.nth.fetch_add(1, Ordering::Relaxed));
        if let Act::ResetAfter(bytes) = act {
            while read.len() < bytes {
                grow(stream, &mut read).await?;
            }
            return reset(stream);
        }
        let request = loop {
            match parse(&read, connection) {
                Some(request) => break request,
                None => grow(stream, &mut read).await?,
            }
        };
        if act.takes() {
            let mut taken = self.taken.lock().unwrap();
            let first = taken.entry(request.key().to_owned()).or_insert_with(|| request.body.clone());
            assert_eq!(*first, request.body, "same key, same bytes");
        }
        self.requests.lock().unwrap().push(request);
        match act {
            Act::Answer(status, headers, body) => answer(stream, status, &headers, &body).await,
            Act::Later(wait, status) => {
                tokio::time::sleep(wait).await;
                answer(stream, status, &[], br#"{"success":true}"#).await
            }
            Act::Raw(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                None
            }
            Act::RawAndHang(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                std::future::pending().await
            }
            Act::TakeAndReset => reset(stream),
            Act::TakeAndClose | Act::ResetAfter(_) => None,
            Act::Hang => std::future::pending().await,
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.ok()
}

fn reset(stream: &TcpStream) -> Option<()> {
    stream.set_zero_linger().unwrap();
    None
}

async fn grow(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(read).await {
        Ok(0) => None,
        Ok(_) => Some(()),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
            None
        }
    }
}

fn parse(read: &[u8], connection: usize) -> Option<Request> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).unwrap();
    let (line, fields) = head.split_once("\r\n").unwrap();
    let headers: HashMap<_, _> = fields
        .lines()
        .map(|field| field.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let body = read.get(end + 4..end + 4 + length)?.to_vec();
    Some(Request { connection, line: line.to_owned(), headers, body })
}
