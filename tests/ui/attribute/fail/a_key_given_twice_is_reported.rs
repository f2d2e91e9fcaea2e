use audited::audited;

#[audited(action = "invoice.viewed", action = "invoice.read", target(type = "invoice", id = id, id = id))]
fn view(id: u64) {
    drop(id);
}

fn main() {}
