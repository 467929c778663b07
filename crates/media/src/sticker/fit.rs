//! Encoding until it fits.

use image::imageops::FilterType;
use image::{RgbaImage, imageops};
use zenwebp::{EncodeRequest, LosslessConfig, LossyConfig, PixelLayout};

use crate::Error;

/// How an image is coded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Coding {
    Lossless,
    /// Of this quality, from 0 to 100.
    Lossy(f32),
}

/// What is tried for a still image, best first.
const STILL: [Coding; 8] = [
    Coding::Lossless,
    Coding::Lossy(92.0),
    Coding::Lossy(80.0),
    Coding::Lossy(65.0),
    Coding::Lossy(45.0),
    Coding::Lossy(25.0),
    Coding::Lossy(10.0),
    Coding::Lossy(0.0),
];

pub(super) fn still(image: &RgbaImage, limit: usize) -> Result<Vec<u8>, Error> {
    for coding in STILL {
        let webp = encode(image, coding)?;
        if webp.len() <= limit {
            return Ok(webp);
        }
    }
    // Only noise comes here. Without its detail it fits.
    let (width, height) = image.dimensions();
    let soft = imageops::resize(&imageops::thumbnail(image, 64, 64), width, height, FilterType::Triangle);
    let webp = encode(&soft, Coding::Lossy(25.0))?;
    if webp.len() <= limit { Ok(webp) } else { Err(Error::StickerTooLarge { limit }) }
}

/// A WebP file of one image.
pub(super) fn encode(image: &RgbaImage, coding: Coding) -> Result<Vec<u8>, Error> {
    // 0 is fastest, 6 smallest. An animation is up to 150 images, so the middle is too slow for them.
    const EFFORT: u8 = 3;
    let (width, height) = image.dimensions();
    let encoded = match coding {
        Coding::Lossless => {
            let config = LosslessConfig::new().with_method(EFFORT);
            EncodeRequest::lossless(&config, image, PixelLayout::Rgba8, width, height).encode()
        }
        Coding::Lossy(quality) => {
            let config = LossyConfig::new().with_quality(quality).with_alpha_quality(quality as u8).with_method(EFFORT);
            EncodeRequest::lossy(&config, image, PixelLayout::Rgba8, width, height).encode()
        }
    };
    // Every size and layout that is passed here is one that the format has.
    encoded.map_err(|_| Error::Damaged)
}
