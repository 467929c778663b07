//! Seats in calls of more than two: they come and go while the call goes on. A seat's number is its device's `pid`, and is
//! never given to another.

use wacore_binary::Node;

use super::{Place, Relay, Room, Seat, TAG_BYTES, Traffic, fingerprint};
use crate::stanza::read::node;

/// Seats of one call, those that were left included; for one more there is no room.
const SEATS_MAX: usize = 256;

impl Room {
    fn taken_by(&self, device: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.device == device && !seat.token.is_empty())
    }
}

impl Relay {
    /// A seat for one more device. False: there is no such call, or no room in it.
    pub fn seat_another(&self, call: &str, device: &str) -> bool {
        let mut rooms = self.rooms();
        let Some(room) = rooms.calls.get_mut(call) else { return false };
        if room.taken_by(device).is_some() {
            return true;
        }
        if room.seats.len() >= SEATS_MAX {
            return false;
        }
        let token = rand::random::<[u8; 32]>().to_vec();
        let seat = room.seats.len();
        room.seats.push(Seat {
            device: device.to_owned(),
            token: token.clone(),
            outlet: None,
            traffic: Traffic::default(),
        });
        rooms.tokens.insert(token, Place { call: call.to_owned(), seat });
        true
    }

    /// The device is not heard any more, and hears nothing.
    pub fn vacate(&self, call: &str, device: &str) {
        let mut rooms = self.rooms();
        let Some(room) = rooms.calls.get_mut(call) else { return };
        let Some(at) = room.taken_by(device) else { return };
        let token = std::mem::take(&mut room.seats[at].token);
        room.seats[at].outlet = None;
        rooms.tokens.remove(&token);
    }

    pub fn pid(&self, call: &str, device: &str) -> Option<usize> {
        self.rooms().calls.get(call)?.taken_by(device).map(|seat| seat + 1)
    }

    /// What a device of the call is told of the relay together with that change of who is in it.
    pub fn told_group(&self, call: &str, device: &str, transaction: u32) -> Option<Node> {
        let rooms = self.rooms();
        let room = rooms.calls.get(call)?;
        let seat = room.taken_by(device)?;
        let token = &room.seats[seat].token;
        let mut children = vec![
            node("token").attr("id", "0").bytes(token.clone()).build(),
            node("auth_token").attr("id", "1").bytes(token.clone()).build(),
            node("key").bytes(room.key.clone().into_bytes()).build(),
        ];
        children.push(self.endpoint());
        let relay = node("relay")
            .attr("transaction-id", transaction)
            .attr("uuid", format!("{:016x}", fingerprint(call)))
            .attr("participant_uuid", format!("{:016x}", fingerprint(device)))
            .attr("self_pid", seat + 1)
            .attr("warp_mi_tag_len", TAG_BYTES);
        Some(relay.children(children).build())
    }
}
