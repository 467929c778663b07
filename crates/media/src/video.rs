//! Size, length and sound of videos, from the boxes of MP4, MOV and 3GP. Nothing is decoded, so the only thumbnail is of
//! a cover that the file brings along: no decoder of H.264 is kept up in Rust alone.

mod boxes;
mod track;

use std::io::{Cursor, Read, Seek};
use std::time::Duration;

use crate::{Error, Picture};
use boxes::{Boxes, Extent};
use track::Track;

/// A larger cover is left out.
const MAX_COVER_BYTES: u64 = 8 * 1024 * 1024;

/// A video as its container describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// In pixels, as shown: turned if the file says so.
    pub width: u32,
    pub height: u32,
    /// Zero if the file does not say, as live recordings may.
    pub duration: Duration,
    pub has_audio: bool,
    /// Of the cover image in the file's metadata, if it has one.
    pub jpeg_thumbnail: Option<Vec<u8>>,
}

impl Video {
    /// Reads an MP4, MOV or 3GP, fragmented or not. The thumbnail's longest side is at most `side`.
    pub fn read(source: impl Read + Seek, side: u32) -> Result<Self, Error> {
        let mut boxes = Boxes::new(source)?;
        let mut movie = Movie::default();
        let mut seen = false;
        let mut top = boxes.all();
        while let Some(found) = boxes.next(&mut top)? {
            match &found.kind {
                b"moov" => movie.read(&mut boxes, found.content)?,
                b"moof" => movie.fragment(&mut boxes, found.content)?,
                b"ftyp" | b"mdat" | b"wide" | b"free" | b"skip" | b"sidx" | b"styp" | b"uuid" | b"pnot" => {}
                // Whatever follows the boxes of a file that begins well is of no concern.
                _ if seen => continue,
                _ => return Err(Error::NotAVideo),
            }
            seen = true;
        }
        let video = movie.tracks.iter().filter(|track| track.handler == *b"vide").max_by_key(|track| track.area());
        let Some(video) = video else {
            // Of a file that has tracks, none is a video's. One that has none has lost them.
            return Err(if seen && movie.tracks.is_empty() { Error::Damaged } else { Error::NotAVideo });
        };
        Ok(Self {
            width: video.width,
            height: video.height,
            duration: movie.tracks.iter().map(Track::fragments).fold(movie.duration, Duration::max),
            has_audio: movie.tracks.iter().any(|track| track.handler == *b"soun"),
            jpeg_thumbnail: movie
                .cover
                .and_then(|cover| Picture::read(Cursor::new(cover), side).ok()?.jpeg_thumbnail.ok()),
        })
    }
}

#[derive(Default)]
struct Movie {
    duration: Duration,
    timescale: u32,
    tracks: Vec<Track>,
    cover: Option<Vec<u8>>,
}

/// Of so many ticks, of which a second has `timescale`.
fn duration(ticks: u64, timescale: u32) -> Duration {
    if timescale == 0 {
        return Duration::ZERO;
    }
    let timescale = u64::from(timescale);
    Duration::new(ticks / timescale, ((ticks % timescale) * 1_000_000_000 / timescale) as u32)
}

/// Timescale and duration at the beginning of `mvhd` and `mdhd`. All bits set stands for an unknown duration.
fn header_times(head: &[u8]) -> Option<(u32, u64)> {
    if head.first()? == &1 {
        let ticks = u64::from_be_bytes(head.get(24..32)?.try_into().ok()?);
        return Some((boxes::number(head, 20)?, if ticks == u64::MAX { 0 } else { ticks }));
    }
    let ticks = boxes::number(head, 16)?;
    Some((boxes::number(head, 12)?, if ticks == u32::MAX { 0 } else { ticks.into() }))
}

impl Movie {
    /// More tracks are not told apart: what counts is the largest image, and whether there is sound.
    const MAX_TRACKS: usize = 32;

    fn read<R: Read + Seek>(&mut self, boxes: &mut Boxes<R>, mut movie: Extent) -> Result<(), Error> {
        while let Some(found) = boxes.next(&mut movie)? {
            match &found.kind {
                b"mvhd" => {
                    if let Some((timescale, ticks)) = header_times(&boxes.head(found.content)?) {
                        self.timescale = timescale;
                        self.duration = duration(ticks, timescale);
                    }
                }
                b"trak" if self.tracks.len() < Self::MAX_TRACKS => {
                    self.tracks.push(Track::read(boxes, found.content)?);
                }
                b"mvex" => self.extends(boxes, found.content)?,
                b"udta" => {
                    if let Some(data) = boxes.descend(found.content, &[*b"meta", *b"ilst", *b"covr", *b"data"])? {
                        // The type and the language are before the image.
                        let image = data.skip(8);
                        self.cover = boxes.bytes(image, MAX_COVER_BYTES)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What fragments have in common.
    fn extends<R: Read + Seek>(&mut self, boxes: &mut Boxes<R>, mut extends: Extent) -> Result<(), Error> {
        while let Some(found) = boxes.next(&mut extends)? {
            let head = boxes.head(found.content)?;
            match &found.kind {
                b"mehd" => {
                    let ticks = match head.first() {
                        Some(1) => head.get(4..12).and_then(|ticks| ticks.try_into().ok()).map(u64::from_be_bytes),
                        _ => boxes::number(&head, 4).map(u64::from),
                    };
                    self.duration = self.duration.max(duration(ticks.unwrap_or(0), self.timescale));
                }
                b"trex" => {
                    if let (Some(id), Some(ticks)) = (boxes::number(&head, 4), boxes::number(&head, 12))
                        && let Some(track) = self.tracks.iter_mut().find(|track| track.id == id)
                    {
                        track.sample_ticks = ticks;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fragment<R: Read + Seek>(&mut self, boxes: &mut Boxes<R>, mut fragment: Extent) -> Result<(), Error> {
        while let Some(found) = boxes.next(&mut fragment)? {
            if found.kind == *b"traf" {
                Track::fragment(&mut self.tracks, boxes, found.content)?;
            }
        }
        Ok(())
    }
}
