//! The task of a leg: the network and the trunk on one side of the WebRTC engine, and it on the other. The engine knows
//! no sockets and no clock; after all that is put in, what it has to say is taken out.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use str0m::{
    Candidate, CandidateKind, Event, IceConnectionState, Input, Output, Rtc, RtcError,
    media::{MediaKind, Mid, Pt},
    net::{Protocol, Receive},
    rtp::{RtpPacket, RtpWrite, SeqNo},
    stats::PeerStats,
};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    candidate,
    clock::Clock,
    film::{Film, Turn},
    leg::{AddressKind, Ends, LegState, Order},
    received::Received,
    routes::{Datagram, Path, Routes},
    sockets::Sockets,
};
use crate::Heard;

/// A leg whose browser is not to be reached for so long ends, whether it ever was or not.
const PATIENCE: Duration = Duration::from_secs(30);
/// What saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes of a packet to the browser; a longer one would not go through every network, and is dropped. Speech of 60 ms
/// has 600 at most, and pictures go in pieces.
pub(super) const PACKET_BYTES: usize = 1_100;
/// Paths that are noted as looked at. Further ones are looked at all the same.
const LOOKED: usize = 64;

pub(super) struct Driver {
    rtc: Rtc,
    /// The leg's in checks.
    name: Arc<str>,
    sockets: Arc<Sockets>,
    inbox: tokio::sync::mpsc::Receiver<Datagram>,
    ends: Ends,
    media: Option<Media>,
    film: Film,
    clock: Clock,
    sequence: SeqNo,
    received: Received,
    /// Paths on which the browser was looked for.
    looked: HashSet<Path>,
    /// The browser's addresses as it told them.
    told: Vec<(SocketAddr, CandidateKind)>,
    /// When patience ends; `None` while connected.
    deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Media {
    mid: Mid,
    /// Opus's payload type to the browser.
    opus: Pt,
}

/// What is random in a leg.
pub(super) struct Start {
    pub timestamp: u32,
    pub sequence: u16,
    pub picture: (u32, u16),
}

impl Driver {
    pub(super) fn new(
        rtc: Rtc,
        name: Arc<str>,
        sockets: Arc<Sockets>,
        inbox: tokio::sync::mpsc::Receiver<Datagram>,
        mut ends: Ends,
        start: Start,
    ) -> Self {
        let film = Film::new(ends.picture.take(), start.picture);
        Self {
            rtc,
            name,
            sockets,
            inbox,
            ends,
            media: None,
            film,
            clock: Clock::new(start.timestamp),
            sequence: u64::from(start.sequence).into(),
            received: Received::default(),
            looked: HashSet::new(),
            told: Vec::new(),
            deadline: Some(now() + PATIENCE),
        }
    }

