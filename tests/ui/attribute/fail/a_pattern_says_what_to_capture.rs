use audited::audited;

#[audited(
    action = "invoice.viewed",
    target(type = "invoice", id = id),
    ok(metadata(id)),
    ok(_ => ),
    ok(seen => body(seen), metdata(seen)),
    err,
)]
fn view(id: u64) -> u64 {
    id
}

fn main() {}
