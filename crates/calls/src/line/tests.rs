use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, advance},
};
use wago_media::tone::{self, level_at, peak};

use super::*;
use crate::{Level, Recorded, TooFull};

const WAITING: usize = 64;
/// What WhatsApp says, and what a browser does, in Hz; all at [`LOUD`] dB.
const THERE: f32 = 1_000.0;
const HERE: f32 = 440.0;
const LOUD: f32 = -12.0;

/// WhatsApp's end of a line: it says a tone, and remembers what it hears.
struct Whatsapp {
    line: Line,
    heard: mpsc::Sender<Heard>,
    said: mpsc::Receiver<Bytes>,
    encoder: Encoder,
    decoder: Decoder,
    packets: u32,
    speaks: bool,
    /// Those who speak there, too: by number, and their tone.
    others: Vec<(u8, f32, Encoder)>,
    ear: Vec<i16>,
    /// The last packet, as it came.
    latest: Bytes,
}

/// A browser's end: it says a tone in packets of 20 ms, and remembers what it hears.
struct Page {
    said: mpsc::Sender<Heard>,
    hears: mpsc::Receiver<Bytes>,
    encoder: OpusEncoder,
    hz: f32,
    channels: usize,
    /// All that it said.
    packets: Vec<Bytes>,
    decoder: Decoder,
    ear: Vec<i16>,
}

async fn taken(queue: &mpsc::Sender<Heard>) {
    while !queue.is_closed() && queue.capacity() < queue.max_capacity() {
        yield_now().await;
    }
}

impl Whatsapp {
    async fn call() -> (Line, Self) {
        let (heard, line_hears) = mpsc::channel(WAITING);
        let (line_says, mut said) = mpsc::channel(WAITING);
        let line = Line::open(Trunk { clock: RATE, heard: line_hears, said: line_says });
        // The first is said at once.
        said.recv().await.unwrap();
        let whatsapp = Self {
            line: line.clone(),
            heard,
            said,
            encoder: Encoder::new(),
            decoder: Decoder::new(),
            packets: 0,
            speaks: true,
            others: Vec::new(),
            ear: Vec::new(),
            latest: Bytes::new(),
        };
        (line, whatsapp)
    }

    /// So many packets later, in which the pages speak too.
    async fn go(&mut self, pages: &mut [&mut Page], packets: usize) {
        for _ in 0..packets {
            if self.speaks {
                let mut frame = [0; SAMPLES];
                tone::fill(&mut frame, self.packets as usize * SAMPLES, THERE, LOUD);
                let data = self.encoder.encode(&frame);
                let timestamp = self.packets.wrapping_mul(SAMPLES as u32);
                let packet = Heard { speaker: 0, data, sequence: self.packets as u16, timestamp };
                self.heard.try_send(packet).unwrap();
            }
            for (speaker, hz, encoder) in &mut self.others {
                let mut frame = [0; SAMPLES];
                tone::fill(&mut frame, self.packets as usize * SAMPLES, *hz, LOUD);
                // Each counts from a time of its own.
                let apart = u32::from(*speaker) * 1_000_000;
                let timestamp = self.packets.wrapping_mul(SAMPLES as u32).wrapping_add(apart);
                let sequence = (self.packets as u16).wrapping_add(u16::from(*speaker) * 1_000);
                let packet = Heard { speaker: *speaker, data: encoder.encode(&frame), sequence, timestamp };
                self.heard.try_send(packet).unwrap();
            }
            taken(&self.heard).await;
            self.packets += 1;
            for page in &mut *pages {
                page.speak().await;
            }
            // What is read from a disk is there when its time comes.
            while self.line.desk().player.as_ref().is_some_and(|player| !player.paused && !player.clip.is_ready()) {
                yield_now().await;
            }
            advance(PACKET).await;
            self.latest = self.said.recv().await.unwrap();
            self.ear.extend_from_slice(self.decoder.decode(&self.latest));
            for page in &mut *pages {
                page.hear();
            }
        }
    }

    /// What it hears from now on, once the codec has found its way.
    async fn hears(&mut self, pages: &mut [&mut Page]) -> Vec<i16> {
        self.go(pages, 12).await;
        self.ear.clear();
        self.go(pages, 12).await;
        self.ear.clone()
    }
}

impl Page {
    fn join(line: &Line, hz: f32, channels: usize) -> Self {
        let (said, line_hears) = mpsc::channel(WAITING);
        let (line_says, hears) = mpsc::channel(WAITING);
        line.browser(Trunk { clock: 48_000, heard: line_hears, said: line_says });
        Self {
            said,
            hears,
            encoder: OpusEncoder::new(48_000, channels, Application::Audio).unwrap(),
            hz,
            channels,
            packets: Vec::new(),
            decoder: Decoder::new(),
            ear: Vec::new(),
        }
    }

