use super::*;
use crate::Folder;

fn file(bytes: &[u8], mimetype: Option<&str>) -> File {
    let folder = Folder::new(std::env::temp_dir());
    let mut content = folder.file();
    content.write_all(bytes).unwrap();
    File {
        field: "Image".into(),
        content,
        length: bytes.len() as u64,
        kind: Sent::Image,
        mimetype: mimetype.map(str::to_owned),
        name: Some("a".into()),
        folder,
    }
}

fn prepared(bytes: &[u8], purpose: Purpose) -> (Vec<u8>, Facts) {
    let Prepared { mut file, facts } = prepare(file(bytes, None), &purpose).unwrap();
    let bytes = whole(&mut file).unwrap();
    assert_eq!((bytes.len() as u64, facts.name.as_deref()), (file.length, Some("a")));
    (bytes, facts)
}

fn mimetype(bytes: &[u8], said: Option<&str>, purpose: Purpose) -> String {
    match prepare(file(bytes, said), &purpose) {
        Ok(prepared) => prepared.facts.mimetype,
        Err(error) => error.to_string(),
    }
}

/// 16 by 8 pixels.
fn png() -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    image::RgbImage::new(16, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// A second of a tone, 16-bit, 8 kHz, one channel.
fn wav() -> Vec<u8> {
    let samples: Vec<u8> = (0..8_000_i16).flat_map(|at| (at % 40 * 500 - 10_000).to_le_bytes()).collect();
    let mut wav =
        b"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0".to_vec();
    wav.extend(samples);
    wav
}

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 3 /Kids []>> endobj\n";

#[test]
fn a_file_is_what_it_contains() {
    assert_eq!(mimetype(&png(), Some("image/jpeg"), Purpose::Image), "image/png");
    assert_eq!(mimetype(&png(), Some("text/plain"), Purpose::Document), "text/plain");
    assert_eq!(mimetype(PDF, Some("application/octet-stream"), Purpose::Document), "application/pdf");
    assert_eq!(mimetype(b"hello", None, Purpose::Document), "application/octet-stream");
    assert_eq!(mimetype(&wav(), None, Purpose::Audio), "audio/wav");
    // Phones play it, though it is not understood here.
    assert_eq!(mimetype(b"#!AMR\n\x3c", None, Purpose::Audio), "audio/amr");
}

#[test]
fn what_does_not_fit_is_refused_by_its_field() {
    let picture = "Image should be a JPEG, PNG, WebP or GIF picture";
    let jpeg = b"\xff\xd8\xff\xe0 and so on";
    for (bytes, purpose, error) in [
        (&b"hello"[..], Purpose::Image, picture),
        (PDF, Purpose::Image, picture),
        (b"\0\0\0\x18ftypheic\0\0\x02\0", Purpose::Image, picture),
        (jpeg, Purpose::Image, "Image cannot be used: the file is damaged or incomplete"),
        (jpeg, Purpose::Video, "Image should be an MP4, 3GP or MOV video"),
        (
            b"\0\0\0\x14ftypisom\0\0\x02\0isom",
            Purpose::Video,
            "Image cannot be used: the file is damaged or incomplete",
        ),
        (jpeg, Purpose::Audio, "Image should be an Ogg, MP3, M4A, AAC, AMR, WAV or FLAC sound"),
        (jpeg, Purpose::Voice, "Image should be an Ogg, MP3, M4A, AAC, WAV or FLAC sound"),
        (PDF, Purpose::Sticker(Pack::default()), picture),
        (PDF, Purpose::LinkImage { found: false }, picture),
        (PDF, Purpose::Inline, picture),
        (b"", Purpose::Document, "Image should be a file that is not empty"),
    ] {
        assert_eq!(mimetype(bytes, Some("image/jpeg"), purpose), error);
    }
}

#[test]
fn a_picture_goes_as_it_is_with_a_thumbnail() {
    let (bytes, facts) = prepared(&png(), Purpose::Image);
    assert_eq!(bytes, png());
    assert_eq!((facts.width, facts.height), (Some(16), Some(8)));
    assert_eq!(sniff(&facts.thumbnail.unwrap()), Some(Kind::Jpeg));
}

#[test]
fn a_voice_message_is_opus() {
    let (bytes, facts) = prepared(&wav(), Purpose::Voice);
    assert_eq!(sniff(&bytes), Some(Kind::OggOpus));
    assert_eq!((&*facts.mimetype, facts.seconds), (OPUS, Some(1)));
    assert_eq!(facts.waveform.map(|waveform| waveform.len()), Some(64));
    // What is a voice message already stays as it is.
    assert_eq!(prepared(&bytes, Purpose::Voice).0, bytes);
    let (same, facts) = prepared(&wav(), Purpose::Audio);
    assert_eq!((same, facts.seconds), (wav(), Some(1)));
}

#[test]
fn a_sticker_is_webp_of_one_size_and_names_its_pack() {
    let pack = Pack { name: "The pack".into(), ..Pack::default() };
    let (bytes, facts) = prepared(&png(), Purpose::Sticker(pack));
    assert_eq!(sniff(&bytes), Some(Kind::WebP));
    assert!(bytes.windows(8).any(|window| window == b"The pack"));
    assert_eq!((facts.width, facts.height, facts.animated), (Some(512), Some(512), false));
}

#[test]
fn a_links_picture_is_a_jpeg_twice() {
    let (bytes, facts) = prepared(&png(), Purpose::LinkImage { found: true });
    assert_eq!(sniff(&bytes), Some(Kind::Jpeg));
    assert_eq!((facts.width, facts.height), (Some(16), Some(8)));
    assert_eq!(sniff(&facts.thumbnail.unwrap()), Some(Kind::Jpeg));
    assert_eq!(sniff(&prepared(&png(), Purpose::Inline).1.thumbnail.unwrap()), Some(Kind::Jpeg));
}

#[test]
fn a_documents_pages_are_counted() {
    let (bytes, facts) = prepared(PDF, Purpose::Document);
    assert_eq!((&*bytes, facts.pages), (PDF, Some(3)));
    assert!(prepared(&png(), Purpose::Document).1.thumbnail.is_some());
}

#[test]
fn a_kind_follows_from_the_content() {
    for (head, kind) in [
        (&b"\x89PNG\r\n\x1a\n"[..], Sent::Image),
        (b"\0\0\0\x20ftypisom\0\0\0\0", Sent::Video),
        (b"\0\0\0\x20ftypheic\0\0\0\0", Sent::Document),
        (b"OggS", Sent::Audio),
        (b"%PDF-", Sent::Document),
        (b"", Sent::Document),
    ] {
        assert_eq!(kind_of(head), kind);
    }
}
