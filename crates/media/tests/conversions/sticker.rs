use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, ImageFormat, RgbaImage};
use wago_media::{Error, Kind, MAX_ANIMATED_BYTES, MAX_STATIC_BYTES, Pack, STICKER_SIDE, Sticker, sniff};

use crate::made;

fn pack() -> Pack {
    Pack { id: "pack-1".into(), name: "Animals".into(), publisher: "WaGo".into(), emojis: vec!["🐈".into()] }
}

/// The sticker's pixels (of the first frame), once all that must hold of any is seen to.
fn check(sticker: &Sticker) -> RgbaImage {
    let limit = if sticker.animated { MAX_ANIMATED_BYTES } else { MAX_STATIC_BYTES };
    assert!(sticker.webp.len() <= limit, "{} bytes", sticker.webp.len());
    assert_eq!(sniff(&sticker.webp), Some(if sticker.animated { Kind::AnimatedWebP } else { Kind::WebP }));
    let mut decoder = WebPDecoder::new(Cursor::new(&sticker.webp)).unwrap();
    assert_eq!(decoder.dimensions(), (STICKER_SIDE, STICKER_SIDE));
    let exif = decoder.exif_metadata().unwrap().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&exif[22..]).unwrap();
    assert_eq!(json["sticker-pack-name"], "Animals");
    image::load_from_memory(&sticker.webp).unwrap().to_rgba8()
}

fn frames(sticker: &Sticker) -> Vec<(RgbaImage, u32)> {
    let decoder = WebPDecoder::new(Cursor::new(&sticker.webp)).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    frames.into_iter().map(|frame| (frame.buffer().clone(), frame.delay().numer_denom_ms().0)).collect()
}

#[test]
fn an_image_is_in_the_middle_of_a_transparent_square() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let sticker = Sticker::make(&made::file(&made::halves(200, 100), format), &pack()).unwrap();
        assert!(!sticker.animated);
        let shown = check(&sticker);
        assert_eq!(shown.get_pixel(256, 20).0[3], 0, "{format:?}");
        assert_eq!(shown.get_pixel(256, 490).0[3], 0, "{format:?}");
        let (left, right) = (shown.get_pixel(100, 256).0, shown.get_pixel(400, 256).0);
        assert!(left[0] > 180 && left[3] == 255, "{format:?}: {left:?}");
        assert!(right[2] > 180 && right[3] == 255, "{format:?}: {right:?}");
    }
}

#[test]
fn what_fits_without_loss_has_none() {
    let image = made::halves(512, 512);
    let sticker = Sticker::make(&made::file(&image, ImageFormat::Png), &pack()).unwrap();
    assert_eq!(check(&sticker), image);
}

#[test]
fn even_noise_fits() {
    let sticker = Sticker::make(&made::file(&made::noise(512, 512, 7), ImageFormat::Png), &pack()).unwrap();
    check(&sticker);
}

#[test]
fn a_turned_photo_is_upright() {
    let sticker = Sticker::make(&made::jpeg_with_orientation(&made::halves(400, 200), 6), &pack()).unwrap();
    let shown = check(&sticker);
    assert_eq!(shown.get_pixel(20, 256).0[3], 0);
    assert!(shown.get_pixel(256, 60).0[0] > 180 && shown.get_pixel(256, 450).0[2] > 180);
}

#[test]
fn an_animation_moves_as_it_did() {
    // A white bar that goes down, over red and blue.
    let frame = |n: u32| {
        let mut image = made::halves(128, 64);
        (0..128).for_each(|x| (n * 8..n * 8 + 8).for_each(|y| image.put_pixel(x, y, image::Rgba([255; 4]))));
        image
    };
    let sticker = Sticker::make(&made::gif((0..8).map(frame), 100), &pack()).unwrap();
    assert!(sticker.animated);
    check(&sticker);
    let frames = frames(&sticker);
    assert_eq!(frames.len(), 8);
    for (n, (image, delay)) in (0..).zip(&frames) {
        assert_eq!(*delay, 100);
        // 64 rows are 256, from 128 on.
        let bar = image.get_pixel(100, 128 + n * 32 + 16).0;
        assert!(bar.iter().all(|&channel| channel > 230), "frame {n}: {bar:?}");
        assert_eq!(image.get_pixel(100, 20).0[3], 0);
        if n != 4 {
            let beside = image.get_pixel(100, 128 + 4 * 32 + 16).0;
            assert!(beside[0] > 180 && beside[1] < 80, "frame {n}: {beside:?}");
        }
    }
}

#[test]
fn a_long_and_noisy_animation_is_cut_until_it_fits() {
    let sticker = Sticker::make(&made::gif((0..24).map(|n| made::noise(96, 96, n + 1)), 500), &pack()).unwrap();
    check(&sticker);
    let length: u32 = frames(&sticker).iter().map(|(_, delay)| delay).sum();
    assert_eq!(length, 10_000);
}

#[test]
fn an_animation_of_one_frame_does_not_move() {
    let frames = vec![made::halves(64, 64); 3];
    let sticker = Sticker::make(&made::gif(frames, 100), &pack()).unwrap();
    assert!(!sticker.animated);
    check(&sticker);
}

#[test]
fn a_sticker_keeps_its_pixels_and_takes_the_pack() {
    let first = Sticker::make(&made::file(&made::noise(512, 512, 3), ImageFormat::Jpeg), &Pack::default()).unwrap();
    let second = Sticker::make(&first.webp, &pack()).unwrap();
    assert_eq!(check(&second), image::load_from_memory(&first.webp).unwrap().to_rgba8());
    assert_eq!(Sticker::make(&second.webp, &pack()).unwrap(), second);

    let moving = Sticker::make(&made::gif((0..3).map(|n| made::halves(8 + n, 8)), 100), &Pack::default());
    let moving = Sticker::make(&moving.unwrap().webp, &pack()).unwrap();
    assert!(moving.animated);
    check(&moving);
}

#[test]
fn bombs_and_strangers_are_refused() {
    let make = |file: &[u8]| Sticker::make(file, &pack());
    assert!(matches!(make(&made::png_bomb(40_000, 40_000)), Err(Error::TooManyPixels { .. })));
    assert!(matches!(make(b"hello"), Err(Error::NotAnImage)));
    assert!(matches!(make(b"%PDF-1.4"), Err(Error::NotAnImage)));
    let webp = made::file(&made::halves(512, 512), ImageFormat::WebP);
    assert!(matches!(make(&webp[..webp.len() - 9]), Err(Error::Damaged)));
    // A GIF whose screen is 65,535 pixels wide and high.
    let mut gif = made::gif((0..2).map(|n| made::halves(8 + n, 8)), 100);
    gif[6..10].fill(0xff);
    assert!(matches!(make(&gif), Err(Error::TooManyPixels { .. })));
    // One whose frames are far larger than its screen.
    let mut gif = made::gif((0..2).map(|n| made::halves(3600 + n, 3600)), 100);
    gif[6..10].copy_from_slice(&[8, 0, 8, 0]);
    assert!(matches!(make(&gif), Err(Error::Damaged)));
}
