use std::io::Read as _;

use flate2::read::ZlibDecoder;
use rand::RngExt as _;
use wacore::download::DownloadUtils;
use wacore_binary::Jid;
use wago_contract::phone as shape;

use super::*;
use crate::{
    device::Device,
    journal::{Journal, Tables},
    media::{Found, Hash},
    phone,
    stanza::read::node,
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// Alice's phone and Bob's, which have written to each other so many times.
fn world(texts: usize) -> State {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    for text in [ALICE, BOB] {
        phone::create(&mut state, text, &format!("Phone {text}")).unwrap();
        phone::answer_all(&mut state);
    }
    for at in 0..texts {
        let (from, to) = if at % 2 == 0 { (ALICE, BOB) } else { (BOB, ALICE) };
        send(&mut state, from, to, format!("text {at}"));
    }
    state
}

fn send(state: &mut State, from: &str, to: &str, text: String) {
    let request = shape::Send { to: Some(to.to_owned()), text: Some(text), ..Default::default() };
    phone::with(state, number(from), |phone, state| outbound::send(phone, state, request, None)).unwrap().unwrap();
    phone::answer_all(state);
}

fn texts(conversation: &wa::Conversation) -> Vec<String> {
    let content = |one: &wa::HistorySyncMsg| one.message.as_option()?.message.as_option()?.conversation.clone();
    conversation.messages.iter().filter_map(content).collect()
}

/// The chunks that Alice's phone put on the host, with what it told of them.
fn chunks(state: &State) -> Vec<(HistorySyncNotification, wa::HistorySync)> {
    let sent = state.phones.get(number(ALICE)).unwrap().recent.iter();
    let told = sent.filter_map(|recent| {
        let message = wa::Message::decode_from_slice(&recent.raw).unwrap();
        message.protocol_message.into_option()?.history_sync_notification.into_option()
    });
    told.map(|told| {
        if let Some(packed) = &told.initial_hist_bootstrap_inline_payload {
            assert_eq!(told.direct_path, None);
            let history = unpacked(packed);
            return (told, history);
        }
        let hash = Hash::of_path(told.direct_path.as_deref().unwrap()).unwrap();
        let Found::Here(blob) = state.media.find(hash).unwrap() else { panic!("it is not on the host") };
        let mut packed = Vec::new();
        let key = told.media_key.as_deref().unwrap();
        DownloadUtils::decrypt_stream_to_writer(blob.reader(0).unwrap(), key, MediaType::History, &mut packed).unwrap();
        assert_eq!(told.file_length, Some(packed.len() as u64));
        (told, unpacked(&packed))
    })
    .collect()
}

fn unpacked(packed: &[u8]) -> wa::HistorySync {
    let mut history = Vec::new();
    ZlibDecoder::new(packed).read_to_end(&mut history).unwrap();
    wa::HistorySync::decode_from_slice(&history).unwrap()
}

/// Alice's phone is told of a device that was linked.
fn link(state: &mut State) -> DeviceId {
    link_like(state, false)
}

fn link_like(state: &mut State, inline_history: bool) -> DeviceId {
    let device = DeviceId { number: number(ALICE), device: 1 };
    let like = Device { inline_history, ..state.devices[&DeviceId::phone(number(BOB))].clone() };
    state.add_device(device, like);
    let added = node("add").children([node("device").attr("jid", device.jid()).build()]).build();
    let notification = node("notification")
        .attr("from", Jid::pn(ALICE))
        .attr("type", "devices")
        .attr("id", "1")
        .attr("t", crate::now())
        .children([added]);
    state.deliver(DeviceId::phone(device.number), notification.build());
    phone::answer_all(state);
    device
}

#[test]
fn a_linked_device_gets_all_chats_the_newest_first() {
    let mut state = world(FIRST_OF_CHAT + CHUNK_MESSAGES + 5);
    phone::with(&mut state, number(ALICE), |phone, state| outbound::react(phone, state, &newest(phone), "👍"))
        .unwrap()
        .unwrap();
    phone::answer_all(&mut state);
    link(&mut state);
    let chunks = chunks(&state);
    let kinds: Vec<_> = chunks.iter().map(|(told, _)| told.sync_type.unwrap()).collect();
    use HistorySyncType::{INITIAL_BOOTSTRAP, PUSH_NAME, RECENT};
    assert_eq!(kinds, [INITIAL_BOOTSTRAP, PUSH_NAME, RECENT, RECENT]);
    let progress: Vec<_> = chunks.iter().map(|(told, _)| told.progress.unwrap()).collect();
    assert_eq!(progress, [25, 50, 75, 100]);
    let first = &chunks[0].1;
    let chat = &first.conversations[0];
    assert_eq!(chat.id, format!("{BOB}@s.whatsapp.net"));
    assert_eq!(chat.lid_jid, first.phone_number_to_lid_mappings[0].lid_jid);
    assert_eq!(texts(chat).len(), FIRST_OF_CHAT);
    assert_eq!(texts(chat)[0], format!("text {}", FIRST_OF_CHAT + CHUNK_MESSAGES + 4));
    assert_eq!(chat.messages[0].message.reactions[0].text.as_deref(), Some("👍"));
    assert_eq!(chunks[1].1.pushnames[0].pushname.as_deref(), Some(format!("Phone {BOB}").as_str()));
    let rest: Vec<_> = chunks[2..].iter().flat_map(|(_, chunk)| texts(&chunk.conversations[0])).collect();
    assert_eq!((rest.len(), rest.last().map(String::as_str)), (CHUNK_MESSAGES + 5, Some("text 0")));
    let told = chat.messages[1].message.as_option().unwrap();
    assert_eq!(told.key.from_me, Some(told.push_name.is_none()));
}

#[test]
fn a_small_beginning_comes_within_the_message() {
    for inline in [true, false] {
        let mut state = world(FIRST_OF_CHAT + 1);
        link_like(&mut state, inline);
        let chunks = chunks(&state);
        let within: Vec<_> =
            chunks.iter().map(|(told, _)| told.initial_hist_bootstrap_inline_payload.is_some()).collect();
        assert_eq!(within, [inline, false, false]);
        assert_eq!(chunks[0].1.conversations[0].messages.len(), FIRST_OF_CHAT);
    }
}

#[test]
fn a_large_beginning_does_not() {
    let mut state = world(0);
    // Noise cannot be packed to half of its length.
    let noise = || (0..2 * INLINE_MAX / FIRST_OF_CHAT).map(|_| char::from(rand::rng().random_range(b'a'..=b'z')));
    for _ in 0..FIRST_OF_CHAT {
        send(&mut state, ALICE, BOB, noise().collect());
    }
    link_like(&mut state, true);
    assert_eq!(chunks(&state)[0].0.initial_hist_bootstrap_inline_payload, None);
}

fn newest(phone: &Handset) -> String {
    phone.messages.newest_first().next().unwrap().message.id.clone()
}

#[test]
fn a_phone_without_chats_has_nothing_to_send() {
    let mut state = world(0);
    link(&mut state);
    assert!(chunks(&state).is_empty());
}

#[test]
fn older_messages_are_sent_when_they_are_asked_for() {
    let mut state = world(9);
    let device = link(&mut state);
    let all = state.phones.get(number(ALICE)).unwrap().messages.list(0, None, 9);
    let mut ask = |id: &str, at: u64, count: i32| {
        let wish = wa::message::peer_data_operation_request_message::HistorySyncOnDemandRequest {
            chat_jid: Some(format!("{BOB}@s.whatsapp.net")),
            oldest_msg_id: Some(id.to_owned()),
            oldest_msg_timestamp_ms: i64::try_from(at * 1_000).ok(),
            on_demand_msg_count: Some(count),
            ..Default::default()
        };
        phone::with(&mut state, number(ALICE), |phone, state| asked(phone, state, device, "3EB0ASK", &wish)).unwrap();
        phone::answer_all(&mut state);
        let (told, chunk) = chunks(&state).pop().unwrap();
        assert_eq!(told.sync_type, Some(HistorySyncType::ON_DEMAND));
        assert_eq!(told.peer_data_request_session_id.as_deref(), Some("3EB0ASK"));
        chunk.conversations.into_iter().next().map(|chat| texts(&chat)).unwrap_or_default()
    };
    assert_eq!(ask(&all[5].id, 0, 3), ["text 4", "text 3", "text 2"]);
    assert_eq!(ask(&all[2].id, 0, 50), ["text 1", "text 0"]);
    assert_eq!(ask(&all[0].id, 0, 50), [""; 0]);
    assert_eq!(ask("unknown", all[0].timestamp, 50), [""; 0]);
    assert_eq!(ask("unknown", all[8].timestamp + 1, 1), ["text 8"]);
}
