use std::io::Cursor;
use std::time::Duration;

use image::ImageFormat;
use wago_media::{Error, INLINE_SIDE, Video};

use crate::made::{self, Mp4};

fn read(file: &[u8]) -> Result<Video, Error> {
    Video::read(Cursor::new(file), INLINE_SIDE)
}

#[test]
fn a_plain_file() {
    let video = read(&Mp4::default().file()).unwrap();
    let expected = Video {
        width: 640,
        height: 360,
        duration: Duration::from_millis(12_500),
        has_audio: false,
        jpeg_thumbnail: None,
    };
    assert_eq!(video, expected);
    assert!(read(&Mp4 { sound: true, ..Mp4::default() }.file()).unwrap().has_audio);
}

#[test]
fn a_turned_one_is_as_shown() {
    let video = read(&Mp4 { turned: true, ..Mp4::default() }.file()).unwrap();
    assert_eq!((video.width, video.height), (360, 640));
}

#[test]
fn fragments_add_up() {
    let video = read(&Mp4 { fragments: 4, ..Mp4::default() }.file()).unwrap();
    assert_eq!(video.duration, Duration::from_millis(2 * 62 * 40 + 2 * 50 * 50));
}

#[test]
fn a_cover_is_the_thumbnail() {
    let cover = made::file(&made::halves(200, 100), ImageFormat::Jpeg);
    let video = read(&Mp4 { cover: &cover, ..Mp4::default() }.file()).unwrap();
    let thumbnail = image::load_from_memory(&video.jpeg_thumbnail.unwrap()).unwrap();
    assert_eq!((thumbnail.width(), thumbnail.height()), (72, 36));
}

#[test]
fn what_is_no_video_is_told_from_a_damaged_one() {
    assert!(matches!(read(b"hello, I am no video at all"), Err(Error::NotAVideo)));
    assert!(matches!(read(b""), Err(Error::NotAVideo)));
    assert!(matches!(read(&made::mp4_box(b"ftyp", &[b"isom\0\0\x02\0"])), Err(Error::Damaged)));
}
