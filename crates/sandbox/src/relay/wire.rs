//! How devices dial the relay: DTLS over UDP, in it SCTP, and in that one unordered stream without repetition, which is
//! there without a word.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    net::UdpSocket,
    sync::{Mutex as Turn, mpsc},
    time::timeout,
};
use webrtc_dtls::{config::Config, conn::DTLSConn, crypto::Certificate};
use webrtc_sctp::{
    association::{Association, Config as Sctp},
    chunk::chunk_payload_data::PayloadProtocolIdentifier,
    stream::{ReliabilityType, Stream},
};
use webrtc_util_011::{Conn, Error};

use super::Relay;

/// Devices that are connected at a time; a further one is not heard.
const PEERS_MAX: usize = 4_096;
/// Datagrams of one device that wait to be read.
const DATAGRAMS_MAX: usize = 256;
const DATAGRAM_BYTES_MAX: usize = 2_048;
const MESSAGE_BYTES_MAX: usize = 16_384;
/// For a device to get through the handshakes.
const OPENING_MAX: Duration = Duration::from_secs(10);
/// A device that says nothing for so long is gone: those that are there ask every second.
const SILENT_MAX: Duration = Duration::from_secs(30);
const SCTP_PORT: u16 = 5000;
/// The first byte of a DTLS record that begins a handshake.
const HANDSHAKE: u8 = 22;

type Peers = Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>>;

pub(super) async fn serve(socket: UdpSocket, relay: Relay) {
    let socket = Arc::new(socket);
    let peers = Peers::default();
    let stopping = relay.0.stopping.clone();
    let Ok(certificate) = Certificate::generate_self_signed(vec!["relay.sandbox".to_owned()]) else {
        tracing::error!("the relay of calls has no certificate");
        return;
    };
    let listening = async {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            // That an earlier datagram found nobody is told here.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let datagram = buffer[..length].to_vec();
            let mut known = peers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(peer) = known.get(&from) {
                // One that finds no room is lost, as datagrams are.
                let _ = peer.try_send(datagram);
                continue;
            }
            if datagram.first() != Some(&HANDSHAKE) || known.len() >= PEERS_MAX {
                continue;
            }
            let (sender, datagrams) = mpsc::channel(DATAGRAMS_MAX);
            let _ = sender.try_send(datagram);
            known.insert(from, sender);
            let peer = Peer { socket: socket.clone(), from, datagrams: Turn::new(datagrams) };
            let (relay, peers, certificate) = (relay.clone(), peers.clone(), certificate.clone());
            tokio::spawn(async move {
                let stopping = relay.0.stopping.clone();
                let _ = stopping.run_until_cancelled(attend(peer, relay, certificate)).await;
                peers.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
            });
        }
    };
    stopping.run_until_cancelled(listening).await;
}

/// One device, from its first datagram to its last.
async fn attend(peer: Peer, relay: Relay, certificate: Certificate) {
    let opened = timeout(OPENING_MAX, open(peer, certificate)).await;
    let Ok(Some((association, stream))) = opened else { return };
    let (mut end, mut packets) = relay.join();
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    loop {
        tokio::select! {
            read = timeout(SILENT_MAX, stream.read_sctp(&mut buffer)) => match read {
                Ok(Ok((length, _))) if length > 0 => end.receive(&Bytes::copy_from_slice(&buffer[..length])),
                _ => break,
            },
            packet = packets.recv() => {
                let Some(packet) = packet else { break };
                if stream.write_sctp(&packet, PayloadProtocolIdentifier::Binary).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(end);
    let _ = association.close().await;
}

async fn open(peer: Peer, certificate: Certificate) -> Option<(Association, Arc<Stream>)> {
    // Nobody's certificate is looked at: the sound is sealed with the call's own key.
    let config = Config { certificates: vec![certificate], insecure_skip_verify: true, ..Config::default() };
    let dtls = DTLSConn::new(Arc::new(peer), config, false, None).await.ok()?;
    let association = Association::server(Sctp {
        net_conn: Arc::new(Inner(dtls)),
        max_receive_buffer_size: 0,
        max_message_size: 0,
        mtu: 0,
        name: "relay".to_owned(),
        remote_port: SCTP_PORT,
        local_port: SCTP_PORT,
    })
    .await
    .ok()?;
    let stream = association.accept_stream().await?;
    stream.set_reliability_params(true, ReliabilityType::Rexmit, 0);
    Some((association, stream))
}

/// A device's datagrams, of all that come over the one socket.
struct Peer {
    socket: Arc<UdpSocket>,
    from: SocketAddr,
    datagrams: Turn<mpsc::Receiver<Vec<u8>>>,
}

#[async_trait]
impl Conn for Peer {
    async fn connect(&self, _: SocketAddr) -> Result<(), Error> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let datagram = self.datagrams.lock().await.recv().await.ok_or(Error::ErrClosedListener)?;
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        Ok((self.recv(buffer).await?, self.from))
    }

    async fn send(&self, datagram: &[u8]) -> Result<usize, Error> {
        self.socket.send_to(datagram, self.from).await.map_err(told)
    }

    async fn send_to(&self, datagram: &[u8], _: SocketAddr) -> Result<usize, Error> {
        self.send(datagram).await
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.socket.local_addr().map_err(told)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.from)
    }

    async fn close(&self) -> Result<(), Error> {
        self.datagrams.lock().await.close();
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

fn told(error: io::Error) -> Error {
    Error::Other(error.to_string())
}

/// What is within DTLS, for an SCTP of a newer kind.
struct Inner(DTLSConn);

fn newer(error: Error) -> webrtc_util::Error {
    webrtc_util::Error::Other(error.to_string())
}

#[async_trait]
impl webrtc_util::Conn for Inner {
    async fn connect(&self, address: SocketAddr) -> Result<(), webrtc_util::Error> {
        Conn::connect(&self.0, address).await.map_err(newer)
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, webrtc_util::Error> {
        Conn::recv(&self.0, buffer).await.map_err(newer)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), webrtc_util::Error> {
        Conn::recv_from(&self.0, buffer).await.map_err(newer)
    }

    async fn send(&self, datagram: &[u8]) -> Result<usize, webrtc_util::Error> {
        Conn::send(&self.0, datagram).await.map_err(newer)
    }

    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> Result<usize, webrtc_util::Error> {
        Conn::send_to(&self.0, datagram, to).await.map_err(newer)
    }

    fn local_addr(&self) -> Result<SocketAddr, webrtc_util::Error> {
        Conn::local_addr(&self.0).map_err(newer)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Conn::remote_addr(&self.0)
    }

    async fn close(&self) -> Result<(), webrtc_util::Error> {
        Conn::close(&self.0).await.map_err(newer)
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
