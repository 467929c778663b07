use std::f32::consts::TAU;
use std::io::Cursor;

use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, Trim};
use wago_media::{Error, Kind, Voice, sniff};

use crate::made;

fn convert(file: &[u8]) -> (Voice, Vec<u8>) {
    let mut opus = Vec::new();
    let voice = Voice::convert(Cursor::new(file), &mut opus).unwrap();
    assert_eq!(sniff(&opus), Some(Kind::OggOpus));
    (voice, opus)
}

/// The samples at 48 kHz, after a look at the container.
fn decode(opus: &[u8]) -> Vec<f32> {
    let mut reader = OggOpusReader::new(opus).unwrap();
    assert_eq!(reader.head().channel_count, 1);
    let mut decoder = reader.head().decoder(48_000).unwrap();
    let mut trim = Trim::new(reader.head(), 48_000, 1).unwrap();
    let mut block = vec![0.0; MAX_PACKET_SAMPLES];
    let (mut samples, mut ended) = (Vec::new(), false);
    for packet in reader.packets() {
        let packet = packet.unwrap();
        let count = decoder.decode(&packet.data, MAX_PACKET_SAMPLES, &mut block).unwrap();
        assert_eq!(count, 960, "every packet has 20 ms");
        samples.extend_from_slice(trim.keep(&packet, &block[..count]));
        ended = packet.end_of_stream;
    }
    assert!(ended);
    samples
}

/// How strong a frequency is, as the amplitude of a tone.
fn strength(samples: &[f32], frequency: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * (frequency * n as f32 / 48_000.0).fract()).sin_cos();
        re += sample * cos;
        im += sample * sin;
    }
    2.0 * (re * re + im * im).sqrt() / samples.len() as f32
}

fn is_the_tone(samples: &[f32], amplitude: f32) {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let (peak, level) = (100..2000)
        .step_by(5)
        .map(|frequency| (frequency as f32, strength(middle, frequency as f32)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .unwrap();
    assert!((peak / 440.0 - 1.0).abs() < 0.02, "peak at {peak} Hz");
    let off = 20.0 * (level / amplitude).log10();
    assert!(off.abs() < 3.0, "off by {off} dB");
    // And nothing but the tone, to speak of.
    let power = middle.iter().map(|sample| sample * sample).sum::<f32>() / middle.len() as f32;
    assert!(level * level / 2.0 > 0.9 * power, "{level} of {power}");
}

#[test]
fn a_tone_stays_one() {
    for (rate, channels) in [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 1), (48_000, 6), (96_000, 2)] {
        let file = made::wav(rate, channels, &made::tone(rate, 1.5, |_| 0.5));
        let (voice, opus) = convert(&file);
        assert_eq!(voice.seconds, 2);
        let samples = decode(&opus);
        assert_eq!(samples.len(), 72_000, "{rate} {channels}");
        is_the_tone(&samples, 0.5);
        let kbits = opus.len() as f32 * 8.0 / 1.5 / 1000.0;
        assert!((10.0..50.0).contains(&kbits), "{kbits} kbit/s");
    }
}

#[test]
fn flac_is_read_too() {
    let (voice, opus) = convert(&made::flac(&made::tone(44_100, 1.0, |_| 0.5)));
    assert_eq!(voice.seconds, 1);
    let samples = decode(&opus);
    assert_eq!(samples.len(), 48_000);
    is_the_tone(&samples, 0.5);
}

#[test]
fn the_waveform_follows_loudness() {
    let rising = made::tone(16_000, 3.0, |part| part * 0.8);
    let (voice, opus) = convert(&made::wav(16_000, 1, &rising));
    assert_eq!(voice.seconds, 3);
    assert!(voice.waveform.is_sorted(), "{:?}", voice.waveform);
    assert_eq!((voice.waveform[0], voice.waveform[63]), (1, 100));
    // What is measured from the Opus file is nearly the same.
    let measured = Voice::measure(Cursor::new(&opus)).unwrap();
    let far = measured.waveform.iter().zip(&voice.waveform).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(far <= 5, "{:?}\n{:?}", measured.waveform, voice.waveform);

    let (silence, _) = convert(&made::wav(16_000, 1, &[0.0; 16_000]));
    assert_eq!(silence.waveform, [0; 64]);
}

#[test]
fn the_shortest_sound_has_a_second_and_a_waveform() {
    let (voice, opus) = convert(&made::wav(48_000, 1, &[0.5; 10]));
    assert_eq!(voice.seconds, 1);
    assert_eq!(voice.waveform, [100; 64]);
    assert_eq!(decode(&opus).len(), 10);
}

#[test]
fn what_is_a_voice_note_already_is_copied() {
    let (_, opus) = convert(&made::wav(48_000, 1, &made::tone(48_000, 2.0, |_| 0.5)));
    let (voice, copy) = convert(&opus);
    assert!(copy == opus);
    assert_eq!(voice.seconds, 2);
    // One that breaks off is not.
    let (_, mended) = convert(&opus[..opus.len() * 3 / 4]);
    assert!(decode(&mended).len() > 24_000);
}

#[test]
fn two_channels_of_opus_become_one() {
    let mut encoder = opus_pure::OpusEncoder::new(48_000, 2, opus_pure::Application::Audio).unwrap();
    let head = opus_pure::OpusHead::for_encoder(&encoder, 48_000);
    let mut writer = opus_pure::OggOpusWriter::new(Vec::new(), head).unwrap();
    let stereo: Vec<f32> = made::tone(48_000, 1.0, |_| 0.5).into_iter().flat_map(|sample| [sample, sample]).collect();
    let mut packet = vec![0; opus_pure::MAX_PACKET_BYTES];
    for frame in stereo.chunks_exact(960 * 2) {
        let length = encoder.encode(frame, 960, &mut packet).unwrap();
        writer.write_packet(&packet[..length]).unwrap();
    }
    let (_, mono) = convert(&writer.finish().unwrap());
    is_the_tone(&decode(&mono), 0.5);
}

#[test]
fn what_says_that_it_is_too_long_is_not_read() {
    // 4 kHz, 8 bits.
    let seconds = 2 * 60 * 60 + 1;
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend_from_slice(&4_000u32.to_le_bytes());
    file.extend_from_slice(&4_000u32.to_le_bytes());
    file.extend_from_slice(b"\x01\0\x08\0data");
    file.extend_from_slice(&(seconds * 4_000u32).to_le_bytes());
    file.resize(file.len() + seconds as usize * 4_000, 128);
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    let refused = Voice::measure(Cursor::new(&file));
    assert!(matches!(refused, Err(Error::TooLong { limit: 7200 })), "{refused:?}");
}

#[test]
fn each_refusal_has_its_reason() {
    let refused = |file: &[u8]| Voice::convert(Cursor::new(file), std::io::sink()).unwrap_err();
    assert!(matches!(refused(b""), Error::NotAudio));
    assert!(matches!(refused(b"\xff\xd8\xff\xe0 a photo"), Error::NotAudio));
    assert!(matches!(refused(b"#!AMR\n\x3c\0\0"), Error::NotAudio));
    assert!(matches!(refused(&made::wav(48_000, 1, &[])), Error::NoSound));
    assert!(matches!(refused(&made::wav(48_000, 1, &[])[..30]), Error::Damaged));
    assert!(matches!(refused(&made::wav(100, 1, &[0.1; 100])), Error::UnsupportedAudio));
}
