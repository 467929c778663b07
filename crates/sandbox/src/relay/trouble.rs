//! Trouble on the way, on purpose: what is lost, late or doubled follows from the seed, the listener, and how many packets
//! were for it before.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// What is to go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Plan {
    /// Of 1.
    pub loss: f64,
    pub duplicates: f64,
    /// Each packet comes later by 0 to so much.
    pub jitter: Duration,
    /// Until then nothing comes through.
    pub silent_until: Option<Instant>,
    pub seed: u64,
}

#[derive(Default)]
pub(crate) struct Trouble {
    plan: Plan,
    /// By listener.
    draws: HashMap<usize, StdRng>,
}

impl Trouble {
    pub fn new(plan: Plan) -> Self {
        Self { plan, draws: HashMap::new() }
    }

    /// The same from the beginning.
    pub fn again(&self) -> Self {
        Self::new(self.plan)
    }

    /// After how long a packet comes to that listener; not at all, once or twice.
    pub fn strike(&mut self, listener: usize) -> Vec<Duration> {
        let Plan { loss, duplicates, jitter, silent_until, seed } = self.plan;
        if silent_until.is_some_and(|until| Instant::now() < until) {
            return Vec::new();
        }
        if self.plan == Plan::default() {
            return vec![Duration::ZERO];
        }
        let draw =
            self.draws.entry(listener).or_insert_with(|| StdRng::seed_from_u64(seed.wrapping_add(listener as u64)));
        // As many draws for each packet, so that one kind of trouble does not change another.
        let (lost, doubled): (f64, f64) = (draw.random(), draw.random());
        let mut late = || jitter.mul_f64(draw.random::<f64>());
        let ways = [late(), late()];
        if lost < loss { Vec::new() } else { ways[..if doubled < duplicates { 2 } else { 1 }].to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(plan: Plan, packets: usize) -> Vec<bool> {
        let mut trouble = Trouble::new(plan);
        (0..packets).map(|_| trouble.strike(0).is_empty()).collect()
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_and_about_as_many_as_asked() {
        let plan = Plan { loss: 0.05, seed: 7, ..Plan::default() };
        let first = lost(plan, 10_000);
        assert_eq!(first, lost(plan, 10_000));
        assert_ne!(first, lost(Plan { seed: 8, ..plan }, 10_000));
        let count = first.iter().filter(|lost| **lost).count();
        assert!((400..600).contains(&count), "{count}");
        // What is late as well is not lost otherwise.
        assert_eq!(first, lost(Plan { jitter: Duration::from_millis(100), ..plan }, 10_000));
    }

    #[test]
    fn nothing_is_wrong_unless_it_is_asked_for() {
        assert_eq!(Trouble::default().strike(3), [Duration::ZERO]);
        let mut doubled = Trouble::new(Plan { duplicates: 1.0, seed: 1, ..Plan::default() });
        assert_eq!(doubled.strike(0).len(), 2);
        let until = Instant::now() + Duration::from_secs(600);
        let mut silent = Trouble::new(Plan { silent_until: Some(until), ..Plan::default() });
        assert!(silent.strike(0).is_empty());
    }
}
