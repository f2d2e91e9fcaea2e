use audited::{AuditActor, AuditBody, AuditTarget};

struct Money(u64);

fn cents(money: &Money) -> u64 {
    money.0
}

#[derive(AuditTarget)]
struct Invoice<N> {
    id: u64,
    #[audit(metadata, number)]
    amount: Money,
    #[audit(metadata, number, with = cents)]
    total: Money,
    #[audit(metadata, string, with = cents)]
    tax: Money,
    #[audit(number)]
    size: N,
}

#[derive(AuditActor)]
struct User {
    id: u64,
    #[audit(string)]
    age: Option<u8>,
}

#[derive(AuditBody)]
struct Payment {
    #[audit(bool)]
    count: u64,
}

fn is_target<T: AuditTarget>() {}

fn main() {
    is_target::<Invoice<char>>();
}
