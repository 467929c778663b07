//! The boxes that MP4, MOV and 3GP consist of. Each says its length, so what is of no concern is never read.

use std::io::{Read, Seek, SeekFrom};

use crate::Error;

/// More boxes are not looked at: four hours in fragments of a second have fewer.
const MAX_BOXES: u32 = 200_000;

/// Enough for every field that is read at a fixed place.
const HEAD_BYTES: u64 = 128;

pub(super) struct Boxes<R> {
    source: R,
    length: u64,
    left: u32,
}

/// From where to where in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    at: u64,
    end: u64,
}

impl Extent {
    pub(super) fn skip(self, bytes: u64) -> Self {
        Self { at: self.at.saturating_add(bytes).min(self.end), end: self.end }
    }
}

pub(super) struct Found {
    pub(super) kind: [u8; 4],
    pub(super) content: Extent,
}

impl<R: Read + Seek> Boxes<R> {
    pub(super) fn new(mut source: R) -> Result<Self, Error> {
        let length = source.seek(SeekFrom::End(0))?;
        Ok(Self { source, length, left: MAX_BOXES })
    }

    pub(super) fn all(&self) -> Extent {
        Extent { at: 0, end: self.length }
    }

    /// The first box in `extent`, which is left with those after it. A box that says that it is longer than what it is in
    /// ends there: so a file that breaks off shows what it has.
    pub(super) fn next(&mut self, extent: &mut Extent) -> Result<Option<Found>, Error> {
        let Extent { at, end } = *extent;
        if end.saturating_sub(at) < 8 || self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut header = [0; 8];
        self.read(at, &mut header)?;
        let [s0, s1, s2, s3, kind @ ..] = header;
        let (size, content) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => (end - at, at + 8),
            1 if end - at >= 16 => {
                let mut size = [0; 8];
                self.read(at + 8, &mut size)?;
                (u64::from_be_bytes(size), at + 16)
            }
            size => (size.into(), at + 8),
        };
        if size < content - at {
            return Ok(None);
        }
        let end_of_box = at.saturating_add(size).min(end);
        extent.at = end_of_box;
        Ok(Some(Found { kind, content: Extent { at: content, end: end_of_box } }))
    }

    /// The content of the box at the end of a path of kinds.
    pub(super) fn descend(&mut self, mut extent: Extent, path: &[[u8; 4]]) -> Result<Option<Extent>, Error> {
        for kind in path {
            extent = loop {
                match self.next(&mut extent)? {
                    // In MP4, not in MOV, this one has a version before its boxes.
                    Some(found) if found.kind == *kind && kind == b"meta" => {
                        break match self.head(found.content)?.get(4..8) {
                            Some(b"hdlr") => found.content,
                            _ => found.content.skip(4),
                        };
                    }
                    Some(found) if found.kind == *kind => break found.content,
                    Some(_) => {}
                    None => return Ok(None),
                }
            };
        }
        Ok(Some(extent))
    }

    /// The first bytes, of which there may be few.
    pub(super) fn head(&mut self, extent: Extent) -> Result<Vec<u8>, Error> {
        let mut head = vec![0; (extent.end - extent.at).min(HEAD_BYTES) as usize];
        self.read(extent.at, &mut head)?;
        Ok(head)
    }

    /// All bytes, if they are at most `limit`.
    pub(super) fn bytes(&mut self, extent: Extent, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let length = extent.end - extent.at;
        if length > limit {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.read(extent.at, &mut bytes)?;
        Ok(Some(bytes))
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.source.seek(SeekFrom::Start(at))?;
        Ok(self.source.read_exact(bytes)?)
    }
}

/// The 32-bit number at a place.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
