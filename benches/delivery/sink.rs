//! A server that takes events, in a process of its own.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

/// The limit is kept over any ten seconds, as WorkOS keeps its own over a minute.
const WINDOW: Duration = Duration::from_secs(10);

/// How a server behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    pub(crate) latency: Duration,
    /// So many requests a second; 429 for any further.
    pub(crate) limit: Option<u64>,
    /// Answers 500 to one request in ten, and hangs up on another one, half of these after it took the event.
    pub(crate) faulty: bool,
}

/// What a server has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    /// Different keys that were taken.
    pub(crate) stored: u64,
    pub(crate) throttled: u64,
}

/// A running server, from outside. It ends when this is dropped.
pub(crate) struct Sink {
    child: Child,
    pub(crate) url: String,
}

impl Sink {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let Behaviour { latency, limit, faulty } = behaviour;
        let told = format!("{},{},{}", latency.as_millis(), limit.unwrap_or(0), u8::from(faulty));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--sink", &told])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim().to_owned() }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut stream = std::net::TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        std::io::Write::write_all(&mut stream, b"GET /counts HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let mut numbers = answer.rsplit("\r\n\r\n").next().unwrap().split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Counts { requests: next(), stored: next(), throttled: next() }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl FromStr for Behaviour {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let mut numbers = text.split(',').map(|number| number.parse::<u64>().unwrap());
        let mut next = || numbers.next().unwrap();
        let (latency, limit, faulty) = (next(), next(), next());
        Ok(Self { latency: Duration::from_millis(latency), limit: (limit > 0).then_some(limit), faulty: faulty == 1 })
    }
}

#[derive(Default)]
struct State {
    counts: Counts,
    keys: HashSet<Bytes>,
    recent: VecDeque<Instant>,
}

/// Serves until standard input ends.
pub(crate) fn serve(behaviour: Behaviour) {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).unwrap();
            let state = Arc::clone(&state);
            let service = service_fn(move |request| answer(request, Arc::clone(&state), behaviour));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

/// An error hangs up.
async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    behaviour: Behaviour,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let key = request.headers().get("idempotency-key").map(|key| Bytes::copy_from_slice(key.as_bytes()));
    let Some(key) = key else {
        let Counts { requests, stored, throttled } = state.lock().unwrap().counts;
        return Ok(response(StatusCode::OK, format!("{requests} {stored} {throttled}")));
    };
    request.into_body().collect().await.map_err(|_| "the request ended early")?;
    if !behaviour.latency.is_zero() {
        tokio::time::sleep(behaviour.latency).await;
    }
    let mut state = state.lock().unwrap();
    state.counts.requests += 1;
    if let Some(wait) = behaviour.limit.and_then(|limit| state.throttle(limit)) {
        state.counts.throttled += 1;
        let mut refusal = response(StatusCode::TOO_MANY_REQUESTS, "{}".to_owned());
        refusal.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
        return Ok(refusal);
    }
    match state.counts.requests % 20 {
        1 | 11 if behaviour.faulty => return Ok(response(StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned())),
        5 if behaviour.faulty => return Err("hung up before the event was taken"),
        _ => {}
    }
    state.counts.stored += u64::from(state.keys.insert(key));
    if behaviour.faulty && state.counts.requests % 20 == 15 {
        return Err("hung up after the event was taken");
    }
    Ok(response(StatusCode::CREATED, r#"{"success":true}"#.to_owned()))
}

impl State {
    /// How long a request over the limit has to wait.
    fn throttle(&mut self, limit: u64) -> Option<Duration> {
        let now = Instant::now();
        while self.recent.front().is_some_and(|first| now - *first >= WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() as u64 >= limit * WINDOW.as_secs() {
            return self.recent.front().map(|first| WINDOW - (now - *first));
        }
        self.recent.push_back(now);
        None
    }
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
