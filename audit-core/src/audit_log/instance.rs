//! Numbers the events of one start of a log.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::event::Trace;
use crate::of_process::OfProcess;

/// Hands out consecutive numbers under a name of its own. A forked child has the same memory, and would hand out the same
/// numbers under the same name: it has another.
#[derive(Debug)]
pub(super) struct Instance(OfProcess<Result<Numbers, getrandom::Error>>);

#[derive(Debug)]
struct Numbers {
    instance: u64,
    last: AtomicU64,
}

impl Instance {
    pub(super) fn new() -> Result<Self, Error> {
        let numbers = OfProcess::new(|| Ok(Numbers { instance: getrandom::u64()?, last: AtomicU64::new(0) }));
        match numbers.get() {
            Ok(_) => Ok(Self(numbers)),
            Err(error) => {
                Err(Error::system("the system gave no random bytes for `traceable`'s instance").with_source(*error))
            }
        }
    }

    /// The next number. None in a forked child that gets no name of its own: better no number than a wrong one.
    pub(super) fn next(&self) -> Option<Trace> {
        let numbers = self.0.get().as_ref().ok()?;
        let sequence = NonZeroU64::MIN.saturating_add(numbers.last.fetch_add(1, Ordering::Relaxed));
        Some(Trace { instance: numbers.instance, sequence })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_consecutive_however_many_threads_draw_them() {
        let instance = Instance::new().unwrap();
        let draw = || (0..500).map(|_| instance.next().unwrap()).collect::<Vec<_>>();
        let drawn: Vec<Trace> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let sequences: HashSet<u64> = drawn.iter().map(|trace| trace.sequence.get()).collect();
        assert_eq!(sequences, (1..=4_000).collect());
        assert!(drawn.iter().all(|trace| trace.instance == drawn[0].instance));
    }

    #[test]
    fn a_forked_child_counts_under_a_name_of_its_own() {
        let mut instance = Instance::new().unwrap();
        let parent = instance.next().unwrap();
        instance.0.fork();
        let (first, second) = (instance.next().unwrap(), instance.next().unwrap());
        assert_ne!(first.instance, parent.instance);
        assert_eq!((first.instance, first.sequence.get(), second.sequence.get()), (second.instance, 1, 2));
    }
}
