use audited::{AuditActor, AuditTarget};

struct Opaque;

#[derive(AuditTarget)]
struct Invoice {
    id: Opaque,
    #[audit(metadata)]
    plan: Opaque,
    #[audit(metadata, hash)]
    iban: Option<Opaque>,
}

#[derive(AuditActor)]
struct User {
    id: u64,
    #[audit(impersonated_by)]
    admin: Opaque,
}

#[derive(AuditTarget)]
#[audit(transparent)]
struct Wrapper(Opaque);

fn main() {}
