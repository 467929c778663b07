//! What a phone is told: opened, kept, and acknowledged.

use buffa::Message as _;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::{PreKeySignalMessage, PublicKey};
use wago_contract::phone as contract;
use waproto::whatsapp as wa;

use super::{
    Handset, adv, app_state, calls,
    chat::Chat,
    content::{self, Content},
    handset::{Recent, Shape, address},
    history, media_retry,
    messages::{New, Seen},
    outbound::{self, person, settle},
    say,
    signal::Closed,
};
use crate::{
    device::{DeviceId, PreKey, SignedPreKey, id_bytes, id_from},
    stanza::{
        keys,
        read::{Read as _, node},
    },
    state::State,
};

/// After as many attempts a phone gives a message up, and lets a device's wish to have one again go unheard.
const ATTEMPTS_MAX: u8 = 5;

pub(super) fn receive(phone: &mut Handset, state: &mut State, stanza: Node) {
    match stanza.tag.as_ref() {
        "message" => message(phone, state, &stanza),
        "receipt" if stanza.text("type").as_deref() == Some("server-error") => {
            media_retry::answer(phone, state, &stanza);
            acknowledge(phone, state, &stanza);
        }
        "receipt" => {
            receipt(phone, state, &stanza);
            acknowledge(phone, state, &stanza);
        }
        "notification" => {
            let encrypt = stanza.text("type").as_deref() == Some("encrypt");
            if encrypt && stanza.child("count").is_some() {
                let upload = phone.upload(state);
                say(phone, state, upload);
            }
            // Somebody's phone has new keys: the sessions with it are worth nothing.
            if encrypt
                && stanza.child("identity").is_some()
                && let Some(device) = stanza.jid("from").and_then(|from| device_of(state, &from))
            {
                phone.sender_keys.lost_all(device);
                outbound::renew_session(phone, state, device);
            }
            if stanza.text("type").as_deref() == Some("devices") {
                history::devices_changed(phone, state, &stanza);
            }
            if stanza.text("type").as_deref() == Some("server_sync") {
                app_state::changed(phone, state, &stanza);
            }
            acknowledge(phone, state, &stanza);
        }
        "call" => {
            calls::receive(phone, state, &stanza);
            acknowledge(phone, state, &stanza);
        }
        "ack" if stanza.text("class").as_deref() == Some("call") => calls::acknowledged(phone, state, &stanza),
        "ack" if stanza.text("class").as_deref() == Some("message") => {
            let Some(id) = stanza.text("id") else { return };
            let number = |key: &str| stanza.text(key).and_then(|value| value.parse::<u64>().ok());
            let refused = number("error").map(|code| u16::try_from(code).unwrap_or(u16::MAX));
            settle(phone, &id, refused.map_or(Ok(number("t").unwrap_or_default()), Err));
        }
        // Answers to its own questions, presence and typing: nothing of it is kept.
        _ => {}
    }
}

fn acknowledge(phone: &mut Handset, state: &mut State, stanza: &Node) {
    if let Some(ack) = outbound::ack(stanza) {
        say(phone, state, ack);
    }
}

/// The device behind an address; its account must be known, the device may be gone.
fn device_of(state: &State, jid: &Jid) -> Option<DeviceId> {
    Some(DeviceId { number: state.account_of(jid)?.number, device: jid.device })
}

/// The device that a stanza comes from; in a chat of many it is not the chat.
fn speaker(state: &State, stanza: &Node) -> Option<DeviceId> {
    stanza.jid("participant").or_else(|| stanza.jid("from")).and_then(|jid| device_of(state, &jid))
}

