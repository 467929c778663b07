//! Linking an account whose owner has to show its passkey: the network asks for it, checks it, and lets the device and the
//! phone agree. What goes wrong ends it; the device begins anew with another connection.

use rand::RngExt as _;
use serde_json::Value;
use tokio::sync::oneshot;
use wacore_binary::{Jid, Node, Server};

use super::{Pairing, PairingId, tell, token};
use crate::{
    Error,
    account::Number,
    device::DeviceId,
    passkeys::TIMEOUT_MS,
    phone::{
        link::{self, Candidate},
        passkey::{self, Exchange, Opened},
    },
    refusal::word,
    stanza::{
        notice::notification,
        read::{Read as _, node, refusal, result},
    },
    state::State,
};

/// One attempt to link a device so.
pub(super) struct Ceremony {
    number: Number,
    challenge: [u8; 32],
    /// Unix milliseconds.
    until: u64,
    reference: Option<String>,
    step: Step,
    done: oneshot::Sender<Result<DeviceId, Error>>,
}

enum Step {
    /// The passkey is waited for.
    Asked,
    /// It was right. The phone's person is asked whether to go on.
    Answered(Exchange),
    /// The phone has told its key, and waits for the device's nonce.
    Told(Exchange),
    /// Both show this code.
    Shown(Exchange, String),
    /// Who owns the device says that the codes are the same; whoever has the phone is asked, too.
    Confirmed(Opened, String),
}

/// How far a phone is with linking a device so, and the code that it shows.
pub(crate) struct Shown {
    pub state: &'static str,
    pub code: Option<String>,
}

/// The network asks the device for the passkey of the account.
pub(crate) fn begin(
    state: &mut State,
    pairing: PairingId,
    number: Number,
) -> Result<oneshot::Receiver<Result<DeviceId, Error>>, Error> {
    let challenge: [u8; 32] = state.rng.random();
    let options = state.passkey(number).options(&challenge);
    let request = request(state, &options);
    let open = state.pairings.open.get_mut(&pairing).ok_or(Error::NobodyWaits)?;
    if open.accepted.is_some() || open.passkey.is_some() {
        return Err(Error::PairingRefused("another phone is just linking this device".into()));
    }
    open.references.clear();
    let (done, receiver) = oneshot::channel();
    let until = crate::now_ms() + TIMEOUT_MS;
    open.passkey = Some(Ceremony { number, challenge, until, reference: None, step: Step::Asked, done });
    tell(state, pairing, request);
    Ok(receiver)
}

fn request(state: &mut State, options: &Value) -> Node {
    let options = node("passkey_request_options").bytes(options.to_string().into_bytes()).build();
    notification(state, &network(), "passkey_prologue_request").children([options]).build()
}

fn of_phone(state: &mut State, number: Number) -> Option<(PairingId, &mut Pairing)> {
    let newest = state
        .pairings
        .open
        .iter_mut()
        .filter(|(_, pairing)| pairing.passkey.as_ref().is_some_and(|ceremony| ceremony.number == number));
    newest.max_by_key(|(id, _)| id.0).map(|(id, pairing)| (*id, pairing))
}

pub(crate) fn shown(state: &mut State, number: Number) -> Shown {
    let step = of_phone(state, number).and_then(|(_, pairing)| pairing.passkey.as_ref()).map(|ceremony| &ceremony.step);
    let (state, code) = match step {
        None => ("none", None),
        Some(Step::Asked) => ("asked", None),
        Some(Step::Answered(_)) => ("answered", None),
        Some(Step::Told(_)) => ("told", None),
        Some(Step::Shown(_, code)) => ("shown", Some(code.clone())),
        Some(Step::Confirmed(_, code)) => ("confirmed", Some(code.clone())),
    };
    Shown { state, code }
}

/// The phone's person agrees. The phone tells the device its key; or, the second time, signs what the device handed it.
pub(crate) fn agree(state: &mut State, number: Number) -> Result<(), Error> {
    let (id, pairing) = of_phone(state, number).ok_or(Error::NoPasskey)?;
    let Some(mut ceremony) = pairing.passkey.take() else { return Err(Error::NoPasskey) };
    match ceremony.step {
        Step::Answered(exchange) => {
            let hello = node("primary_ephemeral_identity").bytes(exchange.hello()).build();
            ceremony.step = Step::Told(exchange);
            pairing.passkey = Some(ceremony);
            let told = notification(state, &network(), "crsc_continuation").children([hello]).build();
            tell(state, id, told);
            Ok(())
        }
        Step::Confirmed(opened, _) => {
            let candidate = Candidate { pairing: id, identity: opened.identity, secret: opened.secret };
            link::accept_with(state, number, &candidate, ceremony.done)
        }
        _ => {
            pairing.passkey = Some(ceremony);
            Err(Error::NoPasskey)
        }
    }
}

