//! Which log an event goes to: the context's, else the thread's, else the process's.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::AuditLog;
use crate::context::Context;

/// The process's log: the one that was started last.
static INSTALLED: RwLock<Option<AuditLog>> = RwLock::new(None);

/// Whether `INSTALLED` has a log: what a program without one pays.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Scopes that found no log.
static UNROUTED: AtomicU64 = AtomicU64::new(0);

/// Scopes that found none but the process's log.
static ESCAPED: AtomicU64 = AtomicU64::new(0);

/// Calls of `record` outside of any scope.
static UNSCOPED_RECORDS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static THREAD: RefCell<Option<AuditLog>> = const { RefCell::new(None) };
}

/// Makes `log` the process's log.
pub(crate) fn install(log: AuditLog) {
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(log);
    IS_INSTALLED.store(true, Ordering::Release);
}

/// Makes `log` this thread's log and returns the one before.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn install_on_thread(log: Option<AuditLog>) -> Option<AuditLog> {
    THREAD.try_with(|thread| thread.replace(log)).ok().flatten()
}

/// The log that an event of this place and `context` goes to.
#[inline]
pub(crate) fn resolve(context: Option<&Context>) -> Option<AuditLog> {
    if let Some(log) = chosen(context) {
        return Some(log);
    }
    let log = installed();
    match log {
        None => _ = UNROUTED.fetch_add(1, Ordering::Relaxed),
        // A program without tests does not pay for a counter that every thread would write to.
        Some(_) if cfg!(any(test, feature = "testing")) => _ = ESCAPED.fetch_add(1, Ordering::Relaxed),
        Some(_) => {}
    }
    log
}

/// [`resolve`], for what is not an event that would be missing.
#[cfg(feature = "request")]
#[inline]
pub(crate) fn find(context: Option<&Context>) -> Option<AuditLog> {
    chosen(context).or_else(installed)
}

/// The log that somebody chose for this place.
#[inline]
fn chosen(context: Option<&Context>) -> Option<AuditLog> {
    context.and_then(Context::chosen_log).or_else(|| THREAD.try_with(|thread| thread.borrow().clone()).ok().flatten())
}

/// The process's log.
pub(crate) fn installed() -> Option<AuditLog> {
    if !IS_INSTALLED.load(Ordering::Acquire) {
        return None;
    }
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

pub(crate) fn count_unscoped_record() {
    UNSCOPED_RECORDS.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn unscoped_records() -> u64 {
    UNSCOPED_RECORDS.load(Ordering::Relaxed)
}

/// How many scopes found none but the process's log.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn escaped() -> u64 {
    ESCAPED.load(Ordering::Relaxed)
}

/// How many scopes found no log.
#[cfg(any(test, feature = "testing", feature = "metrics"))]
pub(crate) fn unrouted() -> u64 {
    UNROUTED.load(Ordering::Relaxed)
}
