use audited::{AuditTarget, audited};

#[derive(AuditTarget)]
struct Invoice {
    #[audit(idd)]
    number: u64,
}

// The type is still a target, so that this is not reported, too.
#[audited(action = "invoice.viewed", targets(invoice))]
fn view(invoice: Invoice) -> u64 {
    invoice.number
}

fn main() {}
