//! What a phone says: sealed for each device that is to read it.

use buffa::Message as _;
use wacore::{messages::MessageUtils, proto_helpers::MessageExt as _};
use wacore_binary::{Jid, Node};
use wago_contract::phone as contract;
use waproto::whatsapp as wa;

use super::{
    Handset,
    chat::Chat,
    content::{self, Original, Said},
    files::Sealed,
    handset::{Recent, Shape, address},
    messages::New,
    say, to_many,
};
use crate::{
    Error, Result,
    account::Number,
    device::DeviceId,
    stanza::{keys, read::node},
    state::State,
};

/// WhatsApp takes longer ones as documents only.
const TEXT_BYTES_MAX: usize = 65_536;
const ID_CHARACTERS_MAX: usize = 128;
const MENTIONS_MAX: usize = 1_024;

/// Refuses what could not be sent, whatever file goes with it.
pub(crate) fn check(phone: &Handset, state: &State, request: &contract::Send) -> Result<()> {
    let chat = Chat::find(state, "to", request.to.as_deref())?;
    if !chat.is_there(state) {
        return Err(Error::UnknownRecipient);
    }
    readers(phone, state, chat, request.recipients.as_deref())?;
    if let Some(id) = &request.id {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain || id.is_empty() || id.len() > ID_CHARACTERS_MAX {
            return Err(Error::Invalid { field: "id", expected: "must be 1 to 128 letters and digits" });
        }
        if phone.messages.own(id).is_some() {
            return Err(Error::Invalid { field: "id", expected: "was used before" });
        }
    }
    for (field, words) in [("text", &request.text), ("caption", &request.caption)] {
        if words.as_ref().is_some_and(|words| words.len() > TEXT_BYTES_MAX) {
            return Err(Error::Invalid { field, expected: "must have at most 65,536 bytes" });
        }
    }
    match &request.reply {
        Some(id) if phone.messages.by_id(id).is_none() => Err(Error::UnknownMessage),
        _ => Ok(()),
    }
}

/// A text as a person types it, a file, or another kind of message.
pub(crate) fn send(
    phone: &mut Handset,
    state: &mut State,
    request: contract::Send,
    file: Option<Sealed>,
) -> Result<String> {
    check(phone, state, &request)?;
    let chat = Chat::find(state, "to", request.to.as_deref())?;
    let readers = readers(phone, state, chat, request.recipients.as_deref())?;
    let said = content::said(&request, &chat.name(), state)?;
    if file.is_some() && said.is_some() {
        return Err(Error::Invalid { field: "poll", expected: "is one too many: a message has one content" });
    }
    let body = request.text.filter(|text| !text.is_empty());
    if body.is_none() && file.is_none() && said.is_none() {
        return Err(Error::Invalid { field: "text", expected: "is missing" });
    }
    let caption = request.caption.filter(|caption| !caption.is_empty());
    let id = request.id.unwrap_or_else(|| fresh_id(state));
    let mentions = request.mentions.unwrap_or_default();
    if mentions.len() > MENTIONS_MAX {
        return Err(Error::Invalid { field: "mentions", expected: "must have at most 1,024 entries" });
    }
    let mentions = mentions.iter().map(|who| recipient(state, "mentions", Some(who))).collect::<Result<Vec<_>>>()?;
    let named: Vec<String> = mentions.iter().map(|number| in_terms_of(state, chat, *number)).collect();
    let mentions = mentions.into_iter().map(person).collect();
    let reply = request.reply.map(|id| phone.messages.by_id(&id).cloned().ok_or(Error::UnknownMessage)).transpose()?;
    let author = reply.as_ref().map(|entry| author_in(state, chat, &entry.message.from));
    let original = reply.as_ref().zip(author.as_deref()).map(|(entry, from)| Original {
        id: &entry.message.id,
        from,
        raw: &entry.raw,
    });
    let quoted = reply.as_ref().map(|entry| contract::Quoted {
        id: entry.message.id.clone(),
        from: Some(entry.message.from.clone()),
        text: entry.message.text.clone().or_else(|| entry.message.caption.clone()),
    });
    let (kind, body, mut message) = match (&file, said) {
        (Some(file), _) => (file.kind, body, file.message(caption.clone(), content::context(original, named.clone()))),
        (None, Some(Said { kind, text, mut message })) => {
            if let Some(context) = content::context(original, named.clone()) {
                message.set_context_info(context);
            }
            (kind, Some(text), message)
        }
        (None, None) => {
            let message = content::text(body.as_deref().unwrap_or_default(), original, named.clone());
            (contract::Kind::Text, body, message)
        }
    };
    if let Some(seconds) = request.expiration {
        message.set_ephemeral_expiration(seconds);
    }
    let raw = message.encode_to_vec();
    let added = phone.messages.add(New {
        id: id.clone(),
        chat: chat.name(),
        from: person(phone.number),
        from_me: true,
        kind,
        text: body,
        caption,
        media: file.map(|file| file.media),
        quoted,
        mentions,
        target: None,
        timestamp: crate::now(),
        state: contract::State::Pending,
        raw: raw.clone(),
        audience: audience(phone, state, chat, &readers),
    });
    if added.is_none() {
        return Err(Error::Invalid { field: "id", expected: "was used before" });
    }
    seal(phone, state, &Recent { id: id.clone(), chat, readers, raw, shape: Shape::of(kind) }, None, 0);
    Ok(id)
}

