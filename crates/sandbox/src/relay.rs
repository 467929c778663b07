//! The relay of calls: one UDP port over which the devices of a call hear each other.
//!
//! A device dials it with DTLS and SCTP ([`wire`]) and shows its token in a STUN request; from then on what it sends goes to
//! the others of its call, as it is: the sound is sealed between the devices. A phone of this network has no socket, and
//! hands the same packets in without one ([`Relay::join`]).

mod group;
mod trouble;
mod wire;

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use tokio::{net::UdpSocket, sync::mpsc};
use tokio_util::sync::CancellationToken;
use wacore::voip::{
    demux::{RelayPacketKind, classify_relay_packet},
    stun,
};
use wacore_binary::Node;

pub(crate) use trouble::{Plan, Trouble};

use crate::stanza::read::node;

/// Calls at a time; one more gets no relay.
const CALLS_MAX: usize = 4_096;
/// Packets that wait for one device: two seconds of sound and video; what comes beyond it is lost, as on a slow line.
const WAITING_MAX: usize = 256;
/// Bytes of the check at the end of each packet between the devices.
const TAG_BYTES: &str = "4";

const TOKEN: u16 = 0x4000;
const INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
/// Bytes before a STUN message's attributes, and of the integrity attribute's head and value.
const HEADER: usize = 20;
const INTEGRITY_BYTES: usize = 24;
/// The code for a token that nobody was given, or a request that was not signed with the call's key.
const UNAUTHORIZED: u16 = 401;

/// A cheap handle.
#[derive(Clone)]
pub(crate) struct Relay(Arc<Inner>);

struct Inner {
    address: SocketAddrV4,
    rooms: Mutex<Rooms>,
    stopping: CancellationToken,
}

#[derive(Default)]
struct Rooms {
    calls: HashMap<String, Room>,
    /// Whose each token is.
    tokens: HashMap<Vec<u8>, Place>,
    trouble: Trouble,
}

/// A call and a seat in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    call: String,
    seat: usize,
}

struct Room {
    /// Signs the requests of all who take part; text, and it is used as that.
    key: String,
    seats: Vec<Seat>,
    trouble: Trouble,
}

struct Seat {
    device: String,
    token: Vec<u8>,
    /// The way to who showed the token last.
    outlet: Option<mpsc::Sender<Bytes>>,
    traffic: Traffic,
}

/// What a device sent and was sent, in packets of sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Traffic {
    pub sent: u64,
    pub received: u64,
    /// Of what was for it: by trouble on purpose, and for want of room.
    pub lost: u64,
}

/// A device's end: what it hands in, and what it gets.
pub(crate) struct End {
    relay: Relay,
    place: Option<Place>,
    outlet: mpsc::Sender<Bytes>,
}

impl Relay {
    /// Listens until it is stopped; port 0 takes a free one.
    pub async fn open(
        address: SocketAddrV4,
        reachable: std::net::Ipv4Addr,
        stopping: CancellationToken,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let SocketAddr::V4(bound) = socket.local_addr()? else {
            return Err(io::Error::other("the relay listens on IPv4 only"));
        };
        let relay = Self::new(SocketAddrV4::new(reachable, bound.port()), stopping);
        tokio::spawn(wire::serve(socket, relay.clone()));
        Ok(relay)
    }

    fn new(address: SocketAddrV4, stopping: CancellationToken) -> Self {
        Self(Arc::new(Inner { address, rooms: Mutex::default(), stopping }))
    }

    /// Nobody dials it.
    pub fn unreachable() -> Self {
        Self::new(SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 9), CancellationToken::new())
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seats for a call's devices. False: there are too many calls, or this one has them.
    pub fn seat(&self, call: &str, devices: impl IntoIterator<Item = String>) -> bool {
        let mut rooms = self.rooms();
        if rooms.calls.len() >= CALLS_MAX || rooms.calls.contains_key(call) {
            return false;
        }
        let seats: Vec<Seat> = devices
            .into_iter()
            .map(|device| Seat {
                device,
                token: rand::random::<[u8; 32]>().to_vec(),
                outlet: None,
                traffic: Traffic::default(),
            })
            .collect();
        for (at, seat) in seats.iter().enumerate() {
            rooms.tokens.insert(seat.token.clone(), Place { call: call.to_owned(), seat: at });
        }
        let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
        let trouble = rooms.trouble.again();
        rooms.calls.insert(call.to_owned(), Room { key, seats, trouble });
        true
    }

