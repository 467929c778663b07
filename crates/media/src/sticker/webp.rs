//! WebP's container: a RIFF file of chunks. Pixels are not looked at.

pub(super) const ANIMATION: u8 = 0x02;
pub(super) const EXIF: u8 = 0x08;
pub(super) const ALPHA: u8 = 0x10;

/// A chunk's name and its data without padding.
pub(super) type Chunk<'a> = ([u8; 4], &'a [u8]);

pub(super) struct Container<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) animated: bool,
    /// The extended header's flags, or what they would be.
    flags: u8,
    /// All chunks but the extended header.
    pub(super) chunks: Vec<Chunk<'a>>,
}

impl<'a> Container<'a> {
    /// `None` if it is not a whole WebP. There are at most as many chunks as the file has 8 bytes.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let size = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
        if !bytes.starts_with(b"RIFF") || bytes.get(8..12)? != b"WEBP" {
            return None;
        }
        let mut rest = bytes.get(12..size.checked_add(8)?)?;
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let (header, after) = rest.split_at_checked(8)?;
            let name = header[..4].try_into().ok()?;
            let length = u32::from_le_bytes(header[4..].try_into().ok()?) as usize;
            let (data, after) = after.split_at_checked(length)?;
            chunks.push((name, data));
            // Some writers leave out the last chunk's padding.
            rest = after.get(length % 2..).unwrap_or_default();
        }
        let (width, height, flags) = header(chunks.first()?)?;
        if chunks[0].0 == *b"VP8X" {
            chunks.remove(0);
        }
        Some(Self { width, height, animated: flags & ANIMATION != 0, flags, chunks })
    }
}

/// Width, height and flags, from the chunk that every WebP begins with.
fn header((name, data): &Chunk) -> Option<(u32, u32, u8)> {
    match name {
        b"VP8X" => {
            let side =
                |at: usize| Some(u32::from_le_bytes([*data.get(at)?, *data.get(at + 1)?, *data.get(at + 2)?, 0]) + 1);
            Some((side(4)?, side(7)?, data[0]))
        }
        b"VP8 " => {
            let &[w0, w1, h0, h1] = data.get(6..10)? else { return None };
            let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
            (data[3..6] == [0x9d, 0x01, 0x2a]).then(|| (side(w0, w1), side(h0, h1), 0))
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            let flags = if bits >> 28 & 1 == 1 { ALPHA } else { 0 };
            (data[0] == 0x2f).then_some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, flags))
        }
        _ => None,
    }
}

/// A WebP of these chunks, which are in the order that the format wants, after an extended header.
pub(super) fn write(width: u32, height: u32, flags: u8, chunks: &[Chunk]) -> Vec<u8> {
    let mut header = [0; 10];
    header[0] = flags;
    header[4..7].copy_from_slice(&(width - 1).to_le_bytes()[..3]);
    header[7..10].copy_from_slice(&(height - 1).to_le_bytes()[..3]);
    let mut webp = b"RIFF\0\0\0\0WEBP".to_vec();
    push(&mut webp, (*b"VP8X", &header));
    chunks.iter().for_each(|&chunk| push(&mut webp, chunk));
    let size = u32::try_from(webp.len() - 8).expect("made from a file or an animation of far less than 4 GiB");
    webp[4..8].copy_from_slice(&size.to_le_bytes());
    webp
}

pub(super) fn push(to: &mut Vec<u8>, (name, data): Chunk) {
    to.extend_from_slice(&name);
    to.extend_from_slice(&(data.len() as u32).to_le_bytes());
    to.extend_from_slice(data);
    if data.len() % 2 == 1 {
        to.push(0);
    }
}

/// What [`with_exif`] adds at most: the chunk, and the extended header.
pub(super) fn exif_cost(exif: &[u8]) -> usize {
    8 + exif.len() + exif.len() % 2 + 18
}

/// The same WebP with this EXIF chunk and no other.
pub(super) fn with_exif(webp: &[u8], exif: &[u8]) -> Option<Vec<u8>> {
    let Container { width, height, flags, mut chunks, .. } = Container::read(webp)?;
    if width == 0 || height == 0 {
        return None;
    }
    chunks.retain(|(name, _)| name != b"EXIF");
    // After the image, and before XMP, which some files end with.
    let at = chunks.iter().position(|(name, _)| name == b"XMP ").unwrap_or(chunks.len());
    chunks.insert(at, (*b"EXIF", exif));
    Some(write(width, height, flags | EXIF, &chunks))
}
