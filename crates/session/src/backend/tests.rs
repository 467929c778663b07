use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;
use tempfile::TempDir;
use wacore::{
    appstate::{hash::HashState, processor::AppStateMutationMAC},
    store::{
        Device,
        traits::{
            AppSyncStore, DeviceStore, LidPnMappingEntry, MsgSecretEntry, MsgSecretStore, PendingInboundKey,
            PendingInboundRow, ProtocolStore, SignalStore,
        },
    },
};
use wago_store::{NewSession, SecretKey, Store};

use super::Backend;

struct Kept {
    store: Store,
    _data: TempDir,
}

impl Kept {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", data.path().join("wago.db").display());
        let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
        Self { store, _data: data }
    }

    async fn backend(&self, name: &str) -> Backend {
        let new =
            NewSession { name: name.to_owned(), token: SecretString::from(name.to_owned()), os_name: "linux".into() };
        let session = self.store.create_session(new, 0).await.unwrap();
        Backend::new(self.store.clone(), session.id)
    }
}

fn mapping(lid: &str, phone: &str, updated_at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1,
        updated_at,
        learning_source: "usync".to_owned(),
    }
}

#[tokio::test]
async fn a_device_comes_back_as_it_was() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    assert!(!backend.exists().await.unwrap());
    assert!(backend.load().await.unwrap().is_none());
    backend.create().await.unwrap();
    let mut device = backend.load().await.unwrap().unwrap();
    let made = serde_json::to_value(&device).unwrap();
    backend.create().await.unwrap();
    let again = backend.load().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), made);
    device.push_name = "Ana".into();
    backend.save(&device).await.unwrap();
    let again: Device = backend.load().await.unwrap().unwrap();
    assert_eq!(again.push_name, "Ana");
}

#[tokio::test]
async fn sessions_do_not_see_each_other() {
    let kept = Kept::new().await;
    let (one, two) = (kept.backend("one").await, kept.backend("two").await);
    one.put_session("1@c.us.0", b"ratchet").await.unwrap();
    assert_eq!(two.get_session("1@c.us.0").await.unwrap(), None);
    assert_eq!(one.get_session("1@c.us.0").await.unwrap(), Some(Bytes::from_static(b"ratchet")));
}

#[tokio::test]
async fn a_used_pre_key_stays_gone() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let keys = [(1, Bytes::from_static(b"a")), (2, Bytes::from_static(b"b")), (300, Bytes::from_static(b"c"))];
    backend.store_prekeys_batch(&keys, false).await.unwrap();
    assert_eq!(backend.get_max_prekey_id().await.unwrap(), 300);
    backend.remove_prekey(2).await.unwrap();
    backend.mark_prekeys_uploaded(&[1, 2, 300]).await.unwrap();
    assert_eq!(backend.load_prekey(2).await.unwrap(), None);
    let mut left = backend.load_prekeys_batch(&[1, 2, 300]).await.unwrap();
    left.sort();
    assert_eq!(left, [keys[0].clone(), keys[2].clone()]);
}

#[tokio::test]
async fn signal_state_is_found_by_user() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    backend.put_identity("123@c.us.0", [1; 32]).await.unwrap();
    backend.put_session("45:2@lid.0", b"x").await.unwrap();
    for (user, known) in [("123", true), ("45", true), ("12", false), ("4", false)] {
        let found = backend.has_signal_state_for_user(user).await.unwrap();
        assert_eq!(found, known, "{user}");
    }
    backend.delete_identity("123@c.us.0").await.unwrap();
    assert!(!backend.has_signal_state_for_user("123").await.unwrap());
}

#[tokio::test]
async fn sender_key_devices_are_kept_by_group() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let devices = [("a@lid", true), ("b@lid", false)];
    backend.set_sender_key_status("1@g.us", &devices).await.unwrap();
    backend.set_sender_key_status("12@g.us", &devices).await.unwrap();
    backend.delete_sender_key_device_rows(&["a@lid"]).await.unwrap();
    let left = backend.get_sender_key_devices("1@g.us").await.unwrap();
    assert_eq!(left, [("b@lid".to_owned(), false)]);
    backend.clear_sender_key_devices("1@g.us").await.unwrap();
    assert_eq!(backend.get_sender_key_devices("1@g.us").await.unwrap(), []);
    assert_eq!(backend.get_sender_key_devices("12@g.us").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_person_is_found_by_either_identity() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    backend.put_lid_mapping(&mapping("900", "4915", 1)).await.unwrap();
    backend.put_lid_mappings(&[mapping("901", "4916", 1), mapping("900", "4915", 2)]).await.unwrap();
    let by_lid = backend.get_lid_mapping("900").await.unwrap().unwrap();
    assert_eq!((by_lid.phone_number.as_str(), by_lid.updated_at), ("4915", 2));
    let by_phone = backend.get_pn_mapping("4916").await.unwrap().unwrap();
    assert_eq!(by_phone.lid, "901");
    assert!(backend.get_pn_mapping("4917").await.unwrap().is_none());
    assert_eq!(backend.get_all_lid_mappings().await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_newer_token_wins_and_the_senders_time_only_grows() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let token = || async { backend.get_tc_token("1@lid").await.unwrap().unwrap() };
    backend.touch_tc_token_sender_timestamp("1@lid", 50).await.unwrap();
    backend.touch_tc_token_sender_timestamp("1@lid", 40).await.unwrap();
    assert_eq!(token().await.sender_timestamp, Some(50));
    backend.store_received_tc_token("1@lid", b"new", 20).await.unwrap();
    backend.store_received_tc_token("1@lid", b"old", 10).await.unwrap();
    let kept = token().await;
    assert_eq!((kept.token.as_slice(), kept.token_timestamp), (&b"new"[..], 20));
    assert_eq!(kept.sender_timestamp, Some(50));
}

#[tokio::test]
async fn a_sent_message_is_taken_once() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    backend.store_sent_message("c", "1", b"body").await.unwrap();
    let takes =
        [backend.take_sent_message("c", "1").await.unwrap(), backend.take_sent_message("c", "1").await.unwrap()];
    assert_eq!(takes, [Some(b"body".to_vec()), None]);
}

