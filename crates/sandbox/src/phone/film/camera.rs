//! H.264 written by hand: an even grey, of which each key frame says every sample, and the other pictures that nothing has
//! changed. Baseline, as phones send it (ITU-T H.264, sections 7.3 and 7.4).

/// In macroblocks of 16 x 16.
pub(super) const WIDTH: u32 = 6;
pub(super) const HEIGHT: u32 = 4;
/// A key frame comes at least every two seconds.
const ROW: u32 = 30;
/// Bits of the number of a picture.
const NUMBER_BITS: u32 = 8;
const CODE: [u8; 4] = [0, 0, 0, 1];

#[derive(Default)]
pub(super) struct Camera {
    /// Of the latest picture: its number since the key frame, and its grey.
    latest: Option<(u32, u8)>,
    keys: u32,
}

impl Camera {
    /// An access unit in Annex B.
    pub fn shoot(&mut self, grey: u8, key: bool) -> Vec<u8> {
        match self.latest {
            Some((number, same)) if same == grey && !key && number + 1 < ROW => {
                self.latest = Some((number + 1, grey));
                unit(0x41, unchanged(number + 1))
            }
            _ => {
                self.latest = Some((0, grey));
                // Two key frames in a row are told apart by it.
                self.keys = (self.keys + 1) % 2;
                [unit(0x67, sequence()), unit(0x68, parameters()), unit(0x65, even(grey, self.keys))].concat()
            }
        }
    }
}

fn sequence() -> Bits {
    let mut bits = Bits::default();
    // Constrained baseline of level 3.1.
    bits.put(0x42_E0_1F, 24);
    bits.number(0);
    bits.number(NUMBER_BITS - 4);
    // Pictures are shown in the order in which they come.
    bits.number(2);
    // Drawn on one other.
    bits.number(1);
    bits.put(0, 1);
    bits.number(WIDTH - 1);
    bits.number(HEIGHT - 1);
    // Whole frames, predicted in blocks of 8 x 8, nothing cut off, no more to say.
    bits.put(0b1100, 4);
    bits
}

fn parameters() -> Bits {
    let mut bits = Bits::default();
    bits.number(0);
    bits.number(0);
    // No arithmetic coding, no field order.
    bits.put(0, 2);
    bits.number(0);
    bits.number(0);
    bits.number(0);
    // No weights.
    bits.put(0, 3);
    bits.number(0);
    bits.number(0);
    bits.number(0);
    // Slices say how they are deblocked.
    bits.put(0b100, 3);
    bits
}

/// A key frame whose samples are all said.
fn even(grey: u8, key: u32) -> Bits {
    let mut bits = Bits::default();
    bits.number(0);
    bits.number(7);
    bits.number(0);
    bits.put(0, NUMBER_BITS);
    bits.number(key);
    bits.put(0, 2);
    bits.number(0);
    bits.number(1);
    // Video has 16 for black and 235 for white.
    let luma = 16 + (u32::from(grey) * 219 + 127) / 255;
    for _ in 0..WIDTH * HEIGHT {
        bits.number(25);
        bits.align();
        (0..256).for_each(|_| bits.put(luma, 8));
        (0..128).for_each(|_| bits.put(128, 8));
    }
    bits
}

/// A picture in which every macroblock is as before.
fn unchanged(number: u32) -> Bits {
    let mut bits = Bits::default();
    bits.number(0);
    bits.number(5);
    bits.number(0);
    bits.put(number, NUMBER_BITS);
    // Drawn on the latest, as always.
    bits.put(0, 3);
    bits.number(0);
    bits.number(1);
    bits.number(WIDTH * HEIGHT);
    bits
}

/// A unit in Annex B, in which nothing looks like a start code.
fn unit(head: u8, bits: Bits) -> Vec<u8> {
    let mut unit = CODE.to_vec();
    unit.push(head);
    let mut zeros = 0;
    for byte in bits.ended() {
        if zeros >= 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        unit.push(byte);
    }
    unit
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits that are not yet in a byte.
    left: u32,
    count: u32,
}

impl Bits {
    /// The lowest bits of a value, the highest of them first.
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.left = self.left << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.left as u8);
                (self.left, self.count) = (0, 0);
            }
        }
    }

    /// Exp-Golomb: as many zeros as there are bits behind the first.
    fn number(&mut self, value: u32) {
        let bits = 32 - (value + 1).leading_zeros();
        self.put(0, bits - 1);
        self.put(value + 1, bits);
    }

    fn align(&mut self) {
        while self.count != 0 {
            self.put(0, 1);
        }
    }

    fn ended(mut self) -> Vec<u8> {
        self.put(1, 1);
        self.align();
        self.bytes
    }
}
