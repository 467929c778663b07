//! One client's socket, from the first byte to the last.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::BytesMut;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use wacore_binary::{Node, consts::WA_CONN_HEADER, marshal, util};
use wacore_noise::{NoiseCipher, framing};

use super::noise::{self, Answer, Secured};
use crate::{
    core::{Core, Login},
    device::DeviceId,
    faults::Fate,
    stanza::read::Read as _,
};

/// For the whole handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(20);
/// A client that takes a frame no faster is cut.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// A stanza that is to be overtaken waits this long for the next one.
const OVERTAKEN_MAX: Duration = Duration::from_millis(500);
/// Routing hints that a client may put before its header.
const ROUTING_HEADER: [u8; 4] = *b"ED\0\x01";

/// Why a connection ended; only for the log.
type Ended = &'static str;

pub(crate) async fn serve(core: Core, socket: WebSocket, stopping: CancellationToken) {
    let mut frames = Frames { socket, decoder: framing::FrameDecoder::new(), early: Some(Vec::new()) };
    let ended = tokio::select! {
        ended = converse(&core, &mut frames) => ended,
        () = stopping.cancelled() => "the network stops",
    };
    tracing::debug!(ended, "connection closed");
    // The peer may be gone already.
    let _ = tokio::time::timeout(WRITE_MAX, frames.socket.send(Message::Close(None))).await;
}

async fn converse(core: &Core, frames: &mut Frames) -> Ended {
    let secured = match tokio::time::timeout(HANDSHAKE_MAX, shake_hands(core, frames)).await {
        Ok(Ok(secured)) => secured,
        Ok(Err(ended)) => return ended,
        Err(_) => return "the handshake took too long",
    };
    let Secured { read, write, client, payload } = *secured;
    let mut sealed = Sealed { read, write, read_count: 0, write_count: 0 };
    match core.log_in(client, payload) {
        Login::Cut => "offline",
        Login::Refused(failure) => {
            let _ = sealed.write(frames, &failure).await;
            "log-in refused"
        }
        Login::Linked(device, link) => {
            let number = link.number;
            let guard = Closing(Some(|| core.close(device, number)));
            let ended = linked(core, frames, &mut sealed, device, link.stanzas).await;
            drop(guard);
            ended
        }
        Login::Unlinked(pairing, mut stanzas) => {
            let guard = Closing(Some(|| core.close_unlinked(pairing)));
            let ended = loop {
                tokio::select! {
                    stanza = stanzas.recv() => match stanza {
                        Some(stanza) => if let Err(ended) = sealed.write(frames, &stanza).await { break ended },
                        None => break "pairing over",
                    },
                    frame = frames.next() => match frame.and_then(|frame| sealed.read(frame)) {
                        Ok(stanza) => core.receive_unlinked(pairing, &stanza),
                        Err(ended) => break ended,
                    },
                }
            };
            drop(guard);
            ended
        }
    }
}

/// Runs when dropped, so that a connection which is cut from outside is accounted for too.
struct Closing<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Closing<F> {
    fn drop(&mut self) {
        if let Some(close) = self.0.take() {
            close();
        }
    }
}

async fn linked(
    core: &Core,
    frames: &mut Frames,
    sealed: &mut Sealed,
    device: DeviceId,
    mut stanzas: mpsc::Receiver<Node>,
) -> Ended {
    let mut overtaken: Option<(Node, Instant)> = None;
    loop {
        let waited = overtaken.as_ref().map(|(_, until)| *until);
        tokio::select! {
            stanza = stanzas.recv() => {
                let Some(stanza) = stanza else { return "closed by the network" };
                let fate = core.step(|state| {
                    state.catch_up(device);
                    state.faults.outgoing(device, &stanza.tag, &stanza.text("id").unwrap_or_default())
                });
                let written = match fate {
                    Fate::Swallowed => Ok(()),
                    Fate::Drop => return "dropped by a fault",
                    Fate::Overtaken if overtaken.is_none() => {
                        overtaken = Some((stanza, Instant::now() + OVERTAKEN_MAX));
                        Ok(())
                    }
                    Fate::Delay(delay) => {
                        tokio::time::sleep(delay).await;
                        sealed.write(frames, &stanza).await
                    }
                    Fate::Twice => match sealed.write(frames, &stanza).await {
                        Ok(()) => sealed.write(frames, &stanza).await,
                        ended => ended,
                    },
                    Fate::Pass | Fate::Overtaken => match sealed.write(frames, &stanza).await {
                        Ok(()) => match overtaken.take() {
                            Some((late, _)) => sealed.write(frames, &late).await,
                            None => Ok(()),
                        },
                        ended => ended,
                    },
                };
                if let Err(ended) = written {
                    return ended;
                }
            }
            () = tokio::time::sleep_until(waited.unwrap_or_else(Instant::now)), if waited.is_some() => {
                if let Some((late, _)) = overtaken.take()
                    && let Err(ended) = sealed.write(frames, &late).await
                {
                    return ended;
                }
            }
            frame = frames.next() => match frame.and_then(|frame| sealed.read(frame)) {
                Ok(stanza) if stanza.tag == "xmlstreamend" => return "the client ended the stream",
                Ok(stanza) => core.receive(device, stanza),
                Err(ended) => return ended,
            },
        }
    }
}

