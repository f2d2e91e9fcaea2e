//! The running server: one thread with its own runtime, stopped when the handle is dropped.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::builder::Builder;
use super::faults::Fault;
use super::lock::lock;
use super::record::{Counts, ReceivedRequest, StoredEvent, Verdict};
use super::routes;
use super::state::State;
use super::wire::{Scissors, Wires};

/// A WorkOS Audit Logs on this machine, running until it is dropped.
///
/// It runs on a thread of its own, so it can be used from plain and from async code alike.
///
/// ```
/// use std::time::Duration;
/// use audited_cli::{Fault, LocalWorkos};
///
/// let workos = LocalWorkos::start()?;
/// workos.fail_next(1, Fault::ReplyLost);
/// // … the program under test sends an event to `workos.url()` …
/// let early = workos.wait_for(1, Duration::from_millis(1));
/// assert_eq!(early.unwrap_err().to_string(), "0 of 1 events were stored within 1ms; \
///     received 0 requests: 0 stored, 0 repeated, 0 refused, 0 faulted");
/// # Ok::<(), audited_cli::StartError>(())
/// ```
#[derive(Debug)]
pub struct LocalWorkos {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalWorkos {
    /// Starts one on a free port of the loopback interface, with every setting at its default.
    ///
    /// # Errors
    ///
    /// If no port can be listened on, or the thread cannot be started.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Sets one up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn start_with(builder: Builder) -> Result<Self, StartError> {
        let wanted = builder.settings.listen;
        if !wanted.ip().is_loopback() && !builder.settings.expose {
            return Err(StartError::exposed(wanted));
        }
        let listener = TcpListener::bind(wanted).map_err(|e| StartError::listen(wanted, e))?;
        let address = listener.local_addr().map_err(|e| StartError::listen(wanted, e))?;
        listener.set_nonblocking(true).map_err(|e| StartError::listen(wanted, e))?;
        let state = State::open(builder.settings, builder.faults).map_err(StartError::setting)?;
        let state = Arc::new(state);
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let served = Arc::clone(&state);
        // The runtime is made and dropped on that thread: dropping one inside another panics.
        let thread = thread::Builder::new()
            .name("local-workos".into())
            .spawn(move || run(listener, served, stopped, &ready))
            .map_err(StartError::thread)?;
        match started.recv() {
            Ok(Ok(())) => Ok(Self { address, state, stop: Some(stop), thread: Some(thread) }),
            Ok(Err(error)) => Err(StartError::thread(error)),
            Err(mpsc::RecvError) => {
                Err(StartError::thread(io::Error::other("the server's thread ended before it served")))
            }
        }
    }

    /// The base URL, without a slash at its end: what `WORKOS_BASE_URL` is set to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The events stored, in the order they were.
    #[must_use]
    pub fn events(&self) -> Vec<StoredEvent> {
        self.state.ledger.events()
    }

    /// Everything received, in the order of the answers.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.ledger.requests()
    }

    /// The requests that were refused, each with the reason.
    #[must_use]
    pub fn rejected(&self) -> Vec<ReceivedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.verdict == Verdict::Refused);
        requests
    }

    /// How many requests ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.ledger.counts()
    }

    /// Blocks until `n` events are stored in all, and returns them.
    ///
    /// # Errors
    ///
    /// If there are fewer when the time is over.
    pub fn wait_for(&self, n: usize, timeout: Duration) -> Result<Vec<StoredEvent>, WaitError> {
        self.wait_until(timeout, |counts| counts.stored >= n as u64)
            .map(|_| self.events())
            .map_err(|error| error.wanting(n))
    }

    /// Blocks until the counts satisfy a condition, and returns them.
    ///
    /// # Errors
    ///
    /// If they do not when the time is over.
    pub fn wait_until(&self, timeout: Duration, condition: impl FnMut(&Counts) -> bool) -> Result<Counts, WaitError> {
        self.state.ledger.wait(timeout, condition).map_err(|counts| WaitError { counts, timeout, wanted: None })
    }

    /// Waits until `n` events are stored in all, and returns them; for async code, which must not
    /// block. Bound it with the timeout of the runtime at hand.
    pub async fn stored(&self, n: usize) -> Vec<StoredEvent> {
        let mut changes = self.state.ledger.changes();
        // The sender lives in `self.state`, so it cannot be closed meanwhile.
        let _ = changes.wait_for(|counts| counts.stored >= n as u64).await;
        self.events()
    }

    /// The next `count` create-event requests meet this fault, after those told so before.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        lock(&self.state.faults).next(count, fault);
    }

    /// This share of create-event requests, from 0 to 1, meets the fault; 0 ends it. Several
    /// shares add up. Which requests, the seed decides.
    pub fn fail_share(&self, share: f64, fault: Fault) {
        lock(&self.state.faults).share(share, fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// Moves the server's own time forward, for example past the 24 hours of a key.
    pub fn advance(&self, by: Duration) {
        // It fails only where the journal cannot be written, as every later request will tell.
        let _ = self.state.advance(by);
    }
}

impl Drop for LocalWorkos {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only if the thread has ended by itself, which is what is wanted.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread; dropping must not panic again.
            let _ = thread.join();
        }
    }
}

/// Serves until told to stop. All connections end with the runtime.
fn run(listener: TcpListener, state: Arc<State>, stopped: oneshot::Receiver<()>, ready: &mpsc::Sender<io::Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // The receiver waits for this very message.
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let service = routes::router(state).into_make_service_with_connect_info::<Scissors>();
        let _ = ready.send(Ok(()));
        tokio::select! {
            // It ends neither way by itself: accepting is tried again.
            _ = axum::serve(Wires(listener), service) => {}
            _ = stopped => {}
        }
    });
}

/// The server could not be started.
#[derive(Debug)]
pub struct StartError {
    what: String,
    cause: Option<io::Error>,
}

impl StartError {
    fn exposed(address: SocketAddr) -> Self {
        Self::setting(format!(
            "{address} can be reached from other machines, and anyone there could write and read; \
             listen on 127.0.0.1, or say `--expose` (`Builder::expose`)"
        ))
    }

    fn setting(what: String) -> Self {
        Self { what, cause: None }
    }

    fn listen(address: SocketAddr, cause: io::Error) -> Self {
        let next = match cause.kind() {
            io::ErrorKind::AddrInUse => "another program has it; take another port, or 0 for any",
            io::ErrorKind::PermissionDenied => "take a port above 1023",
            _ => "take an address of this machine, such as 127.0.0.1:0",
        };
        Self { what: format!("cannot listen on {address} ({next})"), cause: Some(cause) }
    }

    fn thread(cause: io::Error) -> Self {
        Self { what: "cannot start the server's thread".into(), cause: Some(cause) }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let cause = self.cause.as_ref()?;
        Some(cause)
    }
}

/// What was waited for did not come in time.
#[derive(Debug, Clone)]
pub struct WaitError {
    counts: Counts,
    timeout: Duration,
    wanted: Option<usize>,
}

impl WaitError {
    fn wanting(self, events: usize) -> Self {
        Self { wanted: Some(events), ..self }
    }

    /// The counts when the time was over.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, timeout, .. } = self;
        match self.wanted {
            Some(wanted) => {
                let stored = counts.stored;
                write!(f, "{stored} of {wanted} events were stored within {timeout:?}")?;
            }
            None => write!(f, "the condition did not hold within {timeout:?}")?,
        }
        write!(
            f,
            "; received {} requests: {} stored, {} repeated, {} refused, {} faulted",
            counts.received, counts.stored, counts.repeated, counts.refused, counts.faulted
        )
    }
}

impl std::error::Error for WaitError {}