    /// The call is over: nobody hears anybody any more.
    pub fn close(&self, call: &str) {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.calls.remove(call) {
            for seat in room.seats {
                rooms.tokens.remove(&seat.token);
            }
        }
    }

    /// Where it is dialled.
    fn endpoint(&self) -> Node {
        let mut address = self.0.address.ip().octets().to_vec();
        address.extend(self.0.address.port().to_be_bytes());
        node("te2")
            .attr("relay_id", "0")
            .attr("relay_name", "sbx1c01")
            .attr("token_id", "0")
            .attr("auth_token_id", "1")
            .attr("protocol", "1")
            .attr("c2r_rtt", "1")
            .bytes(address)
            .build()
    }

    /// What a device of the call is told of the relay.
    pub fn told(&self, call: &str, device: &str) -> Option<Node> {
        let rooms = self.rooms();
        let room = rooms.calls.get(call)?;
        let seat = room.seats.iter().position(|seat| seat.device == device)?;
        let children = [
            node("participant").attr("pid", seat + 1).build(),
            node("token").attr("id", "0").bytes(room.seats[seat].token.clone()).build(),
            node("auth_token").attr("id", "1").bytes(room.seats[seat].token.clone()).build(),
            node("key").bytes(room.key.clone().into_bytes()).build(),
            node("warp_mi_tag_len").bytes(TAG_BYTES.as_bytes().to_vec()).build(),
            self.endpoint(),
        ];
        let relay = node("relay").attr("uuid", format!("{:016x}", fingerprint(call))).attr("self_pid", seat + 1);
        Some(relay.children(children).build())
    }

    /// An end for who comes without a socket, and where its packets come out.
    pub fn join(&self) -> (End, mpsc::Receiver<Bytes>) {
        let (outlet, packets) = mpsc::channel(WAITING_MAX);
        (End { relay: self.clone(), place: None, outlet }, packets)
    }

    /// What each device of a call sent and got; nothing of a call that is over.
    pub fn traffic(&self, call: &str) -> Vec<(String, Traffic)> {
        let rooms = self.rooms();
        let seats = rooms.calls.get(call).map(|room| room.seats.as_slice()).unwrap_or_default();
        seats.iter().map(|seat| (seat.device.clone(), seat.traffic)).collect()
    }

    /// Trouble on the way for the calls that go on and those that come, or for one that goes on. False: there is none such.
    pub fn trouble(&self, call: Option<&str>, plan: Plan) -> bool {
        let mut rooms = self.rooms();
        match call {
            Some(call) => rooms.calls.get_mut(call).map(|room| room.trouble = Trouble::new(plan)).is_some(),
            None => {
                rooms.trouble = Trouble::new(plan);
                let again = rooms.trouble.again();
                rooms.calls.values_mut().for_each(|room| room.trouble = again.again());
                true
            }
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let rooms = self.rooms();
        rooms.calls.is_empty() && rooms.tokens.is_empty()
    }
}

impl End {
    /// Takes a packet of this device's, and answers or hands it on.
    pub fn receive(&mut self, packet: &Bytes) {
        match classify_relay_packet(packet) {
            RelayPacketKind::Stun => {
                if let Some(answer) = self.answer(packet) {
                    // An answer that finds no room is asked for again.
                    let _ = self.outlet.try_send(answer);
                }
            }
            RelayPacketKind::Rtp | RelayPacketKind::Rtcp => self.hand_on(packet),
            _ => {}
        }
    }

