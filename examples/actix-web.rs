//! The same for actix-web: `cargo run --example actix-web --features actix-web`. No account and no network needed.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web::{self, Path};
use actix_web::{App, HttpResponse, HttpServer};
use audited::actix_web::AuditMiddleware;
use audited::{Actor, AuditLog, AuditTarget, audited};
use audited_cli::LocalWorkos;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

#[audited(action = "invoice.paid", targets(Invoice { id: *id }))]
async fn pay(id: Path<u64>) -> HttpResponse {
    if *id == 7 { HttpResponse::Ok().body("paid") } else { HttpResponse::Conflict().body("paid already") }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let workos = LocalWorkos::start()?;
    let dir = tempfile::tempdir()?; // In earnest: a disk that outlives the process.
    let audit = AuditLog::builder().api_key("sk_example").base_url(workos.url()).outbox_dir(dir.path()).start().await?;

    let middleware = AuditMiddleware::new().route(true).actor_from(|request| {
        // In earnest: the claims of a verified token.
        let user = request.headers().get("authorization")?.to_str().ok()?;
        Some(Actor::user(user).organization("org_01EHWNCE74X7JSDV0X3SZ3KJNY"))
    });
    let server =
        HttpServer::new(move || App::new().wrap(middleware.clone()).route("/invoices/{id}/pay", web::post().to(pay)));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
    let address = server.addrs()[0];
    tokio::spawn(server.run());

    send(address, "/invoices/7/pay").await?;
    send(address, "/invoices/8/pay").await?;

    let report = audit.shutdown(Duration::from_secs(10)).await;
    for received in workos.events() {
        println!("{}", serde_json::to_string_pretty(&received.event)?);
    }
    if report.delivered == 2 { Ok(()) } else { Err("two events should have arrived".into()) }
}

async fn send(address: SocketAddr, path: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let head = "host: example\r\nconnection: close\r\nuser-agent: curl/8.5\r\nauthorization: alice\r\n";
    stream.write_all(format!("POST {path} HTTP/1.1\r\n{head}content-length: 0\r\n\r\n").as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
