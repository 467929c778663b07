//! A phone's part in calls of more than two: who is in one is what the network said last, and what is said there is sealed
//! with a key that who made the call gives to all who are in it, a new one after each change.

use buffa::MessageField;
use rand::random;
use wacore::{
    messages::MessageUtils,
    stanza::{
        call::{
            AcceptParams, CAPABILITY_STANDARD_OPUS_OFFER, CAPABILITY_STANDARD_OPUS_PREACCEPT, TerminateParams,
            build_accept, build_preaccept_with_capability, build_terminate, standard_opus_voip_settings,
        },
        group_call::{
            GroupInviteOfferParams, InitialGroupOfferParams, build_group_invite_offer, build_initial_group_offer,
            parse_group_enc_rekey, parse_group_invite_snapshot, parse_group_update, parse_initial_group_call_ack,
        },
    },
    types::group_call::{GroupCallDevice, GroupCallParticipant, GroupCallUpdate},
    voip::{CallConfig, CallDirection, engine::GroupEngineConfig},
};
use wacore_binary::{Jid, Node, Server};
use wago_contract::phone::call as contract;
use waproto::whatsapp as wa;

use super::{Call, Phase, RATE, Then, got, lid, own_lid, playing, reject};
use crate::{
    Error, Result,
    account::Number,
    device::DeviceId,
    group::GroupId,
    phone::{
        Handset,
        chat::Chat,
        handset::address,
        inbound,
        outbound::{self, ensure_session},
        say,
        sound::{Change, Sound},
    },
    stanza::read::{Read as _, node},
    state::State,
};

/// Keys that came before what they belong to; of more the oldest is forgotten.
const KEYS_MAX: usize = 8;

/// What a phone knows of a call of many.
pub(super) struct Many {
    creator: Jid,
    group: Option<GroupId>,
    /// Who is in it, as the network said last.
    people: Option<GroupCallUpdate>,
    /// With the change that each belongs to.
    keys: Vec<(u32, Vec<u8>)>,
}

impl Many {
    fn new(creator: Jid, group: Option<GroupId>) -> Self {
        Self { creator, group, people: None, keys: Vec::new() }
    }

    pub fn creator(&self) -> &Jid {
        &self.creator
    }

    pub fn group(&self) -> String {
        self.group.map(|group| group.jid().to_string()).unwrap_or_default()
    }

    pub fn participants(&self) -> Vec<contract::Participant> {
        let people = self.people.iter().flat_map(|people| &people.participants);
        people
            .map(|one| contract::Participant {
                number: one.pn.as_ref().map(|pn| pn.user.to_string()).unwrap_or_default(),
                state: one.state.clone().unwrap_or_default(),
            })
            .collect()
    }

    /// False: it is no newer than what is known.
    fn learn(&mut self, people: GroupCallUpdate) -> bool {
        let newer = self.people.as_ref().is_none_or(|known| people.transaction_id > known.transaction_id);
        if newer {
            let relay = self.people.take().and_then(|known| known.relay.clone());
            let mut people = people;
            people.relay = people.relay.take().or(relay);
            self.people = Some(people);
        }
        newer
    }
}

/// Whether it is about a call of many.
pub(super) fn concerns(phone: &mut Handset, from: &Jid, action: &Node) -> bool {
    let known = action.text("call-id").and_then(|id| phone.calls.find(&id)).is_some_and(|call| call.many.is_some());
    known || from.server == Server::Call || action.child("group_info").is_some()
}

