//! Which request meets which fault: the next so many, or a share of all, drawn with a seed.

use std::collections::VecDeque;

use fastrand::Rng;

use super::Fault;

/// The faults to come.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    random: Rng,
    next: VecDeque<(usize, Fault)>,
    shares: Vec<(f64, Fault)>,
}

impl Plan {
    /// No faults; later ones are drawn with this seed.
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), next: VecDeque::new(), shares: Vec::new() }
    }

    /// Draws with another seed from here on.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.random.seed(seed);
    }

    /// The next `count` requests meet the fault, after those that were told so before.
    pub(crate) fn next(&mut self, count: usize, fault: Fault) {
        if count > 0 {
            self.next.push_back((count, fault));
        }
    }

    /// This share of requests, from 0 to 1, meets the fault. A share of 0 ends it.
    pub(crate) fn share(&mut self, share: f64, fault: Fault) {
        self.shares.retain(|(_, known)| *known != fault);
        if share > 0.0 {
            self.shares.push((share.min(1.0), fault));
        }
    }

    /// No more faults.
    pub(crate) fn clear(&mut self) {
        self.next.clear();
        self.shares.clear();
    }

    /// The next requests' faults, in their order.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (usize, Fault)> {
        self.next.iter().copied()
    }

    /// The shares.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (f64, Fault)> {
        self.shares.iter().copied()
    }

    /// The fault of the next request. One draw a request, so that a seed gives the same faults
    /// whatever their kinds.
    pub(crate) fn draw(&mut self) -> Option<Fault> {
        if let Some((count, fault)) = self.next.front_mut() {
            let fault = *fault;
            *count -= 1;
            if *count == 0 {
                self.next.pop_front();
            }
            return Some(fault);
        }
        if self.shares.is_empty() {
            return None;
        }
        let mut draw = self.random.f64();
        for (share, fault) in &self.shares {
            if draw < *share {
                return Some(*fault);
            }
            draw -= share;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(plan: &mut Plan, times: usize) -> Vec<Option<Fault>> {
        (0..times).map(|_| plan.draw()).collect()
    }

    #[test]
    fn the_next_ones_come_in_the_order_told() {
        let mut plan = Plan::with_seed(0);
        plan.next(2, Fault::Reset);
        plan.next(0, Fault::Hang);
        plan.next(1, Fault::Status(500));
        assert_eq!(draw(&mut plan, 4), [Some(Fault::Reset), Some(Fault::Reset), Some(Fault::Status(500)), None]);
    }

    #[test]
    fn shares_are_kept_and_the_seed_decides() {
        let run = |seed| {
            let mut plan = Plan::with_seed(seed);
            plan.share(0.2, Fault::Reset);
            plan.share(0.3, Fault::Hang);
            draw(&mut plan, 10_000)
        };
        let faults = run(7);
        let count = |fault| faults.iter().filter(|f| **f == Some(fault)).count();
        assert!(count(Fault::Reset).abs_diff(2_000) < 200, "{}", count(Fault::Reset));
        assert!(count(Fault::Hang).abs_diff(3_000) < 200, "{}", count(Fault::Hang));
        assert_eq!(faults, run(7));
        assert_ne!(faults, run(8));
    }

    #[test]
    fn a_share_of_all_is_all_and_of_none_is_none() {
        let mut plan = Plan::with_seed(1);
        plan.share(1.0, Fault::Reset);
        assert!(draw(&mut plan, 100).iter().all(Option::is_some));
        plan.share(0.0, Fault::Reset);
        assert!(draw(&mut plan, 100).iter().all(Option::is_none));
    }
}
