//! How large a picture is, from its first bytes.

/// Width and height in pixels of a PNG, GIF, JPEG or WebP. `None`: it is none of them, or cut off before it says.
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let little16 = |at: usize| Some(u32::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
    let little24 = |at: usize| Some(little16(at)? | u32::from(*bytes.get(at + 2)?) << 16);
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((big(16)?, big(20)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((little16(6)?, little16(8)?));
    }
    if bytes.starts_with(b"\xff\xd8") {
        return jpeg(bytes);
    }
    if !(bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")) {
        return None;
    }
    match bytes.get(12..16)? {
        // Lossy: behind the frame's tag and start code, 14 bits each.
        b"VP8 " => Some((little16(26)? & 0x3FFF, little16(28)? & 0x3FFF)),
        // Lossless: two numbers of 14 bits behind a signature, each one less than it means.
        b"VP8L" => {
            let both = little16(21)? | little16(23)? << 16;
            Some(((both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => Some((little24(24)? + 1, little24(27)? + 1)),
        _ => None,
    }
}

/// A JPEG is a row of segments; the size is in the one that begins a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Padding, and segments without a length.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            // Every start of a frame; the three between them are tables.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((u32::from(big(at + 7)?), u32::from(big(at + 5)?)));
            }
            _ => at += 2 + usize::from(big(at + 2)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_how_large_it_is() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
        let gif = b"GIF89a\x80\x02\xe0\x01";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03x\xff\xc2\0\x0b\x08\x01\xe0\x02\x80";
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01";
        let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\x00";
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0";
        for (kind, bytes) in [
            ("png", &png[..]),
            ("gif", gif),
            ("jpeg", jpeg),
            ("lossy", lossy),
            ("lossless", lossless),
            ("extended", extended),
        ] {
            assert_eq!(size(bytes), Some((640, 480)), "{kind}");
            for cut in 0..bytes.len() - 1 {
                // Whatever is missing, it does not guess.
                let _ = size(&bytes[..cut]);
            }
        }
        assert_eq!(size(b"%PDF-1.7"), None);
        assert_eq!(size(b"\xff\xd8\xff\xe0\xff\xff"), None);
    }
}
