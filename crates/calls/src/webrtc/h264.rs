//! Pictures in RTP packets (RFC 6184, with packetization mode 1): taken apart for a browser, and put together again.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::drive::PACKET_BYTES;
use crate::picture::{BYTES_MAX, Picture, units};

/// Packets after a missing one before it is given up; by then the browser was asked for it, and has had time to repeat it.
const WAITING_MAX: usize = 96;

/// Constrained baseline of level 3.1, as WhatsApp's clients speak it, and the baseline that it is part of.
pub(super) const PROFILES: [u32; 2] = [0x42_E0_1F, 0x42_00_1F];

const PARAMETERS: u8 = 7;
const AGGREGATE: u8 = 24;
const FRAGMENT: u8 = 28;
const CODE: [u8; 4] = [0, 0, 0, 1];

/// The payloads of the packets of a picture, in order.
pub(super) fn pack(picture: &Picture) -> Vec<Bytes> {
    let mut packets = Vec::new();
    for unit in units(&picture.0) {
        if unit.len() <= PACKET_BYTES {
            packets.push(Bytes::copy_from_slice(unit));
            continue;
        }
        let (head, body) = (unit[0], &unit[1..]);
        let pieces = body.chunks(PACKET_BYTES - 2);
        let last = pieces.len() - 1;
        for (number, piece) in pieces.enumerate() {
            let begins = u8::from(number == 0) << 7;
            let ends = u8::from(number == last) << 6;
            let fragment = [&[head & 0xE0 | FRAGMENT, begins | ends | head & 0x1F], piece].concat();
            packets.push(fragment.into());
        }
    }
    packets
}

/// What came of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Picture(Picture),
    /// A picture, or more of them, will not come.
    Lost,
}

pub(super) struct Packet {
    /// Counts on where RTP's would wrap around.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// Puts pictures together from packets that come in any order, twice, or not at all.
pub(super) struct Unpacker {
    /// Those that came before one that is missing.
    waiting: BTreeMap<u64, Packet>,
    next: Option<u64>,
    picture: Vec<u8>,
    timestamp: Option<u32>,
    /// A fragmented unit, of which all so far came.
    fragment: Option<Vec<u8>>,
    /// The picture cannot be put together: what is left of it is passed over.
    broken: bool,
}

impl Unpacker {
    /// It begins where a key frame does.
    pub fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: None,
            picture: Vec::new(),
            timestamp: None,
            fragment: None,
            broken: true,
        }
    }

    pub fn push(&mut self, packet: Packet) -> Vec<Came> {
        let next = *self.next.get_or_insert(packet.sequence);
        let mut came = Vec::new();
        if packet.sequence < next {
            return came;
        }
        self.waiting.insert(packet.sequence, packet);
        loop {
            let next = self.next.unwrap_or_default();
            if let Some(packet) = self.waiting.remove(&next) {
                self.next = Some(next + 1);
                self.take(packet, &mut came);
            } else if self.waiting.len() > WAITING_MAX {
                self.next = self.waiting.first_key_value().map(|(first, _)| *first);
                // It may belong to another picture, whose beginning is missing as well.
                self.timestamp = None;
                self.give_up(&mut came);
            } else {
                return came;
            }
        }
    }

    fn give_up(&mut self, came: &mut Vec<Came>) {
        self.forget();
        if !self.broken {
            self.broken = true;
            came.push(Came::Lost);
        }
    }

    fn forget(&mut self) {
        self.picture.clear();
        self.fragment = None;
    }

    fn take(&mut self, packet: Packet, came: &mut Vec<Came>) {
        // Browsers send empty packets to find out what the network bears.
        let Some(&head) = packet.payload.first() else { return };
        if self.timestamp.is_some_and(|timestamp| timestamp != packet.timestamp) {
            // The last packet of the one before was not marked as such.
            self.finish(came);
        }
        self.timestamp = Some(packet.timestamp);
        // After a gap it is not known where a picture begins, but key frames begin with their parameters.
        if self.broken && (head & 0x1F == PARAMETERS || is_aggregate_of_parameters(&packet.payload)) {
            self.broken = false;
        }
        if !self.broken && !self.add(head, &packet.payload) {
            self.give_up(came);
        }
        if packet.marker {
            self.finish(came);
        }
    }

    /// False: it makes no sense.
    fn add(&mut self, head: u8, payload: &[u8]) -> bool {
        match head & 0x1F {
            1..=23 if self.fragment.is_none() => self.unit(payload),
            AGGREGATE if self.fragment.is_none() => {
                let mut rest = &payload[1..];
                while let Some((length, after)) = rest.split_first_chunk::<2>() {
                    let Some((unit, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
                        return false;
                    };
                    if unit.is_empty() || !self.unit(unit) {
                        return false;
                    }
                    rest = after;
                }
                rest.is_empty()
            }
            FRAGMENT => {
                let [_, kind, piece @ ..] = payload else { return false };
                let begins = kind & 0x80 != 0;
                match &mut self.fragment {
                    None if begins => self.fragment = Some([&[head & 0xE0 | kind & 0x1F], piece].concat()),
                    Some(fragment) if !begins && fragment.len() <= BYTES_MAX => fragment.extend_from_slice(piece),
                    _ => return false,
                }
                match self.fragment.take_if(|_| kind & 0x40 != 0) {
                    Some(unit) => self.unit(&unit),
                    None => true,
                }
            }
            _ => false,
        }
    }

    fn unit(&mut self, unit: &[u8]) -> bool {
        self.picture.extend_from_slice(&CODE);
        self.picture.extend_from_slice(unit);
        self.picture.len() <= BYTES_MAX
    }

    /// The picture is whole, if it is one.
    fn finish(&mut self, came: &mut Vec<Came>) {
        self.timestamp = None;
        if self.fragment.is_some() {
            self.give_up(came);
        }
        if !self.broken && !self.picture.is_empty() {
            came.push(Came::Picture(Picture(std::mem::take(&mut self.picture).into())));
        }
        self.forget();
        self.broken = false;
    }
}

