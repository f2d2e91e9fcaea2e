use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), durability = strict)]
fn view(id: u64) -> u64 {
    id
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), durability = strict)]
async fn view_later(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), durability = strict)]
async fn forget(id: u64) {
    drop(id);
}

fn main() {}
