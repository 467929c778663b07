//! Stickers: WebP of 512 by 512 pixels with transparency, of bounded size, that names the pack it is from.

mod animation;
mod fit;
mod pack;
mod webp;

use std::io::Cursor;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, RgbaImage, imageops};

use crate::{Error, Kind, MAX_IMAGE_BYTES, MAX_PIXELS, picture, sniff};

pub use pack::Pack;

/// Width and height of every sticker, in pixels.
pub const STICKER_SIDE: u32 = 512;

/// What WhatsApp takes as a sticker that does not move.
pub const MAX_STATIC_BYTES: usize = 100 * 1024;

/// What WhatsApp takes as an animated sticker.
pub const MAX_ANIMATED_BYTES: usize = 500 * 1024;

/// A sticker as WhatsApp's clients send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticker {
    /// 512 by 512 pixels, at most [`MAX_STATIC_BYTES`] or [`MAX_ANIMATED_BYTES`] long.
    pub webp: Vec<u8>,
    pub animated: bool,
}

impl Sticker {
    /// Makes a sticker from PNG, JPEG, GIF or WebP, animated or not. The whole image is shown, in the middle, on a
    /// transparent ground. A WebP that fits already keeps its pixels as they are.
    ///
    /// An image that is too big at first loses quality, and an animation also frames, until it fits: the first 10 s of
    /// an animation are kept.
    pub fn make(image: &[u8], pack: &Pack) -> Result<Self, Error> {
        if image.len() as u64 > MAX_IMAGE_BYTES {
            return Err(Error::TooManyBytes { limit: MAX_IMAGE_BYTES });
        }
        let exif = pack.exif()?;
        let kind = sniff(image).ok_or(Error::NotAnImage)?;
        if matches!(kind, Kind::WebP | Kind::AnimatedWebP)
            && let Some(sticker) = keep(image, &exif)?
        {
            return Ok(sticker);
        }
        if let Some(webp) = animation::encode(image, kind, MAX_ANIMATED_BYTES - webp::exif_cost(&exif))? {
            return Ok(Self { webp: webp::with_exif(&webp, &exif).ok_or(Error::Damaged)?, animated: true });
        }
        let webp = fit::still(&still(image)?, MAX_STATIC_BYTES - webp::exif_cost(&exif))?;
        Ok(Self { webp: webp::with_exif(&webp, &exif).ok_or(Error::Damaged)?, animated: false })
    }
}

/// A WebP that is a sticker but for the pack's name. That it can be decoded is shown on its first frame only.
fn keep(image: &[u8], exif: &[u8]) -> Result<Option<Sticker>, Error> {
    let Some(container) = webp::Container::read(image) else { return Err(Error::Damaged) };
    if (container.width, container.height) != (STICKER_SIDE, STICKER_SIDE) {
        return Ok(None);
    }
    let Some(webp) = webp::with_exif(image, exif) else { return Err(Error::Damaged) };
    let animated = container.animated;
    if webp.len() > if animated { MAX_ANIMATED_BYTES } else { MAX_STATIC_BYTES } {
        return Ok(None);
    }
    let (decoder, _) = picture::open(Cursor::new(image))?;
    picture::decode(decoder, MAX_PIXELS)?;
    Ok(Some(Sticker { webp, animated }))
}

fn still(image: &[u8]) -> Result<RgbaImage, Error> {
    let (mut decoder, _) = picture::open(Cursor::new(image))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = picture::decode(decoder, MAX_PIXELS)?;
    // Most pixels go before the costly filter, which so never sees more than a few times what it returns.
    let mut image = match 4 * STICKER_SIDE {
        coarse if image.width().max(image.height()) > coarse => image.thumbnail(coarse, coarse),
        _ => image,
    };
    image.apply_orientation(orientation);
    let (left, top, scaled) = scale(&image.into_rgba8());
    let mut canvas = RgbaImage::new(STICKER_SIDE, STICKER_SIDE);
    imageops::replace(&mut canvas, &scaled, left.into(), top.into());
    Ok(canvas)
}

/// An image at the size at which it fills a sticker's width or height, and where its left upper corner goes.
fn scale(image: &RgbaImage) -> (u32, u32, RgbaImage) {
    let scaled = if image.width().max(image.height()) == STICKER_SIDE {
        image.clone()
    } else {
        DynamicImage::ImageRgba8(image.clone()).resize(STICKER_SIDE, STICKER_SIDE, FilterType::CatmullRom).into_rgba8()
    };
    // Even, since an animation's frames can begin at even places only.
    let middle = |side: u32| ((STICKER_SIDE - side) / 2) & !1;
    (middle(scaled.width()), middle(scaled.height()), scaled)
}
