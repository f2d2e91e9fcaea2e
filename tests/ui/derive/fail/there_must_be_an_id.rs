use audited::{AuditActor, AuditTarget};

#[derive(AuditTarget)]
struct Invoice {
    number: String,
    #[audit(metadata)]
    amount: u64,
}

#[derive(AuditTarget)]
struct Tuple(u64);

#[derive(AuditActor)]
struct System;

#[derive(AuditTarget)]
enum Either {
    Left(u64),
    Right { number: u64 },
    Neither,
}

fn main() {}
