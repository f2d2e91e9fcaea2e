use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), err(error => metadata(reason = %error)))]
fn view(id: u64) -> u64 {
    id
}

fn main() {}
