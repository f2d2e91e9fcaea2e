use audited::audited;

#[audited(target(type = "invoice", id = id))]
fn delete_invoice(id: u64) {
    drop(id);
}

fn main() {}
