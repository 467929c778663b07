//! Animated stickers. The source is decoded anew for each attempt, so that no more than a few frames are in memory.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Frames, GenericImageView, ImageDecoder, RgbaImage};

use super::fit::{self, Coding};
use super::{STICKER_SIDE, scale, webp};
use crate::{Error, Kind, picture};

/// WhatsApp shows no more of a sticker. What comes later is left out.
const MAX_MILLISECONDS: u32 = 10_000;

/// Source frames are decoded whole. An animation with larger ones is refused.
const MAX_FRAME_PIXELS: u64 = 4_000_000;

/// What a decoder of such frames may allocate: a GIF's frames can be far larger than the screen that they are for.
const MAX_DECODER_BYTES: u64 = 3 * 4 * MAX_FRAME_PIXELS;

/// An attempt decodes at most this much, which takes a second or two. What comes later is left out.
const MAX_PASS_PIXELS: u64 = 400_000_000;

/// A delay of a hundredth of a second or less is a tenth, as in browsers: files that say so were made with that in mind.
const LEAST_DELAY: u32 = 10;
const USUAL_DELAY: u32 = 100;

/// What is tried, best first: the coding, the least milliseconds from one frame to the next, and about what size that
/// makes of a size of 100 without loss.
const ATTEMPTS: [(Coding, u32, u32); 7] = [
    (Coding::Lossless, 66, 100),
    (Coding::Lossy(75.0), 66, 16),
    (Coding::Lossy(55.0), 80, 10),
    (Coding::Lossy(35.0), 100, 6),
    (Coding::Lossy(20.0), 120, 4),
    (Coding::Lossy(8.0), 160, 2),
    (Coding::Lossy(0.0), 300, 1),
];

/// An animated WebP of at most `limit` bytes, or `None` if the image does not move.
pub(super) fn encode(image: &[u8], kind: Kind, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let mut attempts = ATTEMPTS.into_iter().peekable();
    while let Some((coding, step, size)) = attempts.next() {
        let Some(frames) = frames(image, kind)? else { return Ok(None) };
        let times = match attempt(frames, coding, step, limit)? {
            Attempt::Fits(webp) => return Ok(Some(webp)),
            Attempt::Still => return Ok(None),
            Attempt::TooLarge { times } => times,
        };
        // What would be twice too large still is not worth the time, unless there is nothing after it.
        while attempts.len() > 1 && attempts.peek().is_some_and(|(_, _, next)| times * next > 2 * size) {
            attempts.next();
        }
    }
    Err(Error::StickerTooLarge { limit })
}

fn frames(image: &[u8], kind: Kind) -> Result<Option<Frames<'_>>, Error> {
    let source = Cursor::new(image);
    Ok(match kind {
        Kind::Gif => Some(bounded(GifDecoder::new(source)?)?.into_frames()),
        Kind::AnimatedWebP => Some(bounded(WebPDecoder::new(source)?)?.into_frames()),
        Kind::Png => {
            let decoder = PngDecoder::with_limits(source, picture::limits(MAX_DECODER_BYTES))?;
            if decoder.is_apng()? { Some(bounded(decoder)?.apng()?.into_frames()) } else { None }
        }
        _ => None,
    })
}

fn bounded<D: ImageDecoder>(mut decoder: D) -> Result<D, Error> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_FRAME_PIXELS {
        return Err(Error::TooManyPixels { pixels, limit: MAX_FRAME_PIXELS });
    }
    decoder.set_limits(picture::limits(MAX_DECODER_BYTES))?;
    Ok(decoder)
}

enum Attempt {
    Fits(Vec<u8>),
    /// About so many times.
    TooLarge {
        times: u32,
    },
    Still,
}

fn attempt(frames: Frames, coding: Coding, step: u32, limit: usize) -> Result<Attempt, Error> {
    let mut writer = Writer::new(coding);
    let (mut now, mut decoded, mut next_at, mut full_at) = (0, 0, 0, None);
    for frame in frames {
        let frame = match frame {
            Ok(frame) => frame,
            // What is there of a file that breaks off is shown, as browsers do.
            Err(_) if now > 0 => break,
            Err(error) => return Err(error.into()),
        };
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay = numerator / denominator.max(1);
        let image = frame.into_buffer();
        decoded += u64::from(image.width()) * u64::from(image.height());
        if now >= next_at && full_at.is_none() {
            writer.frame(&image, now)?;
            next_at = now + step;
        }
        now += if delay <= LEAST_DELAY { USUAL_DELAY } else { delay.min(MAX_MILLISECONDS) };
        // The rest is looked at only to learn how long the whole is.
        if writer.length > limit {
            full_at.get_or_insert(now);
        }
        if now >= MAX_MILLISECONDS || decoded >= MAX_PASS_PIXELS {
            break;
        }
    }
    let end = now.min(MAX_MILLISECONDS);
    match full_at {
        Some(full_at) => Ok(Attempt::TooLarge { times: end / full_at.max(1) + 1 }),
        None => writer.finish(end),
    }
}

