//! Base64 from a text or a file into a file, a piece at a time.

use std::io::{self, BufReader, Read, Write};

use ::base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// With padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Characters that are decoded at once; a multiple of four.
const PIECE: usize = 32 << 10;

/// Why nothing came of it.
#[derive(Debug)]
pub(crate) enum Failed {
    NotBase64,
    TooLarge,
    Write,
}

/// Decodes all that is read, white space left out, and returns how many bytes were written: at most `limit`.
pub(crate) fn decode(text: impl Read, mut into: impl Write, limit: u64) -> Result<u64, Failed> {
    let mut text = BufReader::with_capacity(PIECE, text);
    let mut held = Vec::with_capacity(2 * PIECE);
    let mut bytes = Vec::with_capacity(PIECE);
    let mut written = 0;
    loop {
        let more = fill(&mut text, &mut held).map_err(|_| Failed::Write)?;
        // Four characters belong together; padding may only stand in the last four.
        let whole = if more { held.len() / 4 * 4 } else { held.len() };
        bytes.clear();
        LENIENT.decode_vec(&held[..whole], &mut bytes).map_err(|_| Failed::NotBase64)?;
        if more && held[..whole].contains(&b'=') {
            // More may be white space alone.
            if held.len() > whole {
                return Err(Failed::NotBase64);
            }
        }
        let padded = held[..whole].ends_with(b"=");
        held.drain(..whole);
        written += bytes.len() as u64;
        if written > limit {
            return Err(Failed::TooLarge);
        }
        into.write_all(&bytes).map_err(|_| Failed::Write)?;
        if !more {
            return Ok(written);
        }
        if padded {
            // Nothing may follow the end.
            let mut rest = Vec::new();
            while fill(&mut text, &mut rest).map_err(|_| Failed::Write)? {}
            return if rest.is_empty() { Ok(written) } else { Err(Failed::NotBase64) };
        }
    }
}

/// Adds the next characters. False at the end.
fn fill(text: &mut impl Read, held: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 4 << 10];
    while held.len() < PIECE {
        let read = text.read(&mut piece)?;
        if read == 0 {
            return Ok(false);
        }
        held.extend(piece[..read].iter().filter(|byte| !byte.is_ascii_whitespace()));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use ::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    use super::*;

    fn decoded(text: &str) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        let written = decode(text.as_bytes(), &mut bytes, 1_000_000)?;
        assert_eq!(written, bytes.len() as u64);
        Ok(bytes)
    }

    #[test]
    fn files_of_any_length_come_back() {
        for length in [0, 1, 2, 3, 100, PIECE - 1, PIECE, 3 * PIECE / 4, 200_001] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(decoded(&STANDARD.encode(&bytes)).unwrap(), bytes, "{length}");
            assert_eq!(decoded(&STANDARD_NO_PAD.encode(&bytes)).unwrap(), bytes, "{length}");
            let lines: Vec<u8> = STANDARD.encode(&bytes).into_bytes().chunks(76).collect::<Vec<_>>().join(&b"\r\n"[..]);
            assert_eq!(decoded(&String::from_utf8(lines).unwrap()).unwrap(), bytes, "{length}");
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        let long = format!("{}===={}", "A".repeat(100_000), "A".repeat(100_000));
        for text in ["A", "A?AA", "AA-_", "AAA=AAAA", "ä", &long] {
            assert!(matches!(decoded(text), Err(Failed::NotBase64)), "{text:.9}");
        }
        assert!(matches!(decode(&b"AAAA"[..], Vec::new(), 2), Err(Failed::TooLarge)));
    }
}
