//! One way to take a lock: a panic elsewhere must not turn every later request into another.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a holder panicked: what is guarded here is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
