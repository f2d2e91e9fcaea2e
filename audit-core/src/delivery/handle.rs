//! The delivery as its owner sees it.

use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{fmt, io, thread};

use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::drain::{Drain, DrainReport};
use super::retry::Random;
use super::stats::{Counters, DeliveryStats};
use super::worker::Worker;
use super::{DeliverySettings, Sink};
use crate::Error;
use crate::outbox::Outbox;

/// How much longer than its deadline a drain may take, so that the delivery can still tell what remains.
const GRACE: Duration = Duration::from_millis(150);

/// Brings what is in an outbox to a sink, on a thread of its own with a runtime of its own.
///
/// Dropping it stops the delivery at once, without waiting; what is left stays in the outbox. To wait, call
/// [`shutdown`](Delivery::shutdown) before.
///
/// A forked child has no delivery, since threads do not survive a fork: there it does nothing.
#[must_use = "dropping a delivery stops it"]
pub struct Delivery {
    commands: UnboundedSender<Drain>,
    counters: Arc<Counters>,
    process: u32,
}

impl Delivery {
    /// Starts to deliver.
    ///
    /// # Errors
    /// [`Error::is_system`] when the system gives no thread, or nothing that a runtime needs.
    pub fn start(outbox: Arc<dyn Outbox>, sink: Arc<dyn Sink>, settings: DeliverySettings) -> Result<Self, Error> {
        Self::start_on(thread::Builder::new(), outbox, sink, settings)
    }

    fn start_on(
        thread: thread::Builder,
        outbox: Arc<dyn Outbox>,
        sink: Arc<dyn Sink>,
        settings: DeliverySettings,
    ) -> Result<Self, Error> {
        let (commands, received) = tokio::sync::mpsc::unbounded_channel();
        let counters = Arc::<Counters>::default();
        let (started, start) = mpsc::sync_channel(1);
        let counted = Arc::clone(&counters);
        // The runtime is made and dropped on its own thread: the caller may be on a runtime, where none may be dropped.
        let main = move || {
            let runtime = match runtime() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(())));
            runtime.block_on(async {
                Worker::new(outbox, sink, settings, counted, received, Random::from_system()).run().await;
            });
            // A name that is still being looked up on a blocking thread is not waited for.
            runtime.shutdown_background();
        };
        thread.name("audited-delivery".to_owned()).spawn(main).map_err(no_thread)?;
        match start.recv() {
            Ok(Ok(())) => Ok(Self { commands, counters, process: std::process::id() }),
            Ok(Err(error)) => Err(no_runtime(error)),
            Err(error) => {
                Err(Error::system("the thread for delivering audit events ended before it began").with_source(error))
            }
        }
    }

    /// Whether it delivers: not after a shutdown, and not in a forked child.
    #[must_use]
    pub fn is_running(&self) -> bool {
        std::process::id() == self.process && !self.commands.is_closed()
    }

    /// What was delivered so far, and how the endpoint is doing.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        self.counters.snapshot()
    }

    /// Waits until everything is delivered, at most for `patience`, and goes on delivering.
    ///
    /// Runs on any executor.
    pub async fn drain(&self, patience: Duration) -> DrainReport {
        self.end_async(patience, false).await
    }

    /// As [`drain`](Delivery::drain), on this thread.
    #[must_use]
    pub fn drain_blocking(&self, patience: Duration) -> DrainReport {
        self.end(patience, false).wait()
    }

    /// Delivers what there is, at most for `patience`, and stops: at most 200 ms after that, whatever the network and
    /// the sink do. Called again, it returns at once.
    ///
    /// Runs on any executor.
    pub async fn shutdown(&self, patience: Duration) -> DrainReport {
        self.end_async(patience, true).await
    }

    /// As [`shutdown`](Delivery::shutdown), on this thread.
    #[must_use]
    pub fn shutdown_blocking(&self, patience: Duration) -> DrainReport {
        self.end(patience, true).wait()
    }

    async fn end_async(&self, patience: Duration, stop: bool) -> DrainReport {
        let ending = self.end(patience, stop);
        let counters = Arc::clone(&ending.counters);
        let before = ending.before;
        let (answer, answered) = oneshot::channel();
        // The executor may have no timer, and the delivery may be stuck in a sink that blocks: a thread keeps the time.
        let waiting =
            thread::Builder::new().name("audited-drain".to_owned()).spawn(move || answer.send(ending.wait()).is_ok());
        if let Err(error) = waiting {
            tracing::warn!(target: "audited", %error, "no thread to wait on for the delivery of audit events: not waiting");
        }
        answered.await.unwrap_or_else(|_| unknown(&counters, before))
    }

    fn end(&self, patience: Duration, stop: bool) -> Ending {
        let (answer, answered) = mpsc::sync_channel(1);
        let before = self.counters.snapshot();
        let drain = Drain::new(patience, stop, &self.counters, move |report| {
            // Nobody receives it any more if it comes too late.
            let _ = answer.try_send(report);
        });
        if std::process::id() == self.process {
            // Nobody receives it if the delivery has stopped: then the answer's sender is dropped, and nobody waits.
            drop(self.commands.send(drain));
        }
        Ending { answered, counters: Arc::clone(&self.counters), before, patience: patience.saturating_add(GRACE) }
    }
}

