use audited::AuditTarget;

#[derive(AuditTarget)]
#[audit(name = "{number}")]
struct Invoice {
    #[audit(id)]
    id: u64,
    #[audit(id, id)]
    number: u64,
    #[audit(name)]
    title: String,
}

fn main() {}
