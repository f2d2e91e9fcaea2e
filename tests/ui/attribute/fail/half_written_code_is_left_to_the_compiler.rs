use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id))]
async fn view(id: u64) -> u64 {
    let half = id.
}

fn main() {}
