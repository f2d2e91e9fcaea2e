//! What each process has of its own, although a forked child begins with a copy of its parent's memory.

use std::process;
use std::sync::OnceLock;

/// A value that a forked child does not share: it makes another.
#[derive(Debug)]
pub(crate) struct OfProcess<T> {
    process: u32,
    value: T,
    make: fn() -> T,
    child: OnceLock<Box<Self>>,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(make: fn() -> T) -> Self {
        Self { process: process::id(), value: make(), make, child: OnceLock::new() }
    }

    /// This process' value. Whose it is, is asked of the system each time: that is one call that does nothing.
    pub(crate) fn get(&self) -> &T {
        if self.process == process::id() {
            return &self.value;
        }
        self.child.get_or_init(|| Box::new(Self::new(self.make))).get()
    }

    /// What a forked child would see: its own id, and the parent's memory.
    #[cfg(test)]
    pub(crate) fn fork(&mut self) {
        self.process = self.process.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_forked_child_makes_one_of_its_own_and_keeps_it() {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let mut number = OfProcess::new(|| MADE.fetch_add(1, Ordering::Relaxed));
        assert_eq!([*number.get(), *number.get()], [0, 0]);
        number.fork();
        assert_eq!([*number.get(), *number.get()], [1, 1]);
        // The child's child, too.
        number.child.get_mut().unwrap().fork();
        assert_eq!([*number.get(), *number.get()], [2, 2]);
    }
}
