//! Dead letters, as who runs a program sees them.

use super::AuditLog;
use crate::Error;
use crate::outbox::{DeadLetter, RecordId};

impl AuditLog {
    /// Up to `max` events that WorkOS refused for good, oldest first, starting behind `after`; those of earlier processes
    /// are among them.
    ///
    /// # Errors
    /// [`Error::is_outbox`] when they cannot be read.
    pub async fn dead_letters(&self, after: Option<RecordId>, max: usize) -> Result<Vec<DeadLetter>, Error> {
        Ok(self.0.outbox.dead_letters(after, max).await?)
    }

    /// Sends a dead letter again, once what it was refused for is mended: an organization that exists now, a schema that
    /// WorkOS knows now. It goes under a new idempotency key, since WorkOS may answer the old one with the refusal that it
    /// remembers. If its smallest form was sent in its place, WorkOS has both then.
    ///
    /// ```no_run
    /// # async fn example(audit: audit_core::AuditLog) -> Result<(), audit_core::Error> {
    /// // Everything that was refused because its organization was not there yet.
    /// let mut after = None;
    /// loop {
    ///     let letters = audit.dead_letters(after, 100).await?;
    ///     let Some(last) = letters.last() else { break };
    ///     after = Some(last.record);
    ///     for letter in letters.iter().filter(|letter| letter.reason.status == Some(404)) {
    ///         audit.redrive(letter.record).await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::is_outbox`] when there is no such dead letter, when another process holds it, or when the outbox fails.
    pub async fn redrive(&self, record: RecordId) -> Result<(), Error> {
        // Before the outbox has it, since it may be delivered before the outbox returns.
        self.0.counters.redriven();
        self.0.outbox.redrive(record).await.inspect_err(|_| self.0.counters.not_redriven())?;
        tracing::info!(target: "audited", record = record.0, "a dead letter is sent again");
        Ok(())
    }
}
