use audited::{Actor, AuditTarget, audited};

#[derive(AuditTarget)]
struct Invoice {
    id: u64,
}

struct Payment {
    amount: u64,
}

#[audited(action = "invoice.paid", actor = usr, targets(invoce), body(payld: amount), metadata(color))]
fn pay(user: Actor, invoice: Invoice, payload: Payment) {
    drop((user, invoice, payload.amount));
}

#[audited(action = "invoice.counted", target(type = "invoice", id = self.id))]
fn count() {}

fn main() {}
