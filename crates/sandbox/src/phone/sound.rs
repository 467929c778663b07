//! The sound of a phone that is in a call: it plays, and hears, and says what it heard.
//!
//! The engine's own media code seals and opens the packets; they go over the network's relay like those of any device.

mod playout;
mod speech;
#[cfg(any(test, not(feature = "mlow")))]
mod tape;
mod voices;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use wacore::{
    types::group_call::GroupCallUpdate,
    voip::{
        AudioConfig, AudioFormat, CallConfig, CallEngine, CallEvent,
        engine::{GroupEngineConfig, Input, Output, TxIdSource},
    },
};

use wago_contract::phone::call::Heard;
use wago_media::tone;

use super::film::{self, Film, Showing};
use crate::relay::Relay;
pub(crate) use speech::Codec;
use speech::Mouth;
use voices::Voices;

/// Samples a second.
pub(crate) const RATE: u32 = 16_000;
/// What a packet lasts.
const PACKET: Duration = Duration::from_millis(60);
/// Samples in a packet.
pub(crate) const SAMPLES: usize = 960;
/// What a phone remembers of what it heard: a quarter of an hour. What comes after that is heard, and forgotten.
const RECORDED_MAX: usize = RATE as usize * 900;
/// Samples that what is heard is measured by: the last second.
const MEASURED: usize = RATE as usize;
/// Changes of who is in a call that wait for the sound; one more is not heard of, until the next, which tells all.
const CHANGES_MAX: usize = 64;
/// How far a tone may be from its level and count as heard, in dB.
const NEAR: f32 = 3.0;

/// What a phone says.
#[derive(Debug, Clone, Default)]
pub(crate) enum Playing {
    #[default]
    Silence,
    /// In Hz, and dB of the loudest there is.
    Tone { hz: f32, level: f32 },
    /// What it heard, half a second ago.
    Echo,
}

/// A phone's part in the sound of a call. It ends when it is dropped.
pub(crate) struct Sound {
    shared: Arc<Mutex<Shared>>,
    changes: mpsc::Sender<Change>,
    /// Of a video call.
    film: Option<Film>,
    over: CancellationToken,
}

/// What a phone learns of a call of many while it goes on.
pub(crate) enum Change {
    /// Who is in it.
    People(Box<GroupCallUpdate>),
    /// The key that belongs to that change of it.
    Key(u32, Vec<u8>),
}

#[derive(Default)]
struct Shared {
    playing: Playing,
    /// Samples of it that were played.
    played: usize,
    muted: bool,
    expects: Option<(f32, f32)>,
    connected: bool,
    heard: Heard,
    recorded: Vec<i16>,
    latest: Vec<i16>,
}

impl Sound {
    /// Begins at once. `shows`: of a video call.
    pub fn start(
        mut config: CallConfig,
        relay: &Relay,
        playing: Playing,
        codec: Codec,
        shows: Option<Showing>,
    ) -> Option<Self> {
        config.enable_video = shows.is_some();
        let film = shows.map(|shows| Film::begin(&config, shows));
        Self::begin(engine(config)?, relay, playing, codec, film)
    }

    /// In a call of many, which has no picture; the keys come after it.
    pub fn start_group(
        config: CallConfig,
        people: GroupEngineConfig,
        relay: &Relay,
        playing: Playing,
        codec: Codec,
    ) -> Option<Self> {
        let mut engine = engine(config)?;
        engine.configure_group(people).ok()?;
        Self::begin(engine, relay, playing, codec, None)
    }

    fn begin(
        engine: CallEngine,
        relay: &Relay,
        playing: Playing,
        codec: Codec,
        film: Option<(Film, film::Part)>,
    ) -> Option<Self> {
        let mouth = Mouth::new(codec)?;
        let (film, pictures) = film.unzip();
        let shared = Arc::new(Mutex::new(Shared { playing, ..Shared::default() }));
        let over = CancellationToken::new();
        let (changes, told) = mpsc::channel(CHANGES_MAX);
        let part = Part { engine, relay: relay.clone(), shared: shared.clone(), told, mouth, codec, film: pictures };
        tokio::spawn(over.clone().run_until_cancelled_owned(part.run()));
        Some(Self { shared, changes, film, over })
    }

