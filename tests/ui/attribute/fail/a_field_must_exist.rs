use audited::audited;

struct Payment {
    amount: u64,
}

#[audited(action = "invoice.paid", target(type = "invoice", id = payload.amount), body(payload: amout))]
fn pay(payload: Payment) {
    drop(payload.amount);
}

fn main() {}
