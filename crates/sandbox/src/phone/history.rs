//! What a phone hands to a device that was linked just now: its chats, in chunks; and older messages when asked for.
//!
//! A chunk is packed, sealed with a key of its own, and put on the media host; the device is told where. The first goes
//! within that message, if it is small and the device said that it takes it so.

mod chats;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};

use buffa::{Message as _, MessageField};
use flate2::{Compression, write::ZlibEncoder};
use wacore::download::MediaType;
use wacore_binary::Node;
use waproto::whatsapp::{
    self as wa,
    history_sync::HistorySyncType as Kind,
    message::{HistorySyncNotification, HistorySyncType, protocol_message::Type},
};

use super::{Handset, outbound};
use crate::{
    account::Number,
    device::DeviceId,
    media::{Media, Sealed},
    stanza::read::Read as _,
    state::State,
};
use chats::Chats;

/// Messages of each chat in the first chunk.
const FIRST_OF_CHAT: usize = 20;
/// Messages in each of the others.
const CHUNK_MESSAGES: usize = 1_000;
/// Bytes of the first chunk, packed, beyond which it goes by the media host in any case.
const INLINE_MAX: usize = 64 << 10;
/// Messages that are sent at a time when they are asked for.
const ASKED_MAX: usize = 500;

/// Which part of a history a chunk is.
struct Place {
    order: u32,
    /// Percent of all.
    progress: u32,
    /// What it answers.
    asked: Option<String>,
}

/// What the network tells of the own devices: one that came gets the history, if there is any.
pub(super) fn devices_changed(phone: &mut Handset, state: &mut State, notification: &Node) {
    let own = notification.jid("from").and_then(|from| state.account_of(&from)).map(|account| account.number);
    let device = notification.child("add").and_then(|added| added.child("device")?.jid("jid"));
    let device = device.and_then(|jid| state.device_of(&jid)).filter(|device| !device.is_phone());
    if let (true, Some(device)) = (own == Some(phone.number), device) {
        begin(phone, state, device);
    }
}

fn begin(phone: &mut Handset, state: &mut State, device: DeviceId) {
    let chats = Chats::of(phone, state);
    if chats.is_empty() {
        return;
    }
    let mut chunks = vec![wa::HistorySync {
        sync_type: Kind::INITIAL_BOOTSTRAP,
        conversations: chats.newest(FIRST_OF_CHAT),
        phone_number_to_lid_mappings: chats.addresses(),
        ..Default::default()
    }];
    chunks.push(wa::HistorySync { sync_type: Kind::PUSH_NAME, pushnames: chats.names(), ..Default::default() });
    let rest = chats.older(FIRST_OF_CHAT, CHUNK_MESSAGES).into_iter();
    chunks.extend(rest.map(|conversations| wa::HistorySync {
        sync_type: Kind::RECENT,
        conversations,
        ..Default::default()
    }));
    let count = chunks.len();
    for (at, chunk) in chunks.into_iter().enumerate() {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let place = Place { order: small(at + 1), progress: small((at + 1) * 100 / count), asked: None };
        hand(phone, state, device, chunk, place);
    }
    state.counters.count("phone sent its history");
}

/// A device wants what lies behind a message that it knows.
pub(super) fn asked(
    phone: &mut Handset,
    state: &mut State,
    device: DeviceId,
    id: &str,
    wish: &wa::message::peer_data_operation_request_message::HistorySyncOnDemandRequest,
) {
    let count = usize::try_from(wish.on_demand_msg_count.unwrap_or_default()).unwrap_or_default().clamp(1, ASKED_MAX);
    let chats = Chats::of(phone, state);
    let found = chats.before(
        wish.chat_jid.as_deref().unwrap_or_default(),
        wish.oldest_msg_id.as_deref().unwrap_or_default(),
        wish.oldest_msg_timestamp_ms.unwrap_or_default(),
        count,
    );
    let chunk = wa::HistorySync {
        sync_type: Kind::ON_DEMAND,
        conversations: found.into_iter().collect(),
        ..Default::default()
    };
    hand(phone, state, device, chunk, Place { order: 1, progress: 100, asked: Some(id.to_owned()) });
    state.counters.count("phone sent history that was asked for");
}

fn hand(phone: &mut Handset, state: &mut State, device: DeviceId, mut chunk: wa::HistorySync, place: Place) {
    chunk.chunk_order = Some(place.order);
    chunk.progress = Some(place.progress);
    let first = matches!(chunk.sync_type, Kind::INITIAL_BOOTSTRAP);
    let inline = first && state.devices.get(&device).is_some_and(|device| device.inline_history);
    let told = pack(&chunk.encode_to_vec()).and_then(|packed| match inline && packed.len() <= INLINE_MAX {
        true => {
            Ok(HistorySyncNotification { initial_hist_bootstrap_inline_payload: Some(packed), ..Default::default() })
        }
        false => upload(&state.media, &packed),
    });
    let mut notification = match told {
        Ok(notification) => notification,
        Err(error) => {
            tracing::error!(%error, "a phone could not upload a history");
            return;
        }
    };
    notification.sync_type = Some(match chunk.sync_type {
        Kind::PUSH_NAME => HistorySyncType::PUSH_NAME,
        Kind::RECENT => HistorySyncType::RECENT,
        Kind::ON_DEMAND => HistorySyncType::ON_DEMAND,
        _ => HistorySyncType::INITIAL_BOOTSTRAP,
    });
    notification.chunk_order = Some(place.order);
    notification.progress = Some(place.progress);
    notification.peer_data_request_session_id = place.asked;
    let message = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: MessageField::some(notification),
            ..Default::default()
        }),
        ..Default::default()
    };
    outbound::to_own_device(phone, state, device, &message);
}

fn pack(history: &[u8]) -> io::Result<Vec<u8>> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(history)?;
    zlib.finish()
}

/// Seals it, and puts it on the host.
fn upload(media: &Media, packed: &[u8]) -> io::Result<HistorySyncNotification> {
    let Sealed { key, direct_path, plain_sha256, sealed_sha256, length } = media.seal(packed, MediaType::History)?;
    Ok(HistorySyncNotification {
        file_sha256: Some(plain_sha256),
        file_length: Some(length),
        media_key: Some(key),
        file_enc_sha256: Some(sealed_sha256),
        direct_path: Some(direct_path),
        ..Default::default()
    })
}

/// A person's name, as the account has it.
fn name_of(state: &State, number: Number) -> Option<String> {
    state.accounts.get(&number).map(|account| account.name.clone())
}
