//! Whether what changes things is told: coverage, which is what an auditor asks for first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many routes are remembered, so that a program without route patterns does not remember every path.
#[cfg(feature = "request")]
const MOST_ROUTES: usize = 1_000;

/// Whether one request is told, or left out on purpose.
#[derive(Debug, Default)]
pub(crate) struct Coverage(AtomicBool);

impl Coverage {
    pub(super) fn cover(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[cfg(feature = "request")]
    pub(super) fn is_covered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The changing requests of a log that no event told of.
#[derive(Debug, Default)]
pub(crate) struct Unaudited {
    count: AtomicU64,
    routes: Mutex<BTreeSet<String>>,
}

impl Unaudited {
    /// Counts a request of `route`, and warns of the first one.
    #[cfg(feature = "request")]
    pub(super) fn add(&self, route: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut routes = self.lock();
        if routes.contains(route) || routes.len() >= MOST_ROUTES {
            return;
        }
        routes.insert(route.to_owned());
        drop(routes);
        tracing::warn!(
            target: "audited",
            route,
            "a request that may change things was answered and no event tells of it: put `#[audited(action = …)]` on its \
             handler, or `#[audited(skip = \"why\")]` if that is on purpose (told once for each route)"
        );
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn routes(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
