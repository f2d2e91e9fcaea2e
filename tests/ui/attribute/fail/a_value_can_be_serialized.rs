use audited::audited;

struct Secret(String);

#[audited(action = "user.signed_in", target(type = "user", id = id), metadata(secret, shown = %secret, also = ?secret))]
fn sign_in(id: u64, secret: Secret) -> u64 {
    drop(secret.0);
    id
}

fn main() {}
