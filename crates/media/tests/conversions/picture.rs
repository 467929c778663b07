use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use wago_media::{Error, INLINE_SIDE, Kind, NoThumbnail, PREVIEW_SIDE, Picture, sniff};

use crate::made;

fn read(file: &[u8], side: u32) -> Picture {
    Picture::read(Cursor::new(file), side).unwrap()
}

fn thumbnail(picture: &Picture) -> DynamicImage {
    let jpeg = picture.jpeg_thumbnail.as_ref().unwrap();
    assert_eq!(sniff(jpeg), Some(Kind::Jpeg));
    image::load_from_memory(jpeg).unwrap()
}

#[test]
fn every_format_has_a_size_and_a_thumbnail() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let file = made::file(&made::halves(640, 320), format);
        for (side, height) in [(INLINE_SIDE, 36), (PREVIEW_SIDE, 150)] {
            let picture = read(&file, side);
            assert_eq!((picture.width, picture.height), (640, 320), "{format:?}");
            let small = thumbnail(&picture).to_rgb8();
            assert_eq!(small.dimensions(), (side, height), "{format:?}");
            let (left, right) = (small.get_pixel(5, height / 2).0, small.get_pixel(side - 5, height / 2).0);
            assert!(left[0] > 180 && left[2] < 80, "{format:?}: {left:?}");
            assert!(right[2] > 180 && right[0] < 80, "{format:?}: {right:?}");
        }
    }
}

#[test]
fn a_small_image_is_not_enlarged() {
    let picture = read(&made::file(&made::halves(20, 10), ImageFormat::Png), INLINE_SIDE);
    assert_eq!((thumbnail(&picture).width(), thumbnail(&picture).height()), (20, 10));
}

#[test]
fn a_turned_photo_is_shown_upright() {
    // 6: the camera was held so that the left of what it saw is at the top of what is shown.
    let picture = read(&made::jpeg_with_orientation(&made::halves(640, 320), 6), INLINE_SIDE);
    assert_eq!((picture.width, picture.height), (320, 640));
    let small = thumbnail(&picture).to_rgb8();
    assert_eq!(small.dimensions(), (36, 72));
    let (top, bottom) = (small.get_pixel(18, 5).0, small.get_pixel(18, 66).0);
    assert!(top[0] > 180 && bottom[2] > 180, "{top:?} {bottom:?}");
}

#[test]
fn transparency_is_on_white() {
    let picture = read(&made::file(&RgbaImage::from_pixel(80, 80, Rgba([0, 0, 0, 0])), ImageFormat::Png), INLINE_SIDE);
    assert!(thumbnail(&picture).to_rgb8().get_pixel(30, 30).0.iter().all(|&channel| channel > 250));
}

#[test]
fn a_bomb_has_a_size_and_no_thumbnail() {
    let picture = read(&made::png_bomb(40_000, 40_000), INLINE_SIDE);
    assert_eq!((picture.width, picture.height), (40_000, 40_000));
    assert_eq!(picture.jpeg_thumbnail, Err(NoThumbnail::TooLarge));
}

#[test]
fn a_cut_image_has_a_size_and_no_thumbnail() {
    let file = made::file(&made::noise(300, 200, 1), ImageFormat::Png);
    let picture = read(&file[..file.len() / 2], INLINE_SIDE);
    assert_eq!((picture.width, picture.height), (300, 200));
    assert_eq!(picture.jpeg_thumbnail, Err(NoThumbnail::Damaged));
}

#[test]
fn what_is_no_image_is_told_from_a_damaged_one() {
    let read = |file: &[u8]| Picture::read(Cursor::new(file), INLINE_SIDE);
    assert!(matches!(read(b"not an image"), Err(Error::NotAnImage)));
    assert!(matches!(read(b""), Err(Error::NotAnImage)));
    assert!(matches!(read(b"\x89PNG\r\n\x1a\n\0\0\0\rIH"), Err(Error::Damaged)));
}
