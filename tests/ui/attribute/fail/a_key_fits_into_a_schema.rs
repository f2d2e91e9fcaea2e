use audited::audited;

struct Payment {
    note: String,
}

#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = id),
    body(payload: note),
    metadata(
        outcome = id,
        "with space" = id,
        note = id,
        a_key_that_goes_on_and_on_for_much_longer_than_it_should = id,
        batch.size = id,
        id + 1,
    ),
)]
fn pay(id: u64, payload: Payment) {
    drop((id, payload.note));
}

fn main() {}