/// A drain whose answer is awaited.
struct Ending {
    answered: mpsc::Receiver<DrainReport>,
    counters: Arc<Counters>,
    before: DeliveryStats,
    patience: Duration,
}

impl Ending {
    fn wait(self) -> DrainReport {
        self.answered.recv_timeout(self.patience).unwrap_or_else(|_| unknown(&self.counters, self.before))
    }
}

/// The report on a delivery that did not answer.
fn unknown(counters: &Counters, before: DeliveryStats) -> DrainReport {
    let now = counters.snapshot();
    DrainReport {
        delivered: now.delivered - before.delivered,
        dead: now.dead - before.dead,
        remaining: None,
        drained: false,
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("audited-blocking")
        // Names are looked up there, and keys read: a resolver that hangs shall not take hundreds of threads with it.
        .max_blocking_threads(16)
        .build()
}

fn no_thread(error: io::Error) -> Error {
    Error::system(
        "the thread for delivering audit events could not be started: the process may have reached its limit of \
         threads (`ulimit -u`, or the container's limit of processes)",
    )
    .with_source(error)
}

fn no_runtime(error: io::Error) -> Error {
    Error::system(
        "the runtime for delivering audit events could not be made: the process may have reached its limit of open \
         files (`ulimit -n`)",
    )
    .with_source(error)
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::delivery::Reply;
    use crate::outbox::conformance::event;
    use crate::outbox::{IdempotencyKey, MemoryOutbox};

    /// Never answers.
    #[derive(Debug)]
    struct BlackHole;

    impl Sink for BlackHole {
        fn send(&self, _: IdempotencyKey, _: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
            Box::pin(std::future::pending())
        }

        fn minimal(&self, _: &[u8]) -> Option<Bytes> {
            None
        }
    }

    fn outbox() -> Arc<MemoryOutbox> {
        let outbox = MemoryOutbox::default();
        outbox.append(event(1, "a")).wait(Duration::from_secs(1)).unwrap();
        Arc::new(outbox)
    }

    #[test]
    fn a_thread_that_cannot_be_had_is_an_error_that_says_so() {
        // No address space has room for this stack.
        let thread = thread::Builder::new().stack_size(1 << 60);
        let error = Delivery::start_on(thread, outbox(), Arc::new(BlackHole), DeliverySettings::default()).unwrap_err();
        assert!(error.is_system());
        assert!(error.to_string().contains("ulimit -u"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn a_forked_child_waits_for_nothing() {
        let mut delivery = Delivery::start(outbox(), Arc::new(BlackHole), DeliverySettings::default()).unwrap();
        // What a child would see: its own id, and no thread behind the handle.
        delivery.process = delivery.process.wrapping_add(1);
        let began = Instant::now();
        for report in
            [delivery.drain_blocking(Duration::from_secs(60)), delivery.shutdown_blocking(Duration::from_secs(60))]
        {
            assert_eq!((report.delivered, report.remaining, report.drained), (0, None, false));
        }
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
