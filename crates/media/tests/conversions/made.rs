//! Files to convert.

use std::f32::consts::TAU;
use std::io::Cursor;

use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::{Delay, DynamicImage, Frame, ImageEncoder, ImageFormat, Rgba, RgbaImage};

/// Red at the left, blue at the right.
pub fn halves(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(
        width,
        height,
        |x, _| if x < width / 2 { Rgba([220, 30, 30, 255]) } else { Rgba([30, 30, 220, 255]) },
    )
}

/// Pixels that nothing compresses, the same for the same seed.
pub fn noise(width: u32, height: u32, seed: u32) -> RgbaImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    RgbaImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [r, g, b, a] = state.to_le_bytes();
        Rgba([r, g, b, a])
    })
}

pub fn file(image: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgba8(image.clone());
    match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.to_rgb8()).write_to(&mut file, format).unwrap(),
        _ => image.write_to(&mut file, format).unwrap(),
    }
    file.into_inner()
}

/// A JPEG whose EXIF says that it was taken with the camera turned.
pub fn jpeg_with_orientation(image: &RgbaImage, orientation: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file);
    let exif = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], &[0; 6]].concat();
    encoder.set_exif_metadata(exif).unwrap();
    encoder.encode_image(&DynamicImage::ImageRgba8(image.clone()).to_rgb8()).unwrap();
    file
}

pub fn gif(frames: impl IntoIterator<Item = RgbaImage>, milliseconds: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut file, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    let delay = Delay::from_numer_denom_ms(milliseconds, 1);
    encoder.encode_frames(frames.into_iter().map(|image| Frame::from_parts(image, 0, 0, delay))).unwrap();
    drop(encoder);
    file
}

/// A PNG whose header says so many pixels, and which has next to none.
pub fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let small = file(&halves(1, 1), ImageFormat::Png);
    let mut header = [b"IHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), &small[24..29]].concat();
    header.extend_from_slice(&crc(&header).to_be_bytes());
    [&small[..12], &header, &small[33..]].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A tone of 440 Hz whose loudness at each time, in parts of the whole, is as `loudness` says.
pub fn tone(rate: u32, seconds: f32, loudness: impl Fn(f32) -> f32) -> Vec<f32> {
    let samples = (seconds * rate as f32) as usize;
    let sample = |n: usize| loudness(n as f32 / samples as f32) * (TAU * 440.0 * n as f32 / rate as f32).sin();
    (0..samples).map(sample).collect()
}

/// 16-bit WAV with the same in all channels.
pub fn wav(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| vec![(sample * 32_767.0) as i16; channels.into()])
        .flat_map(i16::to_le_bytes)
        .collect();
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * u32::from(channels) * 2).to_le_bytes());
    file.extend_from_slice(&(channels * 2).to_le_bytes());
    file.extend_from_slice(b"\x10\0data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// 16-bit FLAC of one channel at 44.1 kHz, with the samples as they are.
pub fn flac(samples: &[f32]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    for size in [BLOCK as u16; 2] {
        file.extend_from_slice(&size.to_be_bytes());
    }
    file.extend_from_slice(&[0; 6]);
    let description = 44_100u64 << 44 | 15 << 36 | samples.len() as u64;
    file.extend_from_slice(&description.to_be_bytes());
    file.extend_from_slice(&[0; 16]);
    for (number, block) in (0u8..).zip(samples.chunks(BLOCK)) {
        let mut frame = vec![0xff, 0xf8, 0x79, 0x08, number];
        frame.extend_from_slice(&(block.len() as u16 - 1).to_be_bytes());
        frame.push(flac_crc(&frame, 8, 0x07) as u8);
        frame.push(0x02);
        frame.extend(block.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_be_bytes()));
        frame.extend_from_slice(&flac_crc(&frame, 16, 0x8005).to_be_bytes());
        file.extend_from_slice(&frame);
    }
    file
}