struct Writer {
    coding: Coding,
    /// Left, top and pixels of the last frame that was written.
    shown: Option<(u32, u32, RgbaImage)>,
    /// Each a frame chunk's data but for the duration, which is known when the next frame is, and when it begins.
    frames: Vec<(Vec<u8>, u32)>,
    /// Of the file so far.
    length: usize,
}

/// Where the duration is in a frame chunk's data.
const DURATION: std::ops::Range<usize> = 12..15;

impl Writer {
    fn new(coding: Coding) -> Self {
        Self { coding, shown: None, frames: Vec::new(), length: 12 + 18 + 14 }
    }

    fn frame(&mut self, image: &RgbaImage, at: u32) -> Result<(), Error> {
        let (left, top, scaled) = scale(image);
        let whole = (0, 0, scaled.width(), scaled.height());
        let changed = match &self.shown {
            Some((.., before)) if before.dimensions() == scaled.dimensions() => changed(before, &scaled),
            _ => Some(whole),
        };
        // A frame that changes nothing lets the one before it last longer.
        let Some((x, y, width, height)) = changed else { return Ok(()) };
        let part = scaled.view(x, y, width, height).to_image();
        let data = frame_chunk(left + x, top + y, &part, self.coding)?;
        self.length += 8 + data.len() + data.len() % 2;
        self.frames.push((data, at));
        self.shown = Some((left, top, scaled));
        Ok(())
    }

    fn finish(mut self, end: u32) -> Result<Attempt, Error> {
        match self.frames.len() {
            0 => return Err(Error::Damaged),
            1 => return Ok(Attempt::Still),
            _ => {}
        }
        let mut until = end;
        for (data, at) in self.frames.iter_mut().rev() {
            data[DURATION].copy_from_slice(&(until - *at).to_le_bytes()[..3]);
            until = *at;
        }
        // A transparent ground, and no end to the repetition.
        let mut chunks: Vec<webp::Chunk> = vec![(*b"ANIM", &[0; 6])];
        chunks.extend(self.frames.iter().map(|(data, _)| (*b"ANMF", data.as_slice())));
        Ok(Attempt::Fits(webp::write(STICKER_SIDE, STICKER_SIDE, webp::ANIMATION | webp::ALPHA, &chunks)))
    }
}

/// The least rectangle that holds all that differs, with even left and top. `None` if nothing does.
fn changed(before: &RgbaImage, after: &RgbaImage) -> Option<(u32, u32, u32, u32)> {
    let stride = after.width() as usize * 4;
    let rows = before.chunks_exact(stride).zip(after.chunks_exact(stride));
    let (mut top, mut bottom, mut left, mut right) = (None, 0, u32::MAX, 0);
    for (y, (old, new)) in (0..).zip(rows) {
        let mut differ = (0..).zip(old.chunks_exact(4).zip(new.chunks_exact(4))).filter(|(_, (old, new))| old != new);
        let Some((first, _)) = differ.next() else { continue };
        let last = differ.last().map_or(first, |(x, _)| x);
        top.get_or_insert(y);
        bottom = y + 1;
        left = left.min(first);
        right = right.max(last + 1);
    }
    let (left, top) = (left & !1, top? & !1);
    Some((left, top, right - left, bottom - top))
}

fn frame_chunk(left: u32, top: u32, image: &RgbaImage, coding: Coding) -> Result<Vec<u8>, Error> {
    /// The frame replaces what is under it, transparent places too, and stays.
    const REPLACE: u8 = 0x02;
    let webp = fit::encode(image, coding)?;
    let container = webp::Container::read(&webp).ok_or(Error::Damaged)?;
    let mut data = Vec::with_capacity(16 + webp.len());
    for number in [left / 2, top / 2, image.width() - 1, image.height() - 1, 0] {
        data.extend_from_slice(&number.to_le_bytes()[..3]);
    }
    data.push(REPLACE);
    let image_chunks = container.chunks.into_iter().filter(|(name, _)| matches!(name, b"ALPH" | b"VP8 " | b"VP8L"));
    image_chunks.for_each(|chunk| webp::push(&mut data, chunk));
    Ok(data)
}
