//! The type of a file by its first bytes. Names and declared types are the sender's word, and are not looked at.

/// As many first bytes of a file as [`sniff`] ever looks at. Fewer will do for all but ZIP-based types.
pub const SNIFF_BYTES: usize = 64 * 1024;

/// What a file is, as far as WhatsApp or a conversion tells files apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Jpeg,
    Png,
    Gif,
    WebP,
    AnimatedWebP,
    Heic,
    Avif,
    Mp4,
    ThreeGp,
    Mov,
    WebM,
    Mkv,
    Avi,
    OggOpus,
    OggVorbis,
    /// Ogg with something else in it.
    Ogg,
    Mp3,
    M4a,
    Aac,
    Amr,
    AmrWideband,
    Wav,
    Flac,
    Pdf,
    Docx,
    Xlsx,
    Pptx,
    Odt,
    Ods,
    Odp,
    Epub,
    Zip,
    /// Word, Excel and PowerPoint before 2007, and other compound files: which of them is not in the first bytes.
    Compound,
    Rtf,
}

/// What WhatsApp would show a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    Image,
    Video,
    Audio,
    Document,
}

impl Kind {
    /// The MIME type, without parameters.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP | Self::AnimatedWebP => "image/webp",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
            Self::Mp4 => "video/mp4",
            Self::ThreeGp => "video/3gpp",
            Self::Mov => "video/quicktime",
            Self::WebM => "video/webm",
            Self::Mkv => "video/x-matroska",
            Self::Avi => "video/x-msvideo",
            Self::OggOpus | Self::OggVorbis | Self::Ogg => "audio/ogg",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Aac => "audio/aac",
            Self::Amr => "audio/amr",
            Self::AmrWideband => "audio/amr-wb",
            Self::Wav => "audio/wav",
            Self::Flac => "audio/flac",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Odp => "application/vnd.oasis.opendocument.presentation",
            Self::Epub => "application/epub+zip",
            Self::Zip => "application/zip",
            Self::Compound => "application/x-ole-storage",
            Self::Rtf => "application/rtf",
        }
    }

    pub const fn family(self) -> Family {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::WebP | Self::AnimatedWebP | Self::Heic | Self::Avif => {
                Family::Image
            }
            Self::Mp4 | Self::ThreeGp | Self::Mov | Self::WebM | Self::Mkv | Self::Avi => Family::Video,
            Self::OggOpus | Self::OggVorbis | Self::Ogg => Family::Audio,
            Self::Mp3 | Self::M4a | Self::Aac | Self::Amr | Self::AmrWideband | Self::Wav | Self::Flac => Family::Audio,
            Self::Pdf | Self::Docx | Self::Xlsx | Self::Pptx | Self::Odt | Self::Ods | Self::Odp => Family::Document,
            Self::Epub | Self::Zip | Self::Compound | Self::Rtf => Family::Document,
        }
    }
}

/// The type of the file that begins with `bytes`, or `None` if it is none of [`Kind`]'s.
pub fn sniff(bytes: &[u8]) -> Option<Kind> {
    let bytes = &bytes[..bytes.len().min(SNIFF_BYTES)];
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\xff\xd8\xff") {
        return Some(Kind::Jpeg);
    }
    if starts(b"\x89PNG\r\n\x1a\n") {
        return Some(Kind::Png);
    }
    if starts(b"GIF87a") || starts(b"GIF89a") {
        return Some(Kind::Gif);
    }
    if starts(b"RIFF") {
        return riff(bytes);
    }
    if starts(b"OggS") {
        return Some(ogg(bytes));
    }
    if starts(b"\x1a\x45\xdf\xa3") {
        return Some(if contains(&bytes[..bytes.len().min(64)], b"webm") { Kind::WebM } else { Kind::Mkv });
    }
    if starts(b"fLaC") {
        return Some(Kind::Flac);
    }
    if starts(b"#!AMR-WB\n") {
        return Some(Kind::AmrWideband);
    }
    if starts(b"#!AMR\n") {
        return Some(Kind::Amr);
    }
    if starts(b"PK\x03\x04") {
        return Some(zip(bytes));
    }
    if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(Kind::Compound);
    }
    if starts(b"{\\rtf") {
        return Some(Kind::Rtf);
    }
    if let Some(kind) = iso_media(bytes) {
        return Some(kind);
    }
    if starts(b"ID3") {
        return Some(after_id3(bytes));
    }
    if let Some(kind) = mpeg_frames(bytes) {
        return Some(kind);
    }
    // Readers accept a PDF whose header is a little late.
    contains(&bytes[..bytes.len().min(1024)], b"%PDF-").then_some(Kind::Pdf)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn riff(bytes: &[u8]) -> Option<Kind> {
    const ANIMATION: u8 = 0x02;
    match bytes.get(8..12)? {
        b"WEBP" => {
            let animated =
                bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & ANIMATION != 0);
            Some(if animated { Kind::AnimatedWebP } else { Kind::WebP })
        }
        b"WAVE" => Some(Kind::Wav),
        b"AVI " => Some(Kind::Avi),
        _ => None,
    }
}

