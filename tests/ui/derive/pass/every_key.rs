//! Everything there is.

use audited::{AuditActor, AuditTarget};
use serde::Serialize;

#[derive(Serialize)]
struct InvoiceId(u64);

#[derive(Serialize)]
enum Plan {
    Free,
    Paid,
}

struct Money(u64);

fn cents(money: &Money) -> u64 {
    money.0
}

struct Customer {
    name: String,
}

#[derive(AuditTarget)]
#[audit(type = "invoice", rename_all = "camelCase", name = "{number} ({customer.name}, {copies:>3})")]
struct Invoice {
    id: InvoiceId,
    number: String,
    customer: Customer,
    copies: u8,
    #[audit(metadata)]
    amount_cents: u64,
    #[audit(metadata = "tier")]
    plan: Plan,
    #[audit(metadata, rename = "previous")]
    previous_plan: Option<Plan>,
    #[audit(metadata, with = cents)]
    total: Money,
    #[audit(metadata, with = "cents")]
    tax: Money,
    #[audit(metadata, mask(last = 4))]
    iban: String,
    #[audit(mask)]
    phone: String,
    #[audit(hash)]
    tax_id: String,
    #[audit(redact)]
    note: String,
    #[audit(metadata, allow)]
    password_hint: String,
    #[audit(metadata, number)]
    pages: Option<u16>,
    #[audit(metadata = "paper", bool)]
    on_paper: bool,
    #[audit(string)]
    language: String,
    #[audit(string, with = ToString::to_string)]
    weight: f32,
    #[audit(string, hash)]
    folder: u64,
    #[audit(allow, number)]
    pin: u16,
    untold: Money,
}

#[derive(AuditActor, AuditTarget)]
struct User {
    #[audit(id)]
    sub: String,
    #[audit(name, metadata = "mail")]
    email: Option<String>,
    #[audit(organization)]
    org_id: Option<String>,
    #[audit(impersonated_by)]
    admin: Option<Box<User>>,
}

#[derive(AuditTarget)]
#[audit(id = "{0}/{1}", name = self.0.to_uppercase())]
struct Tuple(String, u8);

#[derive(AuditTarget)]
#[audit(type = "clock", id = "system")]
struct Unit;

#[derive(AuditActor)]
#[audit(type = "job", id = %self.number)]
struct Job {
    number: u8,
}

#[derive(AuditTarget)]
#[audit(transparent)]
struct Wrapped(Invoice);

#[derive(AuditTarget)]
#[audit(delegate)]
enum Either {
    Invoice(Invoice),
    Wrapped { wrapped: Wrapped },
    #[audit(type = "nothing", id = "none")]
    Neither,
}

#[derive(AuditTarget)]
#[audit(name = "a thing")]
enum Thing {
    Numbered { id: u64, #[audit(metadata)] size: u64 },
    #[audit(type = "named", name = "{0}")]
    Named(#[audit(id)] String),
    #[audit(delegate)]
    Other(Either),
}

#[derive(AuditTarget)]
enum Nothing {}

#[derive(AuditTarget)]
struct RawNames {
    #[audit(id)]
    r#type: u64,
    #[audit(metadata)]
    r#match: u64,
}

fn main() {}