fn network() -> Jid {
    Jid::new("", Server::Pn)
}

/// A question or an order of a device that is being linked so.
pub(super) fn receive(state: &mut State, id: PairingId, request: &str, stanza: &Node) -> Node {
    let parts: Result<Vec<Node>, u16> = match stanza.nodes().first().map(|part| part.tag.as_ref()) {
        Some("ref") => reference(state, id),
        Some("passkey_request_options") => options(state, id),
        Some("passkey_prologue") => prologue(state, id, &stanza.nodes()[0]),
        Some("companion_nonce") => nonce(state, id, &stanza.nodes()[0]),
        Some("encrypted_pairing_request") => confirm(state, id, &stanza.nodes()[0]),
        _ => Err(405),
    };
    match parts {
        Ok(parts) => result(request, parts),
        Err(code) => refusal(request, code, word(code)),
    }
}

fn ceremony(state: &mut State, id: PairingId) -> Result<&mut Ceremony, u16> {
    state.pairings.open.get_mut(&id).and_then(|pairing| pairing.passkey.as_mut()).ok_or(404)
}

fn reference(state: &mut State, id: PairingId) -> Result<Vec<Node>, u16> {
    let reference = format!("2@{}", token(state, 44));
    ceremony(state, id)?.reference = Some(reference.clone());
    Ok(vec![node("ref").bytes(reference.into_bytes()).build()])
}

fn options(state: &mut State, id: PairingId) -> Result<Vec<Node>, u16> {
    let Ceremony { number, challenge, .. } = ceremony(state, id)?;
    let (number, challenge) = (*number, *challenge);
    let options = state.passkey(number).options(&challenge).to_string();
    Ok(vec![node("passkey_request_options").bytes(options.into_bytes()).build()])
}

fn prologue(state: &mut State, id: PairingId, prologue: &Node) -> Result<Vec<Node>, u16> {
    let Ceremony { number, challenge, until, reference, step, .. } = ceremony(state, id)?;
    let (number, challenge, until) = (*number, *challenge, *until);
    let reference = match step {
        Step::Asked => reference.clone().ok_or(400_u16)?,
        _ => return Err(409),
    };
    if crate::now_ms() > until {
        return Err(end(state, id, 410, "the passkey came too late"));
    }
    let part = |tag: &str| prologue.child(tag).map(|part| part.content()).unwrap_or_default();
    if !state.passkey(number).has_signed(&challenge, &part("credential_id"), &part("webauthn_assertion")) {
        return Err(end(state, id, 403, "the passkey is not the account's, or signed something else"));
    }
    let Some(exchange) = passkey::answer(&part("prologue_payload"), &reference) else {
        return Err(end(state, id, 400, "the device's prologue cannot be read"));
    };
    ceremony(state, id)?.step = Step::Answered(exchange);
    Ok(Vec::new())
}

fn nonce(state: &mut State, id: PairingId, nonce: &Node) -> Result<Vec<Node>, u16> {
    let ceremony = ceremony(state, id)?;
    let code = match &ceremony.step {
        Step::Told(exchange) => exchange.code(&nonce.content()),
        _ => return Err(409),
    };
    let Some(code) = code else {
        return Err(end(state, id, 406, "the device had committed itself to another nonce"));
    };
    if let Step::Told(exchange) = std::mem::replace(&mut ceremony.step, Step::Asked) {
        ceremony.step = Step::Shown(exchange, code);
    }
    Ok(Vec::new())
}

/// Who owns the device says that both codes are the same.
fn confirm(state: &mut State, id: PairingId, request: &Node) -> Result<Vec<Node>, u16> {
    let pairing = state.pairings.open.get_mut(&id).ok_or(404_u16)?;
    let registered = (pairing.registration.noise, pairing.registration.identity);
    let ceremony = pairing.passkey.as_mut().ok_or(404_u16)?;
    let (opened, code) = match &ceremony.step {
        Step::Shown(exchange, code) => (exchange.open(&request.content()), code.clone()),
        _ => return Err(409),
    };
    let Some(opened) = opened.filter(|opened| (opened.noise, opened.identity) == registered) else {
        return Err(end(
            state,
            id,
            400,
            "the device's request shows other keys than it has, or was sealed for another",
        ));
    };
    ceremony.step = Step::Confirmed(opened, code);
    Ok(Vec::new())
}

/// It comes to nothing. Returns the code.
fn end(state: &mut State, id: PairingId, code: u16, why: &str) -> u16 {
    let ceremony = state.pairings.open.get_mut(&id).and_then(|pairing| pairing.passkey.take());
    if let Some(ceremony) = ceremony {
        let _ = ceremony.done.send(Err(Error::PairingRefused(why.to_owned())));
    }
    state.counters.count("passkey refused");
    code
}
