//! How many packets of a browser were lost, as RFC 3550 counts them.

/// Follows the sequence numbers, which wrap around.
#[derive(Default)]
pub(super) struct Received {
    /// The first, and the highest since, unwrapped.
    span: Option<(u64, u64)>,
    packets: u64,
}

impl Received {
    /// `sequence` counts on where RTP's would wrap around.
    pub(super) fn note(&mut self, sequence: u64) {
        let (first, highest) = self.span.unwrap_or((sequence, sequence));
        self.span = Some((first.min(sequence), highest.max(sequence)));
        self.packets += 1;
    }

    pub(super) fn lost(&self) -> u64 {
        self.span.map_or(0, |(first, highest)| (highest - first + 1).saturating_sub(self.packets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_is_not_lost() {
        let mut received = Received::default();
        assert_eq!(received.lost(), 0);
        let mut lost = |sequence| {
            received.note(sequence);
            received.lost()
        };
        assert_eq!([lost(65_534), lost(65_535), lost(65_538), lost(65_537), lost(65_533)], [0, 0, 2, 1, 1]);
    }
}
