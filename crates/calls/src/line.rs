//! The line of a call: WhatsApp at one end, and at the other whatever is joined to it.
//!
//! Every 60 ms WhatsApp is said one packet. If a browser is the only one who speaks, that is the browser's own sound, put
//! together from its packets; otherwise the sound of all who speak is mixed and encoded. What WhatsApp says goes to the
//! browser as it comes, and is decoded only for those who want samples, and where several speak at WhatsApp's end.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use wago_media::tone;

use crate::{
    Frame, Heard, PACKET, RATE, SAMPLES, Trunk,
    clip::{Clip, ClipError, Said},
    codec::{Decoder, Encoder},
    jitter::{Jitter, Piece},
    keys::Keys,
    packet::{self, Packet},
    picture::{Pictures, Stage},
    recorder::{Format, RecordError, Recorder, Recording, What},
    stream::{self, Port, Stream},
    voices::Voices,
};

/// How late an echo is, in frames: a third of a second.
const ECHO: usize = 5;
/// The quietest level that is told, in dB.
const FLOOR: f32 = -96.0;

/// What is being played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    pub file: String,
    pub looped: bool,
    pub paused: bool,
    /// Of what was said of it, in all rounds.
    pub position_ms: u64,
}

/// What has gone over the line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineStats {
    /// Packets from WhatsApp.
    pub heard: u64,
    /// Of those that were to be decoded: what did not come, and what came too late.
    pub lost: u64,
    pub late: u64,
    /// Packets to WhatsApp: all, the browser's own, and those that were encoded here. The rest is silence.
    pub said: u64,
    pub passed: u64,
    pub encoded: u64,
    /// Of a video call, pictures from WhatsApp, and to it.
    pub seen: Option<u64>,
    pub shown: Option<u64>,
    /// How long sound waits for what is late, in milliseconds, where it is decoded.
    pub jitter_ms: u32,
    /// Of the last 60 ms, in dB of the loudest there is; where it is decoded.
    pub heard_level: Option<f32>,
    pub said_level: Option<f32>,
    pub legs: Vec<&'static str>,
}

/// A cheap handle. The line goes on until WhatsApp's end closes or [`Line::close`].
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    desk: Mutex<Desk>,
    /// Of a video call.
    stage: OnceLock<Stage>,
    over: CancellationToken,
}

/// All that is joined to a line.
struct Desk {
    said: mpsc::Sender<Bytes>,
    voices: Voices,
    encoder: Encoder,
    /// What a browser hears while several speak at once.
    mixer: Option<Encoder>,
    /// What says nothing.
    silence: Bytes,
    begin: Instant,
    muted: bool,
    browser: Option<Browser>,
    player: Option<Player>,
    keys: Keys,
    tone: Option<(f32, usize)>,
    echo: Option<VecDeque<Frame>>,
    stream: Option<Port>,
    recorder: Option<Recorder>,
    stats: LineStats,
}

struct Browser {
    /// Which one: a newer takes the place of an older.
    number: u64,
    said: mpsc::Sender<Bytes>,
    jitter: Jitter,
    decoder: Decoder,
    over: CancellationToken,
}

struct Player {
    file: String,
    clip: Clip,
    paused: bool,
    frames: u64,
    /// Goes with it.
    _over: oneshot::Sender<()>,
}

/// What is being played, for those who wait for its end.
pub struct Played(oneshot::Receiver<()>);

impl Played {
    /// Resolves when it was played to its end, or was stopped, or the call is over.
    pub async fn over(self) {
        // Nothing is ever sent.
        let _ = self.0.await;
    }
}

impl Line {
    /// On a runtime of tokio.
    pub fn open(trunk: Trunk) -> Self {
        let Trunk { clock, heard, said } = trunk;
        let mut encoder = Encoder::new();
        let desk = Desk {
            said,
            voices: Voices::new(clock),
            mixer: None,
            silence: encoder.encode(&[0; SAMPLES]),
            encoder,
            begin: Instant::now(),
            muted: false,
            browser: None,
            player: None,
            keys: Keys::default(),
            tone: None,
            echo: None,
            stream: None,
            recorder: None,
            stats: LineStats::default(),
        };
        let (stage, over) = (OnceLock::new(), CancellationToken::new());
        let line = Self(Arc::new(Inner { desk: Mutex::new(desk), stage, over }));
        tokio::spawn(line.clone().run(heard));
        line
    }

