//! One event each.

use audited::{AuditTarget, audited};

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

#[audited(action = "invoice.paid", targets(invoice))]
#[audited(action = "ledger.written", target(type = "ledger", id = invoice.id), ok(id => metadata(id)))]
async fn pay(invoice: Invoice) -> Result<u64, String> {
    Ok(invoice.id)
}

#[audited(action = "invoice.paid", targets(invoice))]
#[audited(action = "ledger.written", target(type = "ledger", id = invoice.id), ok(id => metadata(id)))]
fn pay_now(invoice: Invoice) -> Result<u64, String> {
    Ok(invoice.id)
}

fn main() {
    drop((pay(Invoice { id: 1 }), pay_now(Invoice { id: 1 })));
}
