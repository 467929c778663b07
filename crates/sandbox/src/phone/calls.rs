//! The calls of a phone: it rings, and its person answers, or calls somebody.

mod group;

use std::collections::VecDeque;

use buffa::MessageField;
use rand::random;
use wacore::{
    messages::MessageUtils,
    stanza::call::{
        AcceptParams, CAPABILITY_STANDARD_OPUS_OFFER, CAPABILITY_STANDARD_OPUS_PREACCEPT,
        CAPABILITY_STANDARD_OPUS_VIDEO_OFFER, OfferDeviceKey, OfferParams, TerminateParams, VideoStateParams,
        build_accept, build_offer, build_preaccept_with_capability, build_terminate, build_video_state,
        standard_opus_voip_settings,
    },
    types::call::VideoState,
    voip::{
        CallConfig,
        relay_parse::{RelayData, parse_relay_data},
    },
};
use wacore_binary::{Jid, Node};
use wago_contract::phone::call as contract;
use waproto::whatsapp as wa;

use super::{
    Handset,
    chat::Chat,
    film::{Film, Showing},
    handset::address,
    inbound,
    outbound::{self, ensure_session},
    say,
    sound::{Codec, Playing, Sound},
};
use crate::{
    Error, Result,
    account::Number,
    device::DeviceId,
    stanza::read::{Read as _, node},
    state::{State, Update},
};

/// Calls that a phone remembers; the oldest that is over is forgotten first.
const CALLS_MAX: usize = 100;
const RATE: u32 = super::sound::RATE;

/// What a phone does by itself when it rings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Then {
    #[default]
    Ring,
    Answer,
    Reject,
    Busy,
}

#[derive(Default)]
pub(crate) struct Calls {
    calls: VecDeque<Call>,
    then: Then,
    plays: Playing,
    codec: Codec,
    shows: Showing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ringing,
    Active,
    Ended,
}

struct Call {
    id: String,
    /// The device at the other end; of a call that rings there, its phone.
    peer: DeviceId,
    outgoing: bool,
    video: bool,
    phase: Phase,
    reason: String,
    peer_muted: bool,
    key: Option<[u8; 32]>,
    relay: Option<RelayData>,
    /// The id of the stanza that offered it, of one that this phone makes.
    offer: String,
    plays: Playing,
    codec: Codec,
    shows: Showing,
    sound: Option<Sound>,
    /// Of a call of many.
    many: Option<group::Many>,
    /// What was heard and seen, once it is over.
    heard: contract::Heard,
    seen: Option<contract::Seen>,
    recording: Vec<i16>,
}

impl Calls {
    fn find(&mut self, id: &str) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// That one, or the latest that goes on.
    fn named(&mut self, id: Option<&str>) -> Result<&mut Call> {
        let found = match id {
            Some(id) => self.find(id),
            None => self.calls.iter_mut().rev().find(|call| call.phase != Phase::Ended),
        };
        found.ok_or(Error::UnknownCall)
    }

    fn add(&mut self, call: Call) {
        if self.calls.len() >= CALLS_MAX
            && let Some(oldest) = self.calls.iter().position(|call| call.phase == Phase::Ended)
        {
            self.calls.remove(oldest);
        }
        self.calls.push_back(call);
    }

    fn is_busy(&self) -> bool {
        self.calls.iter().any(|call| call.phase != Phase::Ended)
    }
}

impl Call {
    fn new(id: String, peer: DeviceId, outgoing: bool, video: bool) -> Self {
        Self {
            id,
            peer,
            outgoing,
            video,
            phase: Phase::Ringing,
            reason: String::new(),
            peer_muted: false,
            key: None,
            relay: None,
            offer: String::new(),
            plays: Playing::default(),
            codec: Codec::default(),
            shows: Showing::default(),
            sound: None,
            many: None,
            heard: contract::Heard::default(),
            seen: None,
            recording: Vec::new(),
        }
    }

    fn end(&mut self, reason: &str) {
        self.phase = Phase::Ended;
        reason.clone_into(&mut self.reason);
        if let Some(sound) = self.sound.take() {
            self.heard = sound.heard();
            self.seen = sound.film().map(Film::seen);
            self.recording = sound.recording();
        }
    }

