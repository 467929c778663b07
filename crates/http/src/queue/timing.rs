//! When which of the waiting sends goes out. Nothing here waits or asks for the time.

use std::collections::HashMap;

use wago_contract::pacing::Pacing;
use wago_store::QueuedSend;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The limits of the pacing: how many sends in how long (ms).
pub fn rates(pacing: &Pacing) -> impl Iterator<Item = (u32, i64)> + use<> {
    let rates = [(pacing.per_minute, MINUTE_MS), (pacing.per_hour, HOUR_MS), (pacing.per_day, DAY_MS)];
    rates.into_iter().filter(|(count, _)| *count > 0)
}

/// The time between two sends to one recipient (ms).
pub fn gap_ms(pacing: &Pacing) -> i64 {
    i64::from(pacing.recipient_gap) * SECOND_MS
}

/// What was sent before, as far as it matters.
#[derive(Default)]
pub struct Past {
    /// From when on the rates allow another send (unix ms).
    pub free_at: i64,
    /// When each recipient was last sent something (unix ms).
    pub recipients: HashMap<String, i64>,
}

/// The send that goes out next, and when (unix ms): now, or later. Of each recipient only the first is looked at, so
/// that each gets what is sent to it in order.
pub fn next<'a>(waiting: &'a [QueuedSend], pacing: &Pacing, past: &Past, now_ms: i64) -> Option<(&'a QueuedSend, i64)> {
    let mut seen: Vec<&str> = Vec::new();
    let mut first: Option<(&QueuedSend, i64)> = None;
    for send in waiting {
        if seen.contains(&send.recipient.as_str()) {
            continue;
        }
        seen.push(&send.recipient);
        let after_last = past.recipients.get(&send.recipient).map_or(0, |last| last + gap_ms(pacing));
        let earliest = send.not_before_ms.max(send.retry_at_ms).max(after_last).max(past.free_at).max(now_ms);
        let at = pacing.quiet_hours.and_then(|quiet| quiet.end(earliest)).unwrap_or(earliest);
        if first.is_none_or(|(_, first)| at < first) {
            first = Some((send, at));
        }
    }
    first
}

/// How long somebody types so many characters (ms).
pub fn typing_ms(pacing: &Pacing, characters: usize) -> i64 {
    let characters = i64::try_from(characters).unwrap_or(i64::MAX);
    let most = i64::from(pacing.typing_max) * SECOND_MS;
    characters.saturating_mul(i64::from(pacing.typing_per_character)).min(most)
}

#[cfg(test)]
mod tests {
    use wago_contract::pacing::QuietHours;
    use wago_store::SendState;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn send(id: &str, to: &str, not_before_ms: i64) -> QueuedSend {
        QueuedSend {
            row: 1,
            message_id: id.into(),
            route: "/send/text".into(),
            recipient: to.into(),
            not_before_ms,
            retry_at_ms: 0,
            state: SendState::Waiting,
            attempts: 0,
            error: None,
            created_at_ms: 0,
            finished_at_ms: None,
        }
    }

    fn picked<'a>(waiting: &'a [QueuedSend], pacing: &Pacing, past: &Past) -> Option<(&'a str, i64)> {
        next(waiting, pacing, past, NOW).map(|(send, at)| (send.message_id.as_str(), at - NOW))
    }

    #[test]
    fn what_is_due_goes_in_order() {
        let off = Pacing::default();
        assert_eq!(picked(&[], &off, &Past::default()), None);
        let waiting = [send("1", "bob", NOW - 5), send("2", "carol", NOW - 1), send("3", "bob", NOW)];
        assert_eq!(picked(&waiting, &off, &Past::default()), Some(("1", 0)));
        let later = [send("1", "bob", NOW + 7), send("2", "carol", NOW + 9)];
        assert_eq!(picked(&later, &off, &Past::default()), Some(("1", 7)));
    }

    #[test]
    fn a_retry_holds_back_its_recipient_alone() {
        let failed = QueuedSend { retry_at_ms: NOW + 5_000, ..send("1", "bob", NOW - 5) };
        let waiting = [failed.clone(), send("2", "bob", NOW - 4), send("3", "carol", NOW - 3)];
        assert_eq!(picked(&waiting, &Pacing::default(), &Past::default()), Some(("3", 0)));
        assert_eq!(picked(&waiting[..2], &Pacing::default(), &Past::default()), Some(("1", 5_000)));
    }

    #[test]
    fn a_recipient_gets_a_rest() {
        let pacing = Pacing { recipient_gap: 30, ..Pacing::default() };
        let past = Past { recipients: [("bob".to_owned(), NOW - 10_000)].into(), ..Past::default() };
        let waiting = [send("1", "bob", NOW - 5), send("2", "carol", NOW - 4)];
        assert_eq!(picked(&waiting, &pacing, &past), Some(("2", 0)));
        assert_eq!(picked(&waiting[..1], &pacing, &past), Some(("1", 20_000)));
    }

    #[test]
    fn rates_and_nights_hold_back_everybody() {
        let past = Past { free_at: NOW + 4_000, ..Past::default() };
        let waiting = [send("1", "bob", NOW - 5)];
        assert_eq!(picked(&waiting, &Pacing::default(), &past), Some(("1", 4_000)));
        // It is 22:13:20 there.
        let quiet_hours = Some(QuietHours { from: 22 * 60, to: 23 * 60, offset: 0 });
        let pacing = Pacing { quiet_hours, ..Pacing::default() };
        let night = (46 * 60 + 40) * 1_000;
        assert_eq!(picked(&waiting, &pacing, &past), Some(("1", night)));
        let morning = [send("1", "bob", NOW + night + 1)];
        assert_eq!(picked(&morning, &pacing, &past), Some(("1", night + 1)));
        let rates: Vec<_> = rates(&Pacing { per_minute: 3, per_day: 9, ..Pacing::default() }).collect();
        assert_eq!(rates, [(3, 60_000), (9, 86_400_000)]);
    }

    #[test]
    fn typing_has_an_end() {
        let pacing = Pacing { typing_per_character: 50, typing_max: 10, ..Pacing::default() };
        assert_eq!([0, 20, 1_000, usize::MAX].map(|count| typing_ms(&pacing, count)), [0, 1_000, 10_000, 10_000]);
        assert_eq!(typing_ms(&Pacing::default(), 100), 0);
    }
}
