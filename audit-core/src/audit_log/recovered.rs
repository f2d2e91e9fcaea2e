//! What is told of the process before, when a log is started.

use super::AuditLog;
use crate::capture::{Actor, event};
use crate::context::Context;
use crate::outbox::Recovery;

/// Says what the process before left behind, where that is not what an orderly stop leaves.
pub(super) fn tell(recovery: &Recovery) {
    if recovery.unclean {
        tracing::warn!(
            target: "audited",
            pending = recovery.pending,
            open_intents = recovery.open_intents,
            torn = recovery.torn,
            "the process before did not stop in order: its stored events are delivered now, those of its strict calls \
             that had no outcome yet as `unknown`; relaxed events of its last 50 ms may be missing"
        );
    }
    if recovery.lost > 0 || recovery.lost_segments > 0 {
        tracing::error!(
            target: "audited",
            records = recovery.lost,
            segments = recovery.lost_segments,
            "the journal is damaged: stored events are lost; what is left of them is in its `quarantine-` files"
        );
    }
}

/// Makes an unclean stop, and damage, an event of the log itself.
pub(super) fn record(log: &AuditLog, action: &str) {
    let recovery = log.recovery();
    if !recovery.unclean && recovery.lost == 0 && recovery.lost_segments == 0 {
        return;
    }
    if log.0.organization.is_none() {
        tracing::warn!(
            target: "audited",
            action,
            "the recovery cannot be told as an event: the log has no organization of its own (`organization` of the \
             builder, or AUDITED_ORGANIZATION)"
        );
        return;
    }
    let told = Context::default().log(log).in_scope(|| {
        event(action)
            .actor(&Actor::system("audited"))
            .target_of("audit_log", "journal")
            .metadata("unclean", recovery.unclean)
            .metadata("pending", recovery.pending)
            .metadata("open_intents", recovery.open_intents)
            .metadata("torn", recovery.torn)
            .metadata("lost", recovery.lost)
            .metadata("lost_segments", recovery.lost_segments)
            .emit_blocking()
    });
    if let Err(error) = told {
        tracing::error!(target: "audited", %error, action, "the recovery could not be told as an event");
    }
}
