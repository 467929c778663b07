//! Linking a device, seen from the phone: a person scans a QR code or types a pair code.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use tokio::sync::oneshot;

use super::{adv, keys::Keys, linking_code};
use crate::{
    Error, Result,
    account::Number,
    core::Core,
    device::{Device, DeviceId},
    pairing::{self, PairingId},
    state::State,
};

/// A device that does not answer in this time is not there.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Two people and a browser take their time.
const PASSKEY_MAX: Duration = Duration::from_secs(600);
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// What the phone knows when it decides.
pub(crate) struct Candidate {
    pub pairing: PairingId,
    pub identity: [u8; 32],
    /// Shared by the two; WhatsApp's servers do not know it.
    pub secret: [u8; 32],
}

/// Waits until a new device has come back as itself and takes messages, as a person would look at the screen until it
/// says so. It is linked all the same if it does not.
pub(crate) async fn settled(core: &Core, device: DeviceId) {
    let mut updates = core.updates();
    let active = || core.step(|state| state.outlets.get(&device).is_some_and(|outlet| outlet.active));
    let settle = async {
        while !active() {
            if let Err(RecvError::Closed) = updates.recv().await {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(SETTLE_MAX, settle).await;
}

/// A QR code's text. Returns once the device agreed.
pub(crate) async fn by_qr(core: &Core, number: Number, text: &str, passkey: bool) -> Result<DeviceId> {
    let code = adv::QrCode::parse(text)
        .ok_or(Error::Invalid { field: "qr", expected: "must be the text of a pairing code" })?;
    let answer = core.step(|state| {
        let offer = pairing::offer(state, &code.reference).ok_or(Error::NobodyWaits)?;
        if offer.identity != code.identity || offer.noise != code.noise {
            return Err(Error::PairingRefused("the code shows other keys than the device has".into()));
        }
        accept(
            state,
            number,
            &Candidate { pairing: offer.pairing, identity: code.identity, secret: code.secret },
            passkey,
        )
    })?;
    core.answered(answer, if passkey { PASSKEY_MAX } else { ANSWER_MAX }).await?
}

/// The eight characters that a device shows which asked to be linked to this number.
pub(crate) async fn by_code(core: &Core, number: Number, code: &str, passkey: bool) -> Result<DeviceId> {
    let code = linking_code::tidy(code).ok_or(Error::Invalid {
        field: "code",
        expected: "must be eight letters and digits, as the device shows them",
    })?;
    let hello = core.step(|state| {
        state.phones.get(number)?;
        pairing::hello(state, number).ok_or(Error::NobodyWaits)
    })?;
    let sealed = hello.wrapped_ephemeral.clone();
    let exchange = tokio::task::spawn_blocking(move || linking_code::answer(&sealed, &code))
        .await
        .ok()
        .flatten()
        .ok_or(Error::WrongCode)?;
    let finish = core.step(|state| {
        let identity = state.phones.get(number)?.keys.public();
        pairing::primary_hello(state, &hello, exchange.sealed, identity)
    })?;
    let finish = core.answered(finish, ANSWER_MAX).await?;
    let answer = core.step(|state| {
        let opened = exchange
            .open(&state.phones.get(number)?.keys, &finish.wrapped_bundle, &finish.identity)
            .ok_or(Error::WrongCode)?;
        accept(
            state,
            number,
            &Candidate { pairing: hello.pairing, identity: opened.identity, secret: opened.secret },
            passkey,
        )
    })?;
    core.answered(answer, if passkey { PASSKEY_MAX } else { ANSWER_MAX }).await?
}

/// A device that nobody ever switches on: what is for all of the person's devices is sealed for it too, and waits.
pub(crate) fn absent(state: &mut State, number: Number, name: &str) -> Result<DeviceId> {
    state.phones.get(number)?;
    super::check_name(name)?;
    let (id, key_index) = pairing::reserve(state, number)?;
    let keys = Keys::generate(crate::now_ms());
    let identity_proof = adv::proof(&state.phones.get(number)?.keys, &keys, key_index, crate::now());
    pairing::introduce(state, id, Device { identity_proof, key_index, ..keys.device(name) });
    Ok(id)
}

/// Once the owner has shown the account's passkey, if that is wanted: then the device hands over another secret.
fn accept(
    state: &mut State,
    number: Number,
    candidate: &Candidate,
    passkey: bool,
) -> Result<oneshot::Receiver<Result<DeviceId>>> {
    if passkey {
        return pairing::passkey::begin(state, candidate.pairing, number);
    }
    let (done, receiver) = oneshot::channel();
    accept_with(state, number, candidate, done)?;
    Ok(receiver)
}

pub(crate) fn accept_with(
    state: &mut State,
    number: Number,
    candidate: &Candidate,
    done: oneshot::Sender<Result<DeviceId>>,
) -> Result<()> {
    let (device, key_index) = pairing::reserve(state, number)?;
    let keys = &state.phones.get(number)?.keys;
    let statement = adv::device_identity(keys, &candidate.identity, &candidate.secret, key_index, crate::now());
    pairing::accept(state, candidate.pairing, device, key_index, statement, done)
}
