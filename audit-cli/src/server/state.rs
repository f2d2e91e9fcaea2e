//! What all requests share.

use std::sync::Mutex;

use super::clock::Clock;
use super::faults::Plan;
use super::idempotency::Keys;
use super::ledger::Ledger;
use super::settings::Settings;

/// The server, apart from its sockets.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) keys: Mutex<Keys>,
    pub(crate) faults: Mutex<Plan>,
}

impl State {
    /// A server that has received nothing yet.
    pub(crate) fn new(settings: Settings, faults: Plan) -> Self {
        Self {
            clock: Clock::starting_at(settings.now),
            ledger: Ledger::keeping(settings.keep),
            keys: Mutex::new(Keys::default()),
            faults: Mutex::new(faults),
            settings,
        }
    }
}
