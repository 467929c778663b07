//! `xmlns="encrypt"`: the keys by which others open a session with a device.

use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::{IdentityKey, PreKeyBundle, PublicKey};

use super::read::{Read as _, node, refusal, result};
use crate::{
    device::{DeviceId, PreKey, SignedPreKey, id_bytes, id_from},
    state::State,
};

/// Below this many one-time keys the device is asked for more.
const LOW: usize = 10;
/// A device may send this many at once, and keep so many of its newest here: its digest, too, has to fit a stanza.
const PRE_KEYS_MAX: usize = 1_000;
const FETCH_MAX: usize = 5_000;
/// The only key type there is: Curve25519.
pub(crate) const KEY_TYPE: u8 = 5;

pub(crate) fn get(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    if iq.child("count").is_some() {
        let count = state.devices.get(&from).map_or(0, |device| device.pre_keys.len());
        return result(id, [node("count").attr("value", count).build()]);
    }
    if iq.child("digest").is_some() {
        return digest(state, from, id);
    }
    let Some(wanted) = iq.child("key").or_else(|| iq.child("key_fetch")) else {
        return refusal(id, 400, "bad-request");
    };
    if wanted.nodes().len() > FETCH_MAX {
        return refusal(id, 406, "not-acceptable");
    }
    let users: Vec<Node> =
        wanted.nodes().iter().filter_map(|user| user.jid("jid")).map(|jid| bundle(state, &jid)).collect();
    result(id, [node("list").children(users).build()])
}

/// A device's keys as they are handed out: the one-time key, if it has any left, is nobody else's from now on.
pub(crate) struct Taken {
    pub identity: [u8; 32],
    pub registration: u32,
    pub signed: SignedPreKey,
    pub one_time: Option<PreKey>,
}

impl Taken {
    /// As Signal takes it. `None`: these are no keys.
    pub fn bundle(self, device: DeviceId) -> Option<PreKeyBundle> {
        let key = |bytes: &[u8; 32]| PublicKey::from_djb_public_key_bytes(bytes).ok();
        let one_time = match self.one_time {
            Some(one_time) => Some((one_time.id.into(), key(&one_time.key)?)),
            None => None,
        };
        PreKeyBundle::new(
            self.registration,
            u32::from(device.device).into(),
            one_time,
            self.signed.id.into(),
            key(&self.signed.key)?,
            self.signed.signature,
            IdentityKey::new(key(&self.identity)?),
        )
        .ok()
    }
}

/// Hands out a device's keys. One that runs low is asked for more.
pub(crate) fn take(state: &mut State, id: DeviceId) -> Option<Taken> {
    let one_time = state.take_pre_key(id);
    let device = state.devices.get(&id)?;
    let taken = Taken {
        identity: device.identity,
        registration: device.registration,
        signed: device.signed_pre_key.clone(),
        one_time,
    };
    let left = device.pre_keys.len();
    if one_time.is_some() && (left == LOW || left == 0) {
        let notification = node("notification")
            .attr("from", wacore_binary::SERVER_JID)
            .attr("type", "encrypt")
            .attr("id", state.random_id())
            .attr("t", crate::now())
            .children([node("count").attr("value", left).build()]);
        state.deliver(id, notification.build());
    }
    Some(taken)
}

fn bundle(state: &mut State, jid: &Jid) -> Node {
    let user = node("user").attr("jid", jid);
    let id = state.device_of(jid);
    let Some((id, taken)) = id.and_then(|id| Some((id, take(state, id)?))) else {
        return user.children([node("error").attr("code", "404").attr("text", "item-not-found").build()]).build();
    };
    let mut children = vec![
        node("registration").bytes(taken.registration.to_be_bytes()).build(),
        node("type").bytes([KEY_TYPE]).build(),
        node("identity").bytes(taken.identity).build(),
        signed_node(&taken.signed),
    ];
    if let Some(key) = taken.one_time {
        children.push(
            node("key")
                .children([node("id").bytes(id_bytes(key.id)).build(), node("value").bytes(key.key).build()])
                .build(),
        );
    }
    let proof = state.devices.get(&id).map(|device| device.identity_proof.clone()).unwrap_or_default();
    if !proof.is_empty() {
        children.push(node("device-identity").bytes(proof).build());
    }
    user.children(children).build()
}

pub(crate) fn signed_node(key: &SignedPreKey) -> Node {
    node("skey")
        .children([
            node("id").bytes(id_bytes(key.id)).build(),
            node("value").bytes(key.key).build(),
            node("signature").bytes(key.signature.clone()).build(),
        ])
        .build()
}

