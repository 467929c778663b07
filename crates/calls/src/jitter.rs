//! What was said, in its order and at its time, though it comes early, late, twice or not at all.
//!
//! Packets wait until enough of them are there that what is late can still come. How long that is follows from how
//! unevenly they came so far; and if one comes after its time nevertheless, all that follow wait longer by as much.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::{Heard, packet};

/// How long sound waits at least and at most, in milliseconds.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 400;
/// Sound beyond what is wanted by so much is let go, or who listens would be ever further behind.
const EXCESS: u32 = 240;
/// After so much that was made up nobody speaks.
const MADE_UP_MAX: u32 = 300;
/// A step of the source's clock, in milliseconds, after which it has begun anew.
const LEAP: i64 = 5_000;
/// Packets that wait: some seconds of the shortest there are.
const WAITING_MAX: usize = 512;
/// Gaps that are remembered, so that what fills one is known to be late rather than a copy.
const GAPS_MAX: usize = 32;
/// A sixteenth of what is new, as RFC 3550 weighs it.
const WEIGHT: f32 = 16.0;
/// So many times the usual unevenness is waited for.
const MARGIN: f32 = 3.0;

/// A piece of what is heard next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Packet(Bytes),
    /// So many milliseconds did not come.
    Lost(u32),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub heard: u64,
    pub lost: u64,
    pub late: u64,
}

/// Time is in samples of the source's clock, without its wrapping around.
pub(crate) struct Jitter {
    clock: u32,
    waiting: BTreeMap<i64, Waiting>,
    /// Where what is heard next begins, once it began.
    next: Option<i64>,
    /// The latest timestamp that came.
    latest: Option<i64>,
    /// How far apart arrival and timestamp were, in milliseconds, and how much that varies.
    transit: Option<f32>,
    unevenness: f32,
    made_up: u32,
    /// What was made up of late, from and to.
    gaps: VecDeque<(i64, i64)>,
    /// How long, in samples, nothing is heard, so that what is as late as what came late comes in time.
    owed: i64,
    pub tally: Tally,
}

struct Waiting {
    data: Bytes,
    /// In samples.
    length: i64,
}

impl Jitter {
    pub fn new(clock: u32) -> Self {
        Self {
            clock,
            waiting: BTreeMap::new(),
            next: None,
            latest: None,
            transit: None,
            unevenness: 0.0,
            made_up: 0,
            gaps: VecDeque::new(),
            owed: 0,
            tally: Tally::default(),
        }
    }

    fn samples(&self, ms: u32) -> i64 {
        i64::from(ms) * i64::from(self.clock) / 1000
    }

    fn ms(&self, samples: i64) -> u32 {
        u32::try_from(samples * 1000 / i64::from(self.clock)).unwrap_or(0)
    }

    /// How long sound waits now, in milliseconds.
    pub fn depth(&self) -> u32 {
        // At least the half of what is usual for one packet.
        let wanted = MARGIN * self.unevenness;
        (wanted as u32).clamp(SHORTEST, LONGEST)
    }

    /// A packet that came at that time, in milliseconds of any clock that does not leap.
    pub fn push(&mut self, packet: &Heard, now_ms: u64) {
        let length = self.samples(packet::duration_ms(&packet.data));
        if length == 0 {
            return;
        }
        let at = match self.latest {
            None => i64::from(packet.timestamp),
            Some(latest) => latest + i64::from(packet.timestamp.wrapping_sub(latest as u32) as i32),
        };
        let transit = now_ms as f32 - self.ms(at.rem_euclid(i64::from(self.clock) * 86_400)) as f32;
        if self.latest.is_some_and(|latest| (at - latest).abs() > self.samples(1) * LEAP) {
            let (clock, tally) = (self.clock, self.tally);
            *self = Self { tally, ..Self::new(clock) };
        } else if let Some(before) = self.transit {
            let differs = (transit - before).abs();
            // The clock of the measure went around.
            if differs < LEAP as f32 {
                self.unevenness += (differs - self.unevenness) / WEIGHT;
            }
        }
        self.transit = Some(transit);
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
        if let Some(next) = self.next.filter(|next| at < *next) {
            if self.gaps.iter().any(|(from, to)| (*from..*to).contains(&at)) {
                self.tally.late += 1;
                if next - at <= self.samples(LONGEST) {
                    self.owed = self.owed.max(next - at);
                }
            }
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_first();
        }
        self.waiting.entry(at).or_insert_with(|| Waiting { data: packet.data.clone(), length });
    }