    async fn speak(&mut self) {
        const SAMPLES: usize = 960;
        for _ in 0..3 {
            let number = self.packets.len();
            let mut sound = Vec::with_capacity(SAMPLES * self.channels);
            for at in 0..SAMPLES {
                let time = (number * SAMPLES + at) % 48_000;
                let turns = (self.hz * time as f32 / 48_000.0).fract();
                let sample = 10_f32.powf(LOUD / 20.0) * (std::f32::consts::TAU * turns).sin();
                sound.extend(std::iter::repeat_n(sample, self.channels));
            }
            let mut packet = vec![0; MAX_PACKET_BYTES];
            let length = self.encoder.encode(&sound, SAMPLES, &mut packet).unwrap();
            let data = Bytes::copy_from_slice(&packet[..length]);
            let (sequence, timestamp) = (number as u16, (number * SAMPLES) as u32);
            // Nobody may listen any more.
            let _ = self.said.try_send(Heard { speaker: 0, data: data.clone(), sequence, timestamp });
            self.packets.push(data);
        }
        taken(&self.said).await;
    }

    fn hear(&mut self) {
        while let Ok(packet) = self.hears.try_recv() {
            self.ear.extend_from_slice(self.decoder.decode(&packet));
        }
    }
}

fn is(sound: &[i16], hz: f32, level: f32) {
    let (found, loud) = peak(sound);
    assert!((found - hz).abs() <= 2.0 && (loud - level).abs() <= 1.5, "{found} Hz at {loud} dB, not {hz} at {level}");
}

fn has(sound: &[i16], tones: &[(f32, f32)]) {
    for (hz, level) in tones {
        let found = level_at(sound, *hz);
        assert!((found - level).abs() <= 2.0, "{hz} Hz at {found} dB, not {level}");
    }
}

fn is_silent(sound: &[i16]) {
    let loudest = sound.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!(loudest < 30, "{loudest}");
}

/// A WAV file of a tone, of so many packets.
fn wav(folder: &tempfile::TempDir, hz: f32, packets: usize) -> PathBuf {
    let mut samples = vec![0; packets * SAMPLES];
    tone::fill(&mut samples, 0, hz, LOUD);
    let bytes = u32::try_from(samples.len() * 2).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let path = folder.path().join(format!("{hz}.wav"));
    std::fs::write(&path, file).unwrap();
    path
}

#[tokio::test(start_paused = true)]
async fn who_joins_nothing_says_silence() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    is_silent(&whatsapp.hears(&mut []).await);
    let stats = line.stats();
    assert_eq!((stats.said, stats.passed, stats.encoded, stats.heard), (25, 0, 0, 24));
}

#[tokio::test(start_paused = true)]
async fn a_browsers_packets_are_put_together_and_not_encoded_anew() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 1);
    is(&whatsapp.hears(&mut [&mut page]).await, HERE, LOUD);
    is(&page.ear[SAMPLES * 8..], THERE, LOUD);
    let stats = line.stats();
    assert_eq!((stats.encoded, &stats.legs[..]), (0, &["browser"][..]));
    // The first of them waits for what may be late.
    assert!(stats.passed >= 22, "{stats:?}");
    for _ in 0..10 {
        whatsapp.go(&mut [&mut page], 1).await;
        let came = Packet::parse(&whatsapp.latest).unwrap().frames;
        let went: Vec<&[u8]> = page.packets.iter().map(|packet| Packet::parse(packet).unwrap().frames[0]).collect();
        assert!(went.windows(3).any(|three| three == came), "bit by bit as the browser said it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_in_stereo_is_decoded_and_heard() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 2);
    is(&whatsapp.hears(&mut [&mut page]).await, HERE, LOUD);
    assert_eq!(line.stats().passed, 0);
}

#[tokio::test(start_paused = true)]
async fn all_who_speak_at_once_are_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 1);
    line.play(wav(&folder, 700.0, 60), "tone".into(), false).await.unwrap();
    line.tone(Some(2_000.0));
    let heard = whatsapp.hears(&mut [&mut page]).await;
    has(&heard, &[(HERE, LOUD), (700.0, LOUD), (2_000.0, LOUD)]);
    assert_eq!((line.stats().passed, line.stats().legs), (0, vec!["browser", "player", "tone"]));
    line.tone(None);
    assert!(line.stop());
    is(&whatsapp.hears(&mut [&mut page]).await, HERE, LOUD);
    assert!(line.stats().passed > 0, "and then it is passed on again");
}