fn message(phone: &mut Handset, state: &mut State, stanza: &Node) {
    let chat = stanza.jid("from").and_then(|from| Chat::of(state, &from));
    let (Some(id), Some(sender), Some(chat)) = (stanza.text("id"), speaker(state, stanza), chat) else {
        acknowledge(phone, state, stanza);
        return;
    };
    // Where there are two, the first brings the key to the second, which is the message.
    let mut failed = false;
    for enc in stanza.nodes().iter().filter(|child| child.tag == "enc") {
        match open(phone, state, stanza, enc, sender, chat) {
            Ok(message) => {
                failed = false;
                take(phone, state, stanza, &id, sender, chat, message);
            }
            Err(Closed::Duplicate) => failed = false,
            Err(Closed::Undecryptable) => failed = true,
        }
    }
    if failed {
        state.counters.count("phone could not open a message");
        ask_again(phone, state, stanza, &id, sender);
        // The wish to have it again took it off the queue.
        return;
    }
    let mut receipt = node("receipt").attr("id", id).attr("t", crate::now());
    if stanza.text("category").as_deref() == Some("peer") {
        receipt = receipt.attr("to", sender.jid()).attr("type", "peer_msg");
    } else if chat.is_of_many() {
        receipt = receipt.attr("to", chat.jid());
        if let Some(author) = stanza.jid("participant") {
            receipt = receipt.attr("participant", author);
        }
        if sender.number == phone.number {
            receipt = receipt.attr("type", "sender");
        }
    } else if sender.number == phone.number {
        receipt = receipt.attr("to", sender.jid()).attr("type", "sender");
        if let Some(recipient) = stanza.jid("recipient") {
            receipt = receipt.attr("recipient", recipient);
        }
    } else {
        receipt = receipt.attr("to", stanza.jid("from").unwrap_or_default().to_non_ad());
    }
    say(phone, state, receipt.build());
}

pub(super) fn open(
    phone: &mut Handset,
    state: &mut State,
    stanza: &Node,
    enc: &Node,
    sender: DeviceId,
    chat: Chat,
) -> Result<wa::Message, Closed> {
    let (kind, bytes) = (enc.text("type").unwrap_or_default(), enc.content());
    // The first message of a linked device must show that its account vouches for it.
    if kind == "pkmsg" && !sender.is_phone() {
        let identity = PreKeySignalMessage::try_from(bytes.as_slice()).map_err(|_| Closed::Undecryptable)?;
        let identity: Option<[u8; 32]> = identity.identity_key().public_key().public_key_bytes().try_into().ok();
        let account = state.accounts.get(&sender.number).map(|account| account.key);
        let proof = stanza.child("device-identity").map(|proof| proof.content()).unwrap_or_default();
        let vouched =
            account.zip(identity).is_some_and(|(account, identity)| adv::vouches(&account, &identity, &proof));
        if !vouched {
            state.counters.count("phone refused a message: nobody vouches for its device");
            return Err(Closed::Undecryptable);
        }
    }
    let from = address(sender);
    let plain = match kind.as_str() {
        "skmsg" => phone.sender_keys.open(&chat.name(), &from, &bytes)?,
        _ => phone.signal.open(&from, &kind, &bytes)?,
    };
    let plain = content::unpadded(&plain).ok_or(Closed::Undecryptable)?;
    let message = wa::Message::decode_from_slice(plain).map_err(|_| Closed::Undecryptable)?;
    if let Some(key) = message.sender_key_distribution_message.as_option().filter(|_| kind != "skmsg") {
        let bytes = key.axolotl_sender_key_distribution_message.as_deref().unwrap_or_default();
        let of = key.group_id.as_deref().unwrap_or_default();
        phone.sender_keys.take(of, &from, bytes).map_err(|_| Closed::Undecryptable)?;
    }
    Ok(message)
}

