use audited::{AuditTarget, audited};

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

struct Payment {
    iban: String,
}

#[audited(
    action = "invoice.paid",
    targets(invoice),
    target(invoice),
    target("ledger", id = 1),
    body(payment: iban: hash),
    metadata(invoice.id: number, note = hash, pin: mask(4) = 1, code: mask(last = "4") = 1, word: mask() = 1),
    err(metadata(reason = %error)),
)]
fn pay(invoice: &Invoice, payment: &Payment, note: &str) -> Result<(), String> {
    drop((invoice.id, &payment.iban, note));
    Ok(())
}

#[audited(action = "invoice.seen" targets(invoice))]
fn see(invoice: &Invoice) {
    drop(invoice.id);
}

fn main() {}