#[tokio::test(start_paused = true)]
async fn a_newer_browser_takes_the_place_of_an_older() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut old = Page::join(&line, HERE, 1);
    is(&whatsapp.hears(&mut [&mut old]).await, HERE, LOUD);
    let mut new = Page::join(&line, 600.0, 1);
    is(&whatsapp.hears(&mut [&mut old, &mut new]).await, 600.0, LOUD);
    old.said.closed().await;
    drop(new);
    is_silent(&whatsapp.hears(&mut []).await);
    assert!(line.stats().legs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_file_is_played_paused_looped_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut whatsapp) = Whatsapp::call().await;
    let (short, other) = (wav(&folder, 700.0, 10), wav(&folder, 900.0, 10));
    let played = line.play(short.clone(), "short".into(), false).await.unwrap();
    whatsapp.go(&mut [], 11).await;
    played.over().await;
    assert_eq!(line.playing(), None);
    is(&whatsapp.ear[SAMPLES * 2..SAMPLES * 9], 700.0, LOUD);
    let looped = line.play(short.clone(), "short".into(), true).await.unwrap();
    // What is open needs no name, however often it is played.
    std::fs::remove_file(short).unwrap();
    is(&whatsapp.hears(&mut []).await, 700.0, LOUD);
    assert!(line.pause(true));
    is_silent(&whatsapp.hears(&mut []).await);
    let shown = line.playing().unwrap();
    assert_eq!((shown.paused, shown.looped, shown.position_ms), (true, true, 24 * 60));
    assert!(line.pause(false));
    is(&whatsapp.hears(&mut []).await, 700.0, LOUD);
    // Another file in its place, in the middle of the call.
    line.play(other, "other".into(), true).await.unwrap();
    looped.over().await;
    is(&whatsapp.hears(&mut []).await, 900.0, LOUD);
    assert!(line.stop() && !line.stop() && !line.pause(true));
    is_silent(&whatsapp.hears(&mut []).await);
    let nothing = line.play(folder.path().join("none.wav"), "none".into(), false).await;
    assert!(matches!(nothing, Err(ClipError::Missing)));
}

#[tokio::test(start_paused = true)]
async fn an_echo_gives_back_what_is_heard_and_keys_make_two_tones() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    line.echo(true);
    is(&whatsapp.hears(&mut []).await, THERE, LOUD);
    line.echo(false);
    whatsapp.go(&mut [], 4).await;
    whatsapp.ear.clear();
    assert!(line.press("5") && !line.press("x"));
    whatsapp.go(&mut [], 4).await;
    let (low, high) = (level_at(&whatsapp.ear, 770.0), level_at(&whatsapp.ear, 1_336.0));
    assert!(low > -20.0 && high > -20.0, "{low} {high}");
    whatsapp.go(&mut [], 4).await;
    is_silent(&whatsapp.hears(&mut []).await);
}

#[tokio::test(start_paused = true)]
async fn a_program_hears_speaks_and_is_interrupted() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut stream = line.stream();
    let mut samples = vec![0; SAMPLES * 100];
    tone::fill(&mut samples, 0, 600.0, LOUD);
    assert_eq!(stream.say(&samples), Ok(Level(6_000)));
    is(&whatsapp.hears(&mut []).await, 600.0, LOUD);
    let mut heard = Vec::new();
    for _ in 0..24 {
        heard.extend(stream.hear().await.unwrap());
    }
    is(&heard[SAMPLES * 10..], THERE, LOUD);
    assert_eq!(stream.level(), Level(6_000 - 24 * 60));
    assert_eq!(stream.clear(), Level(6_000 - 24 * 60));
    // The codec rings for a moment.
    whatsapp.go(&mut [], 2).await;
    whatsapp.ear.clear();
    whatsapp.go(&mut [], 5).await;
    is_silent(&whatsapp.ear);
    stream.say(&samples[..SAMPLES + 1]).unwrap();
    whatsapp.go(&mut [], 2).await;
    stream.dry().await;
    assert_eq!(stream.say(&vec![0; RATE as usize * 60 + 1]), Err(TooFull));
    drop(stream);
    whatsapp.go(&mut [], 1).await;
    assert!(line.stats().legs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recording_has_the_ends_that_were_wished_for() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut whatsapp) = Whatsapp::call().await;
    line.tone(Some(HERE));
    whatsapp.go(&mut [], 5).await;
    let wishes = [
        (What::Inbound, &[THERE][..], &[HERE][..]),
        (What::Outbound, &[HERE][..], &[THERE][..]),
        (What::Mixed, &[HERE, THERE][..], &[][..]),
    ];
    for format in [Format::Wav, Format::Ogg] {
        for (what, tones, others) in wishes {
            let path = folder.path().join(format!("{what:?}.{format:?}"));
            let recording = line.record(what, format, path.clone()).await.unwrap();
            let again = line.record(what, format, folder.path().join("again")).await;
            assert!(matches!(again, Err(RecordError::Already)));
            whatsapp.go(&mut [], 40).await;
            assert!(line.stop_recording() && !line.stop_recording());
            let recorded = recording.done().await.unwrap();
            assert_eq!((recorded.duration_ms, recorded.missed_ms), (2_400, 0));
            let mut heard = Vec::new();
            wago_media::listen(std::fs::File::open(path).unwrap(), RATE, |some| {
                heard.extend(some.iter().map(|sample| (sample * f32::from(i16::MAX)) as i16));
                Ok(())
            })
            .unwrap();
            assert!(heard.len().abs_diff(40 * SAMPLES) <= 1, "{}", heard.len());
            let middle = &heard[SAMPLES * 8..SAMPLES * 36];
            has(middle, &tones.iter().map(|hz| (*hz, LOUD)).collect::<Vec<_>>());
            assert!(others.iter().all(|hz| level_at(middle, *hz) < -50.0), "{what:?} in {format:?}");
        }
    }
}

