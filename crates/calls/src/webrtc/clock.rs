//! The RTP time of what goes to a browser.

use std::time::{Duration, Instant};

use crate::PACKET;

/// Browsers count Opus in 48,000ths of a second.
pub(super) const CLOCK: u32 = 48_000;
/// What one [`PACKET`] is in that.
pub(super) const STEP: u32 = 2_880;
/// A packet may be this late before its lateness counts as silence.
const SLACK: Duration = Duration::from_millis(120);

/// Steps once for each packet. While packets are missing it follows the time of day, in whole steps, so that a browser
/// takes an idle line for silence and not for a delay.
pub(super) struct Clock {
    timestamp: u32,
    /// When the next packet is expected; `None` before the first.
    due: Option<Instant>,
}

/// When a packet is to be played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stamp {
    pub timestamp: u32,
    /// The first one, or the first after a silence.
    pub starts: bool,
}

impl Clock {
    pub(super) fn new(timestamp: u32) -> Self {
        Self { timestamp, due: None }
    }

    pub(super) fn stamp(&mut self, now: Instant) -> Stamp {
        let due = self.due.unwrap_or(now);
        let late = now.saturating_duration_since(due);
        let missed = if late > SLACK { late.as_millis() / PACKET.as_millis() } else { 0 };
        // A call lasts for less than the eight years in which the number of packets fits.
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let timestamp = self.timestamp.wrapping_add(STEP.wrapping_mul(missed));
        let starts = self.due.is_none() || missed > 0;
        self.timestamp = timestamp.wrapping_add(STEP);
        self.due = Some(due + PACKET.saturating_mul(missed.saturating_add(1)));
        Stamp { timestamp, starts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(at: &[u64]) -> Vec<(u32, bool)> {
        let start = Instant::now();
        let mut clock = Clock::new(1_000);
        let stamp = |ms: &u64| {
            let stamp = clock.stamp(start + Duration::from_millis(*ms));
            ((stamp.timestamp - 1_000) / STEP, stamp.starts)
        };
        at.iter().map(stamp).collect()
    }

    #[test]
    fn packets_in_time_are_a_step_apart() {
        assert_eq!(stamps(&[0, 60, 125, 178, 240]), [(0, true), (1, false), (2, false), (3, false), (4, false)]);
    }

    #[test]
    fn a_stall_and_the_burst_after_it_leave_no_gap() {
        assert_eq!(stamps(&[0, 150, 150, 180, 240]), [(0, true), (1, false), (2, false), (3, false), (4, false)]);
    }

    #[test]
    fn a_silence_passes_in_whole_steps() {
        assert_eq!(stamps(&[0, 60, 1_010, 1_080]), [(0, true), (1, false), (16, true), (17, false)]);
    }

    #[test]
    fn packets_that_are_always_late_do_not_fall_behind_the_clock() {
        let at: Vec<u64> = (0..1_000).map(|packet| packet * 70).collect();
        let last = stamps(&at).pop().unwrap().0;
        let elapsed = 999 * 70 / 60;
        assert!(last + 3 > elapsed && last <= elapsed, "{last} of {elapsed}");
    }

    #[test]
    fn the_timestamp_wraps_around() {
        let now = Instant::now();
        let mut clock = Clock::new(u32::MAX - 879);
        assert_eq!(clock.stamp(now).timestamp, u32::MAX - 879);
        assert_eq!(clock.stamp(now + PACKET).timestamp, 2_000);
    }
}