    fn shown(&self) -> contract::Call {
        let phase = match self.phase {
            Phase::Ringing => "ringing",
            Phase::Active => "active",
            Phase::Ended => "ended",
        };
        contract::Call {
            id: self.id.clone(),
            with: self.peer.number.to_string(),
            group: self.many.as_ref().map(group::Many::group).unwrap_or_default(),
            participants: self.many.as_ref().map(group::Many::participants).unwrap_or_default(),
            device: self.peer.device,
            outgoing: self.outgoing,
            video: self.video,
            state: phase.to_owned(),
            reason: self.reason.clone(),
            peer_muted: self.peer_muted,
            connected: self.sound.as_ref().is_some_and(Sound::is_connected),
            heard: self.sound.as_ref().map_or_else(|| self.heard.clone(), Sound::heard),
            seen: self.sound.as_ref().map_or_else(|| self.seen.clone(), |sound| sound.film().map(Film::seen)),
        }
    }
}

/// The newest last.
pub(crate) fn list(phone: &Handset) -> Vec<contract::Call> {
    phone.calls.calls.iter().map(Call::shown).collect()
}

/// All that a phone heard in a call, as samples.
pub(crate) fn recording(phone: &Handset, id: &str) -> Result<Vec<i16>> {
    let call = phone.calls.calls.iter().find(|call| call.id == id).ok_or(Error::UnknownCall)?;
    Ok(call.sound.as_ref().map_or_else(|| call.recording.clone(), Sound::recording))
}

/// What the person does.
pub(crate) fn act(
    phone: &mut Handset,
    state: &mut State,
    action: &str,
    wish: &contract::Act,
) -> Result<contract::Call> {
    state.changed(Update::Phone { number: phone.number.to_string() });
    let id = wish.id.as_deref();
    let id = match action {
        "make" => make(phone, state, wish)?,
        "auto" => return auto(phone, wish),
        "answer" => {
            let plays = wish.play.as_deref().map(playing).transpose()?;
            let shows = wish.show.as_deref().map(showing).transpose()?;
            let call = phone.calls.named(id)?;
            let (plays, codec) = (plays.unwrap_or_else(|| call.plays.clone()), codec(wish)?.unwrap_or(call.codec));
            codec.check(&plays)?;
            (call.plays, call.codec) = (plays, codec);
            call.shows = shows.unwrap_or(call.shows);
            let id = call.id.clone();
            answer(phone, state, &id)?;
            id
        }
        "reject" | "busy" => {
            let id = phone.calls.named(id)?.id.clone();
            reject(phone, state, &id, if action == "busy" { Some("busy") } else { None })?;
            id
        }
        "hangup" | "timeout" => {
            let id = phone.calls.named(id)?.id.clone();
            hang_up(phone, state, &id, if action == "timeout" { Some("timeout") } else { None })?;
            id
        }
        "invite" => group::invite(phone, state, wish)?,
        "show" => {
            let shows = showing(wish.show.as_deref().unwrap_or_default())?;
            let id = phone.calls.named(id)?.id.clone();
            show(phone, state, &id, shows)?;
            id
        }
        "play" | "mute" | "unmute" | "expect" => {
            let call = phone.calls.named(id)?;
            let sound = call.sound.as_ref().ok_or(Error::CallState("the call was not answered yet, or is over"))?;
            match action {
                "mute" => sound.mute(true),
                "unmute" => sound.mute(false),
                "play" => {
                    let plays = playing(wish.play.as_deref().unwrap_or_default())?;
                    call.codec.check(&plays)?;
                    sound.play(plays);
                }
                _ => match playing(wish.play.as_deref().unwrap_or_default())? {
                    Playing::Tone { hz, level } => sound.expect(hz, level),
                    _ => return Err(Error::Invalid { field: "play", expected: "must be a tone, as tone:440:-12" }),
                },
            }
            call.id.clone()
        }
        _ => {
            return Err(Error::Invalid {
                field: "action",
                expected: "must be make, invite, answer, reject, busy, hangup, timeout, play, show, mute, unmute, expect or auto",
            });
        }
    };
    Ok(phone.calls.named(Some(&id))?.shown())
}

