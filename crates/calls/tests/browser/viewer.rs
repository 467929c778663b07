//! A page with a camera and a screen, on a socket of its own. Its engine takes pictures apart and puts them together by
//! itself, so that the gateway's way of doing it is tried against another.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    format::Codec,
    media::{Direction, Frequency, KeyframeRequestKind, MediaKind, MediaTime, Mid},
    net::{Protocol, Receive},
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::{self, Instant},
};

use crate::page::within;

/// Datagrams of this length have a piece of a large picture in them.
const LARGE: usize = 1_000;

pub struct Preparing {
    pub offer: String,
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: UdpSocket,
    local: SocketAddr,
    video: Mid,
}

pub struct Viewer {
    /// Access units in Annex B.
    pub camera: mpsc::Sender<Vec<u8>>,
    pub screen: mpsc::Receiver<Shown>,
    /// The other end wants a key frame.
    pub asked: mpsc::Receiver<()>,
    /// This end wants one.
    pub ask: mpsc::Sender<()>,
    /// So many large datagrams are lost from now on.
    pub lose: Arc<AtomicUsize>,
    connected: watch::Receiver<bool>,
}

pub struct Shown {
    pub data: Vec<u8>,
    /// In milliseconds.
    pub time: u64,
}

impl Preparing {
    /// With H.264, or without it.
    pub async fn new(direction: Direction, h264: bool) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let rtc = Rtc::builder().clear_codecs().enable_opus(true, false).enable_vp8(true).enable_h264(h264);
        let mut rtc = rtc.build(now());
        rtc.add_local_candidate(Candidate::host(local, Protocol::Udp).unwrap());
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let video = api.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        Self { offer: offer.to_sdp_string(), rtc, pending, socket, local, video }
    }

    pub async fn accept(mut self, answer: &str) -> Viewer {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        self.rtc.sdp_api().accept_answer(self.pending, answer).unwrap();
        let (camera, shots) = mpsc::channel(8);
        let (showing, screen) = mpsc::channel(256);
        let (asks, asked) = mpsc::channel(64);
        let (ask, questions) = mpsc::channel(1);
        let (is_connected, connected) = watch::channel(false);
        let lose = Arc::new(AtomicUsize::new(0));
        let run = Run {
            rtc: self.rtc,
            socket: self.socket,
            local: self.local,
            video: self.video,
            begin: Instant::now(),
            showing,
            asks,
            lose: lose.clone(),
            connected: is_connected,
        };
        tokio::spawn(run.run(shots, questions));
        let mut viewer = Viewer { camera, screen, asked, ask, lose, connected };
        within(viewer.connected.wait_for(|connected| *connected)).await.unwrap();
        viewer
    }
}

impl Viewer {
    pub async fn see(&mut self) -> Shown {
        within(self.screen.recv()).await.expect("the page is open")
    }

    /// Waits until it closes.
    pub async fn is_closed(&mut self) {
        within(async { while self.connected.changed().await.is_ok() {} }).await;
    }
}

struct Run {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    video: Mid,
    begin: Instant,
    showing: mpsc::Sender<Shown>,
    asks: mpsc::Sender<()>,
    lose: Arc<AtomicUsize>,
    connected: watch::Sender<bool>,
}

impl Run {
    async fn run(mut self, mut shots: mpsc::Receiver<Vec<u8>>, mut questions: mpsc::Receiver<()>) {
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
                Some(shot) = shots.recv() => {
                    let time = MediaTime::new(self.begin.elapsed().as_millis() as u64 * 90, Frequency::NINETY_KHZ);
                    let writer = self.rtc.writer(self.video).unwrap();
                    let h264 = writer.payload_params().find(|it| it.spec().codec == Codec::H264).unwrap().pt();
                    writer.write(h264, now(), time, shot).unwrap();
                    self.rtc.handle_input(Input::Timeout(now())).unwrap();
                }
                Some(()) = questions.recv() => {
                    let mut writer = self.rtc.writer(self.video).unwrap();
                    writer.request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
                    self.rtc.handle_input(Input::Timeout(now())).unwrap();
                }
                () = time::sleep_until(wake) => self.rtc.handle_input(Input::Timeout(now())).unwrap(),
            }
        }
    }

    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wake) => return wake.into(),
                Output::Transmit(transmit) => {
                    let fewer = |left: usize| left.checked_sub(1);
                    let is_large = transmit.contents.len() >= LARGE;
                    if !(is_large && self.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()) {
                        self.socket.send_to(&transmit.contents, transmit.destination).await.unwrap();
                    }
                }
                Output::Event(Event::Connected) => {
                    self.connected.send_replace(true);
                }
                Output::Event(Event::MediaData(media)) if media.mid == self.video => {
                    let time = Duration::from(media.time).as_millis() as u64;
                    self.showing.try_send(Shown { data: media.data.to_vec(), time }).expect("the test looks");
                }
                Output::Event(Event::KeyframeRequest(_)) => {
                    let _ = self.asks.try_send(());
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
