//! The picture of a phone in a video call: what its camera shows, and what it sees.
//!
//! The engine's own media code seals and opens the packets. The camera looks at one even grey, which needs no encoder, and
//! the phone draws nothing, but knows whether it could.

mod camera;
mod reader;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use wacore::voip::{
    CallConfig, CallEvent,
    e2e_srtp::{E2eSrtpKeys, derive_srtcp_keys, protect_srtcp},
    rtp::{RTP_PAYLOAD_TYPE_H264, parse_rtp_header},
    ssrc::format_e2e_srtp_participant_id,
};
use wago_contract::phone::call::Seen;

use camera::Camera;
use reader::{Reader, Saw};

/// Fifteen pictures a second, as the engine takes for granted.
const PICTURE: Duration = Duration::from_nanos(66_666_667);
/// Pictures that wait to be sent back. One more is dropped, and a key frame is asked for.
const ECHO_MAX: usize = 32;
/// A key frame is asked for at most so often.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What a phone shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Showing {
    /// Its camera is off.
    Off,
    /// As people see it: 0 is black, 255 white.
    Grey(u8),
    /// What it sees.
    Echo,
}

impl Default for Showing {
    fn default() -> Self {
        Self::Grey(128)
    }
}

/// A phone's picture, from outside.
pub(crate) struct Film(Arc<Mutex<Shared>>);

struct Shared {
    shows: Showing,
    /// The next picture has to be one.
    key_wanted: bool,
    seen: Seen,
}

impl Film {
    /// With the part that goes on in the background.
    pub fn begin(config: &CallConfig, shows: Showing) -> (Self, Part) {
        let shared = Arc::new(Mutex::new(Shared { shows, key_wanted: true, seen: Seen::default() }));
        let mut tick = interval(PICTURE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let part = Part {
            shared: shared.clone(),
            camera: Camera::default(),
            reader: Reader::default(),
            keys: derive_srtcp_keys(&config.call_key, &format_e2e_srtp_participant_id(&config.self_lid)),
            own: rand::random(),
            theirs: None,
            asked: None,
            questions: 0,
            echoed: VecDeque::new(),
            tick,
        };
        (Self(shared), part)
    }

    pub fn show(&self, shows: Showing) {
        let mut shared = lock(&self.0);
        (shared.shows, shared.key_wanted) = (shows, true);
    }

    pub fn seen(&self) -> Seen {
        lock(&self.0).seen.clone()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Part {
    shared: Arc<Mutex<Shared>>,
    camera: Camera,
    reader: Reader,
    /// What questions are sealed with.
    keys: Option<E2eSrtpKeys>,
    /// Who asks, and whose pictures are asked for.
    own: u32,
    theirs: Option<u32>,
    asked: Option<Instant>,
    questions: u32,
    echoed: VecDeque<Vec<u8>>,
    tick: Interval,
}

impl Part {
    /// The next picture of the camera, when its time has come.
    pub async fn shoot(&mut self) -> Option<Vec<u8>> {
        self.tick.tick().await;
        let mut shared = lock(&self.shared);
        match shared.shows {
            Showing::Grey(grey) => {
                let key = std::mem::take(&mut shared.key_wanted);
                Some(self.camera.shoot(grey, key))
            }
            Showing::Off | Showing::Echo => None,
        }
    }

    /// A picture that is to be sent back.
    pub fn echo(&mut self) -> Option<Vec<u8>> {
        self.echoed.pop_front()
    }

    /// Learns whose pictures come.
    pub fn overhear(&mut self, packet: &[u8]) {
        if self.theirs.is_none()
            && let Some(header) = parse_rtp_header(packet).filter(|it| it.payload_type == RTP_PAYLOAD_TYPE_H264)
        {
            self.theirs = Some(header.ssrc);
        }
    }

    /// Returns a question for a key frame, sealed, if one is needed.
    pub fn see(&mut self, picture: Vec<u8>) -> Option<Bytes> {
        let saw = self.reader.read(&picture);
        let mut shared = lock(&self.shared);
        match saw {
            Saw::Nothing => {}
            Saw::Lost => shared.seen.lost += 1,
            Saw::Picture { key } => {
                shared.seen.pictures += 1;
                shared.seen.key_frames += u64::from(key);
                (shared.seen.width, shared.seen.height) = self.reader.size();
            }
        }
        let mut wanted = saw == Saw::Lost;
        if shared.shows == Showing::Echo {
            let begins = shared.key_wanted && !matches!(saw, Saw::Picture { key: true });
            if begins || self.echoed.len() >= ECHO_MAX {
                (wanted, shared.key_wanted) = (true, true);
            } else {
                shared.key_wanted = false;
                self.echoed.push_back(picture);
            }
        }
        drop(shared);
        wanted.then(|| self.ask()).flatten()
    }

    /// The other end asks for a key frame, or for nothing.
    pub fn note(&self, event: &CallEvent) {
        if let CallEvent::RtcpReceived { feedback, .. } = event
            && feedback.iter().any(|it| it.packet_type == 206 && matches!(it.fmt, 1 | 4))
        {
            lock(&self.shared).key_wanted = true;
        }
    }

    /// That a picture was lost (RFC 4585, section 6.3.1).
    fn ask(&mut self) -> Option<Bytes> {
        let (keys, theirs) = (self.keys.as_ref()?, self.theirs?);
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return None;
        }
        self.asked = Some(Instant::now());
        self.questions += 1;
        let question = [&[0x81, 206, 0, 2][..], &self.own.to_be_bytes(), &theirs.to_be_bytes()].concat();
        Some(protect_srtcp(keys, self.own, self.questions, &question).into())
    }
}
