//! Profile pictures, of people and of groups.

use std::io::{BufRead, Seek};

use image::{ImageDecoder as _, codecs::jpeg::JpegEncoder, imageops::FilterType, metadata::Orientation};

use crate::{
    Error,
    picture::{MAX_PIXELS, decode, on_white, open},
};

/// The side, in pixels, of the largest profile picture that WhatsApp's clients set.
pub const PROFILE_SIDE: u32 = 640;

/// The middle of a JPEG, PNG, GIF (its first frame) or WebP, as a square JPEG of at most [`PROFILE_SIDE`].
pub fn profile_picture(source: impl BufRead + Seek) -> Result<Vec<u8>, Error> {
    let (mut decoder, _) = open(source)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = decode(decoder, MAX_PIXELS)?;
    let side = image.width().min(image.height());
    let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let mut square = image.crop_imm(left, top, side, side);
    if side > PROFILE_SIDE {
        square = square.resize_exact(PROFILE_SIDE, PROFILE_SIDE, FilterType::Triangle);
    }
    square.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85).encode_image(&on_white(&square))?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        // The middle is red, all else is blue.
        let middle = (width.min(height) / 4).max(1);
        let image = RgbImage::from_fn(width, height, |x, y| {
            let near = x.abs_diff(width / 2) < middle && y.abs_diff(height / 2) < middle;
            Rgb(if near { [255, 0, 0] } else { [0, 0, 255] })
        });
        let mut bytes = Vec::new();
        DynamicImage::from(image).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn the_middle_becomes_a_square() {
        for (width, height, side) in [(1_000, 700, 640), (300, 200, 200), (640, 640, 640), (1, 1, 1), (2_000, 64, 64)] {
            let jpeg = profile_picture(Cursor::new(png(width, height))).unwrap();
            let seen = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap().to_rgb8();
            assert_eq!(seen.dimensions(), (side, side), "{width} x {height}");
            let [red, _, blue] = seen.get_pixel(side / 2, side / 2).0;
            assert!(red > 200 && blue < 80, "{width} x {height}: {red} {blue}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(matches!(profile_picture(Cursor::new(b"%PDF-1.7")), Err(Error::NotAnImage)));
        let mut cut = png(64, 64);
        cut.truncate(80);
        assert!(matches!(profile_picture(Cursor::new(cut)), Err(Error::Damaged)));
    }
}
