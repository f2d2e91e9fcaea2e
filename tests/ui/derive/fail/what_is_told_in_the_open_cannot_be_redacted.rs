use audited::AuditTarget;

#[derive(AuditTarget)]
struct Account {
    #[audit(id, hash)]
    email: String,
    #[audit(name, mask)]
    iban: String,
    #[audit(hash, redact)]
    tax: String,
}

fn main() {}
