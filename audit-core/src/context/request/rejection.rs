//! Events of requests that never reached an audited handler.

use crate::capture::{Actor, Description, EventWriter, open, scope_sync};
use crate::context::Context;
use crate::outbox::Durability;

/// What is told of requests that were turned away before an audited handler began: by an authentication, an extractor,
/// a rate limit.
///
/// ```
/// use audit_core::context::tower::{AuditLayer, Rejection};
///
/// let layer = AuditLayer::new()
///     .on_rejection(Rejection::told_as("user.sign_in_failed").statuses([401]).routes(["/login"]))
///     .on_rejection("request.denied");
/// # let _ = layer;
/// ```
///
/// The event has the request's actor, or an anonymous one; a target of type `route`, such as `POST /invoices/{id}`; the
/// metadata `status`; and the outcome `failure`. It is told as `relaxed`: nobody waits for it.
#[derive(Debug, Clone)]
pub struct Rejection {
    description: &'static Description,
    statuses: Vec<u16>,
    routes: Option<Vec<String>>,
}

impl Rejection {
    /// Of requests that are answered with 401, 403, 404, 422 or 429 and have a route: what no route matches is a guess
    /// of somebody who has no business here, and there are many.
    #[must_use]
    pub fn told_as(action: &'static str) -> Self {
        let description = Description::new(action, module_path!(), "on_rejection").durability(Durability::Relaxed);
        // As long-lived as the attribute's: one for each rule that a program writes.
        let description = Box::leak(Box::new(description));
        Self { description, statuses: vec![401, 403, 404, 422, 429], routes: None }
    }

    /// Which answers are told, in place of the default.
    ///
    /// A gRPC answer counts as the HTTP status that says the same: `UNAUTHENTICATED` as 401, `PERMISSION_DENIED` as 403,
    /// `NOT_FOUND` as 404, `INVALID_ARGUMENT` as 422, `RESOURCE_EXHAUSTED` as 429, any other failure as 500.
    #[must_use]
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Only on these routes, as the program wrote them: `/invoices/{id}`.
    #[must_use]
    pub fn routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.routes = Some(routes.into_iter().map(Into::into).collect());
        self
    }

    fn fits(&self, status: u16, route: &str) -> bool {
        let here = self.routes.as_ref().is_none_or(|routes| routes.iter().any(|known| known == route));
        here && self.statuses.contains(&status)
    }

    /// Tells of a request by the first of `rules` that fits.
    pub(super) fn tell(rules: &[Self], context: &Context, status: u16, method: &str, route: &str) {
        let Some(rule) = rules.iter().find(|rule| rule.fits(status, route)) else { return };
        let has_actor = context.has_actor();
        let capture = |event: &mut EventWriter<'_>| {
            if !has_actor {
                event.actor(&Actor::anonymous());
            }
            event.target_of("route", format_args!("{method} {route}")).metadata("status", status);
        };
        context.clone().in_scope(|| scope_sync(open(rule.description, capture), || (), |_, _| true));
    }
}

/// [`Rejection::told_as`].
impl From<&'static str> for Rejection {
    fn from(action: &'static str) -> Self {
        Self::told_as(action)
    }
}
