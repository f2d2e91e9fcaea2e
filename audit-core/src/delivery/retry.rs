//! How long to wait before the next try: exponential backoff with full jitter, pure.

use std::time::Duration;

use crate::outbox::Timestamp;

/// Waits that double with every failure, each drawn evenly between nothing and that ("full jitter": of all ways to
/// spread clients after an outage the one with the least work for the server; AWS Architecture Blog, "Exponential
/// Backoff And Jitter").
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The wait after that many `failures` in a row; `random` lies in `0.0..1.0`.
    pub(super) fn wait(self, failures: u32, random: f64) -> Duration {
        self.ceiling(failures).mul_f64(random)
    }

    fn ceiling(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Random fractions for jitter: SplitMix64. Nothing secret hangs on them; idempotency keys come from the kernel.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The same fractions for the same seed.
    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded by the system, so that replicas that start together do not wait alike.
    pub(super) fn from_system() -> Self {
        Self(getrandom::u64().unwrap_or_else(|_| Timestamp::now().0))
    }

    /// The next fraction in `0.0..1.0`.
    pub(super) fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The 53 bits that a double holds exactly.
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

    #[test]
    fn doubles_up_to_the_cap_and_never_overflows() {
        let ceilings =
            [(0, 500), (1, 500), (2, 1000), (3, 2000), (7, 32_000), (8, 60_000), (33, 60_000), (u32::MAX, 60_000)];
        for (failures, millis) in ceilings {
            assert_eq!(BACKOFF.ceiling(failures), Duration::from_millis(millis), "after {failures} failures");
        }
    }

    #[test]
    fn draws_from_the_whole_range() {
        assert_eq!(BACKOFF.wait(9, 0.0), Duration::ZERO);
        assert_eq!(BACKOFF.wait(9, 0.5), Duration::from_secs(30));
        assert!(BACKOFF.wait(9, 0.999_999) < Duration::from_secs(60));
    }

    #[test]
    fn fractions_are_even_and_below_one() {
        let mut random = Random::seeded(1);
        let fractions: Vec<f64> = (0..100_000).map(|_| random.fraction()).collect();
        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        let mean = fractions.iter().sum::<f64>() / 100_000.0;
        assert!((0.49..0.51).contains(&mean), "mean {mean}");
    }

    #[test]
    fn two_processes_do_not_wait_alike() {
        assert_ne!(Random::from_system().fraction().to_bits(), Random::from_system().fraction().to_bits());
    }
}
