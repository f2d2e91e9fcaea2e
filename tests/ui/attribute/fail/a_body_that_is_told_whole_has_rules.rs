use audited::audited;

struct Payment {
    amount: u64,
}

#[audited(action = "invoice.paid", target(type = "invoice", id = 1), body(payment))]
fn pay(payment: Payment) {
    let _ = payment.amount;
}

fn main() {}
