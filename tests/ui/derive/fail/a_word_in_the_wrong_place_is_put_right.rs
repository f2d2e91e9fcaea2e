use audited::AuditTarget;

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
    #[audit(metadata(hash))]
    iban: String,
    #[audit(metadata: number)]
    pages: u64,
    #[audit(metadata = amount)]
    total: u64,
    #[audit(metadata, rename = 1)]
    first: u64,
    #[audit(mask(4))]
    card: String,
    #[audit(mask(last = "4"))]
    phone: String,
    #[audit(mask(first = 4))]
    name: String,
}

fn main() {}