    /// Takes the browser's addresses of the offer before [`Driver::run`].
    pub(super) fn tell(&mut self, candidate: Candidate) {
        if self.told.len() < candidate::MAX {
            self.told.push((candidate.addr(), candidate.kind()));
            self.rtc.add_remote_candidate(candidate);
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let ended = self.serve(&stop).await;
        if let Err(error) = ended {
            debug!(leg = %self.name, %error, "a browser's leg failed");
        }
        // One that the browser has closed has said so already.
        if let Err(error) = self.say_goodbye().await {
            debug!(leg = %self.name, %error, "a browser's leg was not told its end");
        }
    }

    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), RtcError> {
        loop {
            let wake = self.drain().await?;
            if !self.rtc.is_alive() {
                return Ok(());
            }
            let wake = self.deadline.map_or(wake, |deadline| deadline.min(wake));
            tokio::select! {
                Some(datagram) = self.inbox.recv() => self.take(&datagram)?,
                said = self.ends.said.recv() => match said {
                    Some(packet) => self.say(&packet),
                    None => return Ok(()),
                },
                turn = self.film.turn() => match turn {
                    Turn::Show(picture) => self.film.show(&picture, &mut self.rtc, now()),
                    Turn::Ask => {
                        self.film.ask(&mut self.rtc);
                        // It goes at once, not with the next report.
                        self.rtc.handle_input(Input::Timeout(now()))?;
                    }
                },
                () = self.ends.heard.closed() => return Ok(()),
                Some(order) = self.ends.orders.recv() => match order {
                    Order::Candidate(candidate) => self.tell(candidate),
                    Order::Close => return Ok(()),
                },
                () = stop.cancelled() => return Ok(()),
                () = time::sleep_until(wake.into()) => {
                    let now = now();
                    if self.deadline.is_some_and(|deadline| deadline <= now) {
                        debug!(leg = %self.name, "a browser was not to be reached");
                        return Ok(());
                    }
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
            }
        }
    }

    /// Takes out all that the engine has to say; returns when it wants to be asked again.
    async fn drain(&mut self) -> Result<Instant, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(wake) => return Ok(wake),
                Output::Transmit(transmit) => {
                    let path = (transmit.source, transmit.destination);
                    self.look(path, &transmit.contents);
                    self.sockets.send(path, &transmit.contents).await;
                }
                Output::Event(event) => self.note(event),
            }
        }
    }

    /// A check that goes out makes its path ours, if it is nobody's, so that the reply comes in.
    fn look(&mut self, path: Path, data: &[u8]) {
        let is_check = data.first().is_some_and(|first| *first < 2);
        if is_check && !self.looked.contains(&path) {
            if self.looked.len() < LOOKED {
                self.looked.insert(path);
            }
            self.routes().try_take(path, &self.name);
        }
    }

    fn take(&mut self, datagram: &Datagram) -> Result<(), RtcError> {
        let (local, remote) = datagram.path;
        // What is no part of WebRTC is not answered.
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, &datagram.data) else { return Ok(()) };
        let input = Input::Receive(datagram.at, receive);
        let is_check = datagram.data.first().is_some_and(|first| *first < 2);
        if is_check {
            // Signed with this leg's password, or it is not for us.
            if !self.rtc.accepts(&input) {
                return Ok(());
            }
            self.routes().take(datagram.path, &self.name);
        }
        self.rtc.handle_input(input)
    }

    /// Sends a packet on. Before there is a way, or to a browser that wants to hear nothing, it is dropped.
    fn say(&mut self, packet: &Bytes) {
        let Some(media) = self.media.filter(|_| self.rtc.is_connected() && packet.len() <= PACKET_BYTES) else {
            return;
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(media.mid, None) else { return };
        let now = now();
        let stamp = self.clock.stamp(now);
        let sequence = self.sequence.inc();
        stream.write_rtp(RtpWrite::new(media.opus, sequence, stamp.timestamp, now, &packet[..]).marker(stamp.starts));
        self.ends.stats.send_modify(|stats| {
            stats.packets_sent += 1;
            stats.bytes_sent += packet.len() as u64;
        });
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::MediaAdded(added) => {
                let Some(codec) = self.rtc.media(added.mid).and_then(|media| media.remote_pts().first().copied())
                else {
                    return;
                };
                match added.kind {
                    MediaKind::Audio => self.media = Some(Media { mid: added.mid, opus: codec }),
                    MediaKind::Video => self.film.begin(added.mid, codec),
                }
            }
            Event::Connected => self.reached(),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::New => {}
                IceConnectionState::Checking => self.missed(),
                IceConnectionState::Connected | IceConnectionState::Completed if self.rtc.is_connected() => {
                    self.reached()
                }
                IceConnectionState::Connected | IceConnectionState::Completed => {}
                IceConnectionState::Disconnected => self.missed(),
            },
            Event::RtpPacket(packet) if self.film.is(&packet) => self.film.see(&packet),
            Event::RtpPacket(packet) => self.hear(&packet),
            Event::KeyframeRequest(_) => self.film.asked(),
            Event::PeerStats(stats) => self.measure(&stats),
            _ => {}
        }
    }

    fn reached(&mut self) {
        self.deadline = None;
        self.ends.state.send_replace(LegState::Connected);
    }

    fn missed(&mut self) {
        self.deadline.get_or_insert_with(|| now() + PATIENCE);
        self.ends.state.send_replace(LegState::Connecting);
    }

    /// Packets go on as they came: the line has a jitter buffer of its own, so a full queue loses them.
    fn hear(&mut self, packet: &RtpPacket) {
        self.received.note(*packet.seq_no);
        self.ends.stats.send_modify(|stats| {
            stats.packets_received += 1;
            stats.bytes_received += packet.payload.len() as u64;
            stats.packets_lost = self.received.lost();
        });
        // Browsers send empty packets to find out what the network bears.
        if packet.payload.is_empty() {
            return;
        }
        let _ = self.ends.heard.try_send(Heard {
            speaker: 0,
            data: Bytes::copy_from_slice(&packet.payload),
            sequence: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
        });
    }

    fn measure(&mut self, stats: &PeerStats) {
        let Some(pair) = &stats.selected_candidate_pair else { return };
        let told = self.told.iter().find(|(address, _)| *address == pair.remote.addr);
        // One that it did not tell was seen in its checks.
        let kind = told.map_or(AddressKind::Reflexive, |(_, kind)| (*kind).into());
        let round_trip = pair.current_round_trip_time;
        self.ends.stats.send_modify(|stats| {
            stats.remote = Some(kind);
            stats.round_trip = round_trip.or(stats.round_trip);
        });
    }

    async fn say_goodbye(&mut self) -> Result<(), RtcError> {
        let end = now() + GOODBYE;
        self.rtc.close()?;
        loop {
            let wake = self.drain().await?;
            if !self.rtc.is_alive() || now() >= end {
                return Ok(());
            }
            time::sleep_until(wake.min(end).into()).await;
            self.rtc.handle_input(Input::Timeout(now()))?;
        }
    }

    fn routes(&self) -> &Routes {
        &self.sockets.inbound().routes
    }
}

/// Also when the task panics or is stopped.
impl Drop for Driver {
    fn drop(&mut self) {
        self.routes().leave(&self.name);
        self.ends.state.send_replace(LegState::Closed);
    }
}

/// Tokio's clock, which tests may move.
fn now() -> Instant {
    time::Instant::now().into_std()
}
