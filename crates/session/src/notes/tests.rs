use secrecy::SecretString;
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use wacore_binary::Jid;
use wago_store::{NewSession, SecretKey, Store};
use waproto::buffa::MessageField;

use super::*;
use crate::adapter::{
    self,
    names::{Ana, around},
};

const CHAT: &str = "5511999999999@s.whatsapp.net";

async fn backend(data: &tempfile::TempDir) -> Backend {
    let url = format!("sqlite://{}", data.path().join("wago.db").display());
    let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
    let new = NewSession { name: "a".into(), token: SecretString::from("a".to_owned()), os_name: "linux".into() };
    let session = store.create_session(new, 0).await.unwrap();
    Backend::new(store, session.id)
}

fn from_ana(id: &str, at: i64) -> MessageInfo {
    let mut info = MessageInfo { id: id.to_owned(), ..MessageInfo::default() };
    info.source.chat = Jid::pn("5511999999999");
    info.source.sender = info.source.chat.clone();
    info.timestamp = chrono::DateTime::from_timestamp(at, 0).unwrap();
    info
}

async fn take(backend: &Backend, content: &wa::Message, info: &MessageInfo) -> serde_json::Value {
    let record = adapter::event::message(content, info, around(&Ana)).unwrap();
    of_inbound(backend, content, info, around(&Ana), record).await.unwrap().vote()
}

fn text(expiration: Option<u32>) -> wa::Message {
    let context = wa::ContextInfo { expiration, ..Default::default() };
    let text = wa::message::ExtendedTextMessage { context_info: MessageField::some(context), ..Default::default() };
    wa::Message { extended_text_message: MessageField::some(text), ..Default::default() }
}

fn setting(seconds: u32) -> wa::Message {
    let protocol = wa::message::ProtocolMessage {
        r#type: Some(Type::EPHEMERAL_SETTING),
        ephemeral_expiration: Some(seconds),
        ..Default::default()
    };
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

#[tokio::test]
async fn a_chats_timer_is_what_was_told_last() {
    let data = tempfile::tempdir().unwrap();
    let backend = backend(&data).await;
    let known = async || backend.timer(CHAT).await.unwrap().map(|timer| (timer.seconds, timer.set_at));
    take(&backend, &text(None), &from_ana("A", 1)).await;
    assert_eq!(known().await, None);
    take(&backend, &text(Some(86_400)), &from_ana("B", 10)).await;
    assert_eq!(known().await, Some((86_400, 10)));
    take(&backend, &setting(604_800), &from_ana("C", 20)).await;
    // One that was under way since before does not count.
    take(&backend, &text(Some(86_400)), &from_ana("D", 15)).await;
    assert_eq!(known().await, Some((604_800, 20)));
    take(&backend, &setting(0), &from_ana("E", 30)).await;
    assert_eq!(known().await, Some((0, 30)));
}

#[tokio::test]
async fn a_vote_is_opened_under_any_address_of_its_voter() {
    let data = tempfile::tempdir().unwrap();
    let backend = backend(&data).await;
    let option = |name: &str| wa::message::poll_creation_message::Option {
        option_name: Some(name.to_owned()),
        ..Default::default()
    };
    let poll = wa::message::PollCreationMessage {
        options: vec![option("yes"), option("no"), option("maybe")],
        ..Default::default()
    };
    let secret = [7; 32];
    let context = wa::MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() };
    let asked = wa::Message {
        poll_creation_message_v3: MessageField::some(poll),
        message_context_info: MessageField::some(context),
        ..Default::default()
    };
    assert!(take(&backend, &asked, &from_ana("POLL", 1)).await.is_null());

    let (hash, lid) = (compute_option_hash, "100000012345678@lid");
    let vote = |poll: &str, options: &[&str]| {
        let chosen: Vec<Vec<u8>> = options.iter().map(|option| hash(option).to_vec()).collect();
        let (payload, iv) = encrypt_poll_vote_with_secret(&chosen, &secret, "POLL", lid, lid).unwrap();
        let key = wa::MessageKey { id: Some(poll.to_owned()), ..Default::default() };
        let sealed = wa::message::PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) };
        let update = wa::message::PollUpdateMessage {
            poll_creation_message_key: MessageField::some(key),
            vote: MessageField::some(sealed),
            ..Default::default()
        };
        wa::Message { poll_update_message: MessageField::some(update), ..Default::default() }
    };
    let hex = |option: &str| hash(option).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let told = take(&backend, &vote("POLL", &["maybe", "yes"]), &from_ana("V", 2)).await;
    let hashes = format!("{},{}", hex("maybe"), hex("yes"));
    assert_eq!(told, serde_json::json!({"decryptVote": hashes, "voteOptions": ["yes", "maybe"]}));
    let told = take(&backend, &vote("POLL", &[]), &from_ana("W", 3)).await;
    assert_eq!(told, serde_json::json!({"decryptVote": "", "voteOptions": []}));
    assert!(take(&backend, &vote("OTHER", &["yes"]), &from_ana("X", 4)).await.is_null());
}
