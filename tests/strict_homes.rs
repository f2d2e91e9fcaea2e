//! Generated code gives no lint anything to say, and hides no lint that the user's code deserves. That this compiles, and
//! that clippy is silent about it, is the test.

#![deny(warnings, missing_docs, unused, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use audited::{AuditActor, AuditBody, AuditTarget, audited};
use secrecy::SecretString;

/// Who.
#[derive(AuditActor)]
pub struct User {
    id: u64,
}

/// What.
#[derive(AuditTarget)]
#[audit(name = "{number}")]
pub struct Invoice {
    id: u64,
    number: String,
    #[audit(metadata)]
    amount: u64,
    #[audit(hash)]
    iban: String,
    #[audit(flatten)]
    address: Option<Address>,
}

/// A part of it.
#[derive(AuditBody)]
pub struct Address {
    #[audit(metadata)]
    city: String,
    #[audit(redact)]
    door: SecretString,
}

/// What is asked for.
#[derive(AuditBody)]
pub enum Method {
    /// With a card.
    Card {
        /// Its end.
        #[audit(mask)]
        last4: u16,
    },
    /// Somewhere.
    #[audit(delegate)]
    At(Address),
    /// At once.
    Cash,
}

/// One of two.
#[derive(AuditTarget)]
#[audit(delegate)]
pub enum Either {
    /// This.
    Invoice(Invoice),
    /// Or that.
    #[audit(type = "nothing", id = "none")]
    Nothing,
}

/// Pays.
///
/// # Errors
/// When there is nothing to pay.
#[audited(
    action = "invoice.paid",
    actor = user,
    targets(invoice),
    metadata(half = invoice.amount / 2),
    ok(left => metadata(left), target(type = "rest", id = left)),
    err(error => metadata(reason = %error)),
)]
pub async fn pay(user: User, invoice: Invoice, by: u64) -> Result<u64, std::num::TryFromIntError> {
    std::future::ready(()).await;
    u32::try_from(invoice.amount)?;
    Ok(invoice.amount - by)
}

/// Pays in a way.
#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = ?by),
    body(method),
    body(address: door = hash),
    metadata(by: number, twice: number = by * 2, much: bool = by > 1, text: string = %by, hidden: mask = by),
    detached,
)]
pub async fn pay_by(method: Method, address: Address, by: u64) {
    drop((method, address, by));
}

/// Looks.
#[audited(action = "invoice.seen", targets(invoice))]
#[must_use]
pub fn see(invoice: &Invoice) -> u64 {
    invoice.id
}

/// Looks at one of two.
#[audited(action = "invoice.seen", targets(either))]
pub fn see_either(either: &Either) {
    let _ = either;
}

/// The user's own unused variable is still the user's to hear of.
#[audited(action = "invoice.seen", targets(invoice))]
#[must_use]
pub fn expected(invoice: &Invoice, #[expect(unused_variables)] unused: u64) -> u64 {
    #[expect(unused_mut)]
    let mut id = invoice.id;
    id
}

#[test]
fn it_still_runs() {
    let invoice = || Invoice { id: 7, number: String::new(), amount: 0, iban: String::new(), address: None };
    assert_eq!(see(&invoice()), 7);
    assert_eq!(expected(&invoice(), 0), 7);
    see_either(&Either::Invoice(invoice()));
    see_either(&Either::Nothing);
    drop(pay(User { id: 1 }, invoice(), 0));
    let address = || Address { city: String::new(), door: SecretString::from("") };
    for method in [Method::Cash, Method::At(address()), Method::Card { last4: 4242 }] {
        drop(pay_by(method, address(), 1));
    }
}
