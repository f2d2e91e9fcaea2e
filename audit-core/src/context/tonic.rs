//! What tonic 0.14 knows beyond [`tower`](crate::context::tower), whose layer is tonic's, too. Needs Rust 1.88, as tonic
//! does.
//!
//! ```
//! use audit_core::Actor;
//! use audit_core::context::tower::AuditLayer;
//!
//! let layer = AuditLayer::new()
//!     .grpc_changes(["/billing.Billing/Pay"])
//!     .route(true)
//!     .actor_from(|request| Some(Actor::api_key(request.headers.get("x-key-id")?.to_str().ok()?)));
//!
//! let server = tonic::transport::Server::builder().layer(layer);
//! # let _ = server;
//! ```
//!
//! An interceptor runs within the layer: it calls [`set_actor`](crate::set_actor) with whom it let in. A `Status` other
//! than `OK` is a failure; a call that could not be stored is refused with `UNAVAILABLE`.

use tonic::{Code, Status};

use crate::capture::{Outcome, Unavailable};

/// A code other than `OK` is a failure.
impl Outcome for Status {
    fn is_failure(&self) -> bool {
        self.code() != Code::Ok
    }
}

/// `UNAVAILABLE`. What went wrong is the operator's to know and not the client's: it goes to the log.
impl From<Unavailable> for Status {
    fn from(unavailable: Unavailable) -> Self {
        tracing::error!(target: "audited", %unavailable, "a call was answered with UNAVAILABLE");
        Self::unavailable("refused, since it cannot be audited right now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_but_ok_is_a_failure() {
        assert!(!Status::ok("").is_failure());
        for code in (1..=16).map(Code::from_i32) {
            assert!(Status::new(code, "").is_failure(), "{code}");
        }
    }
}
