use audited::{AuditActor, AuditTarget};

#[derive(AuditTarget)]
#[audit(typ = "invoice", colour = "red", id)]
struct Invoice {
    id: u64,
    #[audit(metdata)]
    amount: u64,
    #[audit]
    note: String,
}

#[derive(AuditActor)]
#[audit(organization = org)]
struct User {
    id: u64,
    #[audit(skip)]
    password: String,
    #[audit(rename = "plan")]
    tier: String,
    #[audit(with = String::len)]
    name: String,
    #[audit(sensitive)]
    iban: String,
}

fn main() {}
