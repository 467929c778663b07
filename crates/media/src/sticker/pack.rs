use serde::Serialize;

use crate::Error;

/// What the EXIF chunk may take of a sticker's size.
const MAX_EXIF_BYTES: usize = 8 * 1024;

/// The pack that a sticker says it is from. Clients show name and publisher when the sticker is tapped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pack {
    #[serde(rename = "sticker-pack-id")]
    pub id: String,
    #[serde(rename = "sticker-pack-name")]
    pub name: String,
    #[serde(rename = "sticker-pack-publisher")]
    pub publisher: String,
    /// By which the sticker is found.
    pub emojis: Vec<String>,
}

impl Pack {
    /// A TIFF header and one directory with one entry, whose value is JSON: what WhatsApp's clients read. The offset of
    /// a next directory, which TIFF wants after the entry, is not there, as in their own files.
    pub(super) fn exif(&self) -> Result<Vec<u8>, Error> {
        const TAG: u16 = 0x5741;
        const UNDEFINED: u16 = 7;
        const DIRECTORY_AT: u32 = 8;
        const VALUE_AT: u32 = DIRECTORY_AT + 2 + 12;
        let json = serde_json::to_vec(self).expect("strings under fixed keys are always JSON");
        let length = match u32::try_from(json.len()) {
            Ok(length) if json.len() <= MAX_EXIF_BYTES - VALUE_AT as usize => length,
            _ => return Err(Error::PackTooLarge { limit: MAX_EXIF_BYTES }),
        };
        let mut exif = Vec::with_capacity(VALUE_AT as usize + json.len());
        exif.extend_from_slice(b"II\x2a\0");
        exif.extend_from_slice(&DIRECTORY_AT.to_le_bytes());
        exif.extend_from_slice(&1u16.to_le_bytes());
        exif.extend_from_slice(&TAG.to_le_bytes());
        exif.extend_from_slice(&UNDEFINED.to_le_bytes());
        exif.extend_from_slice(&length.to_le_bytes());
        exif.extend_from_slice(&VALUE_AT.to_le_bytes());
        exif.extend_from_slice(&json);
        Ok(exif)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_points_at_the_json() {
        let pack = Pack { id: "p1".into(), name: "Näme".into(), publisher: "Me".into(), emojis: vec!["😀".into()] };
        let exif = pack.exif().unwrap();
        let word = |at: usize| u32::from_le_bytes(exif[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(&exif[10..14], b"AW\x07\0");
        let json: serde_json::Value = serde_json::from_slice(&exif[word(18)..][..word(14)]).unwrap();
        assert_eq!(json["sticker-pack-name"], "Näme");
        assert_eq!(json["sticker-pack-id"], "p1");
        assert_eq!(json["sticker-pack-publisher"], "Me");
        assert_eq!(json["emojis"][0], "😀");
        assert_eq!(word(18) + word(14), exif.len());
    }

    #[test]
    fn metadata_has_a_bound() {
        let pack = Pack { name: "x".repeat(10_000), ..Pack::default() };
        assert!(matches!(pack.exif(), Err(Error::PackTooLarge { .. })));
    }
}
