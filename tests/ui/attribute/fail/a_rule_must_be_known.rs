use audited::audited;

struct Payment {
    iban: String,
    memo: String,
    note: String,
}

#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = payload.iban.len()),
    body(payload: iban = hsh, memo = mask(first = 4), note = secret),
)]
fn pay(payload: Payment) {
    drop((payload.iban, payload.memo, payload.note));
}

fn main() {}
