//! One event, as every peer tells it.

use audited::{AuditActor, AuditTarget};
use serde::Serialize;

#[derive(AuditActor, Serialize, Clone)]
#[audit(type = "user")]
pub(crate) struct User {
    #[audit(id)]
    pub id: String,
    #[audit(name)]
    pub email: String,
    #[audit(organization)]
    pub organization: String,
    #[audit(metadata)]
    pub role: String,
}

#[derive(AuditTarget, Serialize, Clone)]
#[audit(type = "invoice")]
pub(crate) struct Invoice {
    #[audit(id)]
    pub id: String,
    #[audit(name)]
    pub number: String,
    #[audit(metadata)]
    pub amount_cents: u64,
    #[audit(metadata)]
    pub plan: String,
}

pub(crate) struct Request {
    pub user: User,
    pub invoice: Invoice,
    pub currency: String,
    pub note: String,
    pub attempt: u32,
    pub trial: bool,
    pub location: String,
    pub user_agent: String,
}

impl Request {
    pub(crate) fn example() -> Self {
        Self {
            user: User {
                id: "user_01H7ZGXFP5C6BBQY6Z7277ZCT0".into(),
                email: "alice.liddell@example.com".into(),
                organization: "org_01EHWNCE74X7JSDV0X3SZ3KJNY".into(),
                role: "billing_administrator".into(),
            },
            invoice: Invoice {
                id: "inv_01H7ZH0Y2Z1N8W7Q9V6F2M3K4T".into(),
                number: "INV-2026-00042".into(),
                amount_cents: 129_900,
                plan: "enterprise_annual".into(),
            },
            currency: "EUR".into(),
            note: "paid by wire on the last day before the due date".into(),
            attempt: 2,
            trial: false,
            location: "203.0.113.195".into(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0".into(),
        }
    }
}
