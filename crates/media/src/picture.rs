//! Sizes and thumbnails of images.

use std::io::{BufRead, Seek, SeekFrom};

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::Error;

/// The longest side, in pixels, of the thumbnail that travels inside a message.
pub const INLINE_SIDE: u32 = 72;

/// The longest side, in pixels, of a link preview's thumbnail, which is uploaded beside the message.
pub const PREVIEW_SIDE: u32 = 300;

/// No image with more pixels is decoded: phones' largest photos have fewer, and decoding takes up to 4 bytes a pixel.
pub const MAX_PIXELS: u64 = 50_000_000;

/// No file with more bytes is read as an image: it is read whole, and WhatsApp takes no image of even this size.
pub const MAX_IMAGE_BYTES: u64 = 64 * 1024 * 1024;

/// What a decoder may allocate. 16-bit images take twice the bytes, so they may have half the pixels.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 4;

/// An image's size, and a small JPEG of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels, as shown: with the orientation that a camera noted applied.
    pub width: u32,
    pub height: u32,
    pub jpeg_thumbnail: Result<Vec<u8>, NoThumbnail>,
}

/// Why an image whose size is known has no thumbnail. It can be sent all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoThumbnail {
    /// Decoding it would take more than [`MAX_PIXELS`].
    TooLarge,
    /// Its header is good, its pixels are not.
    Damaged,
}

impl Picture {
    /// Reads a JPEG, PNG, GIF (its first frame) or WebP. The thumbnail's longest side is `side`, or the image's own if
    /// that is less.
    pub fn read(source: impl BufRead + Seek, side: u32) -> Result<Self, Error> {
        let (mut decoder, _) = open(source)?;
        let (mut width, mut height) = decoder.dimensions();
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        if is_turned(orientation) {
            (width, height) = (height, width);
        }
        let jpeg_thumbnail = match decode(decoder, MAX_PIXELS) {
            Ok(image) => thumbnail(&image, orientation, side),
            Err(Error::TooManyPixels { .. }) => Err(NoThumbnail::TooLarge),
            Err(Error::Io(error)) => return Err(Error::Io(error)),
            Err(_) => Err(NoThumbnail::Damaged),
        };
        Ok(Self { width, height, jpeg_thumbnail })
    }
}

/// A decoder that has read the header and no pixels.
pub(crate) fn open<'a>(mut source: impl BufRead + Seek + 'a) -> Result<(impl ImageDecoder + 'a, ImageFormat), Error> {
    let length = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    if length > MAX_IMAGE_BYTES {
        return Err(Error::TooManyBytes { limit: MAX_IMAGE_BYTES });
    }
    let mut reader = ImageReader::new(source).with_guessed_format()?;
    let format = match reader.format() {
        Some(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP)) => format,
        _ => return Err(Error::NotAnImage),
    };
    reader.limits(limits(MAX_DECODED_BYTES));
    Ok((reader.into_decoder()?, format))
}

/// So many bytes for a decoder to allocate.
pub(crate) fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(bytes);
    limits
}

/// The pixels, if there are at most `limit`.
pub(crate) fn decode(decoder: impl ImageDecoder, limit: u64) -> Result<DynamicImage, Error> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limit || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Error::TooManyPixels { pixels, limit });
    }
    Ok(DynamicImage::from_decoder(decoder)?)
}

fn is_turned(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn thumbnail(image: &DynamicImage, orientation: Orientation, side: u32) -> Result<Vec<u8>, NoThumbnail> {
    let side = side.max(1);
    let mut small = if image.width().max(image.height()) > side { image.thumbnail(side, side) } else { image.clone() };
    small.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 75).encode_image(&on_white(&small)).map_err(|_| NoThumbnail::Damaged)?;
    Ok(jpeg)
}

/// JPEG has no transparency, and chats show images on a light ground.
pub(crate) fn on_white(image: &DynamicImage) -> RgbImage {
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [colour @ .., alpha] = rgba.get_pixel(x, y).0;
        let over = |channel: u8| {
            let (channel, alpha) = (u32::from(channel), u32::from(alpha));
            ((channel * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        image::Rgb(colour.map(over))
    })
}
