//! A leg's picture: what the browser's camera shows, and what the browser is shown.

use std::time::Instant;

use bytes::Bytes;
use str0m::{
    Rtc,
    media::{KeyframeRequestKind, Mid, Pt},
    rtp::{RtpPacket, RtpWrite, SeqNo},
};

use super::h264::{self, Came, Packet, Unpacker};
use crate::picture::{Picture, Pictures};

/// Video is counted in 90,000ths of a second.
const CLOCK: u128 = 90_000;

pub(super) struct Film {
    /// `None` in a call without a picture, or if the line wants none any more.
    ends: Option<Pictures>,
    media: Option<Media>,
    unpacker: Unpacker,
    /// The browser was shown nothing yet, or not all: it waits for a key frame.
    dark: bool,
    sequence: SeqNo,
    /// The RTP time of the first picture, and when that was.
    first: u32,
    began: Option<Instant>,
    /// RTP time since then, of the latest picture.
    latest: u64,
}

#[derive(Clone, Copy)]
struct Media {
    mid: Mid,
    h264: Pt,
}

/// What is to be done next.
pub(super) enum Turn {
    Show(Picture),
    /// For a key frame.
    Ask,
}

impl Film {
    pub fn new(ends: Option<Pictures>, (first, sequence): (u32, u16)) -> Self {
        Self {
            ends,
            media: None,
            unpacker: Unpacker::new(),
            dark: true,
            sequence: u64::from(sequence).into(),
            first,
            began: None,
            latest: 0,
        }
    }

    pub fn begin(&mut self, mid: Mid, h264: Pt) {
        self.media = Some(Media { mid, h264 });
    }

    /// Never, in a call without a picture. It may be dropped while it waits, and nothing is lost.
    pub async fn turn(&mut self) -> Turn {
        if let Some(ends) = &mut self.ends {
            tokio::select! {
                picture = ends.seen.next() => match picture {
                    Some(picture) => return Turn::Show(picture),
                    None => self.ends = None,
                },
                () = ends.shown.wanted() => return Turn::Ask,
            }
        }
        std::future::pending().await
    }

    /// Sends a picture on. Before there is a way, or to a browser that wants to see nothing, it is dropped.
    pub fn show(&mut self, picture: &Picture, rtc: &mut Rtc, now: Instant) {
        let Some(ends) = &self.ends else { return };
        self.dark |= !rtc.is_connected();
        let Some(media) = self.media.filter(|_| rtc.is_connected() && (!self.dark || picture.is_key())) else {
            ends.seen.wish().key();
            return;
        };
        self.dark = false;
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(media.mid, None) else { return };
        // The browser shows it in its time, which is when it came.
        let elapsed = now.saturating_duration_since(*self.began.get_or_insert(now)).as_micros() * CLOCK / 1_000_000;
        self.latest = u64::try_from(elapsed).unwrap_or(u64::MAX).max(self.latest + 1);
        let timestamp = self.first.wrapping_add(self.latest as u32);
        let packets = h264::pack(picture);
        let last = packets.len().saturating_sub(1);
        for (number, packet) in packets.iter().enumerate() {
            let write = RtpWrite::new(media.h264, self.sequence.inc(), timestamp, now, &packet[..]);
            stream.write_rtp(write.marker(number == last).nackable(true));
        }
    }

    /// Asks the browser for a key frame.
    pub fn ask(&self, rtc: &mut Rtc) {
        let Some(media) = self.media else { return };
        if let Some(stream) = rtc.direct_api().stream_rx_by_mid(media.mid, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// The browser asks for one.
    pub fn asked(&self) {
        self.ends.as_ref().inspect(|ends| ends.seen.wish().key());
    }

    /// Whether a packet is part of a picture.
    pub fn is(&self, packet: &RtpPacket) -> bool {
        self.media.is_some_and(|media| packet.header.payload_type == media.h264)
    }

    pub fn see(&mut self, packet: &RtpPacket) {
        let Some(ends) = &mut self.ends else { return };
        let packet = Packet {
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: Bytes::copy_from_slice(&packet.payload),
        };
        for came in self.unpacker.push(packet) {
            match came {
                Came::Picture(picture) => {
                    ends.shown.show(picture);
                }
                Came::Lost => ends.shown.lost(),
            }
        }
    }
}
