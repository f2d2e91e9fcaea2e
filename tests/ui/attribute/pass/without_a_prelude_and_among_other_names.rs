//! Generated code names everything by its full path.

#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

extern crate audited;

struct Result;
struct Ok;
struct Err;
struct Option;
struct Some;
struct None;
struct String;
struct Box;
struct Future;
struct bool;
struct str;
trait Into {}
mod core {}
mod std {}

#[derive(audited::AuditTarget, audited::AuditActor)]
#[audit(name = "{number}")]
struct Invoice {
    id: ::core::primitive::u64,
    number: ::std::string::String,
    #[audit(metadata)]
    plan: ::core::option::Option<::std::string::String>,
    #[audit(hash)]
    iban: ::std::string::String,
}

#[derive(audited::AuditBody)]
struct Address {
    #[audit(metadata)]
    city: ::std::string::String,
    #[audit(redact)]
    street: ::core::option::Option<::std::string::String>,
    #[audit(flatten)]
    inner: ::core::option::Option<::std::boxed::Box<Address>>,
}

#[audited::audited(
    action = "invoice.moved",
    target(type = "invoice", id = ?id),
    body(address),
    metadata(id: number = id, flag: bool = id > 1, shown: string = %id, hidden: hash = id),
)]
async fn change(address: Address, id: ::core::primitive::u64) {
    audited::changes(&address.target(), &address.target());
}

impl Address {
    fn target(&self) -> Invoice {
        ::core::unimplemented!()
    }
}

#[audited::audited(
    action = "invoice.paid",
    actor = invoice,
    targets(invoice),
    metadata(%invoice.number, id = ?invoice.id, automatic = invoice.id),
    ok(id => target(type = "number", id = id), metadata(shown = %id)),
    err(error => metadata(reason = %error)),
)]
async fn pay(invoice: Invoice) -> ::core::result::Result<::core::primitive::u64, ::std::string::String> {
    ::core::result::Result::Ok(invoice.id)
}

#[audited::audited(action = "invoice.paid", targets(invoice))]
fn pay_now(invoice: &Invoice) -> ::core::primitive::u64 {
    invoice.id
}

fn main() {}
