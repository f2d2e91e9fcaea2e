use audited::AuditTarget;
use secrecy::SecretString;

#[derive(AuditTarget)]
struct Key {
    id: u64,
    #[audit(metadata)]
    secret: SecretString,
}

#[derive(AuditTarget)]
#[audit(name = "{secret}", id = ?self.secret)]
struct Other {
    secret: SecretString,
}

fn main() {}
