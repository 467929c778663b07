use std::io::{Read, Seek};
use std::time::Duration;

use super::boxes::{Boxes, Extent, number};
use super::{duration, header_times};
use crate::Error;

/// A fragment's table of samples is read whole; one that is longer counts as if all its samples lasted as the track's
/// do by default.
const MAX_RUN_BYTES: u64 = 1024 * 1024;

#[derive(Default)]
pub(super) struct Track {
    pub(super) id: u32,
    /// `vide`, `soun` or another.
    pub(super) handler: [u8; 4],
    /// As shown.
    pub(super) width: u32,
    pub(super) height: u32,
    timescale: u32,
    /// How long a sample of a fragment lasts that does not say.
    pub(super) sample_ticks: u32,
    /// Of all fragments together.
    fragment_ticks: u64,
}

impl Track {
    pub(super) fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(super) fn fragments(&self) -> Duration {
        duration(self.fragment_ticks, self.timescale)
    }

    pub(super) fn read<R: Read + Seek>(boxes: &mut Boxes<R>, mut track: Extent) -> Result<Self, Error> {
        let mut this = Self::default();
        let mut turned = false;
        while let Some(found) = boxes.next(&mut track)? {
            match &found.kind {
                b"tkhd" => {
                    let head = boxes.head(found.content)?;
                    // Version 1 has three times in 64 bits.
                    let wider = if head.first() == Some(&1) { 12 } else { 0 };
                    this.id = number(&head, 12 + wider * 2 / 3).unwrap_or(0);
                    let matrix = |place: usize| number(&head, 40 + wider + 4 * place).unwrap_or(0);
                    turned = matrix(0) == 0 && matrix(4) == 0 && matrix(1) != 0 && matrix(3) != 0;
                    // Fixed point, of which the fraction does not matter.
                    this.width = number(&head, 76 + wider).unwrap_or(0) >> 16;
                    this.height = number(&head, 80 + wider).unwrap_or(0) >> 16;
                }
                b"mdia" => this.media(boxes, found.content)?,
                _ => {}
            }
        }
        if turned {
            (this.width, this.height) = (this.height, this.width);
        }
        Ok(this)
    }

    fn media<R: Read + Seek>(&mut self, boxes: &mut Boxes<R>, mut media: Extent) -> Result<(), Error> {
        while let Some(found) = boxes.next(&mut media)? {
            match &found.kind {
                b"mdhd" => {
                    if let Some((timescale, _)) = header_times(&boxes.head(found.content)?) {
                        self.timescale = timescale;
                    }
                }
                b"hdlr" => {
                    if let Some(handler) = boxes.head(found.content)?.get(8..12) {
                        self.handler.copy_from_slice(handler);
                    }
                }
                // Where the track does not say its size, its samples' description does.
                b"minf" if self.area() == 0 && self.handler == *b"vide" => {
                    if let Some(description) = boxes.descend(found.content, &[*b"stbl", *b"stsd"])? {
                        let mut entries = description.skip(8);
                        if let Some(entry) = boxes.next(&mut entries)?
                            && let Some(size) = number(&boxes.head(entry.content)?, 24)
                        {
                            (self.width, self.height) = (size >> 16, size & 0xffff);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds how long a fragment of one of the tracks lasts.
    pub(super) fn fragment<R: Read + Seek>(
        tracks: &mut [Self],
        boxes: &mut Boxes<R>,
        mut fragment: Extent,
    ) -> Result<(), Error> {
        // The track that the fragment is of, and how long a sample lasts in it.
        let mut current: Option<(usize, u32)> = None;
        while let Some(found) = boxes.next(&mut fragment)? {
            match &found.kind {
                b"tfhd" => {
                    let head = boxes.head(found.content)?;
                    let Some((flags, id)) = number(&head, 0).zip(number(&head, 4)) else { continue };
                    let Some(track) = tracks.iter().position(|track| track.id == id) else { continue };
                    let at = 8 + if flags & 1 != 0 { 8 } else { 0 } + if flags & 2 != 0 { 4 } else { 0 };
                    let own = if flags & 8 != 0 { number(&head, at) } else { None };
                    let ticks = own.unwrap_or(tracks[track].sample_ticks);
                    current = Some((track, ticks));
                }
                b"trun" => {
                    let Some((track, sample_ticks)) = current else { continue };
                    let ticks = run_ticks(boxes, found.content, sample_ticks)?;
                    let track = &mut tracks[track];
                    track.fragment_ticks = track.fragment_ticks.saturating_add(ticks);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// How long a run of samples lasts.
fn run_ticks<R: Read + Seek>(boxes: &mut Boxes<R>, run: Extent, sample_ticks: u32) -> Result<u64, Error> {
    const OFFSET: u32 = 1;
    const FIRST_FLAGS: u32 = 4;
    const DURATIONS: u32 = 0x100;
    let head = boxes.head(run)?;
    let Some((flags, samples)) = number(&head, 0).zip(number(&head, 4)) else { return Ok(0) };
    let alike = u64::from(samples) * u64::from(sample_ticks);
    if flags & DURATIONS == 0 {
        return Ok(alike);
    }
    let Some(table) = boxes.bytes(run, MAX_RUN_BYTES)? else { return Ok(alike) };
    let start = 8 + [OFFSET, FIRST_FLAGS].into_iter().filter(|flag| flags & flag != 0).count() * 4;
    // The duration is the first of up to four numbers.
    let entry = (flags & 0xf00).count_ones() as usize * 4;
    let entries = table.get(start..).unwrap_or_default().chunks_exact(entry);
    Ok(entries.take(samples as usize).filter_map(|entry| number(entry, 0)).map(u64::from).sum())
}
