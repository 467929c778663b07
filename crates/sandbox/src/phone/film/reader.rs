//! What can be known of H.264 without drawing it: how large it is, what is a key frame, and whether a picture is missing.

use wacore::voip::h264::{nal_unit_type, split_annexb};

/// Profiles that say more of their colours than others do.
const RICH: [u32; 4] = [100, 110, 122, 244];

/// What came of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saw {
    /// It has no picture in it.
    Nothing,
    Picture {
        key: bool,
    },
    /// It cannot be drawn: what it is drawn on did not come.
    Lost,
}

#[derive(Default)]
pub(super) struct Reader {
    sequence: Option<Sequence>,
    /// The number of the picture that the next is drawn on.
    before: Option<Before>,
}

#[derive(Clone, Copy)]
struct Sequence {
    number_bits: u32,
    width: u32,
    height: u32,
}

#[derive(Clone, Copy)]
struct Before {
    number: u32,
    /// Others may be drawn on it.
    counts: bool,
}

impl Reader {
    /// In pixels.
    pub fn size(&self) -> (u32, u32) {
        self.sequence.map_or((0, 0), |sequence| (sequence.width, sequence.height))
    }

    pub fn read(&mut self, unit: &[u8]) -> Saw {
        let mut saw = Saw::Nothing;
        for part in split_annexb(unit) {
            match nal_unit_type(part) {
                7 => self.sequence = sequence(part).or(self.sequence),
                kind @ (1 | 5) if saw == Saw::Nothing => saw = self.slice(part, kind == 5),
                _ => {}
            }
        }
        saw
    }

    fn slice(&mut self, part: &[u8], key: bool) -> Saw {
        let number = self.sequence.and_then(|sequence| {
            let mut bits = Bits::of(part);
            // Where in the picture, which kind, by which parameters.
            let (_, _, _) = (bits.number()?, bits.number()?, bits.number()?);
            Some((bits.take(sequence.number_bits)?, 1 << sequence.number_bits))
        });
        let follows = |number: u32, count: u32| {
            let before = self.before?;
            let next = if before.counts { (before.number + 1) % count } else { before.number };
            Some(number == next)
        };
        self.before = match number {
            Some((number, count)) if key || follows(number, count) == Some(true) => {
                Some(Before { number, counts: part[0] & 0x60 != 0 })
            }
            // Until the next key frame.
            _ => None,
        };
        if self.before.is_some() { Saw::Picture { key } } else { Saw::Lost }
    }
}

fn sequence(part: &[u8]) -> Option<Sequence> {
    let mut bits = Bits::of(part);
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.number()?;
    if RICH.contains(&profile) {
        if bits.number()? == 3 {
            bits.take(1)?;
        }
        bits.number()?;
        bits.number()?;
        // Without tables of its own.
        if bits.take(2)? & 1 == 1 {
            return None;
        }
    }
    let number_bits = bits.number()?.checked_add(4).filter(|bits| *bits <= 16)?;
    match bits.number()? {
        0 => {
            bits.number()?;
        }
        1 => {
            bits.take(1)?;
            bits.number()?;
            bits.number()?;
            for _ in 0..bits.number()?.min(255) {
                bits.number()?;
            }
        }
        _ => {}
    }
    bits.number()?;
    bits.take(1)?;
    let (width, height) = (bits.number()?.min(1_000) + 1, bits.number()?.min(1_000) + 1);
    let fields = bits.take(1)? == 0;
    if fields {
        bits.take(1)?;
    }
    bits.take(1)?;
    let mut cut = [0; 4];
    if bits.take(1)? == 1 {
        for side in &mut cut {
            *side = bits.number()?.min(1_000);
        }
    }
    let lines = if fields { 2 } else { 1 };
    Some(Sequence {
        number_bits,
        width: (16 * width).saturating_sub(2 * (cut[0] + cut[1])),
        height: (16 * lines * height).saturating_sub(2 * lines * (cut[2] + cut[3])),
    })
}

/// The bits of a unit, without what keeps them from looking like a start code.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    /// Behind the unit's first byte. What is asked of a unit is in its first bytes.
    fn of(part: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::new();
        for byte in part[1..].iter().take(256) {
            if !(*byte == 3 && bytes.ends_with(&[0, 0])) {
                bytes.push(*byte);
            }
        }
        Self { bytes, at: 0 }
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// Exp-Golomb.
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        if zeros > 30 {
            return None;
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::camera::{Camera, HEIGHT, WIDTH},
        *,
    };

    const KEY: Saw = Saw::Picture { key: true };
    const OTHER: Saw = Saw::Picture { key: false };

    #[test]
    fn a_camera_is_seen_as_it_shows_and_key_frames_when_they_are_due() {
        let (mut camera, mut reader) = (Camera::default(), Reader::default());
        let mut saw = |grey, key| reader.read(&camera.shoot(grey, key));
        assert_eq!(
            [saw(0, false), saw(0, false), saw(0, true), saw(1, false), saw(1, false)],
            [KEY, OTHER, KEY, KEY, OTHER]
        );
        let row: Vec<Saw> = (0..60).map(|_| saw(1, false)).collect();
        assert_eq!(row.iter().filter(|saw| **saw == KEY).count(), 2);
        assert!(!row.contains(&Saw::Lost));
        assert_eq!(reader.size(), (16 * WIDTH, 16 * HEIGHT));
    }

    #[test]
    fn what_is_drawn_on_something_that_did_not_come_is_lost() {
        let (mut camera, mut reader) = (Camera::default(), Reader::default());
        let mut shoot = |key| camera.shoot(9, key);
        shoot(true);
        assert_eq!(reader.read(&shoot(false)), Saw::Lost, "nothing came before it");
        assert_eq!([reader.read(&shoot(true)), reader.read(&shoot(false))], [KEY, OTHER]);
        shoot(false);
        assert_eq!([reader.read(&shoot(false)), reader.read(&shoot(false))], [Saw::Lost, Saw::Lost]);
        assert_eq!([reader.read(&shoot(true)), reader.read(&[0, 0, 1, 9, 0x10])], [KEY, Saw::Nothing]);
    }

    #[test]
    fn a_picture_that_others_cut_to_size_is_as_large_as_it_is_shown() {
        // Main profile, 640 x 360: 40 by 23 macroblocks, of which the last 8 lines are cut off.
        let bits = "01001101 00000000 00011110 1 1 011 010 0 00000101000 000010111 1 1 1 1 1 1 00101 0 1";
        let bits: Vec<char> = bits.chars().filter(|bit| *bit != ' ').collect();
        let mut unit = vec![0, 0, 1, 0x67];
        for eight in bits.chunks(8) {
            let text: String = eight.iter().collect();
            unit.push(u8::from_str_radix(&format!("{text:0<8}"), 2).unwrap());
        }
        let mut reader = Reader::default();
        reader.read(&unit);
        assert_eq!(reader.size(), (640, 360));
    }

    #[test]
    fn no_bytes_do_harm() {
        let mut camera = Camera::default();
        let key = camera.shoot(77, true);
        for cut in 0..64 {
            Reader::default().read(&key[..cut]);
            let mut reader = Reader::default();
            reader.read(&key);
            reader.read(&[&[0, 0, 1, 0x41][..], &[0; 40][..cut % 40]].concat());
        }
    }
}
