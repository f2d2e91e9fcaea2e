use audited::AuditTarget;

#[derive(AuditTarget)]
struct Card {
    id: u64,
    #[audit(metadata, number)]
    pin: u16,
    #[audit(metadata = "digits", number)]
    cvc: u16,
}

fn main() {}
