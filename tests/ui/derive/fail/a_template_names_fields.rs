use audited::AuditTarget;

#[derive(AuditTarget)]
#[audit(name = "{numbr} of {customer")]
struct Invoice {
    id: u64,
    number: u64,
}

#[derive(AuditTarget)]
#[audit(name = "{customer")]
struct Other {
    id: u64,
    customer: u64,
}

fn main() {}
