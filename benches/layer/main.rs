//! What `AuditLayer` costs a request: `cargo bench --bench layer`.
//!
//! The same axum application over real sockets, kept alive: without a layer, with one that does nothing, and with ours. They
//! take turns, so that a machine whose speed drifts slows all of them, and each ratio is that of one round.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::layer::layer_fn;

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(400);
const CONNECTIONS: usize = 16;
/// The requests a second with the layer, of those without, that are aimed at.
const GOAL: f64 = 0.97;

const REQUEST: &[u8] =
    b"GET /invoices/7 HTTP/1.1\r\nhost: bench\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\naccept: */*\r\n\
    accept-encoding: gzip\r\nauthorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n";
const BODY: &[u8] = b"an invoice";

async fn view(Path(_id): Path<u64>) -> &'static str {
    "an invoice"
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), durability = relaxed)]
async fn audited_view(Path(id): Path<u64>) -> &'static str {
    let _ = id;
    "an invoice"
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let recorder = Recorder::new();
    let plain = || Router::new().route("/invoices/{id}", get(view));
    let recording = AuditLayer::new().log(&recorder.log());
    let peers = [
        ("no layer", serve(plain()).await),
        ("a layer that does nothing", serve(plain().layer(layer_fn(Nothing))).await),
        ("**`AuditLayer`**", serve(plain().layer(AuditLayer::new())).await),
        (
            "the same, and the handler audited",
            serve(Router::new().route("/invoices/{id}", get(audited_view)).layer(recording)).await,
        ),
    ];
    let mut rates: Vec<Vec<f64>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, address), rates) in peers.iter().zip(&mut rates) {
            rates.push(rate(*address).await);
        }
    }
    println!("| | requests/s | of no layer (least, most) |\n| --- | ---: | ---: |");
    for ((what, _), rates_of) in peers.iter().zip(&rates) {
        let ratios: Vec<f64> = rates_of.iter().zip(&rates[0]).map(|(with, without)| with / without).collect();
        let (ratio, least, most) =
            (median(&ratios), least(&ratios), -least(&ratios.iter().map(|r| -r).collect::<Vec<_>>()));
        println!("| {what} | {:.0} | {ratio:.3} ({least:.2}, {most:.2}) |", median(rates_of));
    }
    println!("\nmedians of {ROUNDS} interleaved rounds, {CONNECTIONS} connections; goal for `AuditLayer`: {GOAL}");
}

/// A service of its own around another's, as a layer makes one.
#[derive(Clone)]
struct Nothing<S>(S);

impl<S: tower::Service<R>, R> tower::Service<R> for Nothing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await });
    address
}

/// Requests a second, one at a time on each connection.
async fn rate(address: SocketAddr) -> f64 {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut answered, mut buffer) = (0_u64, [0; 1_024]);
            while began.elapsed() < ROUND {
                stream.write_all(REQUEST).await.unwrap();
                let mut read = 0;
                while !buffer[..read].ends_with(BODY) {
                    read += stream.read(&mut buffer[read..]).await.unwrap();
                }
                answered += 1;
            }
            answered
        });
    }
    let answered: u64 = clients.join_all().await.into_iter().sum();
    answered as f64 / began.elapsed().as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