fn take(
    phone: &mut Handset,
    state: &mut State,
    stanza: &Node,
    id: &str,
    sender: DeviceId,
    chat: Chat,
    message: wa::Message,
) {
    let own = sender.number == phone.number;
    let (chat, message) = match content::opened_device_sent(&message).filter(|_| own) {
        Some((destination, message)) => {
            let Some(chat) = destination.parse::<Jid>().ok().and_then(|jid| Chat::of(state, &jid)) else { return };
            (chat, message)
        }
        None => (chat, message),
    };
    let message = content::opened_child(message);
    let by_number = |jid: &str| -> String {
        jid.parse::<Jid>()
            .ok()
            .and_then(|jid| state.account_of(&jid).map(|account| person(account.number)))
            .unwrap_or_else(|| jid.to_owned())
    };
    let author = person(sender.number);
    let mut new = New {
        id: id.to_owned(),
        chat: chat.name(),
        from: author.clone(),
        from_me: own,
        kind: contract::Kind::Text,
        text: None,
        caption: None,
        media: None,
        quoted: None,
        mentions: Vec::new(),
        target: None,
        timestamp: stanza.text("t").and_then(|t| t.parse().ok()).unwrap_or_else(crate::now),
        state: if own { contract::State::Sent } else { contract::State::Received },
        raw: message.encode_to_vec(),
        // Its other devices count for themselves.
        audience: 0,
    };
    let quoted_here = |quote: content::Quote| contract::Quoted {
        id: quote.id,
        from: quote.from.as_deref().map(by_number),
        text: quote.text,
    };
    match content::read(&message) {
        Content::Text { text, quoted, mentions } => {
            new.text = Some(text);
            new.quoted = quoted.map(quoted_here);
            new.mentions = mentions.iter().map(|jid| by_number(jid)).collect();
        }
        Content::File { described, quoted, mentions } => {
            new.kind = described.kind;
            new.caption = described.caption;
            new.media = Some(described.media);
            new.quoted = quoted.map(quoted_here);
            new.mentions = mentions.iter().map(|jid| by_number(jid)).collect();
        }
        Content::Shown { kind, text, quoted } => {
            new.kind = kind;
            new.text = Some(text);
            new.quoted = quoted.map(|quote| contract::Quoted {
                id: quote.id,
                from: quote.from.as_deref().map(by_number),
                text: quote.text,
            });
        }
        Content::Vote { target, payload, iv } => {
            let poll = phone.messages.by_id(&target);
            // Which of their two addresses its sender took, the vote does not say.
            let both = |jid: &str| -> Vec<String> {
                let account = jid.parse().ok().and_then(|jid| state.account_of(&jid));
                account
                    .map(|account| vec![account.jid().to_string(), account.lid_jid().to_string()])
                    .unwrap_or_default()
            };
            let voters = both(&author);
            let chosen = poll.and_then(|poll| {
                let creators = both(&poll.message.from);
                content::chosen(&poll.raw, &target, &creators, &voters, &payload, &iv)
            });
            match chosen {
                Some(options) => {
                    new.kind = contract::Kind::Vote;
                    new.text = Some(options.join("\n"));
                    new.target = Some(target);
                }
                None => new.kind = contract::Kind::Unsupported,
            }
        }
        Content::Reaction { target, emoji } => {
            phone.messages.react(&target, &author, &emoji);
            new.kind = contract::Kind::Reaction;
            new.text = Some(emoji);
            new.target = Some(target);
        }
        Content::Edit { target, text } => {
            let Some(entry) = phone.messages.by_author(&target, &author) else { return };
            let raw = content::reworded(&entry.raw, &text).encode_to_vec();
            phone.messages.edit(&target, &author, &text, raw);
            return;
        }
        Content::Revoke { target } => {
            let known = phone.messages.by_id(&target).filter(|entry| entry.message.chat == new.chat);
            match known.map(|entry| entry.message.from.clone()) {
                // An admin takes away what anybody wrote.
                Some(other) if outbound::rules(state, chat, sender.number) => phone.messages.revoke(&target, &other),
                _ => phone.messages.revoke(&target, &author),
            };
            return;
        }
        Content::KeyRequest { ids } => {
            if own {
                app_state::share(phone, state, sender, &ids);
            }
            return;
        }
        Content::HistoryRequest(wish) => {
            if own {
                history::asked(phone, state, sender, id, &wish);
            }
            return;
        }
        Content::Silent => return,
        Content::Unsupported => new.kind = contract::Kind::Unsupported,
    }
    phone.messages.add(new);
}

/// Asks the sender to seal a message again, with keys for a fresh session.
fn ask_again(phone: &mut Handset, state: &mut State, stanza: &Node, id: &str, sender: DeviceId) {
    let count = phone.attempt(sender, id);
    if count > ATTEMPTS_MAX {
        acknowledge(phone, state, stanza);
        return;
    }
    let (key_id, key) = phone.make_pre_key();
    let signed = phone.keys.signed_pre_key();
    let retry = node("retry")
        .attr("count", u32::from(count))
        .attr("id", id)
        .attr("t", stanza.text("t").unwrap_or_default())
        .attr("v", "1");
    let keys = node("keys").children([
        node("type").bytes([keys::KEY_TYPE]).build(),
        node("identity").bytes(phone.keys.public()).build(),
        node("key").children([node("id").bytes(id_bytes(key_id)).build(), node("value").bytes(key).build()]).build(),
        keys::signed_node(&signed),
    ]);
    let mut receipt = node("receipt").attr("id", id).attr("type", "retry").attr("t", crate::now());
    receipt = match stanza.jid("participant") {
        Some(author) => receipt.attr("to", stanza.jid("from").unwrap_or_default()).attr("participant", author),
        None => receipt.attr("to", sender.jid()),
    };
    if let Some(recipient) = stanza.jid("recipient") {
        receipt = receipt.attr("recipient", recipient);
    }
    let receipt = receipt.children([
        retry.build(),
        node("registration").bytes(phone.keys.registration.to_be_bytes()).build(),
        keys.build(),
    ]);
    say(phone, state, receipt.build());
}

