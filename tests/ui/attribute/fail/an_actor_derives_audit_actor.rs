use audited::audited;

struct User {
    id: u64,
}

#[audited(action = "invoice.viewed", actor = user, target(type = "invoice", id = id))]
fn view(user: User, id: u64) -> u64 {
    user.id + id
}

fn main() {}