fn playing(text: &str) -> Result<Playing> {
    let wrong = Error::Invalid {
        field: "play",
        expected: "must be silence, echo, or a tone of 50 to 7,000 Hz and -60 to 0 dB, as tone:440 or tone:440:-12",
    };
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("silence"), None, ..) => Ok(Playing::Silence),
        (Some("echo"), None, ..) => Ok(Playing::Echo),
        (Some("tone"), Some(hz), level, None) => {
            let (hz, level) = (hz.parse(), level.unwrap_or("-12").parse());
            match (hz, level) {
                (Ok(hz), Ok(level)) if (50.0..=7_000.0).contains(&hz) && (-60.0..=0.0).contains(&level) => {
                    Ok(Playing::Tone { hz, level })
                }
                _ => Err(wrong),
            }
        }
        _ => Err(wrong),
    }
}

/// What its client speaks, if that is said.
fn codec(wish: &contract::Act) -> Result<Option<Codec>> {
    match wish.codec.as_deref() {
        None => Ok(None),
        Some("opus") => Ok(Some(Codec::Opus)),
        Some("mlow") => Ok(Some(Codec::Mlow)),
        Some(_) => Err(Error::Invalid { field: "codec", expected: "must be opus or mlow" }),
    }
}

fn showing(text: &str) -> Result<Showing> {
    let wrong = Error::Invalid { field: "show", expected: "must be off, echo, or a grey of 0 to 255, as grey:180" };
    match text {
        "off" => Ok(Showing::Off),
        "echo" => Ok(Showing::Echo),
        text => text.strip_prefix("grey:").and_then(|grey| grey.parse().ok()).map(Showing::Grey).ok_or(wrong),
    }
}

/// A camera that goes off, or on again, is told of.
fn show(phone: &mut Handset, state: &mut State, id: &str, shows: Showing) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    let film = call.sound.as_ref().and_then(Sound::film);
    film.ok_or(Error::CallState("it is no video call, or was not answered yet, or is over"))?.show(shows);
    let (was, is) = (call.shows != Showing::Off, shows != Showing::Off);
    call.shows = shows;
    if was == is {
        return Ok(());
    }
    let (peer, outgoing) = (call.peer, call.outgoing);
    let creator = if outgoing { DeviceId::phone(phone.number) } else { peer };
    let (to, creator, wrapper) = (lid(state, peer)?, lid(state, creator)?, state.random_id());
    let stanza = build_video_state(&VideoStateParams {
        call_id: id,
        to: &to,
        id: &wrapper,
        call_creator: &creator,
        state: if is { VideoState::Enabled } else { VideoState::Stopped },
        dec: is.then_some("H264"),
        device_orientation: Some(0),
    });
    say(phone, state, stanza);
    Ok(())
}

fn auto(phone: &mut Handset, wish: &contract::Act) -> Result<contract::Call> {
    phone.calls.then = match wish.then.as_deref() {
        Some("answer") => Then::Answer,
        Some("reject") => Then::Reject,
        Some("busy") => Then::Busy,
        Some("ring") | None => Then::Ring,
        Some(_) => return Err(Error::Invalid { field: "then", expected: "must be answer, reject, busy or ring" }),
    };
    let (plays, codec) = (playing(wish.play.as_deref().unwrap_or("silence"))?, codec(wish)?.unwrap_or_default());
    codec.check(&plays)?;
    (phone.calls.plays, phone.calls.codec) = (plays, codec);
    phone.calls.shows = wish.show.as_deref().map(showing).transpose()?.unwrap_or_default();
    // Nothing rings yet: what is shown is the wish.
    Ok(Call::new(String::new(), DeviceId::phone(phone.number), false, false).shown())
}

fn own_lid(state: &State, number: Number) -> Result<Jid> {
    lid(state, DeviceId::phone(number))
}