/// What the device should have on the server, for it to compare.
fn digest(state: &State, from: DeviceId, id: &str) -> Node {
    let Some(device) = state.devices.get(&from) else { return refusal(id, 404, "item-not-found") };
    let keys: Vec<&[u8]> = device.pre_keys.iter().map(|key| key.key.as_slice()).collect();
    let hash = wacore::prekeys::compute_key_bundle_digest(
        &device.identity,
        &device.signed_pre_key.key,
        &device.signed_pre_key.signature,
        &keys,
    );
    let ids = device.pre_keys.iter().map(|key| node("id").bytes(id_bytes(key.id)).build());
    let digest = node("digest").children([
        node("registration").bytes(device.registration.to_be_bytes()).build(),
        node("type").bytes([KEY_TYPE]).build(),
        node("identity").bytes(device.identity).build(),
        signed_node(&device.signed_pre_key),
        node("list").children(ids).build(),
        node("hash").bytes(hash.as_slice()).build(),
    ]);
    result(id, [digest.build()])
}

pub(crate) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    if let Some(rotate) = iq.child("rotate") {
        let Some(key) = rotate.child("skey").and_then(signed_pre_key) else { return refusal(id, 400, "bad-request") };
        return match replace_signed(state, from, key) {
            true => result(id, []),
            false => refusal(id, 406, "not-acceptable"),
        };
    }
    match upload(state, from, iq) {
        Some(()) => result(id, []),
        None => refusal(id, 406, "not-acceptable"),
    }
}

fn upload(state: &mut State, from: DeviceId, iq: &Node) -> Option<()> {
    let registration = u32::from_be_bytes(iq.child("registration")?.content().try_into().ok()?);
    let identity: [u8; 32] = iq.child("identity")?.content().try_into().ok()?;
    (iq.child("type")?.content() == [KEY_TYPE]).then_some(())?;
    let signed = signed_pre_key(iq.child("skey")?)?;
    let list = iq.child("list")?.nodes();
    (!list.is_empty() && list.len() <= PRE_KEYS_MAX).then_some(())?;
    let keys: Vec<PreKey> = list
        .iter()
        .map(|key| {
            let id = id_from(&key.child("id")?.content())?;
            Some(PreKey { id, key: key.child("value")?.content().try_into().ok()? })
        })
        .collect::<Option<_>>()?;
    let device = state.devices.get_mut(&from)?;
    // The identity was fixed, and signed by the account, when the device was linked; the signed key must be its own.
    (device.identity == identity && verifies(&identity, &signed)).then_some(())?;
    device.registration = registration;
    device.signed_pre_key = signed;
    state.add_pre_keys(from, &keys, PRE_KEYS_MAX);
    state.keep_device(from);
    Some(())
}

fn replace_signed(state: &mut State, from: DeviceId, key: SignedPreKey) -> bool {
    let Some(device) = state.devices.get_mut(&from).filter(|device| verifies(&device.identity, &key)) else {
        return false;
    };
    device.signed_pre_key = key;
    state.keep_device(from);
    true
}

fn signed_pre_key(skey: &Node) -> Option<SignedPreKey> {
    Some(SignedPreKey {
        id: id_from(&skey.child("id")?.content())?,
        key: skey.child("value")?.content().try_into().ok()?,
        signature: skey.child("signature")?.content(),
    })
}

/// A device's signed pre-key carries the signature of its identity over the key with its type byte.
pub(crate) fn verifies(identity: &[u8; 32], key: &SignedPreKey) -> bool {
    let Ok(identity) = wacore_libsignal::protocol::PublicKey::from_djb_public_key_bytes(identity) else { return false };
    let message = [[KEY_TYPE].as_slice(), &key.key].concat();
    identity.verify_signature(&message, &key.signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Journal, Tables},
        phone,
    };

    #[test]
    fn only_the_newest_keys_are_kept() {
        let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
        phone::create(&mut state, "15550000001", "Alice").unwrap();
        phone::answer_all(&mut state);
        let number = state.phones.numbers()[0];
        let id = DeviceId::phone(number);
        let newest = |state: &State| state.devices[&id].pre_keys.back().copied().unwrap().id;
        // A phone sends 20 at a time.
        for _ in 0..2 * PRE_KEYS_MAX / 20 {
            let before = newest(&state);
            let upload = phone::with(&mut state, number, |phone, state| phone.upload(state)).unwrap();
            assert_eq!(set(&mut state, id, "1", &upload).text("type").as_deref(), Some("result"));
            assert!(newest(&state) > before);
        }
        let kept = &state.devices[&id].pre_keys;
        assert_eq!(kept.len(), PRE_KEYS_MAX);
        assert_eq!(newest(&state) - kept[0].id, u32::try_from(PRE_KEYS_MAX).unwrap() - 1);
        let answer = digest(&state, id, "2");
        assert_eq!(answer.child("digest").unwrap().child("list").unwrap().nodes().len(), PRE_KEYS_MAX);
    }
}