/// Calls the members of a group.
pub(super) fn make(phone: &mut Handset, state: &mut State, wish: &contract::Act, group: GroupId) -> Result<String> {
    if phone.calls.is_busy() {
        return Err(Error::CallState("the phone is in a call already"));
    }
    let plays = playing(wish.play.as_deref().unwrap_or("silence"))?;
    let own = own_lid(state, phone.number)?;
    let members = state.groups.get(group).map(crate::group::Group::numbers).ok_or(Error::UnknownRecipient)?;
    let mut participants = vec![GroupCallParticipant::new(
        own.to_non_ad(),
        vec![GroupCallDevice::new(own.clone()).with_capability(1, CAPABILITY_STANDARD_OPUS_OFFER)],
    )];
    for number in members.into_iter().filter(|number| *number != phone.number) {
        participants.push(somebody(state, number)?);
    }
    let id = format!("{:032X}", random::<u128>());
    let offer = state.random_id();
    let stanza = build_initial_group_offer(&InitialGroupOfferParams {
        call_id: &id,
        id: &offer,
        call_creator: &own,
        group_jid: Some(&group.jid()),
        participants: &participants,
        audio_rate: RATE,
        video: wish.video,
    })
    .map_err(|_| Error::CallState("a call of many has 3 to 32 people"))?;
    let many = Some(Many::new(own, Some(group)));
    let peer = DeviceId::phone(phone.number);
    phone.calls.add(Call { offer, plays, many, ..Call::new(id.clone(), peer, true, wish.video) });
    say(phone, state, stanza);
    Ok(id)
}

/// Somebody with all devices.
fn somebody(state: &State, number: Number) -> Result<GroupCallParticipant> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownRecipient)?;
    let devices = state.devices_of(number).map(|(id, _)| GroupCallDevice::new(id.lid_jid(account))).collect();
    Ok(GroupCallParticipant::new(account.lid_jid(), devices))
}

/// Asks somebody to join a call that goes on.
pub(super) fn invite(phone: &mut Handset, state: &mut State, wish: &contract::Act) -> Result<String> {
    let to = outbound::recipient(state, "to", wish.to.as_deref())?;
    let whom = somebody(state, to)?;
    let own = own_lid(state, phone.number)?;
    let call = phone.calls.named(wish.id.as_deref())?;
    if call.phase != Phase::Active {
        return Err(Error::CallState("the call was not answered yet, or is over"));
    }
    let (id, video, peer, outgoing) = (call.id.clone(), call.video, call.peer, call.outgoing);
    let known = call.many.as_ref().map(|many| (many.creator.clone(), many.people.clone()));
    let (creator, people) = match known {
        Some((creator, people)) => {
            let people = people.map(|people| people.participants.clone()).unwrap_or_default();
            (creator, people.into_iter().filter(GroupCallParticipant::is_connected).collect())
        }
        None => {
            let peer = lid(state, peer)?;
            let two = [&own, &peer].map(|device| {
                let able = GroupCallDevice::new(device.clone()).with_capability(1, CAPABILITY_STANDARD_OPUS_OFFER);
                GroupCallParticipant::new(device.to_non_ad(), vec![able])
            });
            (if outgoing { own } else { peer }, two.to_vec())
        }
    };
    let wrapper = state.random_id();
    let devices: Vec<Jid> = whom.devices.iter().map(|device| device.jid.clone()).collect();
    let stanza = build_group_invite_offer(&GroupInviteOfferParams {
        call_id: &id,
        id: &wrapper,
        to: &whom.jid,
        call_creator: &creator,
        target_devices: &devices,
        participants: &people,
        video,
    })
    .map_err(|_| Error::CallState("nobody else is in the call"))?;
    say(phone, state, stanza);
    Ok(id)
}

/// The network took the call, and says by which relay its sound goes.
pub(super) fn begins(phone: &mut Handset, state: &mut State, ack: &Node) {
    let Ok(Some(people)) = parse_initial_group_call_ack(&ack.as_node_ref()) else { return };
    learn(phone, state, people);
}