/// Does part of the work that a message to a large chat will be, so that it can be done in several steps. True: there is
/// more of it. What is wrong with the request is said when it is carried out.
pub(crate) fn prepare(phone: &mut Handset, state: &mut State, request: &contract::Send) -> bool {
    let Ok(chat) = Chat::find(state, "to", request.to.as_deref()) else { return false };
    let Ok(readers) = readers(phone, state, chat, request.recipients.as_deref()) else { return false };
    chat.is_of_many() && to_many::prepare(phone, state, chat, readers)
}

/// Who is to see a status: those who are named, or everybody whom the phone has a chat with.
fn readers(phone: &Handset, state: &State, chat: Chat, named: Option<&[String]>) -> Result<Vec<Number>> {
    match (chat, named) {
        (Chat::Status, Some(named)) => named.iter().map(|who| recipient(state, "recipients", Some(who))).collect(),
        (Chat::Status, None) => Ok(state.peers(phone.number)),
        (_, Some(_)) => Err(Error::Invalid { field: "recipients", expected: "is for status@broadcast alone" }),
        (_, None) => Ok(Vec::new()),
    }
}

/// How many people a message is for.
fn audience(phone: &Handset, state: &State, chat: Chat, readers: &[Number]) -> usize {
    match chat {
        Chat::Person(_) => 1,
        Chat::Status => readers.iter().filter(|reader| **reader != phone.number).count(),
        Chat::Group(id) => state.groups.get(id).map_or(0, |group| group.members.len().saturating_sub(1)),
    }
}

/// A person's JID as messages of a chat have it: chats of many go by LID.
pub(super) fn in_terms_of(state: &State, chat: Chat, number: Number) -> String {
    match state.accounts.get(&number).filter(|_| chat.is_of_many()) {
        Some(account) => account.lid_jid().to_string(),
        None => person(number),
    }
}

pub(super) fn author_in(state: &State, chat: Chat, jid: &str) -> String {
    match jid.parse::<Jid>().ok().and_then(|jid| state.account_of(&jid).map(|account| account.number)) {
        Some(number) => in_terms_of(state, chat, number),
        None => jid.to_owned(),
    }
}

/// The author of a message in a chat of many, which a reference to somebody else's message names.
fn author_if_needed(state: &State, chat: Chat, message: &contract::Message) -> Option<String> {
    (chat.is_of_many() && !message.from_me).then(|| author_in(state, chat, &message.from))
}

/// A reaction to a message that the phone has; an empty emoji takes it back.
pub(crate) fn react(phone: &mut Handset, state: &mut State, id: &str, emoji: &str) -> Result<String> {
    let entry = phone.messages.by_id(id).cloned().ok_or(Error::UnknownMessage)?;
    let chat = chat_of(state, &entry.message.chat)?;
    let own = person(phone.number);
    let author = author_if_needed(state, chat, &entry.message);
    let target = content::Target { chat: &entry.message.chat, id, from_me: entry.message.from_me, author };
    let message = content::reaction(target, emoji, crate::now_ms());
    phone.messages.react(id, &own, emoji);
    Ok(aside(phone, state, chat, message, Shape { kind: Some("reaction"), ..Shape::default() }))
}

