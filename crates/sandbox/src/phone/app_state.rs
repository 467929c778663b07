//! The phone's part in app state: it makes the key, hands it to the account's other devices, and writes the first entry,
//! the name that the account goes by.

use buffa::{Message as _, MessageField};
use rand::RngExt as _;
use wacore_appstate::{
    encode::encode_record,
    hash::{HashState, generate_patch_mac},
    keys::expand_app_state_keys,
};
use wacore_binary::SERVER_JID;
use waproto::whatsapp as wa;

use super::{Handset, content, outbound, say};
use crate::{
    device::DeviceId,
    stanza::{app_state::is_empty, read::node},
    state::State,
};

const COLLECTION: &str = "critical_block";
/// WhatsApp's schema version of the action that sets the name.
const PUSH_NAME_VERSION: i32 = 1;

/// Hands a device the key; unless it asked for others only.
pub(super) fn share(phone: &mut Handset, state: &mut State, device: DeviceId, asked: &[Vec<u8>]) {
    let (id, key) = phone.keys.app_state_key();
    if !asked.is_empty() && !asked.iter().any(|asked| asked == &id) {
        return;
    }
    let key = wa::message::AppStateSyncKey {
        key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(id.to_vec()) }),
        key_data: MessageField::some(wa::message::AppStateSyncKeyData {
            key_data: Some(key.to_vec()),
            fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
                raw_id: Some(phone.keys.raw_id),
                current_index: Some(0),
                device_indexes: vec![0],
            }),
            timestamp: i64::try_from(crate::now_ms()).ok(),
        }),
    };
    outbound::to_own_device(phone, state, device, &content::key_share(vec![key]));
}

/// Writes the account's name, if nothing was written yet.
pub(super) fn begin(phone: &mut Handset, state: &mut State) {
    if !is_empty(state, phone.number, COLLECTION) {
        return;
    }
    let Some(name) = state.accounts.get(&phone.number).map(|account| account.name.clone()) else { return };
    let (key_id, key) = phone.keys.app_state_key();
    let keys = expand_app_state_keys(&key);
    let value = wa::SyncActionValue {
        timestamp: i64::try_from(crate::now_ms()).ok(),
        push_name_setting: MessageField::some(wa::sync_action_value::PushNameSetting { name: Some(name) }),
        ..Default::default()
    };
    let iv: [u8; 16] = rand::rng().random();
    let set = wa::syncd_mutation::SyncdOperation::SET;
    let (mutation, value_mac) =
        encode_record(set, br#"["setting_pushName"]"#, &value, &keys, &key_id, &iv, PUSH_NAME_VERSION);
    let mut hash = HashState::default();
    let result = hash.update_hash(std::slice::from_ref(&mutation), |_, _| Ok(None));
    debug_assert_eq!(value_mac.len(), 32);
    if result.1.is_err() {
        return;
    }
    hash.version = 1;
    let mut patch = wa::SyncdPatch {
        version: MessageField::some(wa::SyncdVersion { version: Some(1) }),
        mutations: vec![mutation],
        snapshot_mac: Some(hash.generate_snapshot_mac(COLLECTION, &keys.snapshot_mac)),
        key_id: MessageField::some(wa::KeyId { id: Some(key_id.to_vec()) }),
        ..Default::default()
    };
    patch.patch_mac = Some(generate_patch_mac(&patch, COLLECTION, &keys.patch_mac, 1));
    let collection = node("collection")
        .attr("name", COLLECTION)
        .attr("version", 0)
        .attr("return_snapshot", "false")
        .children([node("patch").bytes(patch.encode_to_vec()).build()]);
    let id = state.random_id();
    let question = node("iq")
        .attr("id", id)
        .attr("xmlns", "w:sync:app:state")
        .attr("type", "set")
        .attr("to", SERVER_JID)
        .children([node("sync").children([collection.build()]).build()]);
    say(phone, state, question.build());
}