pub(super) fn receive(phone: &mut Handset, state: &mut State, stanza: &Node, action: &Node) {
    let Some(id) = action.text("call-id") else { return };
    let sender = stanza.jid("participant").or_else(|| stanza.jid("from"));
    let Some(sender) = sender.and_then(|jid| state.device_of(&jid)) else { return };
    let reason = action.text("reason").unwrap_or_default();
    match action.tag.as_ref() {
        "offer" => rings(phone, state, stanza, action, id, sender),
        "accept" => {
            if let Some(call) = phone.calls.find(&id).filter(|call| call.outgoing && call.phase == Phase::Ringing) {
                call.phase = Phase::Active;
            }
        }
        "group_update" => {
            if let Ok(people) = parse_group_update(&action.as_node_ref()) {
                learn(phone, state, people);
            }
        }
        "enc_rekey" => {
            let Ok(rekey) = parse_group_enc_rekey(&action.as_node_ref()) else { return };
            let Some(enc) = action.child("enc").cloned() else { return };
            let opened = inbound::open(phone, state, action, &enc, sender, Chat::Person(sender.number));
            let key = opened.ok().and_then(|opened| opened.call.into_option()).and_then(|call| call.call_key);
            if let Some(key) = key {
                take_key(phone, &id, rekey.transaction_id, key);
            }
        }
        "terminate" => {
            if let Some(call) = phone.calls.find(&id).filter(|call| call.phase != Phase::Ended) {
                call.end(if reason.is_empty() { "ended there" } else { &reason });
            }
        }
        "mute_v2" => {
            if let Some(call) = phone.calls.find(&id) {
                call.peer_muted = action.text("mute-state").as_deref() == Some("1");
            }
        }
        _ => {}
    }
}

fn rings(phone: &mut Handset, state: &mut State, stanza: &Node, offer: &Node, id: String, sender: DeviceId) {
    got(phone, state, stanza, offer, &id);
    // Asked again, it rings again.
    if phone.calls.find(&id).is_some_and(|call| call.phase != Phase::Ended) {
        return;
    }
    phone.calls.calls.retain(|call| call.id != id);
    let Ok(Some(people)) = parse_group_invite_snapshot(&offer.as_node_ref()) else { return };
    let creator = people.call_creator.clone();
    let mut many = Many::new(creator.clone(), people.group_jid.as_ref().and_then(GroupId::of));
    many.learn(people);
    let busy = phone.calls.is_busy();
    let plays = phone.calls.plays.clone();
    let video = offer.child("video").is_some();
    phone.calls.add(Call { plays, many: Some(many), ..Call::new(id.clone(), sender, false, video) });
    if busy || phone.calls.then == Then::Busy {
        let _ = reject(phone, state, &id, Some("busy"));
        return;
    }
    let (wrapper, rate) = (state.random_id(), RATE.to_string());
    let rings = build_preaccept_with_capability(
        &id,
        &scope(&id),
        &creator,
        &wrapper,
        &[&rate],
        &CAPABILITY_STANDARD_OPUS_PREACCEPT,
        false,
    );
    say(phone, state, rings);
    let _ = match phone.calls.then {
        Then::Answer => answer(phone, state, &id),
        Then::Reject => reject(phone, state, &id, None),
        Then::Busy | Then::Ring => Ok(()),
    };
}

/// What is said in a call is addressed to it.
fn scope(id: &str) -> Jid {
    Jid::new(id, Server::Call)
}

/// Joins: the network then says by which relay the sound goes.
pub(super) fn answer(phone: &mut Handset, state: &mut State, id: &str) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    let Some(many) = &call.many else { return Err(Error::UnknownCall) };
    let creator = many.creator.clone();
    call.phase = Phase::Active;
    let (wrapper, rate) = (state.random_id(), RATE.to_string());
    let accept = build_accept(&AcceptParams {
        call_id: id,
        to: &scope(id),
        id: &wrapper,
        call_creator: &creator,
        audio_rates: &[&rate],
        relay_te: None,
        rte: None,
        voip_settings: Some(standard_opus_voip_settings(false)),
        capability: Some(&CAPABILITY_STANDARD_OPUS_OFFER),
        video: false,
        peer_abtest_bucket: None,
        peer_abtest_bucket_id_list: None,
    });
    say(phone, state, accept);
    Ok(())
}

/// Goes; who made the call takes it along.
pub(super) fn leave(phone: &mut Handset, state: &mut State, id: &str, reason: Option<&str>) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    let Some(many) = &call.many else { return Err(Error::UnknownCall) };
    let creator = many.creator.clone();
    let wrapper = state.random_id();
    let params = TerminateParams { call_id: id, to: &scope(id), id: Some(&wrapper), call_creator: &creator, reason };
    let stanza = build_terminate(&params);
    say(phone, state, stanza);
    Ok(())
}

