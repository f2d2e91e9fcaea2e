//! The main job in one command, without an account: `cargo run --example quickstart`.
//!
//! An axum service with three audited handlers: one succeeds, one fails, and from one the client goes away. Their events
//! reach a WorkOS on this machine, or WorkOS itself when `WORKOS_API_KEY` is set.

mod client;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use audited::tower::AuditLayer;
use audited::{AuditActor, AuditLog, AuditTarget, audited};
use audited_cli::LocalWorkos;
use axum::extract::{Extension, Path, State};
use axum::{Json, Router, http::StatusCode, routing::post};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Notify};

#[derive(AuditActor, Clone)]
#[audit(type = "user")]
struct CurrentUser {
    #[audit(id)]
    sub: String,
    #[audit(name)]
    email: String,
    #[audit(organization)]
    organization: String,
}

#[derive(AuditTarget, Serialize)]
struct Invoice {
    id: String,
    #[audit(metadata)]
    amount_cents: u64,
    notes: &'static str, // Not named: not captured.
}

#[derive(Deserialize)]
struct Payment {
    amount_cents: u64,
    iban: String,
}

#[audited(action = "invoice.paid", ok(Json(invoice) => targets(invoice)), body(payment: iban = mask(last = 4)))]
async fn pay(Path(id): Path<String>, Json(payment): Json<Payment>) -> Json<Invoice> {
    Json(Invoice { id, amount_cents: payment.amount_cents, notes: "a good customer" })
}

#[audited(action = "invoice.refunded", target(type = "invoice", id = id), err((_, why) => metadata(reason = why)))]
async fn refund(Path(id): Path<String>) -> Result<Json<Invoice>, (StatusCode, &'static str)> {
    Err((StatusCode::CONFLICT, "it was never paid"))
}

#[audited(action = "invoices.exported", target(type = "archive", id = id))]
async fn export(State(begun): State<Arc<Notify>>, Path(id): Path<String>) -> String {
    begun.notify_one();
    std::future::pending().await // Takes longer than its client waits.
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let local = if std::env::var_os("WORKOS_API_KEY").is_none() { Some(LocalWorkos::start()?) } else { None };
    let dir = tempfile::tempdir()?; // In earnest: a disk that outlives the process.
    let audit = match &local {
        Some(workos) => AuditLog::builder().api_key("sk_quickstart").base_url(workos.url()),
        None => AuditLog::from_env()?,
    };
    let audit = audit.outbox_dir(dir.path()).start().await?;

    // The service. Where `Extension` puts a user here, an authentication would.
    let organization = std::env::var("AUDITED_ORGANIZATION").unwrap_or("org_01EHWNCE74X7JSDV0X3SZ3KJNY".to_owned());
    let user = CurrentUser { sub: "user_01H7ZGXFP5".to_owned(), email: "alice@example.com".to_owned(), organization };
    let begun = Arc::new(Notify::new());
    let app = Router::new()
        .route("/invoices/{id}/pay", post(pay))
        .route("/invoices/{id}/refund", post(refund))
        .route("/archives/{id}/export", post(export))
        .with_state(Arc::clone(&begun))
        .layer(AuditLayer::new().actor_from_extension::<CurrentUser>())
        .layer(Extension(user))
        .into_make_service_with_connect_info::<std::net::SocketAddr>();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    // Its clients, the last of which goes away as soon as its call has begun.
    client::post(address, "/invoices/7/pay", r#"{"amount_cents":129900,"iban":"DE89370400440532013000"}"#).await?;
    client::post(address, "/invoices/42/refund", "").await?;
    client::post_and_leave(address, "/archives/2026/export", begun.notified()).await?;

    // What arrived.
    client::until(Duration::from_secs(5), || audit.stats().accepted == 3).await?;
    let report = audit.shutdown(Duration::from_secs(10)).await;
    client::show(&report);
    let expected = ["invoice.paid", "invoice.refunded", "invoices.exported"];
    let once = local.is_none_or(|workos| client::received_each_once(&workos.events(), &expected));
    if once && report.delivered == 3 { Ok(()) } else { Err("not every event arrived exactly once".into()) }
}