#[tokio::test]
async fn a_pending_message_waits_for_its_commit() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let rows = ["1", "2"].map(|id| PendingInboundRow { chat: "c", sender: "s", id, message: b"body" });
    backend.store_pending_inbound_batch(&rows).await.unwrap();
    let keys = [PendingInboundKey { chat: "c", sender: "s", id: "1" }];
    backend.delete_pending_inbound_batch(&keys).await.unwrap();
    assert_eq!(backend.get_pending_inbound("c", "s", "1").await.unwrap(), None);
    let left = backend.get_pending_inbound("c", "s", "2").await.unwrap();
    assert_eq!(left.as_deref(), Some(&b"body"[..]));
    // Nothing is older than the beginning, all is older than the end of time.
    assert_eq!(backend.delete_expired_pending_inbound(0).await.unwrap(), 0);
    let expired = backend.delete_expired_pending_inbound(i64::MAX).await.unwrap();
    assert_eq!(expired, 1);
}

#[tokio::test]
async fn secrets_last_until_they_expire() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let secret = |id: &str, expires_at| MsgSecretEntry {
        chat: Arc::from("c"),
        sender: Arc::from("s"),
        msg_id: Arc::from(id),
        secret: [9; 32],
        expires_at,
        message_ts: 5,
    };
    let entries = vec![secret("soon", 100), secret("never", 0)];
    assert_eq!(backend.put_msg_secrets(entries).await.unwrap(), 2);
    assert_eq!(backend.delete_expired_msg_secrets(99).await.unwrap(), 0);
    assert_eq!(backend.delete_expired_msg_secrets(100).await.unwrap(), 1);
    assert_eq!(backend.get_msg_secret("c", "s", "soon").await.unwrap(), None);
    let found = backend.get_msg_secret_with_ts("c", "s", "never").await.unwrap();
    assert_eq!(found, Some((vec![9; 32], 5)));
}

#[tokio::test]
async fn a_collection_without_a_version_is_new() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    let mut state = backend.get_version("regular").await.unwrap();
    assert_eq!(state.version, 0);
    state.version = 7;
    backend.set_version("regular", state).await.unwrap();
    assert_eq!(backend.get_version("regular").await.unwrap().version, 7);
    assert_eq!(backend.get_latest_sync_key_id().await.unwrap(), None);
}

#[tokio::test]
async fn a_version_is_stored_with_all_that_belongs_to_it() {
    let kept = Kept::new().await;
    let one = kept.backend("one").await;
    let mac = |index: u8, value: u8| AppStateMutationMAC { index_mac: vec![index; 32], value_mac: vec![value; 32] };
    let state = |version| HashState { version, ..Default::default() };
    // As the engine writes a patch.
    one.set_version("regular", state(1)).await.unwrap();
    one.put_mutation_macs("regular", 1, &[mac(1, 10), mac(2, 20)]).await.unwrap();
    let read = async |backend: &Backend| {
        let macs = backend.get_mutation_macs("regular", &[[1; 32], [2; 32]]).await.unwrap();
        let one = backend.get_mutation_mac("regular", &[1; 32]).await.unwrap();
        assert_eq!(one.as_ref(), macs.get(&[1; 32]));
        (backend.get_version("regular").await.unwrap().version, one.map(|mac| mac[0]), macs.len())
    };
    let stored = async || read(&Backend::new(kept.store.clone(), one.session)).await;
    assert_eq!((read(&one).await, stored().await), ((1, Some(10), 2), (0, None, 0)), "more may belong to it");
    // The next patch, and the end.
    one.set_version("regular", state(2)).await.unwrap();
    one.delete_mutation_macs("regular", &[vec![2; 32]]).await.unwrap();
    one.put_mutation_macs("regular", 2, &[mac(1, 11)]).await.unwrap();
    assert_eq!((read(&one).await, stored().await), ((2, Some(11), 1), (1, Some(10), 2)));
    one.set_version("regular", state(2)).await.unwrap();
    assert_eq!((read(&one).await, stored().await), ((2, Some(11), 1), (2, Some(11), 1)));
    // The whole collection anew.
    one.clear_mutation_macs("regular").await.unwrap();
    one.put_mutation_macs("regular", 7, &[mac(2, 70)]).await.unwrap();
    one.set_version("regular", state(7)).await.unwrap();
    assert_eq!((read(&one).await, stored().await), ((7, None, 1), (2, Some(11), 1)));
    one.set_version("regular", state(7)).await.unwrap();
    assert_eq!(stored().await, (7, None, 1));
}

#[tokio::test]
async fn a_sealed_backend_writes_nothing() {
    let kept = Kept::new().await;
    let backend = kept.backend("one").await;
    backend.put_session("1@c.us.0", b"kept").await.unwrap();
    backend.gate().seal().await;
    assert!(backend.put_session("1@c.us.0", b"late").await.is_err());
    assert!(backend.take_sent_message("c", "1").await.is_err());
    assert_eq!(backend.get_session("1@c.us.0").await.unwrap(), Some(Bytes::from_static(b"kept")));
}