/// For the options of a poll that the phone has; none takes the vote back.
pub(crate) fn vote(phone: &mut Handset, state: &mut State, id: &str, options: &[String]) -> Result<String> {
    let poll = phone.messages.by_id(id).cloned().ok_or(Error::UnknownMessage)?;
    let chat = chat_of(state, &poll.message.chat)?;
    let author = author_if_needed(state, chat, &poll.message);
    let target = content::Target { chat: &poll.message.chat, id, from_me: poll.message.from_me, author };
    let (creator, voter) = (author_in(state, chat, &poll.message.from), in_terms_of(state, chat, phone.number));
    let message = content::vote(target, &poll.raw, [&creator, &voter], options, crate::now_ms());
    let message = message.ok_or(Error::Invalid { field: "id", expected: "must be that of a poll" })?;
    let raw = message.encode_to_vec();
    let vote = aside(phone, state, chat, message, Shape { kind: Some("poll"), ..Shape::default() });
    phone.messages.add(New {
        id: vote.clone(),
        chat: chat.name(),
        from: person(phone.number),
        from_me: true,
        kind: contract::Kind::Vote,
        text: Some(options.join("\n")),
        caption: None,
        media: None,
        quoted: None,
        mentions: Vec::new(),
        target: Some(id.to_owned()),
        timestamp: crate::now(),
        state: contract::State::Pending,
        raw,
        audience: audience(phone, state, chat, &[]),
    });
    Ok(vote)
}

/// New words for an own message.
pub(crate) fn edit(phone: &mut Handset, state: &mut State, id: &str, text: &str) -> Result<String> {
    let entry = phone.messages.own(id).cloned().ok_or(Error::UnknownMessage)?;
    let chat = chat_of(state, &entry.message.chat)?;
    let reworded = content::reworded(&entry.raw, text);
    let own = person(phone.number);
    phone.messages.edit(id, &own, text, reworded.encode_to_vec());
    let message = content::edit(&entry.message.chat, id, reworded, crate::now_ms());
    Ok(aside(phone, state, chat, message, Shape { edit: Some("1"), ..Shape::default() }))
}

/// Takes an own message away from everyone; an admin of a group, anybody's.
pub(crate) fn delete(phone: &mut Handset, state: &mut State, id: &str) -> Result<String> {
    let entry = phone.messages.own(id).or_else(|| phone.messages.by_id(id)).cloned().ok_or(Error::UnknownMessage)?;
    let chat = chat_of(state, &entry.message.chat)?;
    if !entry.message.from_me && !rules(state, chat, phone.number) {
        return Err(Error::UnknownMessage);
    }
    let author = author_if_needed(state, chat, &entry.message);
    let edit = if author.is_some() { "8" } else { "7" };
    let target = content::Target { chat: &entry.message.chat, id, from_me: entry.message.from_me, author };
    let message = content::revoke(target);
    phone.messages.revoke(id, &entry.message.from);
    Ok(aside(phone, state, chat, message, Shape { edit: Some(edit), ..Shape::default() }))
}

/// Whether somebody is an admin of the group that the chat is.
pub(super) fn rules(state: &State, chat: Chat, number: Number) -> bool {
    matches!(chat, Chat::Group(id) if state.groups.get(id).is_some_and(|group| group.is_admin(number)))
}

