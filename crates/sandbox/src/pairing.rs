//! Linking a device: the network's half. A device without an account shows references (in a QR code) or asks for a pair
//! code; the phone that answers signs the device's identity, and the network introduces the two.

pub(crate) mod passkey;

use std::collections::HashMap;

use buffa::Message as _;
use rand::RngExt as _;
use tokio::sync::{mpsc, oneshot};
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

use crate::{
    Error,
    account::Number,
    device::{Device, DeviceId, SignedPreKey, id_from},
    phone::{self, adv::Statement},
    stanza::{
        keys,
        read::{Read as _, node, refusal, result},
    },
    state::{State, Update},
};

/// References given at once; a client shows the first for a minute and the others for 20 s each.
const REFERENCES: usize = 6;
const STANZAS_MAX: usize = 64;
/// Devices linked to a phone beside itself, as WhatsApp bounds them.
const COMPANIONS_MAX: usize = 4;
const REQUEST_PAIR_DEVICE: &str = "pair-device";
const REQUEST_PAIR_SUCCESS: &str = "pair-success";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PairingId(u64);

/// What an unlinked device says of itself when it connects.
pub(crate) struct Registration {
    pub noise: [u8; 32],
    pub identity: [u8; 32],
    pub registration: u32,
    pub signed_pre_key: SignedPreKey,
    pub platform: String,
    pub inline_history: bool,
}

impl Registration {
    /// `None` if anything is missing or the signed key is not the identity's.
    pub fn read(noise: [u8; 32], data: wa::client_payload::DevicePairingRegistrationData) -> Option<Self> {
        let identity: [u8; 32] = data.e_ident?.try_into().ok()?;
        let signed_pre_key = SignedPreKey {
            id: id_from(&data.e_skey_id?)?,
            key: data.e_skey_val?.try_into().ok()?,
            signature: data.e_skey_sig?,
        };
        keys::verifies(&identity, &signed_pre_key).then_some(())?;
        let registration = u32::from_be_bytes(data.e_regid?.try_into().ok()?);
        let props = wa::DeviceProps::decode_from_slice(&data.device_props?).ok()?;
        let history = props.history_sync_config.into_option().unwrap_or_default();
        let inline_history = history.inline_initial_payload_in_e2_ee_msg.unwrap_or_default();
        let platform = props.os.unwrap_or_default();
        Some(Self { noise, identity, registration, signed_pre_key, platform, inline_history })
    }
}

/// What a phone learns from a reference that it scanned.
#[derive(Debug, Clone)]
pub struct Offer {
    pub(crate) pairing: PairingId,
    pub identity: [u8; 32],
    pub noise: [u8; 32],
}

/// What a phone learns from a device that asked for a pair code for its number.
#[derive(Debug, Clone)]
pub struct Hello {
    pub(crate) pairing: PairingId,
    pub reference: Vec<u8>,
    /// The device's ephemeral key, encrypted under the code that the person is to type.
    pub wrapped_ephemeral: Vec<u8>,
}

/// The device's answer to the phone's hello.
#[derive(Debug)]
pub struct Finish {
    pub wrapped_bundle: Vec<u8>,
    pub identity: [u8; 32],
}

#[derive(Default)]
pub(crate) struct Pairings {
    open: HashMap<PairingId, Pairing>,
    next: u64,
}

struct Pairing {
    registration: Registration,
    stanzas: mpsc::Sender<Node>,
    references: Vec<String>,
    hello: Option<(Number, Hello)>,
    finish: Option<oneshot::Sender<Finish>>,
    /// The device that it will be, and who waits for it to agree.
    accepted: Option<Accepted>,
    /// Its owner has to show a passkey first.
    passkey: Option<passkey::Ceremony>,
}

struct Accepted {
    device: DeviceId,
    key_index: u32,
    details: Vec<u8>,
    done: oneshot::Sender<Result<DeviceId, Error>>,
}

