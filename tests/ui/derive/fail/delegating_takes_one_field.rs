use audited::AuditTarget;

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

#[derive(AuditTarget)]
#[audit(transparent, type = "x")]
struct Two(Invoice, u64);

#[derive(AuditTarget)]
#[audit(delegate)]
struct Struct(Invoice);

#[derive(AuditTarget)]
#[audit(transparent)]
enum Either {
    #[audit(delegate)]
    Pair(Invoice, Invoice),
    #[audit(delegate)]
    Marked(#[audit(id)] u64),
}

#[derive(AuditTarget)]
union Union {
    id: u64,
}

fn main() {}
