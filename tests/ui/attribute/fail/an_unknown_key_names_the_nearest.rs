use audited::audited;

#[audited(action = "invoice.viewed", targts(id), colour = "red", target(type = "invoice", id = id))]
fn view(id: u64) {
    drop(id);
}

fn main() {}
