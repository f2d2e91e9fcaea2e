//! Everything there is, on one handler.

use audited::{AuditActor, AuditTarget, Unavailable, audited};
use serde::Serialize;
use std::fmt;

#[derive(AuditActor)]
#[audit(type = "user")]
struct CurrentUser {
    #[audit(id)]
    sub: String,
    #[audit(organization)]
    org_id: String,
}

#[derive(AuditTarget)]
struct Receipt {
    id: u64,
    number: String,
}

#[derive(Serialize)]
struct Payment {
    invoice: u64,
    amount: u64,
    currency: String,
    iban: String,
    memo: String,
    note: String,
    token: String,
    address: Address,
}

#[derive(Serialize)]
struct Address {
    city: String,
}

struct Json<T>(T);

#[derive(Debug)]
struct AppError(String);

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Unavailable> for AppError {
    fn from(unavailable: Unavailable) -> Self {
        Self(unavailable.to_string())
    }
}

#[audited(
    action = "invoice.paid",
    version = 2,
    failure_action = "invoice.payment_failed",
    actor = user,
    organization = user.org_id,
    target(type = "ledger", id = payload.invoice),
    target(type = "city", id = %payload.address.city, name = payload.address.city),
    body(payload: amount, currency = allow, iban = mask(last = 4), memo = mask, token = redact, address.city = hash),
    metadata(
        letters = payload.currency.len(),
        "first-letter" = ?payload.currency.chars().next(),
        note: hash = payload.note,
        %payload.invoice,
    ),
    ok(Json(receipt) => targets(receipt), metadata(receipt = %receipt.number)),
    err(error => metadata(reason = %error)),
    on(ok, err, panic, cancel),
    durability = strict,
)]
async fn pay(user: CurrentUser, Json(payload): Json<Payment>) -> Result<Json<Receipt>, AppError> {
    if payload.amount == 0 {
        return Err(AppError(format!("{} pays nothing", user.sub)));
    }
    Ok(Json(Receipt { id: payload.invoice, number: payload.currency }))
}

#[audited(action = "invoice.created", target(type = "ledger", id = payload.invoice), body(payload), durability = relaxed)]
fn create(payload: Payment) -> Json<u64> {
    Json(payload.amount)
}

#[audited(action = "invoice.listed", targets(receipts), durability = durable, on(ok))]
fn list(receipts: &[Receipt]) -> usize {
    receipts.len()
}

#[audited(skip = "changes nothing")]
async fn health() -> &'static str {
    "ok"
}

fn main() {
    let _ = (pay, create, list, health);
}
