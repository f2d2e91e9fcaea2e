//! Who, from where, with what: `cargo run --example axum --features axum`. No account and no network needed.
//!
//! An axum service behind one proxy. Its events reach a WorkOS on this machine and are printed as that received them.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use audited::tower::{AuditLayer, ClientAddress, Rejection, TrustedProxies};
use audited::{AuditActor, AuditLog, AuditTarget, audited};
use audited_cli::LocalWorkos;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

#[derive(AuditActor, Clone)]
#[audit(type = "user")]
struct CurrentUser {
    #[audit(id)]
    sub: String,
}

#[derive(AuditTarget, Serialize)]
struct Invoice {
    id: String,
    #[audit(metadata)]
    amount_cents: u64,
}

#[derive(Deserialize)]
struct Payment {
    amount_cents: u64,
}

#[audited(action = "invoice.paid", ok(Json(invoice) => targets(invoice)))]
async fn pay(Path((_, id)): Path<(String, String)>, Json(payment): Json<Payment>) -> Json<Invoice> {
    Json(Invoice { id, amount_cents: payment.amount_cents })
}

/// Nobody thought of auditing this one.
async fn void(Path((_, _id)): Path<(String, String)>) {}

/// Believes whoever says a name; in earnest, a verified token.
async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let user = request.headers().get("authorization").and_then(|user| user.to_str().ok()).map(str::to_owned);
    let user = CurrentUser { sub: user.ok_or(StatusCode::UNAUTHORIZED)? };
    audited::set_actor(&user);
    request.extensions_mut().insert(user);
    Ok(next.run(request).await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let workos = LocalWorkos::start()?;
    let dir = tempfile::tempdir()?; // In earnest: a disk that outlives the process.
    let audit = AuditLog::builder().api_key("sk_example").base_url(workos.url()).outbox_dir(dir.path()).start().await?;

    let layer = AuditLayer::new()
        .client_address(ClientAddress::x_forwarded_for(TrustedProxies::hops(1)))
        .organization_from_path("tenant_id")
        .route(true)
        .on_rejection(Rejection::told_as("request.denied"));
    let app = Router::new()
        .route("/tenants/{tenant_id}/invoices/{id}/pay", post(pay))
        .route("/tenants/{tenant_id}/invoices/{id}", delete(void))
        .layer(from_fn(authenticate))
        .layer(layer);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await });

    send(address, "POST /tenants/org_1/invoices/7/pay", "authorization: alice\r\n", r#"{"amount_cents":129900}"#)
        .await?;
    send(address, "POST /tenants/org_1/invoices/7/pay", "", r#"{"amount_cents":129900}"#).await?;
    send(address, "DELETE /tenants/org_1/invoices/7", "authorization: alice\r\n", "").await?;

    // The one that was turned away is told without making anybody wait.
    let both = async {
        while audit.stats().delivered < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), both).await?;
    let unaudited = audit.unaudited_routes();
    let report = audit.shutdown(Duration::from_secs(10)).await;
    for received in workos.events() {
        println!("{}", serde_json::to_string_pretty(&received.event)?);
    }
    println!("nobody tells of: {unaudited:?}");
    println!("{} delivered, {} pending, {} dead", report.delivered, report.pending, report.dead);
    if report.delivered == 2 { Ok(()) } else { Err("two events should have arrived".into()) }
}

/// A request as the proxy passes it on: with what the client sent itself, and with what the proxy knows.
async fn send(address: SocketAddr, line: &str, headers: &str, body: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "{line} HTTP/1.1\r\nhost: example\r\nconnection: close\r\nuser-agent: curl/8.5\r\nx-request-id: req_1\r\n\
         x-forwarded-for: 127.0.0.1, 203.0.113.7\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