fn receipt(phone: &mut Handset, state: &mut State, receipt: &Node) {
    let (Some(id), Some(device)) = (receipt.text("id"), speaker(state, receipt)) else { return };
    let seen = match receipt.text("type").as_deref() {
        None | Some("" | "inactive") => Seen::Delivered,
        Some("read") => Seen::Read,
        Some("played") => Seen::Played,
        Some("read-self" | "played-self") => {
            read_elsewhere(phone, receipt, &id);
            return;
        }
        Some("retry") => {
            again(phone, state, receipt, &id, device);
            return;
        }
        Some(_) => return,
    };
    let at = receipt.text("t").and_then(|t| t.parse().ok()).unwrap_or_else(crate::now);
    let counts = device.number != phone.number;
    if !counts && seen != Seen::Delivered {
        // Another device of the account says that its person read what came in.
        read_elsewhere(phone, receipt, &id);
        return;
    }
    for id in listed(receipt, &id) {
        phone.messages.receipt(&id, device, seen, at, counts);
    }
}

/// All ids that a receipt is about.
fn listed(receipt: &Node, id: &str) -> Vec<String> {
    let more = receipt.child("list").map(|list| list.nodes()).unwrap_or_default();
    std::iter::once(id.to_owned()).chain(more.iter().filter_map(|item| item.text("id"))).collect()
}

fn read_elsewhere(phone: &mut Handset, receipt: &Node, id: &str) {
    for id in listed(receipt, id) {
        if let Some(cursor) = phone.messages.by_id(&id).map(|entry| entry.message.cursor) {
            phone.messages.mark_read(cursor);
        }
    }
}

/// A device could not open what the phone sent: it is sealed again for that device alone.
fn again(phone: &mut Handset, state: &mut State, receipt: &Node, id: &str, device: DeviceId) {
    let count = receipt
        .child("retry")
        .and_then(|retry| retry.text("count"))
        .and_then(|count| count.parse::<u8>().ok())
        .unwrap_or(1);
    if count > ATTEMPTS_MAX || !state.devices.contains_key(&device) {
        return;
    }
    let Some(what) = sent(phone, id, state) else { return };
    phone.sender_keys.lost(&what.chat.name(), device);
    let fresh = receipt.child("keys").and_then(|sent| enclosed_bundle(receipt, sent, state, device));
    let renewed = match fresh {
        Some(bundle) => phone.signal.install(&address(device), &bundle).is_ok(),
        None => outbound::renew_session(phone, state, device),
    };
    if renewed {
        state.counters.count("phone sealed a message again");
        outbound::seal(phone, state, &what, Some(device), count);
    }
}

fn sent(phone: &Handset, id: &str, state: &State) -> Option<Recent> {
    if let Some(entry) = phone.messages.own(id) {
        let chat = Chat::of(state, &entry.message.chat.parse().ok()?)?;
        let (raw, shape) = (entry.raw.clone(), Shape::of(entry.message.kind));
        return Some(Recent { id: id.to_owned(), chat, readers: Vec::new(), raw, shape });
    }
    phone.recent.iter().rev().find(|recent| recent.id == id).cloned()
}

/// The keys that came with the wish. They must be those of the device that the account vouched for.
fn enclosed_bundle(
    receipt: &Node,
    sent: &Node,
    state: &State,
    device: DeviceId,
) -> Option<wacore_libsignal::protocol::PreKeyBundle> {
    let key32 = |node: Option<&Node>| -> Option<[u8; 32]> {
        let bytes = node?.content();
        // With or without the byte that says which curve.
        bytes[bytes.len().checked_sub(32)?..].try_into().ok()
    };
    let identity = key32(sent.child("identity"))?;
    (identity == state.devices.get(&device)?.identity).then_some(())?;
    let skey = sent.child("skey")?;
    let taken = keys::Taken {
        identity,
        registration: u32::from_be_bytes(receipt.child("registration")?.content().try_into().ok()?),
        signed: SignedPreKey {
            id: id_from(&skey.child("id")?.content())?,
            key: key32(skey.child("value"))?,
            signature: skey.child("signature")?.content(),
        },
        one_time: sent.child("key").and_then(|key| {
            Some(PreKey { id: id_from(&key.child("id")?.content())?, key: key32(key.child("value"))? })
        }),
    };
    PublicKey::from_djb_public_key_bytes(&identity).ok()?;
    taken.bundle(device)
}
