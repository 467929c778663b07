//! Browsers in calls: WebRTC over one UDP port for all of them.
//!
//! A page offers, [`Exchange::answer`] answers, and the page's microphone and loudspeaker are a [`crate::Trunk`]. Its camera
//! and screen are, in a video call, [`crate::picture::Pictures`]. Each leg has a task of its own, around an engine that knows
//! no sockets and no clock.

mod addresses;
mod candidate;
mod clock;
mod drive;
mod film;
mod h264;
mod leg;
mod offer;
mod received;
mod routes;
mod sockets;
mod stun;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::RngExt as _;
use str0m::{
    Rtc, RtcConfig,
    change::SdpOffer,
    format::{Codec, FormatParams},
    media::Frequency,
    rtp::Extension,
};
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use candidate::CandidateError;
pub use leg::{AddressKind, Leg, LegControl, LegState, LegStats};
pub use offer::OfferError;

use drive::{Driver, Start};
use offer::Offer;
use sockets::Sockets;

/// How often round trips are measured.
const STATS: Duration = Duration::from_secs(2);

/// Where browsers reach the calls of this process.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to open; an unspecified one means all of the machine's, of both families.
    pub address: IpAddr,
    /// The first that is free is taken; 0 leaves the choice to the system.
    pub ports: RangeInclusive<u16>,
    /// Addresses of a router that passes on the port, or of a cloud that maps addresses one to one.
    pub public: Vec<IpAddr>,
    /// STUN servers, four at most, such as `stun:stun.example.org:3478`, which are asked how this machine is seen from
    /// outside.
    pub stun: Vec<String>,
}

/// The legs of all browsers, up to 500. Dropping it ends them.
pub struct Exchange {
    sockets: Arc<Sockets>,
    public: Vec<IpAddr>,
    next: AtomicU64,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Exchange {
    /// Opens the port. It has to be called within a Tokio runtime.
    pub fn open(options: Options) -> io::Result<Self> {
        let sockets = Arc::new(Sockets::open(options.address, options.ports)?);
        let stop = CancellationToken::new();
        if !options.stun.is_empty() {
            let asking = stun::ask(Arc::downgrade(&sockets), options.stun);
            tokio::spawn(stop.clone().run_until_cancelled_owned(asking));
        }
        let _stops = stop.clone().drop_guard();
        Ok(Self { sockets, public: options.public, next: AtomicU64::new(1), stop, _stops })
    }

    /// The port that was taken.
    pub fn port(&self) -> u16 {
        self.sockets.port()
    }

    /// How this machine is seen from outside, once a STUN server has told.
    pub fn reflexive(&self) -> Vec<SocketAddr> {
        self.sockets.inbound().mapper.found().borrow().iter().map(|mapping| mapping.mapped).collect()
    }

    /// Waits until a STUN server has told how this machine is seen from outside; forever, if none is configured.
    pub async fn seen_from_outside(&self) -> Vec<SocketAddr> {
        let mut found = self.sockets.inbound().mapper.found();
        // The sender lives as long as the sockets.
        let _ = found.wait_for(|found| !found.is_empty()).await;
        self.reflexive()
    }

    /// Answers a browser's offer, which is a session description with audio in it. The leg looks for the browser from
    /// then on, for 30 seconds.
    pub fn answer(&self, offer: &str) -> Result<Leg, OfferError> {
        self.join(Offer::read(offer, false)?)
    }

    /// Of a video call: if there is H.264 in the offer, the leg has a picture too.
    pub fn answer_video(&self, offer: &str) -> Result<Leg, OfferError> {
        self.join(Offer::read(offer, true)?)
    }

    fn join(&self, offer: Offer) -> Result<Leg, OfferError> {
        let unusable = |error: &dyn std::fmt::Display| OfferError::Unusable(error.to_string());
        let kept = SdpOffer::from_sdp_string(&offer.kept).map_err(|error| unusable(&error))?;
        let mut rtc = engine().build(time::Instant::now().into_std());
        self.sockets.follow();
        let mappings = self.sockets.inbound().mapper.found().borrow().clone();
        let own = candidate::own(&self.sockets.locals(), &self.public, &mappings);
        if own.is_empty() {
            return Err(OfferError::NoAddress);
        }
        for candidate in own {
            rtc.add_local_candidate(candidate);
        }
        let answer = rtc.sdp_api().accept_offer(kept).map_err(|error| unusable(&error))?;
        let answer = offer.answer(&answer.to_sdp_string());

        let name: Arc<str> = rtc.direct_api().local_ice_credentials().ufrag.into();
        let inbox = self.sockets.inbound().routes.join(&name).ok_or(OfferError::Full)?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (leg, ends) = leg::new(id, answer, clock::CLOCK, offer.has_picture);
        let mut random = rand::rng();
        // A sequence that begins low does not wrap around before the browser has seen it.
        let mut low = || random.random_range(0..0x8000);
        let (sequence, pictures) = (low(), low());
        let start = Start { timestamp: random.random(), sequence, picture: (random.random(), pictures) };
        let mut driver = Driver::new(rtc, name, Arc::clone(&self.sockets), inbox, ends, start);
        for candidate in offer.candidates {
            driver.tell(candidate);
        }
        tokio::spawn(driver.run(self.stop.clone()));
        Ok(leg)
    }
}

/// Opus and H.264 of the kinds that WhatsApp has, in packets as they come.
fn engine() -> RtcConfig {
    let opus = FormatParams {
        min_p_time: Some(10),
        stereo: Some(false),
        use_inband_fec: Some(true),
        ..FormatParams::default()
    };
    let mut config = Rtc::builder()
        .set_rtp_mode(true)
        .set_stats_interval(Some(STATS))
        .clear_codecs()
        .clear_extension_map()
        .set_extension(1, Extension::RtpMid);
    let codecs = config.codec_config();
    codecs.add_config(111.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), opus);
    for (number, profile) in (100..).step_by(2).zip(h264::PROFILES) {
        codecs.add_h264(number.into(), Some((number + 1).into()), true, profile);
    }
    config
}
