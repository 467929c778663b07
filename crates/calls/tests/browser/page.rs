//! A page with a microphone and a loudspeaker, on a socket of its own.

use std::{net::SocketAddr, time::Duration};

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{self, Instant},
};

/// Only so that a test that fails does not hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a page offers beside its audio.
#[derive(Clone, Copy, PartialEq)]
pub enum Beside {
    Nothing,
    /// Video before the audio, and a data channel after it.
    VideoAndData,
}

pub struct Offering {
    pub offer: String,
    /// Of the page's only address.
    pub candidate: String,
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: UdpSocket,
    local: SocketAddr,
    mid: Mid,
}

pub struct Page {
    /// Opus packets with their RTP times.
    pub microphone: mpsc::Sender<(u32, Vec<u8>)>,
    pub loudspeaker: mpsc::Receiver<Sounded>,
    /// Whether it is connected; closed when the other end has closed.
    pub connected: watch::Receiver<bool>,
    /// Closes the page and tells the other end.
    pub leave: mpsc::Sender<()>,
    pub task: JoinHandle<()>,
}

#[derive(Debug)]
pub struct Sounded {
    pub data: Vec<u8>,
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
}

impl Offering {
    pub async fn new(direction: Direction, beside: Beside) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(now());
        let candidate = Candidate::host(local, Protocol::Udp).unwrap();
        let text = candidate.to_sdp_string();
        rtc.add_local_candidate(candidate);
        let mut api = rtc.sdp_api();
        if beside == Beside::VideoAndData {
            api.add_media(MediaKind::Video, Direction::SendRecv, None, None, None);
        }
        let mid = api.add_media(MediaKind::Audio, direction, None, None, None);
        if beside == Beside::VideoAndData {
            api.add_channel("data".into());
        }
        let (offer, pending) = api.apply().unwrap();
        Self { offer: offer.to_sdp_string(), candidate: text, rtc, pending, socket, local, mid }
    }

    pub fn accept(mut self, answer: &str) -> Page {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        self.rtc.sdp_api().accept_answer(self.pending, answer).unwrap();
        let (microphone, spoken) = mpsc::channel(8);
        let (played, loudspeaker) = mpsc::channel(256);
        let (leave, left) = mpsc::channel(1);
        let (is_connected, connected) = watch::channel(false);
        let run = Run {
            rtc: self.rtc,
            socket: self.socket,
            local: self.local,
            mid: self.mid,
            sequence: 65_530,
            played,
            connected: is_connected,
        };
        let task = tokio::spawn(run.run(spoken, left));
        Page { microphone, loudspeaker, connected, leave, task }
    }
}

impl Page {
    pub async fn is_connected(&mut self) {
        within(self.connected.wait_for(|connected| *connected)).await.unwrap();
    }

    /// Waits until the other end has closed.
    pub async fn is_closed(&mut self) {
        within(async { while self.connected.changed().await.is_ok() {} }).await;
    }

    pub async fn hear(&mut self) -> Sounded {
        within(self.loudspeaker.recv()).await.expect("the page is open")
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    time::timeout(PATIENCE, future).await.expect("in time")
}

struct Run {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    mid: Mid,
    sequence: u64,
    played: mpsc::Sender<Sounded>,
    connected: watch::Sender<bool>,
}

impl Run {
    async fn run(mut self, mut spoken: mpsc::Receiver<(u32, Vec<u8>)>, mut left: mpsc::Receiver<()>) {
        let mut buffer = [0; 2_000];
        loop {
            let wake = self.drain().await;
            if !self.rtc.is_alive() {
                return;
            }
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = received.unwrap();
                    if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, &buffer[..length]) {
                        self.rtc.handle_input(Input::Receive(now(), receive)).unwrap();
                    }
                }
                Some((timestamp, packet)) = spoken.recv() => {
                    self.sequence += 1;
                    let pt = self.rtc.media(self.mid).unwrap().remote_pts()[0];
                    let write = RtpWrite::new(pt, self.sequence.into(), timestamp, now(), packet);
                    self.rtc.direct_api().stream_tx_by_mid(self.mid, None).unwrap().write_rtp(write);
                }
                Some(()) = left.recv() => self.rtc.close().unwrap(),
                () = time::sleep_until(wake) => self.rtc.handle_input(Input::Timeout(now())).unwrap(),
            }
        }
    }

    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wake) => return wake.into(),
                Output::Transmit(transmit) => {
                    self.socket.send_to(&transmit.contents, transmit.destination).await.unwrap();
                }
                Output::Event(Event::Connected) => {
                    self.connected.send_replace(true);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let sounded = Sounded {
                        data: packet.payload.to_vec(),
                        sequence: *packet.seq_no,
                        timestamp: packet.header.timestamp,
                        marker: packet.header.marker,
                    };
                    self.played.try_send(sounded).expect("the test listens");
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