fn lid(state: &State, device: DeviceId) -> Result<Jid> {
    state.accounts.get(&device.number).map(|account| device.lid_jid(account)).ok_or(Error::UnknownRecipient)
}

fn rates(wish: &contract::Act) -> Vec<String> {
    let rates = wish.rates.clone().unwrap_or_else(|| vec![RATE]);
    rates.iter().map(u32::to_string).collect()
}

fn make(phone: &mut Handset, state: &mut State, wish: &contract::Act) -> Result<String> {
    if let Chat::Group(id) = Chat::find(state, "to", wish.to.as_deref())? {
        return group::make(phone, state, wish, id);
    }
    let to = outbound::recipient(state, "to", wish.to.as_deref())?;
    if to == phone.number {
        return Err(Error::Invalid { field: "to", expected: "must be somebody else" });
    }
    if phone.calls.is_busy() {
        return Err(Error::CallState("the phone is in a call already"));
    }
    let (plays, codec) = (playing(wish.play.as_deref().unwrap_or("silence"))?, codec(wish)?.unwrap_or_default());
    codec.check(&plays)?;
    let shows = wish.show.as_deref().map(showing).transpose()?.unwrap_or_default();
    let (own, peer) = (own_lid(state, phone.number)?, own_lid(state, to)?);
    let key: [u8; 32] = random();
    let message = wa::Message {
        call: MessageField::some(wa::message::Call { call_key: Some(key.to_vec()), ..Default::default() }),
        ..Default::default()
    };
    let sealed_key = MessageUtils::encode_and_pad(&message);
    let devices: Vec<DeviceId> = state.devices_of(to).map(|(id, _)| id).collect();
    let mut device_keys = Vec::new();
    for device in &devices {
        if !ensure_session(phone, state, *device) {
            continue;
        }
        let Ok(sealed) = phone.signal.seal(&address(*device), &sealed_key) else { continue };
        let device_jid = lid(state, *device)?;
        device_keys.push(OfferDeviceKey { device_jid, ciphertext: sealed.bytes, enc_type: sealed.kind.to_owned() });
    }
    let id = format!("{:032X}", random::<u128>());
    let offer = state.random_id();
    let rates = rates(wish);
    let rates: Vec<&str> = rates.iter().map(String::as_str).collect();
    let stanza = build_offer(&OfferParams {
        call_id: &id,
        to: &peer,
        call_creator: &own,
        device_keys: &device_keys,
        privacy_token: None,
        capability: Some(if wish.video {
            &CAPABILITY_STANDARD_OPUS_VIDEO_OFFER
        } else {
            &CAPABILITY_STANDARD_OPUS_OFFER
        }),
        device_identity: None,
        id: Some(&offer),
        multi_device: devices.len() > 1,
        video: wish.video,
        audio_rates: &rates,
    });
    let call = Call {
        key: Some(key),
        offer,
        plays,
        codec,
        shows,
        ..Call::new(id.clone(), DeviceId::phone(to), true, wish.video)
    };
    phone.calls.add(call);
    say(phone, state, stanza);
    Ok(id)
}

/// The network's word on a call that was offered comes with the way to the relay.
pub(super) fn acknowledged(phone: &mut Handset, state: &mut State, ack: &Node) {
    state.changed(Update::Phone { number: phone.number.to_string() });
    let Some(id) = ack.text("id") else { return };
    let Some(call) = phone.calls.calls.iter_mut().find(|call| call.outgoing && call.offer == id) else { return };
    if let Some(code) = ack.text("error") {
        call.end(&format!("refused: {code}"));
        return;
    }
    if call.many.is_some() {
        group::begins(phone, state, ack);
        return;
    }
    call.relay = ack.child("relay").and_then(|relay| parse_relay_data(&relay.as_node_ref()));
}

