//! Files that are damaged, cut or made up: whatever comes of them, it comes, and soon.

use std::io::Cursor;
use std::sync::LazyLock;

use image::ImageFormat;
use proptest::prelude::*;
use wago_media::{Pack, Picture, Sticker, Video, Voice, pdf_pages, sniff};

use crate::made::{self, Mp4};

fn all(file: &[u8]) {
    sniff(file);
    let _ = Picture::read(Cursor::new(file), 72);
    let _ = Video::read(Cursor::new(file), 72);
    let _ = pdf_pages(file);
    let _ = Sticker::make(file, &Pack::default());
    let _ = Voice::convert(Cursor::new(file), std::io::sink());
}

static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let image = made::noise(40, 30, 5);
    let tone = made::tone(16_000, 0.2, |_| 0.5);
    let mut opus = Vec::new();
    Voice::convert(Cursor::new(made::wav(16_000, 1, &tone)), &mut opus).unwrap();
    let gif = made::gif((1..4).map(|n| made::noise(24, 24, n)), 100);
    vec![
        made::file(&image, ImageFormat::Jpeg),
        made::jpeg_with_orientation(&image, 6),
        made::file(&image, ImageFormat::Png),
        made::file(&image, ImageFormat::WebP),
        Sticker::make(&made::file(&image, ImageFormat::Jpeg), &Pack::default()).unwrap().webp,
        Sticker::make(&gif, &Pack::default()).unwrap().webp,
        gif,
        Mp4 { sound: true, fragments: 3, cover: &made::file(&image, ImageFormat::Jpeg), ..Mp4::default() }.file(),
        made::wav(16_000, 2, &tone),
        made::flac(&tone),
        opus,
    ]
});

/// First bytes that lead each parser in.
const BEGINNINGS: [&[u8]; 14] = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"RIFF\xff\0\0\0WAVEfmt ",
    b"\0\0\0\x0cftypisom\0\0\x01\0moov",
    b"\0\0\0\x0cftypM4A \0\0\x01\0moov",
    b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead",
    b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis",
    b"fLaC\0\0\0\x22",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1\x50\x80\x01\x1f\xfc",
];

#[test]
fn every_cut() {
    for file in WHOLE.iter() {
        let step = (file.len() / 12).max(1);
        (0..file.len()).step_by(step).for_each(|length| all(&file[..length]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn mutated(which in 0usize..11, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = WHOLE[which].clone();
        for (at, byte) in changes {
            *at.get_mut(&mut file) = byte;
        }
        all(&file);
    }

    #[test]
    fn made_up(beginning in prop::sample::select(BEGINNINGS.to_vec()), rest in prop::collection::vec(any::<u8>(), 0..1500)) {
        all(&[beginning, &rest].concat());
    }
}