/// A new device connects: it is given references to show.
pub(crate) fn open(state: &mut State, registration: Registration) -> (PairingId, mpsc::Receiver<Node>) {
    let (stanzas, receiver) = mpsc::channel(STANZAS_MAX);
    let id = PairingId(state.pairings.next);
    state.pairings.next += 1;
    let references: Vec<String> = (0..REFERENCES).map(|_| format!("2@{}", token(state, 44))).collect();
    let shown = references.iter().map(|reference| node("ref").bytes(reference.as_bytes()).build());
    let request = node("iq")
        .attr("from", wacore_binary::SERVER_JID)
        .attr("type", "set")
        .attr("id", REQUEST_PAIR_DEVICE)
        .attr("xmlns", "md")
        .children([node("pair-device").children(shown).build()]);
    stanzas.try_send(request.build()).expect("the channel was just made");
    let pairing =
        Pairing { registration, stanzas, references, hello: None, finish: None, accepted: None, passkey: None };
    state.pairings.open.insert(id, pairing);
    (id, receiver)
}

fn token(state: &mut State, length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..length).map(|_| char::from(LETTERS[state.rng.random_range(0..LETTERS.len())])).collect()
}

/// The connection of an unlinked device ended.
pub(crate) fn close(state: &mut State, id: PairingId) {
    state.pairings.open.remove(&id);
}

pub(crate) fn offer(state: &State, reference: &str) -> Option<Offer> {
    let (id, pairing) =
        state.pairings.open.iter().find(|(_, pairing)| pairing.references.iter().any(|known| known == reference))?;
    Some(Offer { pairing: *id, identity: pairing.registration.identity, noise: pairing.registration.noise })
}

/// The newest device that asked for a code for this number.
pub(crate) fn hello(state: &State, number: Number) -> Option<Hello> {
    let of_number = |pairing: &Pairing| {
        pairing.hello.as_ref().filter(|(asked, _)| *asked == number).map(|(_, hello)| hello.clone())
    };
    state.pairings.open.values().filter_map(of_number).max_by_key(|hello| hello.pairing.0)
}

/// A stanza of a device that is not linked yet.
pub(crate) fn receive(state: &mut State, id: PairingId, stanza: &Node) {
    if stanza.tag != "iq" {
        return;
    }
    let (kind, request) = (stanza.text("type").unwrap_or_default(), stanza.text("id").unwrap_or_default());
    match kind.as_str() {
        "result" if request == REQUEST_PAIR_SUCCESS => conclude(state, id, stanza),
        "error" if request == REQUEST_PAIR_SUCCESS => {
            if let Some(accepted) = state.pairings.open.get_mut(&id).and_then(|pairing| pairing.accepted.take()) {
                let _ = accepted
                    .done
                    .send(Err(Error::PairingRefused("the device did not accept the phone's signature".into())));
            }
        }
        "set" | "get" => {
            let answer = match stanza.child("link_code_companion_reg") {
                Some(reg) => link_code(state, id, &request, reg),
                None if stanza.text("xmlns").as_deref() == Some("w:p") => result(&request, []),
                None if stanza.text("xmlns").as_deref() == Some("md") => passkey::receive(state, id, &request, stanza),
                None => refusal(&request, 405, "not-allowed"),
            };
            tell(state, id, answer);
        }
        _ => {}
    }
}

fn tell(state: &mut State, id: PairingId, stanza: Node) {
    let told = state.pairings.open.get(&id).is_some_and(|pairing| pairing.stanzas.try_send(stanza).is_ok());
    if !told {
        state.pairings.open.remove(&id);
    }
}

fn link_code(state: &mut State, id: PairingId, request: &str, reg: &Node) -> Node {
    match reg.text("stage").as_deref() {
        Some("companion_hello") => {
            let Some(number) = reg.jid("jid").and_then(|jid| Number::parse(&jid.user)) else {
                return refusal(request, 400, "bad-request");
            };
            let wrapped_ephemeral =
                reg.child("link_code_pairing_wrapped_companion_ephemeral_pub").map(|n| n.content()).unwrap_or_default();
            if wrapped_ephemeral.len() != 80 {
                return refusal(request, 400, "bad-request");
            }
            if !state.accounts.contains_key(&number) {
                return refusal(request, 404, "item-not-found");
            }
            let reference = token(state, 32).into_bytes();
            let Some(pairing) = state.pairings.open.get_mut(&id) else {
                return refusal(request, 404, "item-not-found");
            };
            pairing.hello = Some((number, Hello { pairing: id, reference: reference.clone(), wrapped_ephemeral }));
            let reference = node("link_code_pairing_ref").bytes(reference).build();
            result(
                request,
                [node("link_code_companion_reg").attr("stage", "companion_hello").children([reference]).build()],
            )
        }
        Some("companion_finish") => {
            let identity = reg.child("companion_identity_public").and_then(|n| n.content().try_into().ok());
            let bundle = reg.child("link_code_pairing_wrapped_key_bundle").map(|n| n.content());
            let waiting = state.pairings.open.get_mut(&id).and_then(|pairing| pairing.finish.take());
            match (identity, bundle, waiting) {
                (Some(identity), Some(wrapped_bundle), Some(waiting)) => {
                    let _ = waiting.send(Finish { wrapped_bundle, identity });
                    result(request, [])
                }
                _ => refusal(request, 400, "bad-request"),
            }
        }
        _ => refusal(request, 400, "bad-request"),
    }
}

