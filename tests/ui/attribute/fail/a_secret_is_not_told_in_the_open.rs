use audited::audited;
use secrecy::SecretString;

#[audited(
    action = "key.created",
    target(type = "key", id = 1),
    metadata(open = key, allowed: allow = key, debug = ?key, display = %key),
)]
fn create(key: SecretString) {
    let _ = key;
}

fn main() {}
