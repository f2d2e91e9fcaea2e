//! Inside `macro_rules!`, where tokens come with invisible groups and with a hygiene of their own.

use audited::{AuditTarget, audited};

macro_rules! handler {
    ($action:literal, $name:ident, $argument:ident: $ty:ty => $out:ty, $value:expr, $body:block) => {
        #[audited(action = $action, targets($argument), metadata(value = $value, same = %$argument.id))]
        async fn $name($argument: $ty) -> $out $body
    };
}

macro_rules! model {
    ($name:ident, $kind:literal, $id:ident) => {
        #[derive(AuditTarget)]
        #[audit(type = $kind, name = "{number}")]
        struct $name {
            #[audit(id)]
            $id: u64,
            number: u8,
        }
    };
}

macro_rules! closed {
    () => {
        #[audited(action = "invoice.closed", targets(invoice), ok(id => metadata(id)))]
        fn close(invoice: Invoice) -> u64 {
            invoice.id
        }
    };
}

model!(Invoice, "invoice", id);
handler!("invoice.seen", see, invoice: Invoice => Result<u64, String>, 1 + 1, { Ok(invoice.id) });
closed!();

macro_rules! request {
    ($name:ident { $($field:ident: $ty:ty = $rule:ident),* }, $handler:ident, $number:ident) => {
        #[derive(audited::AuditBody)]
        struct $name {
            $(#[audit($rule)] $field: $ty,)*
        }

        #[audited(
            action = "invoice.asked",
            target(type = "invoice", id = ?$number),
            body(request),
            body(other: $($field = hash),*),
            metadata($number: number = $number, twice: number = $number * 2, hidden: mask = $number),
        )]
        fn $handler(request: $name, other: $name, $number: u64) {
            drop((request, other));
        }
    };
}

request!(Request { amount: u64 = metadata, iban: String = mask }, ask, number);

fn main() {
    let request = || Request { amount: 1, iban: String::new() };
    ask(request(), request(), 1);
    drop(see(Invoice { id: 1, number: 2 }));
    assert_eq!(close(Invoice { id: 1, number: 2 }), 1);
}