    async fn run(self, mut heard: mpsc::Receiver<Heard>) {
        let mut tick = interval(PACKET);
        // What was missed is made good at once: WhatsApp's clock goes on, and a few packets more do no harm.
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let over = self.0.over.clone();
        loop {
            tokio::select! {
                biased;
                () = over.cancelled() => break,
                packet = heard.recv() => match packet {
                    Some(packet) => self.desk().hear(&packet),
                    None => break,
                },
                _ = tick.tick() => self.desk().tick(),
            }
        }
        over.cancel();
        let mut desk = self.desk();
        // Recordings are finished, and streams end.
        (desk.recorder, desk.stream, desk.player) = (None, None, None);
        if let Some(browser) = desk.browser.take() {
            browser.over.cancel();
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn close(&self) {
        self.0.over.cancel();
    }

    pub fn is_over(&self) -> bool {
        self.0.over.is_cancelled()
    }

    pub async fn ended(&self) {
        self.0.over.cancelled().await;
    }

    /// WhatsApp hears nothing, whoever speaks.
    pub fn mute(&self, muted: bool) {
        self.desk().muted = muted;
    }

    /// Joins a browser, in place of one that was there.
    pub fn browser(&self, trunk: Trunk) {
        let Trunk { clock, mut heard, said } = trunk;
        let over = self.0.over.child_token();
        let number = {
            let mut desk = self.desk();
            let number = desk.browser.as_ref().map_or(1, |browser| browser.number + 1);
            let (jitter, decoder) = (Jitter::new(clock), Decoder::new());
            let before = desk.browser.replace(Browser { number, said, jitter, decoder, over: over.clone() });
            if let Some(before) = before {
                before.over.cancel();
            }
            number
        };
        let line = self.clone();
        tokio::spawn(async move {
            let listening = async {
                while let Some(packet) = heard.recv().await {
                    let mut desk = line.desk();
                    let now = desk.now_ms();
                    match &mut desk.browser {
                        Some(browser) if browser.number == number => browser.jitter.push(&packet, now),
                        _ => return,
                    }
                }
            };
            over.run_until_cancelled(listening).await;
            let mut desk = line.desk();
            if desk.browser.as_ref().is_some_and(|browser| browser.number == number) {
                desk.browser = None;
            }
        });
    }

    /// WhatsApp's picture, of a video call. There is one.
    pub fn picture(&self, pictures: Pictures) {
        self.0.stage.get_or_init(|| Stage::open(pictures, self.0.over.clone()));
    }

    pub fn has_picture(&self) -> bool {
        self.0.stage.get().is_some()
    }

    /// A browser's picture, in place of one that was there. Without one of WhatsApp's it goes nowhere.
    pub fn watch(&self, pictures: Pictures) {
        self.0.stage.get().inspect(|stage| stage.browser(pictures));
    }

    /// Plays a file, in place of one that was played. `name` is what [`Line::playing`] tells of it.
    pub async fn play(&self, path: PathBuf, name: String, looped: bool) -> Result<Played, ClipError> {
        let clip = Clip::open(path, looped).await?;
        let (_over, over) = oneshot::channel();
        if !self.is_over() {
            self.desk().player = Some(Player { file: name, clip, paused: false, frames: 0, _over });
        }
        Ok(Played(over))
    }

    /// False: nothing is played.
    pub fn pause(&self, paused: bool) -> bool {
        self.desk().player.as_mut().map(|player| player.paused = paused).is_some()
    }

    /// False: nothing was played.
    pub fn stop(&self) -> bool {
        self.desk().player.take().is_some()
    }

    pub fn playing(&self) -> Option<Playing> {
        self.desk().player.as_ref().map(|player| Playing {
            file: player.file.clone(),
            looped: player.clip.is_looped(),
            paused: player.paused,
            position_ms: player.frames * PACKET.as_millis() as u64,
        })
    }

    /// Presses keys of a telephone: `0`-`9`, `*`, `#`, `A`-`D`. False for other characters, or more than 32 that wait.
    pub fn press(&self, keys: &str) -> bool {
        self.desk().keys.press(keys)
    }

    /// A tone in Hz, until there is none.
    pub fn tone(&self, hz: Option<f32>) {
        self.desk().tone = hz.map(|hz| (hz, 0));
    }

    /// WhatsApp hears what it says, and sees what it shows.
    pub fn echo(&self, on: bool) {
        self.desk().echo = on.then(VecDeque::new);
        self.0.stage.get().inspect(|stage| stage.echo(on));
    }

    /// A program's end, in place of one that was there.
    pub fn stream(&self) -> Stream {
        let (stream, port) = stream::open();
        if !self.is_over() {
            self.desk().stream = Some(port);
        }
        stream
    }

    /// Records into a new file.
    pub async fn record(&self, what: What, format: Format, path: PathBuf) -> Result<Recording, RecordError> {
        if self.desk().recorder.is_some() {
            return Err(RecordError::Already);
        }
        let (recorder, recording) = Recorder::open(what, format, path).await?;
        let mut desk = self.desk();
        if desk.recorder.is_some() {
            return Err(RecordError::Already);
        }
        // Of a call that is over it is a file without sound.
        desk.recorder = (!self.is_over()).then_some(recorder);
        Ok(recording)
    }

    /// False: nothing was recorded.
    pub fn stop_recording(&self) -> bool {
        self.desk().recorder.take().is_some()
    }

    pub fn stats(&self) -> LineStats {
        let desk = self.desk();
        let legs = [
            ("browser", desk.browser.is_some()),
            ("player", desk.player.is_some()),
            ("recorder", desk.recorder.is_some()),
            ("stream", desk.stream.is_some()),
            ("echo", desk.echo.is_some()),
            ("tone", desk.tone.is_some()),
        ];
        let (seen, shown) = self.0.stage.get().map(Stage::tally).unzip();
        LineStats {
            seen,
            shown,
            lost: desk.voices.tally().lost,
            late: desk.voices.tally().late,
            jitter_ms: desk.voices.depth(),
            legs: legs.into_iter().filter(|(_, there)| *there).map(|(leg, _)| leg).collect(),
            ..desk.stats.clone()
        }
    }
}

impl Desk {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Somebody wants samples of what WhatsApp says.
    fn listens(&self, now: u64) -> bool {
        let records = self.recorder.as_ref().is_some_and(|recorder| recorder.what() != What::Outbound);
        records || self.stream.is_some() || self.echo.is_some() || self.mixes(now)
    }

    /// A browser is there for which several speak at once: it hears them as one.
    fn mixes(&self, now: u64) -> bool {
        self.browser.is_some() && self.voices.are_many(now)
    }

    fn hear(&mut self, packet: &Heard) {
        self.stats.heard += 1;
        let now = self.now_ms();
        self.voices.note(packet.speaker, now);
        if let Some(browser) = self.browser.as_ref().filter(|_| !self.voices.are_many(now)) {
            // Who does not take it misses it.
            let _ = browser.said.try_send(packet.data.clone());
        }
        if self.listens(now) {
            self.voices.push(packet, now);
        }
    }

    fn tick(&mut self) {
        if self.stream.as_ref().is_some_and(|stream| !stream.is_open()) {
            self.stream = None;
        }
        let now = self.now_ms();
        let heard = if self.listens(now) {
            let frame = self.voices.pop(now);
            self.stats.heard_level = Some(level(&frame));
            frame
        } else {
            self.stats.heard_level = None;
            [0; SAMPLES]
        };
        if let Some(browser) = self.browser.as_ref().filter(|_| self.voices.are_many(now)) {
            let packet = self.mixer.get_or_insert_with(Encoder::new).encode(&heard);
            let _ = browser.said.try_send(packet);
        }
        if let Some(stream) = &self.stream {
            stream.hear(&heard);
        }
        let said = self.say(&heard);
        if let Some(recorder) = &mut self.recorder {
            recorder.record(&heard, &said);
        }
    }

    /// What is said, as far as it was decoded.
    fn say(&mut self, heard: &Frame) -> Frame {
        let pieces = self.browser.as_mut().map(|browser| browser.jitter.pop(PACKET.as_millis() as u32));
        let pieces = pieces.unwrap_or_default();
        let mut mixed = [0; SAMPLES];
        let mut others = false;
        for voice in self.voices(heard).into_iter().flatten() {
            mix(&mut mixed, &voice);
            others = true;
        }
        let whole = whole(&pieces).filter(|_| !others && !self.muted);
        let records = self.recorder.as_ref().is_some_and(|recorder| recorder.what() != What::Inbound);
        if let Some(browser) = &mut self.browser
            && !pieces.is_empty()
            && (whole.is_none() || records)
        {
            mix(&mut mixed, &samples(&mut browser.decoder, &pieces));
        }
        if self.muted {
            mixed.fill(0);
        }
        let speaks = others || !pieces.is_empty();
        let packet = match whole {
            Some(packet) => {
                self.stats.passed += 1;
                packet
            }
            None if speaks && !self.muted => {
                self.stats.encoded += 1;
                self.encoder.encode(&mixed)
            }
            None => self.silence.clone(),
        };
        self.stats.said_level = (whole_is_decoded(speaks, records, others)).then(|| level(&mixed));
        self.stats.said += 1;
        // A packet for which there is no room would come too late.
        let _ = self.said.try_send(packet);
        mixed
    }

    /// All who speak but the browser.
    fn voices(&mut self, heard: &Frame) -> [Option<Frame>; 5] {
        let mut played = None;
        if let Some(player) = self.player.as_mut().filter(|player| !player.paused) {
            match player.clip.next() {
                Said::Frame(frame) => {
                    player.frames += 1;
                    played = Some(*frame);
                }
                Said::Waits => {}
                Said::Over => self.player = None,
            }
        }
        let tone = self.tone.as_mut().map(|(hz, at)| {
            let mut frame = [0; SAMPLES];
            tone::fill(&mut frame, *at, *hz, -12.0);
            *at = (*at + SAMPLES) % (RATE as usize * SAMPLES);
            frame
        });
        let echo = self.echo.as_mut().and_then(|echo| {
            echo.push_back(*heard);
            (echo.len() > ECHO).then(|| echo.pop_front()).flatten()
        });
        let streamed = self.stream.as_ref().and_then(Port::next);
        [played, tone, echo, streamed, self.keys.next()]
    }
}

/// What is said is known as samples.
fn whole_is_decoded(speaks: bool, records: bool, others: bool) -> bool {
    speaks && (records || others)
}

/// The browser's packets as one of 60 ms, if they are that.
fn whole(pieces: &[Piece]) -> Option<Bytes> {
    let mut packets = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Packet(packet) => packets.push(packet.clone()),
            Piece::Lost(_) => return None,
        }
    }
    let tenths = |packet: &Bytes| Packet::parse(packet).ok().filter(|packet| !packet.is_stereo()).map(|it| it.tenths());
    let sum: u32 = packets.iter().map(tenths).sum::<Option<u32>>()?;
    if Duration::from_micros(u64::from(sum) * 100) != PACKET {
        return None;
    }
    packet::join(&packets).ok()
}