/// The phone's hello goes to the device; its answer comes through the receiver.
pub(crate) fn primary_hello(
    state: &mut State,
    hello: &Hello,
    wrapped_ephemeral: [u8; 80],
    identity: [u8; 32],
) -> Result<oneshot::Receiver<Finish>, Error> {
    let (finish, receiver) = oneshot::channel();
    let notification_id = state.random_id();
    let Some(pairing) = state.pairings.open.get_mut(&hello.pairing) else { return Err(Error::NobodyWaits) };
    pairing.finish = Some(finish);
    let reg = node("link_code_companion_reg").attr("stage", "primary_hello").children([
        node("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(wrapped_ephemeral).build(),
        node("primary_identity_pub").bytes(identity).build(),
        node("link_code_pairing_ref").bytes(hello.reference.clone()).build(),
    ]);
    let notification = node("notification")
        .attr("from", wacore_binary::SERVER_JID)
        .attr("type", "link_code_companion_reg")
        .attr("id", notification_id)
        .attr("t", crate::now())
        .children([reg.build()]);
    tell(state, hello.pairing, notification.build());
    Ok(receiver)
}

/// Which device of the account the next one will be. Ids and key indexes are never given again.
pub(crate) fn reserve(state: &mut State, number: Number) -> Result<(DeviceId, u32), Error> {
    let companions = state.devices_of(number).filter(|(id, _)| !id.is_phone()).count();
    if companions >= COMPANIONS_MAX {
        return Err(Error::PairingRefused(format!(
            "the phone has {COMPANIONS_MAX} linked devices already; unlink one first"
        )));
    }
    let device = state
        .change_account(number, |account| {
            account.next_device += 1;
            account.next_device
        })
        .ok_or(Error::UnknownPhone)?;
    Ok((DeviceId { number, device }, u32::from(device)))
}

/// The phone's signature goes to the device, which checks it and adds its own. `done` is told what became of it.
pub(crate) fn accept(
    state: &mut State,
    pairing: PairingId,
    device: DeviceId,
    key_index: u32,
    Statement { details, sealed }: Statement,
    done: oneshot::Sender<Result<DeviceId, Error>>,
) -> Result<(), Error> {
    let account = state.accounts.get(&device.number).ok_or(Error::UnknownPhone)?.clone();
    let open = state.pairings.open.get_mut(&pairing).ok_or(Error::NobodyWaits)?;
    if open.accepted.is_some() {
        return Err(Error::PairingRefused("another phone is just linking this device".into()));
    }
    open.accepted = Some(Accepted { device, key_index, details, done });
    // A reference is good for one phone.
    open.references.clear();
    let business = state.businesses.get(device.number).map(|business| business.what.name.as_str());
    let platform = if business.is_some() { "smba" } else { "android" };
    let parts = [
        node("device-identity").bytes(sealed).build(),
        node("device").attr("jid", device.jid()).attr("lid", device.lid_jid(&account)).build(),
        node("platform").attr("name", platform).build(),
    ];
    let name = business.map(|name| node("biz").attr("name", name).build());
    let success = node("pair-success").children(parts.into_iter().chain(name));
    let request = node("iq")
        .attr("from", wacore_binary::SERVER_JID)
        .attr("type", "set")
        .attr("id", REQUEST_PAIR_SUCCESS)
        .attr("xmlns", "md")
        .children([success.build()]);
    tell(state, pairing, request.build());
    Ok(())
}

/// The device signed: it exists from here on, and must come back as itself.
fn conclude(state: &mut State, id: PairingId, answer: &Node) {
    let Some(mut pairing) = state.pairings.open.remove(&id) else { return };
    let Some(accepted) = pairing.accepted.take() else { return };
    let proof =
        answer.child("pair-device-sign").and_then(|sign| sign.child("device-identity")).map(|proof| proof.content());
    let Some(proof) = proof.filter(|proof| is_signed(state, &pairing.registration.identity, &accepted, proof)) else {
        let _ = accepted.done.send(Err(Error::PairingRefused("the device's own signature is wrong".into())));
        let _ = pairing.stanzas.try_send(node("stream:error").attr("code", "401").build());
        return;
    };
    let Registration { noise, identity, registration, signed_pre_key, platform, inline_history } = pairing.registration;
    let device = Device {
        noise: Some(noise),
        identity,
        registration,
        signed_pre_key,
        identity_proof: proof,
        key_index: accepted.key_index,
        platform,
        inline_history,
        linked_at: crate::now(),
        pre_keys: Default::default(),
    };
    introduce(state, accepted.device, device);
    state.changed(Update::Screens);
    let _ = pairing.stanzas.try_send(node("stream:error").attr("code", "515").build());
    let _ = accepted.done.send(Ok(accepted.device));
}

/// A device exists from here on: its account vouches for it, and all who write to the account are told.
pub(crate) fn introduce(state: &mut State, id: DeviceId, device: Device) {
    state.add_device(id, device);
    phone::sign_key_indexes(state, id.number);
    announce(state, id, "add");
    phone::greet(state, id);
    state.counters.count("device linked");
    state.changed(Update::Phone { number: id.number.to_string() });
}

/// The device's signature covers what the phone signed, the device's identity, and the account's key.
fn is_signed(state: &State, identity: &[u8; 32], accepted: &Accepted, proof: &[u8]) -> bool {
    let Some(account) = state.accounts.get(&accepted.device.number) else { return false };
    let Ok(signed) = wa::ADVSignedDeviceIdentity::decode_from_slice(proof) else { return false };
    let (Some(details), Some(signature)) = (signed.details, signed.device_signature) else { return false };
    let Ok(key) = wacore_libsignal::protocol::PublicKey::from_djb_public_key_bytes(identity) else { return false };
    let message = [[6, 1].as_slice(), &details, identity, &account.key].concat();
    details == accepted.details && key.verify_signature(&message, &signature)
}

/// A device goes: it is told, if it listens, and so is everybody who writes to the account.
pub(crate) fn unlink(state: &mut State, device: DeviceId) -> bool {
    if device.is_phone() || !state.devices.contains_key(&device) {
        return false;
    }
    let conflict = node("conflict").attr("type", "device_removed").build();
    state.tell(device, node("stream:error").attr("code", "401").children([conflict]).build());
    state.outlets.remove(&device);
    state.remove_device(device);
    phone::sign_key_indexes(state, device.number);
    announce(state, device, "remove");
    state.counters.count("device unlinked");
    state.changed(Update::Phone { number: device.number.to_string() });
    true
}

/// Own devices, and those of people in contact or in a common group, are told of a device that came or went.
fn announce(state: &mut State, changed: DeviceId, change: &'static str) {
    let Some(account) = state.accounts.get(&changed.number).cloned() else { return };
    let key_index = state.devices.get(&changed).map(|device| device.key_index);
    let mut listeners: Vec<DeviceId> =
        state.devices_of(changed.number).map(|(id, _)| id).filter(|id| *id != changed).collect();
    for peer in state.acquaintances(changed.number) {
        listeners.extend(state.devices_of(peer).map(|(id, _)| id));
    }
    for listener in listeners {
        let id = state.random_id();
        let mut device = node("device").attr("jid", changed.jid()).attr("lid", changed.lid_jid(&account));
        if let Some(index) = key_index {
            device = device.attr("key-index", index);
        }
        let mut index_list = node("key-index-list").attr("ts", crate::now());
        if change == "add" {
            index_list = index_list.bytes(account.key_indexes.clone());
        }
        let body = node(change).children([device.build(), index_list.build()]).build();
        let from: Jid = account.jid();
        let notification = node("notification")
            .attr("from", from)
            .attr("lid", account.lid_jid())
            .attr("type", "devices")
            .attr("id", id)
            .attr("t", crate::now())
            .children([body]);
        state.deliver(listener, notification.build());
    }
}