/// Who is in a call now. The first that has a relay begins the sound; one that asks for a key gets it made.
fn learn(phone: &mut Handset, state: &mut State, people: GroupCallUpdate) {
    let Ok(own) = own_lid(state, phone.number) else { return };
    let relay = state.relay.clone();
    let (id, rekey, transaction) = (people.call_id.clone(), people.rekey_requested, people.transaction_id);
    let Some(call) = phone.calls.find(&id).filter(|call| call.phase != Phase::Ended) else { return };
    // A call of two that somebody else was asked to join.
    let many = call.many.get_or_insert_with(|| Many::new(people.call_creator.clone(), None));
    if !many.learn(people) {
        return;
    }
    let Some(people) = many.people.clone() else { return };
    match &call.sound {
        Some(sound) => sound.change(Change::People(Box::new(people))),
        None => call.sound = begin(&own, call, people, &relay),
    }
    if rekey {
        give_key(phone, state, &id, transaction);
    }
}

fn begin(own: &Jid, call: &Call, people: GroupCallUpdate, relay: &crate::relay::Relay) -> Option<Sound> {
    let many = call.many.as_ref()?;
    let way = people.relay.as_ref()?;
    let direction = if call.outgoing { CallDirection::Outgoing } else { CallDirection::Incoming };
    let creator = many.creator.to_string();
    let config = CallConfig::for_group(direction, &call.id, &own.to_string(), &creator, way).ok()?;
    let group = GroupEngineConfig {
        call_creator: many.creator.clone(),
        self_jid: own.clone(),
        initial_update: people,
        direct_peer: None,
    };
    let sound = Sound::start_group(config, group, relay, call.plays.clone(), call.codec)?;
    for (transaction, key) in &many.keys {
        sound.change(Change::Key(*transaction, key.clone()));
    }
    Some(sound)
}

/// Makes a key for what changed, and gives it to all devices that are in the call.
fn give_key(phone: &mut Handset, state: &mut State, id: &str, transaction: u32) {
    let Some(call) = phone.calls.find(id) else { return };
    let Some(many) = &call.many else { return };
    let creator = many.creator.clone();
    let people = many.people.iter().flat_map(|people| &people.participants).filter(|one| one.is_connected());
    let devices: Vec<Jid> =
        people.flat_map(|one| &one.devices).filter(|one| one.pid.is_some()).map(|one| one.jid.clone()).collect();
    let key: [u8; 32] = random();
    let message = wa::Message {
        call: MessageField::some(wa::message::Call { call_key: Some(key.to_vec()), ..Default::default() }),
        ..Default::default()
    };
    let padded = MessageUtils::encode_and_pad(&message);
    for jid in devices {
        let Some(device) = state.device_of(&jid).filter(|device| *device != DeviceId::phone(phone.number)) else {
            continue;
        };
        if !ensure_session(phone, state, device) {
            continue;
        }
        let Ok(sealed) = phone.signal.seal(&address(device), &padded) else { continue };
        let enc = node("enc").attr("v", "2").attr("type", sealed.kind).attr("count", "0").bytes(sealed.bytes).build();
        let action = node("enc_rekey")
            .attr("call-id", id)
            .attr("call-creator", &creator)
            .attr("transaction-id", transaction)
            .children([node("encopt").attr("keygen", "2").build(), enc])
            .build();
        let wrapper = state.random_id();
        say(phone, state, node("call").attr("to", &jid).attr("id", wrapper).children([action]).build());
    }
    take_key(phone, id, transaction, key.to_vec());
}

fn take_key(phone: &mut Handset, id: &str, transaction: u32, key: Vec<u8>) {
    let Some(call) = phone.calls.find(id) else { return };
    let Some(many) = &mut call.many else { return };
    match &call.sound {
        Some(sound) => sound.change(Change::Key(transaction, key)),
        None => {
            if many.keys.len() == KEYS_MAX {
                many.keys.remove(0);
            }
            many.keys.push((transaction, key));
        }
    }
}