pub(super) fn receive(phone: &mut Handset, state: &mut State, stanza: &Node) {
    state.changed(Update::Phone { number: phone.number.to_string() });
    let (Some(from), Some(action)) = (stanza.jid("from"), stanza.nodes().first().cloned()) else { return };
    if group::concerns(phone, &from, &action) {
        group::receive(phone, state, stanza, &action);
        return;
    }
    let (Some(id), Some(sender)) = (action.text("call-id"), state.device_of(&from)) else { return };
    let reason = action.text("reason").unwrap_or_default();
    match action.tag.as_ref() {
        "offer" => rings(phone, state, stanza, &action, id, sender),
        "accept" => accepted(phone, state, &id, sender),
        "reject" => {
            // A linked device that cannot take calls says so, and the phone goes on ringing.
            if reason == "busy" && sender.device != 0 {
                return;
            }
            if let Some(call) = phone.calls.find(&id).filter(|call| call.outgoing && call.phase == Phase::Ringing) {
                call.end(if reason.is_empty() { "rejected" } else { &reason });
                dismiss(phone, state, &id, sender, "rejected_elsewhere");
            }
        }
        "terminate" => {
            if let Some(call) = phone.calls.find(&id).filter(|call| call.phase != Phase::Ended) {
                let missed = !call.outgoing && call.phase == Phase::Ringing;
                call.end(if !reason.is_empty() {
                    &reason
                } else if missed {
                    "missed"
                } else {
                    "ended there"
                });
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

/// Says that the offer came.
fn got(phone: &mut Handset, state: &mut State, stanza: &Node, offer: &Node, id: &str) {
    if let Some(to) = stanza.jid("from") {
        let mut told = node("receipt").attr("to", to);
        if let Some(id) = stanza.text("id") {
            told = told.attr("id", id);
        }
        let mut offered = node("offer").attr("call-id", id);
        if let Some(creator) = offer.jid("call-creator") {
            offered = offered.attr("call-creator", creator);
        }
        say(phone, state, told.children([offered.build()]).build());
    }
}

fn rings(phone: &mut Handset, state: &mut State, stanza: &Node, offer: &Node, id: String, sender: DeviceId) {
    got(phone, state, stanza, offer, &id);
    if phone.calls.find(&id).is_some() {
        return;
    }
    let key = offer.child("enc").and_then(|enc| {
        let opened = inbound::open(phone, state, offer, enc, sender, Chat::Person(sender.number)).ok()?;
        opened.call.into_option()?.call_key?.as_slice().try_into().ok()
    });
    let busy = phone.calls.is_busy();
    let video = offer.child("video").is_some();
    let call = Call {
        key,
        relay: offer.child("relay").and_then(|relay| parse_relay_data(&relay.as_node_ref())),
        plays: phone.calls.plays.clone(),
        codec: phone.calls.codec,
        shows: phone.calls.shows,
        ..Call::new(id.clone(), sender, false, video)
    };
    phone.calls.add(call);
    if busy || phone.calls.then == Then::Busy {
        let _ = reject(phone, state, &id, Some("busy"));
        return;
    }
    if let (Ok(to), Some(creator)) = (lid(state, sender), offer.jid("call-creator")) {
        let wrapper = state.random_id();
        let rate = RATE.to_string();
        let rings = build_preaccept_with_capability(
            &id,
            &to,
            &creator,
            &wrapper,
            &[&rate],
            if video { &CAPABILITY_STANDARD_OPUS_OFFER } else { &CAPABILITY_STANDARD_OPUS_PREACCEPT },
            video,
        );
        say(phone, state, rings);
    }
    let _ = match phone.calls.then {
        Then::Answer => answer(phone, state, &id),
        Then::Reject => reject(phone, state, &id, None),
        Then::Busy | Then::Ring => Ok(()),
    };
}

fn answer(phone: &mut Handset, state: &mut State, id: &str) -> Result<()> {
    let own = own_lid(state, phone.number)?;
    let relay = state.relay.clone();
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    if call.outgoing || call.phase != Phase::Ringing {
        return Err(Error::CallState("the call does not ring here"));
    }
    if call.many.is_some() {
        return group::answer(phone, state, id);
    }
    let (Some(key), Some(way)) = (call.key, &call.relay) else {
        return Err(Error::CallState("the call came without a key for this phone, or without a relay"));
    };
    let peer = lid(state, call.peer)?;
    let config = CallConfig::for_incoming(id, &own.to_string(), &peer.to_string(), key.to_vec(), way)
        .map_err(|_| Error::CallState("the call's relay cannot be used"))?;
    let video = call.video;
    call.sound = Sound::start(config, &relay, call.plays.clone(), call.codec, video.then_some(call.shows));
    call.phase = Phase::Active;
    let wrapper = state.random_id();
    let rate = RATE.to_string();
    let accept = build_accept(&AcceptParams {
        call_id: id,
        to: &peer,
        id: &wrapper,
        call_creator: &peer,
        audio_rates: &[&rate],
        relay_te: None,
        rte: None,
        voip_settings: Some(standard_opus_voip_settings(false)),
        // Those who take a video call say nothing more of what they can.
        capability: (!video).then_some(&CAPABILITY_STANDARD_OPUS_OFFER),
        video,
        peer_abtest_bucket: None,
        peer_abtest_bucket_id_list: None,
    });
    say(phone, state, accept);
    Ok(())
}

fn reject(phone: &mut Handset, state: &mut State, id: &str, reason: Option<&str>) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    if call.outgoing || call.phase != Phase::Ringing {
        return Err(Error::CallState("the call does not ring here"));
    }
    call.end(reason.unwrap_or("rejected here"));
    let peer = lid(state, call.peer)?;
    let creator = call.many.as_ref().map_or(&peer, group::Many::creator);
    let mut action = node("reject").attr("call-id", id).attr("call-creator", creator).attr("count", "0");
    if let Some(reason) = reason {
        action = action.attr("reason", reason);
    }
    let wrapper = state.random_id();
    say(phone, state, node("call").attr("to", &peer).attr("id", wrapper).children([action.build()]).build());
    Ok(())
}

fn accepted(phone: &mut Handset, state: &mut State, id: &str, sender: DeviceId) {
    let (Ok(own), Ok(peer)) = (own_lid(state, phone.number), lid(state, sender)) else { return };
    let relay = state.relay.clone();
    let Some(call) = phone.calls.find(id).filter(|call| call.outgoing && call.phase == Phase::Ringing) else { return };
    let (Some(key), Some(way)) = (call.key, &call.relay) else { return };
    if let Ok(config) = CallConfig::for_outgoing(id, &own.to_string(), &peer.to_string(), key.to_vec(), way) {
        call.sound = Sound::start(config, &relay, call.plays.clone(), call.codec, call.video.then_some(call.shows));
    }
    call.phase = Phase::Active;
    call.peer = sender;
    dismiss(phone, state, id, sender, "accepted_elsewhere");
}

/// The other devices of who was called ring no more.
fn dismiss(phone: &mut Handset, state: &mut State, id: &str, answered: DeviceId, reason: &str) {
    let others: Vec<DeviceId> =
        state.devices_of(answered.number).map(|(id, _)| id).filter(|device| *device != answered).collect();
    for device in others {
        let _ = terminate(phone, state, id, device, Some(reason));
    }
}

fn hang_up(phone: &mut Handset, state: &mut State, id: &str, reason: Option<&str>) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    match call.phase {
        Phase::Ended => return Err(Error::CallState("the call is over")),
        Phase::Ringing if !call.outgoing => return reject(phone, state, id, None),
        _ => {}
    }
    call.end(reason.unwrap_or("ended here"));
    let peer = call.peer;
    terminate(phone, state, id, peer, reason)
}

fn terminate(phone: &mut Handset, state: &mut State, id: &str, device: DeviceId, reason: Option<&str>) -> Result<()> {
    let call = phone.calls.find(id).ok_or(Error::UnknownCall)?;
    if call.many.is_some() {
        return group::leave(phone, state, id, reason);
    }
    let creator = if call.outgoing { DeviceId::phone(phone.number) } else { call.peer };
    let (to, creator) = (lid(state, device)?, lid(state, creator)?);
    let wrapper = state.random_id();
    let stanza =
        build_terminate(&TerminateParams { call_id: id, to: &to, id: Some(&wrapper), call_creator: &creator, reason });
    say(phone, state, stanza);
    Ok(())
}
