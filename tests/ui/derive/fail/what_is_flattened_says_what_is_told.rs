use audited::AuditTarget;

struct Address {
    city: String,
}

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
    #[audit(flatten)]
    billing: Address,
}

fn main() {}