/// Somebody else at WhatsApp's end, and what they say, in Hz.
const SECOND: (u8, f32) = (2, 700.0);
const THIRD: (u8, f32) = (3, 1_700.0);

impl Whatsapp {
    fn join(&mut self, (number, hz): (u8, f32)) {
        self.others.push((number, hz, Encoder::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_speak_at_the_other_end_are_recorded_streamed_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut whatsapp) = Whatsapp::call().await;
    whatsapp.join(SECOND);
    line.echo(true);
    let mut stream = line.stream();
    let path = folder.path().join("inbound.wav");
    let recording = line.record(What::Inbound, Format::Wav, path.clone()).await.unwrap();
    let two = [(THERE, LOUD), (SECOND.1, LOUD)];
    has(&whatsapp.hears(&mut []).await, &two);
    // One comes, and one goes.
    whatsapp.join(THIRD);
    whatsapp.speaks = false;
    let changed = whatsapp.hears(&mut []).await;
    has(&changed, &[(SECOND.1, LOUD), (THIRD.1, LOUD)]);
    assert!(level_at(&changed, THERE) < -50.0);
    assert!(line.stop_recording());
    assert_eq!(recording.done().await.unwrap().duration_ms, 48 * 60);
    let mut streamed = Vec::new();
    for _ in 0..48 {
        streamed.extend(stream.hear().await.unwrap());
    }
    let recorded: Vec<i16> =
        std::fs::read(path).unwrap()[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    for heard in [&recorded, &streamed] {
        let (before, after) = (&heard[SAMPLES * 8..SAMPLES * 23], &heard[SAMPLES * 36..SAMPLES * 47]);
        has(before, &two);
        has(after, &[(SECOND.1, LOUD), (THIRD.1, LOUD)]);
        assert!(level_at(before, THIRD.1) < -50.0 && level_at(after, THERE) < -50.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_hears_one_as_it_comes_and_several_as_one() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 1);
    whatsapp.hears(&mut [&mut page]).await;
    is(&page.ear[SAMPLES * 8..], THERE, LOUD);
    assert_eq!(line.stats().heard_level, None, "one alone is not decoded");
    whatsapp.join(SECOND);
    whatsapp.go(&mut [&mut page], 12).await;
    page.ear.clear();
    whatsapp.go(&mut [&mut page], 12).await;
    has(&page.ear, &[(THERE, LOUD), (SECOND.1, LOUD)]);
    assert_eq!(page.ear.len(), SAMPLES * 12, "one packet each time");
    assert!(line.stats().heard_level.is_some());
    // A pause of one of them changes nothing, so that nothing is heard of going to and fro.
    whatsapp.others.clear();
    whatsapp.go(&mut [&mut page], 20).await;
    assert!(line.stats().heard_level.is_some());
    whatsapp.go(&mut [&mut page], 20).await;
    page.ear.clear();
    whatsapp.go(&mut [&mut page], 12).await;
    is(&page.ear[SAMPLES * 2..], THERE, LOUD);
    assert_eq!(line.stats().heard_level, None, "who was left alone is passed on again");
    // What the browser says is its own all the while.
    assert_eq!(line.stats().encoded, 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_muted_hears() {
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 1);
    line.tone(Some(700.0));
    line.mute(true);
    is_silent(&whatsapp.hears(&mut [&mut page]).await);
    is(&page.ear[SAMPLES * 8..], THERE, LOUD);
    line.tone(None);
    is_silent(&whatsapp.hears(&mut [&mut page]).await);
    line.mute(false);
    is(&whatsapp.hears(&mut [&mut page]).await, HERE, LOUD);
}

#[tokio::test(start_paused = true)]
async fn when_the_call_is_over_so_is_all_that_was_joined() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut page = Page::join(&line, HERE, 1);
    let mut stream = line.stream();
    let played = line.play(wav(&folder, 700.0, 10), "tone".into(), true).await.unwrap();
    let path = folder.path().join("call.wav");
    let recording = line.record(What::Mixed, Format::Wav, path.clone()).await.unwrap();
    whatsapp.go(&mut [&mut page], 10).await;
    drop(whatsapp);
    line.ended().await;
    played.over().await;
    page.said.closed().await;
    while stream.hear().await.is_some() {}
    assert_eq!(recording.done().await.unwrap().duration_ms, 600);
    assert_eq!(Recorded::found(&path).unwrap().duration_ms, 600);
    assert!(line.is_over());
    // What comes too late does no harm.
    let late = line.record(What::Mixed, Format::Wav, folder.path().join("late.wav")).await.unwrap();
    assert_eq!(late.done().await.unwrap().duration_ms, 0);
    assert!(line.stream().hear().await.is_none());
    assert!(Page::join(&line, HERE, 1).said.is_closed() || line.stats().legs == ["browser"]);
}

/// Of a tone that was said for ten minutes, what share of the 60 ms is heard within 3 dB of its level, with 5 % lost and what
/// comes late by up to 100 ms.
#[tokio::test(start_paused = true)]
async fn ten_minutes_with_loss_and_delay_stay_intelligible() {
    const PACKETS: u32 = 10_000;
    let (line, mut whatsapp) = Whatsapp::call().await;
    let mut stream = line.stream();
    // Of a tone that fits, every packet follows every other.
    let mut encoder = Encoder::new();
    let mut frame = [0; SAMPLES];
    tone::fill(&mut frame, 0, THERE, LOUD);
    let packets: Vec<Bytes> = (0..100).map(|_| encoder.encode(&frame)).collect();
    let mut draw = StdRng::seed_from_u64(6);
    let mut arrivals = Vec::new();
    for number in 0..PACKETS {
        let late = draw.random_range(0..=100_u64);
        if draw.random::<f64>() >= 0.05 {
            let data = packets[50 + number as usize % 50].clone();
            let packet =
                Heard { speaker: 0, data, sequence: number as u16, timestamp: number.wrapping_mul(SAMPLES as u32) };
            arrivals.push((u64::from(number) * 60 + late, packet));
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let begin = Instant::now();
    let (mut good, mut all, mut quiet_since) = (0_u32, 0_u32, None);
    for tick in 1..u64::from(PACKETS) + 40 {
        let now = tick * 60;
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at < now) {
            let wait = (begin + Duration::from_millis(at)).saturating_duration_since(Instant::now());
            advance(wait).await;
            whatsapp.heard.try_send(packet).unwrap();
            taken(&whatsapp.heard).await;
        }
        advance((begin + Duration::from_millis(now)).saturating_duration_since(Instant::now())).await;
        whatsapp.said.recv().await.unwrap();
        let heard = stream.hear().await.unwrap();
        if now <= u64::from(PACKETS) * 60 {
            all += 1;
            good += u32::from((level_at(&heard, THERE) - LOUD).abs() <= 3.0);
        } else if quiet_since.is_none() && level_at(&heard, THERE) < -60.0 {
            quiet_since = Some(now - u64::from(PACKETS) * 60);
        }
    }
    let (share, stats) = (f64::from(good) / f64::from(all), line.stats());
    println!("{:.1} % of {all} within 3 dB; {stats:?}; silent after {quiet_since:?} ms", share * 100.0);
    assert!(share >= 0.90, "{share}: {stats:?}");
    // It does not lag behind ever further.
    assert!(quiet_since.is_some_and(|after| after <= 1_500), "{quiet_since:?}");
    assert!(stats.lost < u64::from(PACKETS) * 8 / 100 && stats.late < u64::from(PACKETS) / 50, "{stats:?}");
    assert!(stats.jitter_ms <= 400);
}