    pub fn change(&self, change: Change) {
        let _ = self.changes.try_send(change);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn play(&self, playing: Playing) {
        let mut shared = self.shared();
        (shared.playing, shared.played) = (playing, 0);
    }

    pub fn film(&self) -> Option<&Film> {
        self.film.as_ref()
    }

    pub fn mute(&self, muted: bool) {
        self.shared().muted = muted;
    }

    /// From now on it counts how often it hears that tone, in Hz and dB.
    pub fn expect(&self, hz: f32, level: f32) {
        let mut shared = self.shared();
        shared.expects = Some((hz, level));
        (shared.heard.good, shared.heard.expected) = (0, 0);
    }

    /// The relay knows it.
    pub fn is_connected(&self) -> bool {
        self.shared().connected
    }

    pub fn heard(&self) -> Heard {
        let (latest, heard) = {
            let shared = self.shared();
            (shared.latest.clone(), shared.heard.clone())
        };
        let (peak_hz, level) = tone::peak(&latest);
        Heard { peak_hz, level, ..heard }
    }

    /// All it heard, as samples.
    pub fn recording(&self) -> Vec<i16> {
        self.shared().recorded.clone()
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

fn engine(mut config: CallConfig) -> Option<CallEngine> {
    config.audio = AudioConfig::encoded(AudioFormat::OPUS_16KHZ_60MS);
    CallEngine::new(config, Box::new(Random)).ok()
}

struct Random;

impl TxIdSource for Random {
    fn next_tx_id(&mut self) -> [u8; 12] {
        rand::random()
    }
}

async fn shoot(film: &mut Option<film::Part>) -> Option<Vec<u8>> {
    match film {
        Some(film) => film.shoot().await,
        None => std::future::pending().await,
    }
}

/// What goes on in the background.
struct Part {
    engine: CallEngine,
    relay: Relay,
    shared: Arc<Mutex<Shared>>,
    told: mpsc::Receiver<Change>,
    mouth: Mouth,
    codec: Codec,
    film: Option<film::Part>,
}

impl Part {
    async fn run(mut self) {
        let (mut end, mut packets) = self.relay.join();
        let begin = Instant::now();
        let now = || u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.engine.start(now(), crate::now_ms());
        let mut tick = interval(PACKET);
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut voices = Voices::new(self.codec);
        loop {
            let due = loop {
                match self.engine.poll_output() {
                    Output::Transmit(packet) => end.receive(&packet),
                    Output::EncodedAudio(frame) => voices.push(frame.device, frame.sequence_number, frame.data),
                    Output::VideoPlayout(frame) => {
                        if let Some(question) = self.film.as_mut().and_then(|film| film.see(frame.data)) {
                            end.receive(&question);
                        }
                    }
                    Output::Event(event) => self.note(&event),
                    Output::Timeout(due) => break due,
                    _ => {}
                }
            };
            if let Some(picture) = self.film.as_mut().and_then(film::Part::echo) {
                self.engine.handle_input(now(), Input::VideoFrame(&picture));
                continue;
            }
            tokio::select! {
                packet = packets.recv() => match packet {
                    Some(packet) => {
                        if let Some(film) = &mut self.film {
                            film.overhear(&packet);
                        }
                        self.engine.handle_input(now(), Input::RelayPacket(&packet));
                    }
                    None => return,
                },
                change = self.told.recv() => match change {
                    // What the engine does not take of it leaves all as it was.
                    Some(Change::People(update)) => {
                        let _ = self.engine.apply_group_update(now(), &update);
                    }
                    Some(Change::Key(transaction, key)) => {
                        let _ = self.engine.apply_group_raw_epoch(transaction, &key);
                    }
                    None => return,
                },
                _ = tick.tick() => {
                    self.hear(voices.pop());
                    if let Some(packet) = self.say() {
                        self.engine.handle_input(now(), Input::EncodedAudio(&packet));
                    }
                }
                picture = shoot(&mut self.film) => if let Some(picture) = picture {
                    self.engine.handle_input(now(), Input::VideoFrame(&picture));
                },
                () = tokio::time::sleep_until(begin + Duration::from_millis(due.min(86_400_000))) => {
                    self.engine.handle_input(now(), Input::Timeout);
                }
            }
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: &CallEvent) {
        if matches!(event, CallEvent::RelayAllocated) {
            self.shared().connected = true;
        }
        self.film.as_ref().inspect(|film| film.note(event));
    }

    fn hear(&self, heard: voices::Heard) {
        let Some(samples) = heard.samples else { return };
        let samples = samples.as_slice();
        let mut shared = self.shared();
        let shared = &mut *shared;
        shared.heard.lost += heard.lost;
        shared.heard.packets += heard.packets;
        if let Some((hz, level)) = shared.expects {
            shared.heard.expected += 1;
            let found = tone::level_at(samples, hz);
            shared.heard.good += u64::from((found - level).abs() <= NEAR);
        }
        let room = RECORDED_MAX.saturating_sub(shared.recorded.len());
        shared.recorded.extend(&samples[..samples.len().min(room)]);
        shared.latest.extend(samples);
        let old = shared.latest.len().saturating_sub(MEASURED);
        shared.latest.drain(..old);
    }

    fn say(&mut self) -> Option<Bytes> {
        let mut samples = [0_i16; SAMPLES];
        {
            let mut shared = self.shared();
            let at = shared.played;
            match &shared.playing {
                Playing::Silence => {}
                Playing::Tone { hz, level } => tone::fill(&mut samples, at, *hz, *level),
                Playing::Echo => {
                    let heard = &shared.latest;
                    let from = heard.len().saturating_sub(RATE as usize / 2);
                    let count = (heard.len() - from).min(SAMPLES);
                    samples[..count].copy_from_slice(&heard[from..from + count]);
                }
            }
            shared.played += SAMPLES;
            if shared.muted {
                samples.fill(0);
            }
        }
        self.mouth.say(&samples)
    }
}
