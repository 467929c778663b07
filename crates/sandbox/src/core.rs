//! The network's state behind one lock, and what its connections do with it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast};
use wacore_binary::Node;
use waproto::whatsapp as wa;

use crate::{
    Error, Result,
    device::DeviceId,
    faults::Kind,
    link::{self, Link},
    pairing::{self, PairingId, Registration},
    phone, stanza,
    stanza::read::node,
    state::{State, Update},
    wire::certificate::Identity,
};

/// Stanzas that phones work off within one step. A message to a large group makes thousands of them: the rest follows
/// in steps of its own, and others have theirs in between.
const ANSWERED_MAX: usize = 64;
/// Between two such steps, so that others come by the lock.
const PAUSE: Duration = Duration::from_millis(1);
/// A listener this far behind is told that it missed something.
const UPDATES_MAX: usize = 256;

#[derive(Clone)]
pub(crate) struct Core(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    identity: Identity,
    updates: broadcast::Sender<Update>,
    /// Phones have more to work off.
    behind: Notify,
}

/// What became of a log-in.
pub(crate) enum Login {
    /// A linked device is in.
    Linked(DeviceId, Link),
    /// A device without an account shows codes.
    Unlinked(PairingId, tokio::sync::mpsc::Receiver<Node>),
    /// Told so, and then cut.
    Refused(Node),
    /// Cut without a word.
    Cut,
}

impl Core {
    pub fn new(state: State, identity: Identity) -> Self {
        let (updates, _) = broadcast::channel(UPDATES_MAX);
        Self(Arc::new(Inner { state: Mutex::new(state), identity, updates, behind: Notify::new() }))
    }

    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// One step: what is done, and what phones do about it, happens before anything else does. Only if they have much to
    /// do, part of it comes later.
    pub fn step<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has to do with something else does not do that work.
        let at_most = if state.phones.is_behind() { 0 } else { ANSWERED_MAX };
        let outcome = work(&mut state);
        self.answer(&mut state, at_most);
        outcome
    }

    fn answer(&self, state: &mut State, at_most: usize) {
        phone::answer(state, at_most);
        if state.phones.is_behind() {
            self.0.behind.notify_one();
        }
        for update in std::mem::take(&mut state.updates) {
            // Nobody listens: nobody is told.
            let _ = self.0.updates.send(update);
        }
    }

    /// Lets phones work off what is left of large steps. Never ends.
    pub async fn work_off(&self) {
        loop {
            self.0.behind.notified().await;
            self.answer(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner), ANSWERED_MAX);
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.0.updates.subscribe()
    }

    /// A connection proved its Noise key and said who it is.
    pub fn log_in(&self, noise: [u8; 32], payload: wa::ClientPayload) -> Login {
        self.step(|state| log_in(state, noise, payload))
    }

    pub fn receive(&self, from: DeviceId, stanza: Node) {
        self.step(|state| {
            if state.faults.is_deaf(from) {
                return;
            }
            // It may have been unlinked while the stanza was on its way.
            if state.devices.contains_key(&from) {
                stanza::receive(state, from, stanza);
            }
        });
    }

    pub fn receive_unlinked(&self, from: PairingId, stanza: &Node) {
        self.step(|state| pairing::receive(state, from, stanza));
    }

    /// A linked device's connection ended. A newer one of the same device is left alone.
    pub fn close(&self, device: DeviceId, link: u64) {
        self.step(|state| {
            if state.outlets.get(&device).is_some_and(|outlet| outlet.number == link) {
                state.outlets.remove(&device);
                stanza::presence::announce(state, device.number);
            }
            state.changed(Update::Network);
            state.changed(Update::Phone { number: device.number.to_string() });
        });
    }

    pub fn close_unlinked(&self, pairing: PairingId) {
        self.step(|state| {
            pairing::close(state, pairing);
            state.changed(Update::Screens);
        });
    }

    /// Waits for an answer that a device owes a phone.
    pub async fn answered<T>(&self, answer: tokio::sync::oneshot::Receiver<T>, within: Duration) -> Result<T> {
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // The device's connection ended before it answered.
            Ok(Err(_)) => Err(Error::NobodyWaits),
            Err(_) => Err(Error::TimedOut),
        }
    }
}

fn log_in(state: &mut State, noise: [u8; 32], payload: wa::ClientPayload) -> Login {
    let Some(username) = payload.username else {
        let registration = payload.device_pairing_data.into_option().and_then(|data| Registration::read(noise, data));
        let Some(registration) = registration else {
            state.counters.count("login refused: no registration");
            return Login::Refused(failure(400));
        };
        let (pairing, stanzas) = pairing::open(state, registration);
        state.counters.count("login unlinked");
        return Login::Unlinked(pairing, stanzas);
    };
    let claimed = (username, payload.device.unwrap_or_default());
    let known = state.by_noise.get(&noise).copied();
    let Some(device) = known.filter(|id| (u64::from_be_bytes(id.number.key()), u32::from(id.device)) == claimed) else {
        state.counters.count("login refused: not a device of this account");
        return Login::Refused(failure(401));
    };
    if let Some(kind) = state.faults.refuse_login(device) {
        return match kind {
            Kind::Ban => {
                let left = state.faults.ban_left(device.number).as_secs();
                Login::Refused(node("failure").attr("reason", 402).attr("code", 101).attr("expire", left).build())
            }
            Kind::Outdated => Login::Refused(failure(405)),
            _ => Login::Cut,
        };
    }
    if let Some(old) = state.outlets.remove(&device) {
        let replaced = node("conflict").attr("type", "replaced").build();
        let _ = old.stanzas.try_send(node("stream:error").children([replaced]).build());
    }
    let number = state.next_link;
    state.next_link += 1;
    let (outlet, link) = link::open(number);
    state.outlets.insert(device, outlet);
    state.queues.entry(device).or_default().rewind();
    let mut success = node("success").attr("t", crate::now()).attr("location", "sbx").attr("creation", 0);
    if let Some(account) = state.accounts.get(&device.number) {
        success = success.attr("lid", device.lid_jid(account)).attr("display_name", account.name.as_str());
    }
    state.tell(device, success.build());
    state.counters.count("login");
    if payload.passive == Some(false) {
        stanza::offline::begin(state, device);
    }
    state.changed(Update::Network);
    state.changed(Update::Phone { number: device.number.to_string() });
    Login::Linked(device, link)
}

fn failure(reason: u16) -> Node {
    node("failure").attr("reason", reason).attr("location", "sbx").build()
}
