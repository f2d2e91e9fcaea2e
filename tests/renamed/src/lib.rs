//! A crate that has renamed `audited` and says so with `crate = …`. It is of edition 2021, in which temporaries live
//! longer and `impl Trait` captures less. That it compiles is the test.

use audit::{audited, AuditActor, AuditBody, AuditTarget};
use std::future::Future;

/// Who.
#[derive(AuditActor)]
#[audit(crate = ::audit, type = "user")]
pub struct User {
    id: u64,
    #[audit(metadata)]
    role: String,
}

/// What.
#[derive(AuditTarget)]
#[audit(crate = "::audit", name = "{number}")]
pub struct Invoice {
    id: u64,
    number: String,
    #[audit(hash)]
    iban: String,
    #[audit(flatten)]
    address: Address,
}

/// A part of it.
#[derive(AuditBody)]
#[audit(crate = ::audit)]
pub struct Address {
    #[audit(metadata)]
    city: String,
    #[audit(mask)]
    street: String,
}

/// One of two.
#[derive(AuditTarget)]
#[audit(crate = ::audit, delegate)]
pub enum Either {
    /// This.
    Invoice(Invoice),
    /// Or that.
    #[audit(id = "none")]
    Nothing,
}

/// Everything that names the runtime.
///
/// # Errors
/// Where there is nothing to pay.
#[audited(
    crate = ::audit,
    action = "invoice.paid",
    version = 2,
    failure_action = "invoice.payment_failed",
    actor = user,
    organization = user.role,
    targets(invoice),
    target(type = "ledger", id = %invoice.id, name = ?invoice.number),
    metadata(amount, masked: mask(last = 4) = invoice.iban, open: allow = invoice.id, hashed: hash = invoice.id),
    ok(left => metadata(left), target(type = "rest", id = left), targets(Invoice::new(*left))),
    err(error => metadata(reason = %error)),
    on(ok, err, panic, cancel),
    durability = relaxed,
)]
pub async fn pay(user: User, invoice: Invoice, amount: u64) -> Result<u64, std::num::TryFromIntError> {
    drop((user, invoice));
    u32::try_from(amount)?;
    Ok(amount)
}

/// Moves.
#[audited(
    crate = ::audit,
    action = "invoice.moved",
    target(type = "invoice", id = ?twice),
    body(address),
    metadata(twice: number = twice, shown: string = %twice, hidden: hash = twice),
)]
pub fn move_to(address: Address, twice: u64) {
    drop((address, twice));
}

/// Refuses where it cannot be audited.
///
/// # Errors
/// Where it cannot be audited.
#[audited(crate = ::audit, action = "invoice.closed", targets(invoice), durability = strict)]
pub fn close(invoice: &Invoice) -> Result<u64, Refused> {
    Ok(invoice.id)
}

/// See [`close`].
///
/// # Errors
/// Where it cannot be audited.
#[audited(crate = ::audit, action = "invoice.closed", targets(invoice), durability = strict)]
pub async fn close_later(invoice: &Invoice) -> Result<u64, Refused> {
    Ok(invoice.id)
}

/// A future that borrows nothing.
#[audited(crate = ::audit, action = "invoice.seen", targets(invoice))]
pub fn see(invoice: &Invoice) -> impl Future<Output = u64> {
    let id = invoice.id;
    async move { id }
}

/// Not audited, on purpose.
#[audited(crate = ::audit, skip = "changes nothing")]
pub fn health() {}

/// It was refused.
#[derive(Debug)]
pub struct Refused;

impl From<audit::Unavailable> for Refused {
    fn from(_: audit::Unavailable) -> Self {
        Self
    }
}

impl Invoice {
    fn new(id: u64) -> Self {
        let address = Address { city: String::new(), street: String::new() };
        Self { id, number: String::new(), iban: String::new(), address }
    }
}