/// Pieces as 60 ms of samples: what is missing is made up, what is too much is left out.
pub(crate) fn samples(decoder: &mut Decoder, pieces: &[Piece]) -> Frame {
    let mut frame = [0; SAMPLES];
    let mut at = 0;
    for (number, piece) in pieces.iter().enumerate() {
        let decoded = match piece {
            Piece::Packet(packet) => decoder.decode(packet),
            Piece::Lost(ms) => {
                let next = pieces[number + 1..].first().and_then(|next| match next {
                    Piece::Packet(packet) => Some(packet.as_ref()),
                    Piece::Lost(_) => None,
                });
                decoder.conceal(*ms as usize * RATE as usize / 1000, next)
            }
        };
        let count = decoded.len().min(SAMPLES - at);
        frame[at..at + count].copy_from_slice(&decoded[..count]);
        at += count;
    }
    frame
}

pub(crate) fn mix(into: &mut Frame, more: &Frame) {
    for (sample, more) in into.iter_mut().zip(more) {
        *sample = sample.saturating_add(*more);
    }
}

/// In dB of the loudest tone there is.
fn level(frame: &Frame) -> f32 {
    let power: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / SAMPLES as f64;
    let amplitude = (2.0 * power).sqrt() / f64::from(i16::MAX);
    ((20.0 * amplitude.max(1e-9).log10()) as f32).max(FLOOR)
}

#[cfg(test)]
mod tests;
