use audited::audited;

#[audited(action = "invoice.viewed", metadata(id))]
fn view(id: u64) {
    drop(id);
}

fn main() {}