/// A person looks at messages: those named, or all of a chat. Says how many.
pub(crate) fn read(phone: &mut Handset, state: &mut State, ids: &[String], chat: Option<&str>) -> Result<usize> {
    if let Some(unknown) = ids.iter().find(|id| phone.messages.by_id(id).is_none()) {
        tracing::debug!(id = %unknown, "a message to read that the phone does not have");
        return Err(Error::UnknownMessage);
    }
    let chat = chat.map(|text| self::chat(state, text)).transpose()?;
    let unread: Vec<(u64, String, String, String)> = phone
        .messages
        .unread(ids, chat.as_deref())
        .into_iter()
        .map(|entry| {
            let message = &entry.message;
            (message.cursor, message.id.clone(), message.chat.clone(), message.from.clone())
        })
        .collect();
    let count = unread.len();
    for (cursor, id, chat, from) in unread {
        phone.messages.mark_read(cursor);
        let chat = chat_of(state, &chat)?;
        let hides = state
            .accounts
            .get(&phone.number)
            .is_some_and(|own| own.privacy.get("readreceipts").is_some_and(|value| value == "none"));
        // In chats of many everybody shows what they read.
        let kind = if hides && !chat.is_of_many() { "read-self" } else { "read" };
        let mut receipt =
            node("receipt").attr("id", id).attr("to", chat.jid()).attr("type", kind).attr("t", crate::now());
        if chat.is_of_many() {
            receipt = receipt.attr("participant", author_in(state, chat, &from));
        }
        say(phone, state, receipt.build());
    }
    Ok(count)
}

pub(crate) fn typing(phone: &mut Handset, state: &mut State, request: &contract::Typing) -> Result<()> {
    let to = Chat::find(state, "to", request.to.as_deref())?;
    let what = match request.state.as_deref().unwrap_or("composing") {
        "composing" => node("composing"),
        "recording" => node("composing").attr("media", "audio"),
        "paused" => node("paused"),
        _ => return Err(Error::Invalid { field: "state", expected: "must be composing, recording or paused" }),
    };
    let stanza = node("chatstate").attr("to", to.jid()).children([what.build()]);
    say(phone, state, stanza.build());
    Ok(())
}

pub(crate) fn presence(phone: &mut Handset, state: &mut State, request: &contract::Presence) -> Result<()> {
    let kind = match request.state.as_deref() {
        Some(kind @ ("available" | "unavailable")) => kind.to_owned(),
        _ => return Err(Error::Invalid { field: "state", expected: "must be available or unavailable" }),
    };
    say(phone, state, node("presence").attr("type", kind).build());
    Ok(())
}

/// Something that is not a message of its own in the chat.
fn aside(phone: &mut Handset, state: &mut State, chat: Chat, message: wa::Message, shape: Shape) -> String {
    let readers = if chat == Chat::Status { state.peers(phone.number) } else { Vec::new() };
    let recent = Recent { id: fresh_id(state), chat, readers, raw: message.encode_to_vec(), shape };
    seal(phone, state, &recent, None, 0);
    let id = recent.id.clone();
    phone.remember(recent);
    id
}

/// Between devices of the account, unseen by people.
pub(super) fn to_own_device(phone: &mut Handset, state: &mut State, device: DeviceId, message: &wa::Message) {
    let shape = Shape { peer: true, ..Shape::default() };
    let chat = Chat::Person(phone.number);
    let recent = Recent { id: fresh_id(state), chat, readers: Vec::new(), raw: message.encode_to_vec(), shape };
    seal(phone, state, &recent, Some(device), 0);
    phone.remember(recent);
}

/// Seals for every device of the chat and the phone's own, or for one that asks for it again (`count` times by now).
pub(super) fn seal(phone: &mut Handset, state: &mut State, what: &Recent, only: Option<DeviceId>, count: u8) {
    let Chat::Person(chat) = what.chat else {
        to_many::seal(phone, state, what, only, count);
        return;
    };
    let devices: Vec<DeviceId> = match only {
        Some(device) => vec![device],
        None => {
            let of = |number: Number| state.devices_of(number).map(|(id, _)| id).collect::<Vec<_>>();
            let mut devices = of(phone.number);
            if chat != phone.number {
                devices.extend(of(chat));
            }
            devices.retain(|device| *device != DeviceId::phone(phone.number));
            devices
        }
    };
    let mut copies = Vec::new();
    for device in devices {
        let Ok(message) = wa::Message::decode_from_slice(&what.raw) else { continue };
        let own = device.number == phone.number && !what.shape.peer;
        let mediatype = wacore::send::media_type_from_message(&message);
        let message = if own { content::device_sent(&person(chat), message) } else { message };
        if !ensure_session(phone, state, device) {
            continue;
        }
        let padded = MessageUtils::pad_message_v2(message.encode_to_vec());
        let Ok(sealed) = phone.signal.seal(&address(device), &padded) else { continue };
        let mut enc = node("enc").attr("v", "2").attr("type", sealed.kind);
        if let Some(mediatype) = mediatype {
            enc = enc.attr("mediatype", mediatype);
        }
        if count > 0 {
            enc = enc.attr("count", u32::from(count));
        }
        copies.push((device, enc.bytes(sealed.bytes).build()));
    }
    if copies.is_empty() {
        // A note to oneself on a phone with no other devices goes nowhere, and is sent.
        settle(phone, &what.id, Ok(crate::now()));
        return;
    }
    let kind = what.shape.kind.unwrap_or("text");
    let mut stanza = node("message").attr("id", what.id.as_str()).attr("type", kind);
    if let Some(edit) = what.shape.edit {
        stanza = stanza.attr("edit", edit);
    }
    let stanza = match only {
        Some(device) => {
            if what.shape.peer {
                stanza = stanza.attr("category", "peer").attr("push_priority", "high");
            }
            stanza.attr("to", device.jid()).children(copies.into_iter().map(|(_, enc)| enc))
        }
        None => {
            let copies =
                copies.into_iter().map(|(device, enc)| node("to").attr("jid", device.jid()).children([enc]).build());
            stanza.attr("to", what.chat.jid()).children([node("participants").children(copies).build()])
        }
    };
    say(phone, state, stanza.build());
}

