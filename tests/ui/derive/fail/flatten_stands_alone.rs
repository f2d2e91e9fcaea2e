use audited::{AuditBody, AuditTarget};

#[derive(AuditBody)]
struct Address {
    #[audit(metadata)]
    city: String,
}

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
    #[audit(flatten, metadata)]
    billing: Address,
    #[audit(flatten, hash)]
    shipping: Address,
}

fn main() {}
