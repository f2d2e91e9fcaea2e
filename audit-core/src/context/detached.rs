//! A body that runs to its end although nobody waits for it any more.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::context;

/// Runs `future` on a task of its own, within the context and the span of the caller, and waits for it. If the wait is
/// dropped, as when a client goes away, the task goes on; a panic of the task is the caller's.
///
/// Without a Tokio runtime there is no task to be had, and `future` runs where it is.
pub(crate) async fn detached<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let Ok(runtime) = Handle::try_current() else { return future.await };
    match runtime.spawn(context().scope(future).in_current_span()).await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shut down, and this task with it: it is dropped before it could be polled again.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}
