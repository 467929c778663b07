use bytes::Bytes;
use wacore::types::events::LazyHistorySync;
use waproto::{
    buffa::{Message as _, MessageField},
    whatsapp as wa,
};

use super::*;
use crate::adapter::history::Chunk;

/// zlib without compression.
fn packed(raw: &[u8]) -> Bytes {
    let mut zlib = vec![0x78, 0x01];
    let mut blocks = raw.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let len = u16::try_from(block.len()).unwrap();
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend(len.to_le_bytes());
        zlib.extend((!len).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in raw {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend(((b << 16) | a).to_be_bytes());
    zlib.into()
}

fn chunk(history: &wa::HistorySync) -> Chunk {
    let raw = history.encode_to_vec();
    let kind = history.sync_type as i32;
    Chunk::of(&LazyHistorySync::new(packed(&raw), raw.len(), kind, Some(2), Some(40)))
}

fn parts(history: &wa::HistorySync) -> Vec<Value> {
    let mut parts = Vec::new();
    chunk(history)
        .tell(|part| {
            parts.push(part.told());
            true
        })
        .unwrap();
    parts
}

fn message(id: usize, text: &str) -> wa::HistorySyncMsg {
    let key = wa::MessageKey { id: Some(format!("M{id}")), ..Default::default() };
    let content = wa::Message { conversation: Some(text.to_owned()), ..Default::default() };
    wa::HistorySyncMsg {
        message: MessageField::some(wa::WebMessageInfo {
            key: MessageField::some(key),
            message: MessageField::some(content),
            ..Default::default()
        }),
        msg_order_id: Some(id as u64),
    }
}

fn chat(id: &str, messages: Vec<wa::HistorySyncMsg>) -> wa::Conversation {
    wa::Conversation {
        id: id.to_owned(),
        messages,
        unread_count: Some(1),
        tc_token: Some(vec![1]),
        contact_primary_identity_key: Some(vec![2]),
        ..Default::default()
    }
}

fn history(conversations: Vec<wa::Conversation>) -> wa::HistorySync {
    let name = wa::Pushname { id: Some(ANA.into()), pushname: Some("Ana".into()) };
    wa::HistorySync {
        sync_type: wa::history_sync::HistorySyncType::RECENT,
        conversations,
        pushnames: vec![name],
        nct_salt: Some(vec![3]),
        thread_id_user_secret: Some(vec![4]),
        shareable_chat_identifier_encryption_key: Some(vec![5]),
        companion_meta_nonce: Some("6".into()),
        ..Default::default()
    }
}

#[test]
fn a_small_chunk_is_one_event_without_secrets() {
    let [told] = parts(&history(vec![chat(ANA, vec![message(1, "hello")])])).try_into().unwrap();
    assert_eq!((&told["kind"], &told["chat"]), (&json!("HistorySync"), &json!("")));
    assert_eq!(
        told["event"],
        json!({
            "Data": {
                "syncType": 3,
                "chunkOrder": 2,
                "progress": 40,
                "pushnames": [{"ID": ANA, "pushname": "Ana"}],
                "conversations": [{
                    "ID": ANA,
                    "unreadCount": 1,
                    "messages": [{
                        "message": {"key": {"ID": "M1"}, "message": {"conversation": "hello"}},
                        "msgOrderID": 1,
                    }],
                }],
            },
            "Part": 0,
            "LastPart": true,
        })
    );
}

#[test]
fn a_large_chunk_is_told_in_parts() {
    let text = "x".repeat(10_000);
    let large = (0..120).map(|id| message(id, &text)).collect();
    let history =
        history(vec![chat("1@g.us", vec![message(900, "a")]), chat("2@g.us", large), chat("3@g.us", Vec::new())]);
    let parts = parts(&history);
    assert_eq!(parts.len(), 3);
    let mut seen = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let event = &part["event"];
        assert!(event.to_string().len() < 600 * 1024);
        assert_eq!((&event["Part"], &event["LastPart"]), (&json!(at), &json!(at == 2)));
        assert_eq!((&event["Data"]["syncType"], &event["Data"]["chunkOrder"]), (&json!(3), &json!(2)));
        for chat in event["Data"]["conversations"].as_array().unwrap() {
            assert_eq!(chat["unreadCount"], 1);
            let messages = chat["messages"].as_array().cloned().unwrap_or_default();
            seen.extend(messages.iter().map(|message| message["msgOrderID"].as_u64().unwrap()));
        }
    }
    assert_eq!(seen, std::iter::once(900).chain(0..120).collect::<Vec<_>>());
    let names: std::collections::BTreeSet<&str> = parts.iter().map(|part| part["once"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(parts[2]["event"]["Data"]["pushnames"][0]["pushname"], "Ana");
}

#[test]
fn nobody_listens() {
    let large = (0..120).map(|id| message(id, &"x".repeat(10_000))).collect();
    let mut told = 0;
    chunk(&history(vec![chat(ANA, large)]))
        .tell(|_| {
            told += 1;
            false
        })
        .unwrap();
    assert_eq!(told, 1);
}

#[test]
fn what_is_no_history_is_an_error() {
    let chunk = Chunk::of(&LazyHistorySync::new(Bytes::from_static(b"nonsense"), 100, 0, None, None));
    assert!(chunk.tell(|_| true).is_err());
}
