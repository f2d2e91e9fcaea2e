use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), detached)]
fn view(id: u64) {
    drop(id);
}

fn main() {}