/// The network took a message at that time, or refused it with that code.
pub(super) fn settle(phone: &mut Handset, id: &str, outcome: Result<u64, u16>) {
    let Some(entry) = phone.messages.own(id) else { return };
    let (cursor, chat) = (entry.message.cursor, entry.message.chat.clone());
    match outcome {
        Ok(at) => phone.messages.settle(cursor, at, None),
        Err(code) => {
            phone.messages.settle(cursor, crate::now(), Some(code));
            // Nobody got it, and so not the key that was in it either.
            phone.sender_keys.not_given(&chat);
        }
    }
}

pub(super) fn ensure_session(phone: &mut Handset, state: &mut State, device: DeviceId) -> bool {
    phone.signal.has_session(&address(device)) || renew_session(phone, state, device)
}

/// Starts a session afresh, with keys that the network hands out.
pub(super) fn renew_session(phone: &mut Handset, state: &mut State, device: DeviceId) -> bool {
    let Some(bundle) = keys::take(state, device).and_then(|taken| taken.bundle(device)) else { return false };
    phone.signal.install(&address(device), &bundle).is_ok()
}

/// Whom a text names: a number or a JID.
pub(crate) fn recipient(state: &State, field: &'static str, text: Option<&str>) -> Result<Number> {
    let text =
        text.map(str::trim).filter(|text| !text.is_empty()).ok_or(Error::Invalid { field, expected: "is missing" })?;
    let known = match Number::parse(text) {
        Some(number) => state.accounts.contains_key(&number).then_some(number),
        None => {
            let jid: Jid =
                text.parse().map_err(|_| Error::Invalid { field, expected: "must be a phone number or a JID" })?;
            state.account_of(&jid).map(|account| account.number)
        }
    };
    known.ok_or(Error::UnknownRecipient)
}

/// The JID of the chat that a text names.
pub(crate) fn chat(state: &State, text: &str) -> Result<String> {
    chat_of(state, text).map(Chat::name)
}

fn chat_of(state: &State, chat: &str) -> Result<Chat> {
    Chat::find(state, "chat", Some(chat))
}

/// The JID of a person.
pub(super) fn person(number: Number) -> String {
    Jid::pn(number.to_string()).to_string()
}

/// In the form of Android's.
fn fresh_id(state: &mut State) -> String {
    format!("{}{}", state.random_id(), state.random_id())
}

/// The answer that takes a stanza off the network's hands.
pub(super) fn ack(stanza: &Node) -> Option<Node> {
    use crate::stanza::read::Read as _;
    let mut ack = node("ack")
        .attr("class", stanza.tag.to_string())
        .attr("id", stanza.text("id")?)
        .attr("to", stanza.jid("from")?);
    for key in ["participant", "recipient"] {
        if let Some(jid) = stanza.jid(key) {
            ack = ack.attr(key, jid);
        }
    }
    if let Some(kind) = stanza.text("type") {
        ack = ack.attr("type", kind);
    }
    Some(ack.build())
}
