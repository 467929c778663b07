//! The picture of one call, between the engine and the line. The engine takes and gives whole pictures of H.264, and takes
//! for granted that there are fifteen a second.

use std::{pin::Pin, time::Duration};

use tokio::time::timeout;
use wacore::{
    types::call::VideoState,
    voip::{CallEvent, VideoFrame},
};
use wago_calls::picture::{self, Picture, Pictures, Wish};
use whatsapp_rust::{Runtime as _, async_channel, voip::CallHandle};

use crate::tasks::Tasks;

/// Pictures on their way to the line: it takes them at once. The engine drops what comes beyond it, which is seen by its
/// being full, and nothing goes on then before the next key frame.
const SEEN_MAX: usize = 32;
/// Pictures on their way to the engine, which waits until they are sent. What comes beyond it the line drops.
const SHOWN_MAX: usize = 4;
/// WhatsApp's clients wait for so long for an answer to a camera that comes on.
const ACCEPT_MAX: Duration = Duration::from_secs(5);
/// RTCP's feedback about what is in packets: a picture is lost, or a key frame is wanted (RFC 4585, RFC 5104).
const PAYLOAD_FEEDBACK: u8 = 206;
const PICTURE_LOST: u8 = 1;
const KEY_WANTED: u8 = 4;

/// A call's pictures between the engine and the line.
pub(super) struct Film {
    pub pictures: Pictures,
    pub camera: Camera,
    /// To be run for as long as the call goes on.
    pub carry: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The engine's ends of it. It gets them anew if the other end begins to show something again.
#[derive(Clone)]
pub(super) struct Camera {
    pub shown: async_channel::Receiver<Vec<u8>>,
    pub seen: async_channel::Sender<VideoFrame>,
    wish: Wish,
}

impl Film {
    pub fn new() -> Self {
        let (pictures, whatsapp) = picture::pictures();
        let Pictures { seen: mut from_line, shown: mut to_line } = whatsapp;
        let (show, shown) = async_channel::bounded::<Vec<u8>>(SHOWN_MAX);
        let (seen, see) = async_channel::bounded::<VideoFrame>(SEEN_MAX);
        let wish = from_line.wish();
        let carry = Box::pin(async move {
            let seeing = async {
                // Pictures up to where some may be missing.
                let mut left = 0;
                loop {
                    if see.is_full() {
                        left = SEEN_MAX;
                    }
                    let Ok(frame) = see.recv().await else { return };
                    to_line.show(Picture(frame.data.into()));
                    if left == 1 {
                        to_line.lost();
                    }
                    left = left.saturating_sub(1);
                }
            };
            let showing = async {
                while let Some(picture) = from_line.next().await {
                    if show.send(picture.0.into()).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = seeing => {}
                () = showing => {}
            }
        });
        Self { pictures, camera: Camera { shown, seen, wish }, carry }
    }
}

impl Camera {
    /// What the other end says of its picture, and of ours.
    pub fn heed(&self, event: &CallEvent, handle: &CallHandle, tasks: &Tasks) {
        match event {
            CallEvent::RtcpReceived { feedback, .. } => {
                let wants_key = |kind| kind == PICTURE_LOST || kind == KEY_WANTED;
                if feedback.iter().any(|it| it.packet_type == PAYLOAD_FEEDBACK && wants_key(it.fmt)) {
                    self.wish.key();
                }
            }
            // Before that nothing was sent.
            CallEvent::RelayAllocated => self.wish.key(),
            CallEvent::OutboundMediaDropped { video_access_units: 1.., .. } => self.wish.key(),
            // The camera was off there, and comes on again.
            CallEvent::VideoStateChanged { upgrade_token: Some(asked), .. } => {
                let (camera, asked, handle) = (self.clone(), *asked, handle.clone());
                tasks.spawn_detached(Box::pin(async move {
                    // Who took the request back in the meantime, or hung up, needs no answer.
                    let _ = timeout(ACCEPT_MAX, handle.accept_video(asked, camera.shown, camera.seen)).await;
                    camera.wish.key();
                }));
            }
            CallEvent::VideoStateChanged { state: VideoState::Enabled, .. } => self.wish.key(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(key: bool, number: u8) -> Vec<u8> {
        vec![0, 0, 0, 1, if key { 0x65 } else { 0x41 }, number]
    }

    #[tokio::test]
    async fn pictures_pass_both_ways_and_end_with_the_line() {
        let Film { mut pictures, camera, carry } = Film::new();
        let carrying = tokio::spawn(carry);
        for number in 1..100 {
            camera.seen.send(VideoFrame::new(picture(number == 1, number))).await.unwrap();
            assert_eq!(pictures.seen.next().await.unwrap().0, picture(number == 1, number));
            pictures.shown.show(Picture(picture(number == 1, number).into()));
            assert_eq!(camera.shown.recv().await.unwrap(), picture(number == 1, number));
        }
        // One is wanted from the start.
        pictures.shown.wanted().await;
        camera.wish.key();
        pictures.shown.wanted().await;
        drop(pictures);
        carrying.await.unwrap();
    }

    #[tokio::test]
    async fn what_the_engine_had_to_drop_breaks_the_row() {
        let Film { mut pictures, camera, carry } = Film::new();
        let mut numbers = 1..;
        let all = std::iter::from_fn(|| {
            let number = numbers.next()?;
            camera.seen.try_send(VideoFrame::new(picture(number == 1, number))).ok()
        });
        assert_eq!(all.count(), SEEN_MAX);
        tokio::spawn(carry);
        for number in 1..=SEEN_MAX as u8 {
            assert_eq!(pictures.seen.next().await.unwrap().0, picture(number == 1, number));
        }
        for (key, number) in [(false, 101), (true, 102), (false, 103)] {
            camera.seen.send(VideoFrame::new(picture(key, number))).await.unwrap();
        }
        for (key, number) in [(true, 102), (false, 103)] {
            assert_eq!(pictures.seen.next().await.unwrap().0, picture(key, number));
        }
    }
}
