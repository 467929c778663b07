use std::time::Duration;

/// When a delivery that failed is attempted again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The wait after the first attempt, after the second, and so on; after one more the delivery is dead.
    pub waits: Vec<Duration>,
    /// By which part of itself a wait may be longer or shorter, so that what failed together does not return together;
    /// from 0 to 1.
    pub jitter: f64,
}

impl Default for Schedule {
    /// Eight attempts in a day and four hours.
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        let waits = vec![
            Duration::from_secs(5),
            Duration::from_secs(5 * 60),
            Duration::from_secs(30 * 60),
            hours(2),
            hours(5),
            hours(10),
            hours(10),
        ];
        Self { waits, jitter: 0.2 }
    }
}

impl Schedule {
    /// The wait after so many attempts, at least one; `None` once there were enough. `roll` is a random number from 0 to 1.
    pub fn wait_after(&self, attempts: u32, roll: f64) -> Option<Duration> {
        let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
        let factor = 1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * roll.clamp(0.0, 1.0) - 1.0);
        self.waits.get(index).map(|wait| wait.mul_f64(factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_waits_and_then_none() {
        let schedule = Schedule::default();
        let seconds: Vec<_> =
            (1..=8).map(|attempts| schedule.wait_after(attempts, 0.5).map(|wait| wait.as_secs())).collect();
        let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000].map(Some);
        assert_eq!(seconds[..7], expected);
        assert_eq!(seconds[7], None);
        assert_eq!(schedule.wait_after(u32::MAX, 0.5), None);
        assert_eq!(schedule.wait_after(0, 0.5), None);
    }

    #[test]
    fn a_wait_varies_by_a_fifth() {
        let schedule = Schedule::default();
        assert_eq!(schedule.wait_after(1, 0.0), Some(Duration::from_secs(4)));
        assert_eq!(schedule.wait_after(1, 1.0), Some(Duration::from_secs(6)));
        assert_eq!(schedule.wait_after(2, 0.25), Some(Duration::from_secs(270)));
    }
}
