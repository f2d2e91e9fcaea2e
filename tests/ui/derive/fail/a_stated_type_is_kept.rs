use audited::{AuditBody, AuditTarget};

#[derive(AuditTarget)]
#[audit(number)]
struct Invoice {
    #[audit(id, number)]
    number: u64,
    #[audit(metadata, u64)]
    cents: u64,
    #[audit(metadata, numbr)]
    pages: u64,
    #[audit(number, string)]
    both: u64,
    #[audit(bool, hash)]
    open: bool,
}

#[derive(AuditBody)]
struct Payment {
    #[audit(flatten, string)]
    address: Address,
}

#[derive(AuditBody)]
struct Address {
    #[audit(text)]
    city: String,
}

fn main() {}