fn ogg(bytes: &[u8]) -> Kind {
    // The first packet follows the page's table of segments.
    let first = bytes.get(26).and_then(|&segments| bytes.get(27 + usize::from(segments)..)).unwrap_or_default();
    if first.starts_with(b"OpusHead") {
        Kind::OggOpus
    } else if first.starts_with(b"\x01vorbis") {
        Kind::OggVorbis
    } else {
        Kind::Ogg
    }
}

fn iso_media(bytes: &[u8]) -> Option<Kind> {
    match bytes.get(4..8)? {
        b"ftyp" => Some(match bytes.get(8..12)? {
            b"qt  " => Kind::Mov,
            b"M4A " | b"M4B " => Kind::M4a,
            b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" => Kind::Heic,
            b"avif" | b"avis" => Kind::Avif,
            brand if brand.starts_with(b"3gp") || brand.starts_with(b"3g2") => Kind::ThreeGp,
            _ => Kind::Mp4,
        }),
        // QuickTime files from before the brand.
        b"moov" | b"mdat" | b"wide" => Some(Kind::Mov),
        _ => None,
    }
}

fn zip(bytes: &[u8]) -> Kind {
    // OpenDocument and EPUB name their type in a first entry that is stored as it is.
    if bytes.get(30..38) == Some(b"mimetype") {
        let rest = bytes.get(38..).unwrap_or_default();
        let named = |kind: Kind| rest.starts_with(kind.mime().as_bytes());
        return [Kind::Odt, Kind::Ods, Kind::Odp, Kind::Epub]
            .into_iter()
            .find(|&kind| named(kind))
            .unwrap_or(Kind::Zip);
    }
    // Office's types differ in the folder that their parts are in.
    if !contains(bytes, b"[Content_Types].xml") && !contains(bytes, b"_rels/") {
        return Kind::Zip;
    }
    for entry in bytes.windows(35).filter(|window| window.starts_with(b"PK\x03\x04")) {
        match &entry[30..] {
            name if name.starts_with(b"word/") => return Kind::Docx,
            name if name.starts_with(b"xl/") => return Kind::Xlsx,
            name if name.starts_with(b"ppt/") => return Kind::Pptx,
            _ => {}
        }
    }
    Kind::Zip
}

/// An ID3 tag is put before MP3, and by some before other audio.
fn after_id3(bytes: &[u8]) -> Kind {
    let size = match bytes.get(6..10) {
        Some(size) => size.iter().fold(0usize, |size, &part| size << 7 | usize::from(part & 0x7f)),
        None => return Kind::Mp3,
    };
    match bytes.get(10 + size..) {
        Some(rest) if rest.starts_with(b"fLaC") => Kind::Flac,
        Some(rest) => mpeg_frames(rest).unwrap_or(Kind::Mp3),
        None => Kind::Mp3,
    }
}

/// MP3 or AAC (ADTS) frames have no magic but 11 or 12 set bits: the next frame must be where the first says that it is,
/// if that is within `bytes`.
fn mpeg_frames(bytes: &[u8]) -> Option<Kind> {
    let (kind, length) = mpeg_frame(bytes)?;
    match bytes.get(length..) {
        Some(next) if next.len() >= 7 => (mpeg_frame(next)?.0 == kind).then_some(kind),
        _ => Some(kind),
    }
}

