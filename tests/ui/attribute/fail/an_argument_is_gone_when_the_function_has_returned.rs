use audited::{AuditTarget, audited};

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

#[audited(
    action = "invoice.paid",
    targets(invoice),
    ok(paid => metadata(paid, amount)),
    err(error => metadata(reason = %error, text = format!("{:?}", invoice.id))),
)]
fn pay(invoice: Invoice, amount: u64) -> Result<u64, String> {
    drop(invoice);
    Ok(amount)
}

fn main() {}