fn flac_crc(bytes: &[u8], bits: u32, polynomial: u16) -> u16 {
    let top = 1u16 << (bits - 1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8)
            .fold(crc ^ u16::from(byte) << (bits - 8), |crc, _| crc << 1 ^ if crc & top != 0 { polynomial } else { 0 })
    }) & (top | (top - 1))
}

/// An MP4 box.
pub fn mp4_box(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&(content.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &content].concat()
}

/// Zeros, and big-endian numbers at places.
pub fn fields(length: usize, numbers: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    numbers.iter().for_each(|&(at, number)| bytes[at..at + 4].copy_from_slice(&number.to_be_bytes()));
    bytes
}

/// What to make an MP4 of.
#[derive(Default)]
pub struct Mp4<'a> {
    pub turned: bool,
    pub sound: bool,
    pub fragments: u32,
    pub cover: &'a [u8],
}

impl Mp4<'_> {
    /// 640 by 360 pixels, 12.5 s, or 2.5 s a fragment.
    pub fn file(&self) -> Vec<u8> {
        let ticks = if self.fragments == 0 { 12_500 } else { 0 };
        let mvhd = mp4_box(b"mvhd", &[&fields(100, &[(12, 1000), (16, ticks)])]);
        let mut tracks = self.track(b"vide", 1);
        if self.sound {
            tracks.extend(self.track(b"soun", 2));
        }
        let trex = mp4_box(b"trex", &[&fields(24, &[(4, 1), (12, 40)])]);
        let mvex = if self.fragments > 0 { mp4_box(b"mvex", &[&trex]) } else { Vec::new() };
        let data = mp4_box(b"data", &[&fields(8, &[(0, 13)]), self.cover]);
        let ilst = mp4_box(b"ilst", &[&mp4_box(b"covr", &[&data])]);
        let udta = mp4_box(b"udta", &[&mp4_box(b"meta", &[&[0; 4], &mp4_box(b"hdlr", &[&[0; 25]]), &ilst])]);
        let udta = if self.cover.is_empty() { Vec::new() } else { udta };
        let mut file = mp4_box(b"ftyp", &[b"isom\0\0\x02\0isommp42"]);
        file.extend(mp4_box(b"moov", &[&mvhd, &tracks, &mvex, &udta]));
        for fragment in 0..self.fragments {
            // By turns: samples that last as the track says, or as the run says.
            let tfhd = mp4_box(b"tfhd", &[&fields(8, &[(4, 1)])]);
            let trun = match fragment % 2 {
                0 => mp4_box(b"trun", &[&fields(12, &[(0, 1), (4, 62)]), &[]]),
                _ => {
                    let entries: Vec<u8> =
                        (0..50u32).flat_map(|_| [50u32.to_be_bytes(), 9u32.to_be_bytes()].concat()).collect();
                    mp4_box(b"trun", &[&fields(8, &[(0, 0x300), (4, 50)]), &entries])
                }
            };
            file.extend(mp4_box(b"moof", &[&mp4_box(b"traf", &[&tfhd, &trun])]));
            file.extend(mp4_box(b"mdat", &[&[0xff; 100]]));
        }
        file.extend(mp4_box(b"mdat", &[&[0xff; 1000]]));
        file
    }

    fn track(&self, handler: &[u8; 4], id: u32) -> Vec<u8> {
        const ONE: u32 = 0x1_0000;
        let matrix = if self.turned { [(44, ONE), (52, ONE.wrapping_neg())] } else { [(40, ONE), (56, ONE)] };
        let mut head = fields(84, &[(12, id), (76, 640 << 16), (80, 360 << 16)]);
        for (at, number) in matrix {
            head[at..at + 4].copy_from_slice(&u32::to_be_bytes(number));
        }
        let mdhd = mp4_box(b"mdhd", &[&fields(24, &[(12, 1000)])]);
        let hdlr = mp4_box(b"hdlr", &[&[0; 8], handler, &[0; 13]]);
        mp4_box(b"trak", &[&mp4_box(b"tkhd", &[&head]), &mp4_box(b"mdia", &[&mdhd, &hdlr])])
    }
}