    /// Samples from what is heard next, or from the first, to the end of the last.
    fn held(&self) -> i64 {
        let first = self.next.or_else(|| self.waiting.first_key_value().map(|(at, _)| *at));
        let end = self.waiting.last_key_value().map(|(at, last)| at + last.length);
        first.zip(end).map_or(0, |(first, end)| (end - first).max(0))
    }

    fn miss(&mut self, from: i64, to: i64) {
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back((from, to));
    }

    /// So many milliseconds later: what is heard of them, in order. A packet may reach beyond them, and then there is less
    /// the next time. Nothing: nobody speaks.
    pub fn pop(&mut self, ms: u32) -> Vec<Piece> {
        let span = self.samples(ms);
        if self.next.is_none() {
            if self.held() < self.samples(self.depth() + ms) {
                return Vec::new();
            }
            self.next = self.waiting.first_key_value().map(|(at, _)| *at);
        }
        let Some(begin) = self.next else { return Vec::new() };
        let most = self.samples(self.depth() + ms + EXCESS);
        while self.held() > most
            && let Some((at, old)) = self.waiting.pop_first()
        {
            self.next = Some(at + old.length);
            self.tally.late += 1;
        }
        let mut at = self.next.unwrap_or(begin);
        let waits = self.owed.min(span);
        let end = at + span - waits;
        let mut pieces = Vec::new();
        if waits > 0 {
            self.owed -= waits;
            // The gap by which it was known has its reward.
            self.gaps.clear();
            pieces.push(Piece::Lost(self.ms(waits)));
        }
        while at < end {
            match self.waiting.first_key_value() {
                Some((first, _)) if *first <= at => {
                    let Some((_, packet)) = self.waiting.pop_first() else { break };
                    at += packet.length;
                    self.made_up = 0;
                    self.tally.heard += 1;
                    pieces.push(Piece::Packet(packet.data));
                }
                Some((first, _)) => {
                    let gap = (*first).min(end) - at;
                    self.miss(at, at + gap);
                    at += gap;
                    self.tally.lost += 1;
                    pieces.push(Piece::Lost(self.ms(gap)));
                }
                None => {
                    let gap = end - at;
                    self.miss(at, end);
                    at = end;
                    self.made_up += self.ms(gap);
                    self.tally.lost += 1;
                    pieces.push(Piece::Lost(self.ms(gap)));
                }
            }
        }
        self.next = Some(at);
        if self.made_up > MADE_UP_MAX {
            // Whoever speaks again begins anew, and what was made up is not lost: nobody said it.
            self.tally.lost = self.tally.lost.saturating_sub(u64::from(self.made_up / ms.max(1)));
            (self.next, self.made_up) = (None, 0);
            return Vec::new();
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    /// A packet of one empty frame of 60 ms, with a mark.
    fn packet(number: u32, clock: u32) -> Heard {
        let step = clock / 1000 * 60;
        Heard {
            speaker: 0,
            data: vec![0x18, number as u8, (number >> 8) as u8].into(),
            sequence: number as u16,
            timestamp: number.wrapping_mul(step),
        }
    }

    fn number(piece: &Piece) -> Option<u32> {
        match piece {
            Piece::Packet(data) => Some(u32::from(data[1]) | u32::from(data[2]) << 8),
            Piece::Lost(_) => None,
        }
    }

    /// Packets that come at these times (ms), heard every 60 ms until all is silent.
    fn listen(mut arrivals: Vec<(u64, Heard)>) -> (Vec<Option<u32>>, Jitter) {
        arrivals.sort_by_key(|(at, _)| *at);
        let mut jitter = Jitter::new(16_000);
        let mut heard = Vec::new();
        let last = arrivals.last().map_or(0, |(at, _)| *at);
        let mut arrivals = arrivals.into_iter().peekable();
        for now in (0..last + 1_200).step_by(60) {
            while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
                jitter.push(&packet, at);
            }
            heard.extend(jitter.pop(60).iter().map(number));
        }
        (heard, jitter)
    }

    #[test]
    fn what_comes_evenly_is_heard_as_it_came() {
        let (heard, jitter) = listen((0..100).map(|at| (u64::from(at) * 60, packet(at, 16_000))).collect());
        assert!(heard.starts_with(&(0..100).map(Some).collect::<Vec<_>>()), "{heard:?}");
        assert_eq!((jitter.tally.heard, jitter.tally.late, jitter.depth()), (100, 0, SHORTEST));
    }

    #[test]
    fn what_comes_unevenly_and_twice_is_heard_in_order_without_a_gap_once_it_is_known_how_unevenly() {
        let mut draw = StdRng::seed_from_u64(7);
        let mut arrivals = Vec::new();
        for at in 0..600 {
            let late = draw.random_range(0..100);
            arrivals.push((u64::from(at) * 60 + late, packet(at, 16_000)));
            if at % 7 == 0 {
                arrivals.push((u64::from(at) * 60 + late + 5, packet(at, 16_000)));
            }
        }
        let (heard, jitter) = listen(arrivals);
        let order: Vec<u32> = heard.iter().flatten().copied().collect();
        assert!(order.is_sorted_by(|one, other| one < other), "each once, in order");
        assert!(order.len() >= 590, "{}", order.len());
        let settled: Vec<_> = heard.iter().skip(60).take(480).collect();
        let gaps = settled.iter().filter(|heard| heard.is_none()).count();
        assert!(gaps <= 5, "{gaps} gaps at {} ms", jitter.depth());
        assert!(jitter.depth() > SHORTEST && jitter.depth() <= LONGEST);
    }

    #[test]
    fn who_comes_later_than_before_is_waited_for() {
        // After three seconds all comes a quarter of a second later.
        let arrivals = (0..200_u32).map(|at| (u64::from(at) * 60 + if at < 50 { 0 } else { 250 }, packet(at, 16_000)));
        let (heard, jitter) = listen(arrivals.collect());
        assert!(heard.iter().flatten().count() >= 193, "{heard:?}");
        assert!(heard.iter().skip(66).take(130).all(Option::is_some), "{heard:?}");
        assert!(jitter.tally.late <= 5, "{:?}", jitter.tally);
    }

    #[test]
    fn what_is_lost_leaves_its_time() {
        let mut draw = StdRng::seed_from_u64(9);
        let lost: Vec<bool> = (0..400).map(|_| draw.random::<f64>() < 0.05).collect();
        let arrivals = (0..400).filter(|at| !lost[*at as usize]).map(|at| (u64::from(at) * 60, packet(at, 16_000)));
        let (heard, _) = listen(arrivals.collect());
        for (at, lost) in lost.iter().enumerate().take(390) {
            assert_eq!(heard[at], (!lost).then_some(at as u32), "{at}");
        }
    }

    #[test]
    fn timestamps_go_around_and_sources_begin_anew() {
        let mut jitter = Jitter::new(48_000);
        let step = 48 * 60;
        let begin = u32::MAX - 5 * step;
        let mut heard = 0;
        for at in 0..20_u32 {
            let data = packet(at, 48_000).data;
            let timestamp = begin.wrapping_add(at * step);
            jitter.push(&Heard { speaker: 0, data, sequence: at as u16, timestamp }, u64::from(at) * 60);
            heard += jitter.pop(60).iter().filter(|piece| matches!(piece, Piece::Packet(_))).count();
        }
        assert!(heard >= 18, "{heard}");
        for at in 20..30_u32 {
            let data = packet(at, 48_000).data;
            let timestamp = 1_000_000_000 + at * step;
            jitter.push(&Heard { speaker: 0, data, sequence: at as u16, timestamp }, u64::from(at) * 60);
            heard += jitter.pop(60).iter().filter(|piece| matches!(piece, Piece::Packet(_))).count();
        }
        assert!(heard >= 26, "{heard}");
    }

    #[test]
    fn silence_is_no_loss() {
        let mut arrivals: Vec<_> = (0..20).map(|at| (u64::from(at) * 60, packet(at, 16_000))).collect();
        // Three seconds without a packet, as of somebody who says nothing.
        arrivals.extend((70..90).map(|at| (u64::from(at) * 60, packet(at, 16_000))));
        let (heard, jitter) = listen(arrivals);
        assert_eq!(heard.iter().flatten().count(), 40);
        assert!(jitter.tally.lost <= 4, "{:?}", jitter.tally);
    }
}