    fn answer(&mut self, packet: &[u8]) -> Option<Bytes> {
        let id: [u8; 12] = stun::stun_transaction_id(packet)?.get(..12)?.try_into().ok()?;
        let kind = stun::stun_message_type(packet)?;
        let plain = |kind| Some(Bytes::from(stun::encode_stun_request(kind, &id, &[], None, false)));
        match kind {
            stun::MSG_WHATSAPP_PING => plain(stun::MSG_WHATSAPP_PONG),
            stun::MSG_BINDING_REQUEST if self.place.is_some() => plain(stun::MSG_BINDING_SUCCESS),
            stun::MSG_ALLOCATE_REQUEST => match self.take_seat(packet, &id) {
                Some(key) => {
                    let done =
                        stun::encode_stun_request(stun::MSG_ALLOCATE_SUCCESS, &id, &[], Some(key.as_bytes()), false);
                    Some(done.into())
                }
                None => {
                    let [class, number] = [UNAUTHORIZED / 100, UNAUTHORIZED % 100].map(|part| part as u8);
                    let mut attribute = ERROR_CODE.to_be_bytes().to_vec();
                    attribute.extend([0, 4, 0, 0, class, number]);
                    Some(stun::encode_stun_request(stun::MSG_ALLOCATE_ERROR, &id, &attribute, None, false).into())
                }
            },
            _ => None,
        }
    }

    /// The key of the call, whose token it showed, if the request is signed with it.
    fn take_seat(&mut self, packet: &[u8], id: &[u8; 12]) -> Option<String> {
        let attributes = stun::parse_stun_attributes(packet);
        let token = attributes.iter().find(|attribute| attribute.attr_type == TOKEN)?.value;
        let signed = attributes.last().is_some_and(|last| last.attr_type == INTEGRITY);
        let body = packet.get(HEADER..packet.len().checked_sub(INTEGRITY_BYTES)?).filter(|_| signed)?;
        let mut rooms = self.relay.rooms();
        let place = rooms.tokens.get(token)?.clone();
        let room = rooms.calls.get_mut(&place.call)?;
        // Made again from what is signed, it is the same.
        let right = stun::encode_stun_request(stun::MSG_ALLOCATE_REQUEST, id, body, Some(room.key.as_bytes()), false);
        if right != packet {
            return None;
        }
        room.seats.get_mut(place.seat)?.outlet = Some(self.outlet.clone());
        self.place = Some(place);
        Some(room.key.clone())
    }

    /// To all others of the call that are there.
    fn hand_on(&self, packet: &Bytes) {
        let Some(place) = &self.place else { return };
        let mut rooms = self.relay.rooms();
        let Some(room) = rooms.calls.get_mut(&place.call) else { return };
        let Some(own) = room.seats.get_mut(place.seat) else { return };
        // Somebody else shows the token now.
        if own.outlet.as_ref().is_none_or(|outlet| !outlet.same_channel(&self.outlet)) {
            return;
        }
        own.traffic.sent += 1;
        for (at, seat) in room.seats.iter_mut().enumerate().filter(|(at, _)| *at != place.seat) {
            let Some(outlet) = &seat.outlet else { continue };
            let ways = room.trouble.strike(at);
            seat.traffic.lost += u64::from(ways.is_empty());
            for delay in ways {
                if delay.is_zero() {
                    match outlet.try_send(packet.clone()) {
                        Ok(()) => seat.traffic.received += 1,
                        Err(_) => seat.traffic.lost += 1,
                    }
                } else {
                    seat.traffic.received += 1;
                    let (outlet, packet) = (outlet.clone(), packet.clone());
                    // As many as come within the longest delay.
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        let _ = outlet.try_send(packet);
                    });
                }
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(place) = &self.place else { return };
        let mut rooms = self.relay.rooms();
        if let Some(seat) = rooms.calls.get_mut(&place.call).and_then(|room| room.seats.get_mut(place.seat))
            && seat.outlet.as_ref().is_some_and(|outlet| outlet.same_channel(&self.outlet))
        {
            seat.outlet = None;
        }
    }
}

/// A number that follows from the name.
fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests;