/// The kind and length in bytes of the frame at the start of `bytes`.
fn mpeg_frame(bytes: &[u8]) -> Option<(Kind, usize)> {
    let &[0xff, b1, b2, b3, b4, b5, _, ..] = bytes else { return None };
    let layer = b1 >> 1 & 3;
    if b1 & 0xf0 == 0xf0 && layer == 0 {
        let length = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5);
        return (b2 >> 2 & 15 < 13 && length >= 7).then_some((Kind::Aac, length));
    }
    if b1 & 0xe0 != 0xe0 || layer != 1 {
        return None;
    }
    const MPEG1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const MPEG2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let rate = *[44_100, 48_000, 32_000].get(usize::from(b2 >> 2 & 3))?;
    let index = usize::from(b2 >> 4);
    let (kbits, rate, factor) = match b1 >> 3 & 3 {
        3 => (*MPEG1.get(index)?, rate, 144_000),
        2 => (*MPEG2.get(index)?, rate / 2, 72_000),
        0 => (*MPEG2.get(index)?, rate / 4, 72_000),
        _ => return None,
    };
    let length = kbits * factor / rate + usize::from(b2 >> 1 & 1);
    (kbits > 0).then_some((Kind::Mp3, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_beginnings() {
        let page = |first: &[u8]| [b"OggS".as_slice(), &[0; 22], &[1, 19], first].concat();
        let entry = |name: &str| [b"PK\x03\x04".as_slice(), &[0; 26], name.as_bytes()].concat();
        let office = |name: &str| [entry("[Content_Types].xml"), entry(name)].concat();
        let adts = [0xff, 0xf1, 0x50, 0x80, 0x01, 0x1f, 0xfc, 0x00].repeat(2);
        for (bytes, kind) in [
            (b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec(), Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), Kind::Png),
            (b"GIF89a\x01\0\x01\0".to_vec(), Kind::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8L\0\0\0\0\0".to_vec(), Kind::WebP),
            (b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x12".to_vec(), Kind::AnimatedWebP),
            (b"RIFF\x10\0\0\0WAVEfmt ".to_vec(), Kind::Wav),
            (b"\0\0\0\x18ftypisom\0\0\x02\0".to_vec(), Kind::Mp4),
            (b"\0\0\0\x18ftyp3gp4\0\0\x02\0".to_vec(), Kind::ThreeGp),
            (b"\0\0\0\x18ftypqt  \0\0\x02\0".to_vec(), Kind::Mov),
            (b"\0\0\0\x18ftypM4A \0\0\x02\0".to_vec(), Kind::M4a),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm".to_vec(), Kind::WebM),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska".to_vec(), Kind::Mkv),
            (page(b"OpusHead"), Kind::OggOpus),
            (page(b"\x01vorbis"), Kind::OggVorbis),
            (page(b"\x80theora"), Kind::Ogg),
            (b"ID3\x04\0\0\0\0\0\x0a".to_vec(), Kind::Mp3),
            (b"ID3\x04\0\0\0\0\0\0fLaC".to_vec(), Kind::Flac),
            (b"\xff\xfb\x90\x64\0\0\0\0".to_vec(), Kind::Mp3),
            (adts, Kind::Aac),
            (b"#!AMR\n\x3c".to_vec(), Kind::Amr),
            (b"fLaC\0\0\0\x22".to_vec(), Kind::Flac),
            (b"%PDF-1.7\n".to_vec(), Kind::Pdf),
            (b"\r\n%PDF-1.4\n".to_vec(), Kind::Pdf),
            (office("word/document.xml"), Kind::Docx),
            (office("xl/workbook.xml"), Kind::Xlsx),
            (office("ppt/presentation.xml"), Kind::Pptx),
            (entry("mimetypeapplication/vnd.oasis.opendocument.text"), Kind::Odt),
            (entry("mimetypeapplication/epub+zip"), Kind::Epub),
            (entry("photos/one.jpg"), Kind::Zip),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), Kind::Compound),
        ] {
            assert_eq!(sniff(&bytes), Some(kind), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn unknown_beginnings() {
        for bytes in [b"".as_slice(), b"hello", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"RIFF", b"<svg>", b"BM\0\0"] {
            assert_eq!(sniff(bytes), None, "{}", bytes.escape_ascii());
        }
        // Sync bits alone are not MP3: the second frame is not where it would be.
        let mut noise = vec![0x11; 2000];
        noise[..4].copy_from_slice(b"\xff\xfb\x90\x64");
        assert_eq!(sniff(&noise), None);
    }
}
