//! The same for gRPC: `cargo run --example tonic --features tonic`. No account and no network needed.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

mod billing;
mod client;

use std::error::Error;
use std::time::Duration;

use audited::tower::AuditLayer;
use audited::{Actor, AuditLog, AuditTarget, audited};
use audited_cli::LocalWorkos;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use self::billing::{Billing, BillingServer};

#[derive(AuditTarget)]
struct Invoice {
    id: String,
}

#[derive(Clone)]
struct Bank;

impl Billing for Bank {
    async fn pay(&self, request: Request<String>) -> Result<Response<String>, Status> {
        pay(Invoice { id: request.into_inner() }).await
    }
}

#[audited(action = "invoice.paid", targets(invoice), err(status => metadata(code = ?status.code())))]
async fn pay(invoice: Invoice) -> Result<Response<String>, Status> {
    if invoice.id == "7" { Ok(Response::new("paid".to_owned())) } else { Err(Status::already_exists("paid already")) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let workos = LocalWorkos::start()?;
    let dir = tempfile::tempdir()?; // In earnest: a disk that outlives the process.
    let audit = AuditLog::builder().api_key("sk_example").base_url(workos.url()).outbox_dir(dir.path()).start().await?;

    let layer = AuditLayer::new().route(true).grpc_changes(["/billing.Billing/Pay"]).actor_from(|request| {
        // In earnest: whoever an authentication let in.
        let key = request.headers.get("x-key-id")?.to_str().ok()?;
        Some(Actor::api_key(key).organization("org_01EHWNCE74X7JSDV0X3SZ3KJNY"))
    });
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?;
    let address = incoming.local_addr()?;
    tokio::spawn(Server::builder().layer(layer).serve_with_incoming(BillingServer(Bank), incoming));

    for invoice in ["7", "8"] {
        let code = client::call(address, "/billing.Billing/Pay", &[("x-key-id", "key_1")], invoice).await?;
        println!("invoice {invoice}: code {code}");
    }

    let report = audit.shutdown(Duration::from_secs(10)).await;
    for received in workos.events() {
        println!("{}", serde_json::to_string_pretty(&received.event)?);
    }
    if report.delivered == 2 { Ok(()) } else { Err("two events should have arrived".into()) }
}
