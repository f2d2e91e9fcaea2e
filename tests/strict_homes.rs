//! Generated code gives no lint anything to say, and hides no lint that the user's code deserves. That this compiles, and
//! that clippy is silent about it, is the test.

#![deny(warnings, missing_docs, unused, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use audited::{AuditActor, AuditTarget, audited};

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
    let invoice = Invoice { id: 7, number: String::new(), amount: 0 };
    assert_eq!(see(&invoice), 7);
    assert_eq!(expected(&invoice, 0), 7);
    see_either(&Either::Invoice(invoice));
    see_either(&Either::Nothing);
    drop(pay(User { id: 1 }, Invoice { id: 7, number: String::new(), amount: 0 }, 0));
}
