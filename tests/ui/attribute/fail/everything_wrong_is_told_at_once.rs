use audited::audited;

#[audited(acton = "invoice.paid", version = "two", target(type = 3), on(okay), durability = "strict", metadata(a = , b: hsh))]
fn pay(id: u64) {
    drop(id);
}

fn main() {}