async fn shake_hands(core: &Core, frames: &mut Frames) -> Result<Box<Secured>, Ended> {
    let refused = |error: noise::HandshakeFailed| {
        tracing::debug!(%error, "handshake refused");
        "handshake refused"
    };
    let hello = frames.next().await?;
    match noise::answer_hello(core.identity(), &hello).map_err(refused)? {
        Answer::Done { reply, secured } => {
            frames.send(&reply).await?;
            Ok(secured)
        }
        Answer::Finish { reply, pending } => {
            frames.send(&reply).await?;
            let finish = frames.next().await?;
            pending.finish(&finish).map(Box::new).map_err(refused)
        }
    }
}

/// Frames over WebSocket messages, which need not coincide.
struct Frames {
    socket: WebSocket,
    decoder: framing::FrameDecoder,
    /// What came before the header was complete; `None` after it.
    early: Option<Vec<u8>>,
}

impl Frames {
    async fn next(&mut self) -> Result<BytesMut, Ended> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return Ok(frame);
            }
            match self.socket.recv().await {
                Some(Ok(Message::Binary(bytes))) => self.feed(&bytes)?,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => return Err("text on the socket"),
                Some(Ok(Message::Close(_))) | None => return Err("closed by the client"),
                Some(Err(_)) => return Err("the socket failed"),
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let Some(mut early) = self.early.take() else {
            self.decoder.feed(bytes);
            return Ok(());
        };
        early.extend(bytes);
        match after_header(&early) {
            Header::Incomplete => self.early = Some(early),
            Header::Wrong => return Err("not a WhatsApp client"),
            Header::Ends(at) => self.decoder.feed(&early[at..]),
        }
        Ok(())
    }

    async fn send(&mut self, payload: &[u8]) -> Result<(), Ended> {
        let frame = framing::encode_frame(payload, None).map_err(|_| "a frame was too large")?;
        match tokio::time::timeout(WRITE_MAX, self.socket.send(Message::Binary(frame.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the socket failed"),
            Err(_) => Err("the client does not read"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Header {
    Incomplete,
    Wrong,
    Ends(usize),
}

/// Where the first frame begins.
fn after_header(bytes: &[u8]) -> Header {
    let mut at = 0;
    let routing = bytes.len().min(ROUTING_HEADER.len());
    if bytes.first() == Some(&ROUTING_HEADER[0]) {
        if bytes[..routing] != ROUTING_HEADER[..routing] {
            return Header::Wrong;
        }
        let Some(&[a, b, c]) = bytes.get(4..7) else { return Header::Incomplete };
        at = 7 + usize::from(a) * 65_536 + usize::from(b) * 256 + usize::from(c);
        // A hint is a few bytes.
        if at > 4_096 {
            return Header::Wrong;
        }
    }
    let Some(rest) = bytes.get(at..) else { return Header::Incomplete };
    let known = rest.len().min(WA_CONN_HEADER.len());
    if rest[..known] != WA_CONN_HEADER[..known] {
        Header::Wrong
    } else if known < WA_CONN_HEADER.len() {
        Header::Incomplete
    } else {
        Header::Ends(at + known)
    }
}

/// Stanzas in sealed frames, numbered in each direction.
struct Sealed {
    read: NoiseCipher,
    write: NoiseCipher,
    read_count: u32,
    write_count: u32,
}

impl Sealed {
    fn read(&mut self, mut frame: BytesMut) -> Result<Node, Ended> {
        self.read
            .decrypt_in_place_with_counter(self.read_count, &mut frame)
            .map_err(|_| "a frame was not sealed for us")?;
        self.read_count += 1;
        let bytes = util::unpack(&frame).map_err(|_| "a frame could not be unpacked")?;
        Ok(marshal::unmarshal_ref(&bytes).map_err(|_| "a frame held no node")?.to_owned())
    }

    async fn write(&mut self, frames: &mut Frames, stanza: &Node) -> Result<(), Ended> {
        let bytes = marshal::marshal(stanza).map_err(|_| "a stanza could not be written")?;
        let sealed =
            self.write.encrypt_with_counter(self.write_count, &bytes).map_err(|_| "a stanza could not be sealed")?;
        self.write_count += 1;
        frames.send(&sealed).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_found_however_it_is_cut() {
        let plain = [WA_CONN_HEADER.as_slice(), b"frame"].concat();
        let routed = [ROUTING_HEADER.as_slice(), &[0, 0, 2], b"xy", WA_CONN_HEADER.as_slice(), b"frame"].concat();
        for (bytes, end) in [(plain, 4), (routed, 13)] {
            for cut in 0..end {
                assert_eq!(after_header(&bytes[..cut]), Header::Incomplete, "{cut}");
            }
            assert_eq!(after_header(&bytes), Header::Ends(end));
        }
        for wrong in [b"GET ".as_slice(), b"W!", b"EX", b"ED\0\x01\xff\xff\xff"] {
            assert_eq!(after_header(wrong), Header::Wrong, "{wrong:?}");
        }
    }
}
