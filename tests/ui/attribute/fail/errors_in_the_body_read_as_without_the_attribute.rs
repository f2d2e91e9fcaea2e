use audited::audited;

struct Failed;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id))]
async fn wrong_value(id: u64) -> u64 {
    format!("{id}")
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id))]
async fn wrong_question(id: String) -> Result<u64, Failed> {
    Ok(id.parse::<u64>()?)
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id))]
fn moved_twice(id: String) -> String {
    drop(id);
    id
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id))]
fn no_value(id: u64) -> u64 {
    drop(id);
}

fn main() {}