fn is_aggregate_of_parameters(payload: &[u8]) -> bool {
    matches!(payload, [head, _, _, first, ..] if head & 0x1F == AGGREGATE && first & 0x1F == PARAMETERS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of units of such sizes, of which the first two are small.
    fn picture(key: bool, seed: u8, size: usize) -> Picture {
        let kinds: &[(u8, usize)] = if key { &[(0x67, 10), (0x68, 4), (0x65, size)] } else { &[(0x41, size)] };
        let mut bytes = Vec::new();
        for (kind, size) in kinds {
            bytes.extend(CODE);
            bytes.push(*kind);
            bytes.extend((1..*size).map(|at| (at as u8 ^ seed) | 1));
        }
        Picture(bytes.into())
    }

    fn packets(pictures: &[Picture]) -> Vec<Packet> {
        let mut packets = Vec::new();
        for (number, picture) in pictures.iter().enumerate() {
            let payloads = pack(picture);
            let last = payloads.len() - 1;
            for (at, payload) in payloads.into_iter().enumerate() {
                let sequence = packets.len() as u64 + 7;
                let timestamp = number as u32 * 6_000;
                packets.push(Packet { sequence, timestamp, marker: at == last, payload });
            }
        }
        packets
    }

    fn unpacked(packets: impl IntoIterator<Item = Packet>) -> Vec<Came> {
        let mut unpacker = Unpacker::new();
        packets.into_iter().flat_map(|packet| unpacker.push(packet)).collect()
    }

    fn film() -> Vec<Picture> {
        (0..20).map(|number| picture(number % 5 == 0, number, 700 + 300 * usize::from(number))).collect()
    }

    #[test]
    fn pictures_come_out_as_they_went_in_though_packets_come_in_any_order_and_twice() {
        let whole: Vec<Came> = film().into_iter().map(Came::Picture).collect();
        assert_eq!(unpacked(packets(&film())), whole);
        let mut mixed = packets(&film());
        mixed[1..].chunks_mut(7).for_each(|some| some.reverse());
        let twice = packets(&film()).into_iter().zip(mixed).flat_map(|(one, other)| [one, other]);
        assert_eq!(unpacked(twice), whole);
        assert!(packets(&film()).iter().all(|packet| packet.payload.len() <= PACKET_BYTES));
    }

    #[test]
    fn a_picture_without_its_mark_ends_where_the_next_begins() {
        let mut unmarked = packets(&film());
        unmarked.iter_mut().for_each(|packet| packet.marker = false);
        assert_eq!(unpacked(unmarked).len(), film().len() - 1);
    }

    #[test]
    fn a_packet_that_does_not_come_costs_its_picture_and_no_other_comes_out_damaged() {
        let film = film();
        let all = packets(&film).len();
        for (gone, count) in (1..all).map(|gone| (gone, 1)).chain((1..all - 3).map(|gone| (gone, 3))) {
            let mut left = packets(&film);
            left.drain(gone..gone + count);
            // Until it is given up, something has to come.
            let after = all as u64 + 7;
            left.extend((0..=WAITING_MAX as u64).map(|more| Packet {
                sequence: after + more,
                timestamp: 999_999,
                marker: false,
                payload: Bytes::new(),
            }));
            let came = unpacked(left);
            assert_eq!(came.iter().filter(|came| **came == Came::Lost).count(), 1, "without {gone}");
            let whole = came.iter().filter(|came| matches!(came, Came::Picture(it) if film.contains(it))).count();
            assert_eq!(whole + 1, came.len(), "without {gone}");
            assert!(whole + 1 + count >= film.len(), "without {gone} only {whole} came");
        }
    }

    #[test]
    fn several_units_in_one_packet_are_taken_apart() {
        let aggregate = [&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2, 0, 3, 0x65, 3, 3][..]].concat();
        let packet = Packet { sequence: 0, timestamp: 0, marker: true, payload: aggregate.into() };
        let expected = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 3];
        assert_eq!(unpacked([packet]), [Came::Picture(Picture(expected.to_vec().into()))]);
    }

    proptest! {
        #[test]
        fn no_packets_do_harm(packets in proptest::collection::vec(
            (0_u64..300, 0_u32..4, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..8)),
            0..400,
        )) {
            let mut unpacker = Unpacker::new();
            for (sequence, timestamp, marker, payload) in packets {
                unpacker.push(Packet { sequence, timestamp, marker, payload: payload.into() });
                prop_assert!(unpacker.waiting.len() <= WAITING_MAX);
            }
        }
    }
}
