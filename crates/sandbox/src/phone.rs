//! Virtual phones: each is its account's primary device, with its own keys, Signal sessions and messages. It opens what
//! it gets and seals what it sends; the network sees the same stanzas from it as from any device.
//!
//! A phone has no socket. What it is told lands in an inbox, and is worked off in the same step, or in the
//! next ones if it is much ([`answer`]).

pub(crate) mod adv;
pub(crate) mod app_state;
pub(crate) mod calls;
pub(crate) mod chat;
mod content;
pub(crate) mod files;
mod film;
mod greeting;
mod handset;
mod history;
mod inbound;
mod keys;
pub(crate) mod link;
mod linking_code;
mod media_retry;
mod messages;
pub(crate) mod outbound;
pub(crate) mod passkey;
pub(crate) mod person;
pub(crate) mod picture;
mod receipts;
mod sender_keys;
mod signal;
pub(crate) mod sound;
#[cfg(test)]
mod tests;
mod to_many;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wacore_binary::Node;
use wago_contract::phone as shape;

pub(crate) use greeting::{greet, sign_key_indexes};
pub(crate) use handset::Handset;

use crate::{
    Error, Result,
    account::{Account, Disappearing, Number},
    device::DeviceId,
    journal::Tables,
    pairing, stanza,
    stanza::read::{Read as _, node},
    state::{State, Update},
};

/// More phones than this are no use to anyone, and would fill the memory.
const PHONES_MAX: usize = 20_000;
const NAME_CHARACTERS_MAX: usize = 100;

#[derive(Default)]
pub(crate) struct Phones {
    handsets: BTreeMap<Number, Handset>,
    inbox: VecDeque<(Number, Node)>,
    /// Answers to what a phone just said: it waits for them.
    answers: VecDeque<(Number, Node)>,
    /// A person is looking at it.
    pub available: BTreeSet<Number>,
}

impl Phones {
    pub fn restore(tables: &Tables) -> Self {
        Self { handsets: handset::restore(tables), ..Self::default() }
    }

    pub fn numbers(&self) -> Vec<Number> {
        self.handsets.keys().copied().collect()
    }

    pub fn get(&self, number: Number) -> Result<&Handset> {
        self.handsets.get(&number).ok_or(Error::UnknownPhone)
    }

    /// It hears it soon: [`answer`].
    pub fn tell(&mut self, number: Number, stanza: Node) -> bool {
        let answer = matches!(stanza.tag.as_ref(), "ack" | "iq");
        let inbox = if answer { &mut self.answers } else { &mut self.inbox };
        inbox.push_back((number, stanza));
        true
    }

    /// Something was told that no phone has heard yet.
    pub fn is_behind(&self) -> bool {
        !(self.answers.is_empty() && self.inbox.is_empty())
    }
}

/// Phones work off what they were told, and what follows from that: all answers, and so many of other stanzas.
pub(crate) fn answer(state: &mut State, at_most: usize) {
    let mut left = at_most;
    loop {
        let next = match state.phones.answers.pop_front() {
            Some(next) => next,
            None if left == 0 => return,
            None => match state.phones.inbox.pop_front() {
                Some(next) => {
                    left -= 1;
                    next
                }
                None => return,
            },
        };
        // A phone that is unknown is no longer there.
        let _ = with(state, next.0, |phone, state| inbound::receive(phone, state, next.1));
    }
}

/// Until all is quiet.
#[cfg(test)]
pub(crate) fn answer_all(state: &mut State) {
    answer(state, usize::MAX);
}

/// A phone at work. What it says meanwhile is answered into its inbox.
pub(crate) fn with<T>(
    state: &mut State,
    number: Number,
    work: impl FnOnce(&mut Handset, &mut State) -> T,
) -> Result<T> {
    let mut phone = state.phones.handsets.remove(&number).ok_or(Error::UnknownPhone)?;
    let outcome = work(&mut phone, state);
    if phone.keep(&state.journal) {
        state.changed(Update::Phone { number: number.to_string() });
    }
    state.phones.handsets.insert(number, phone);
    Ok(outcome)
}

/// What a phone says to the network. All that it follows from is kept first.
fn say(phone: &mut Handset, state: &mut State, stanza: Node) {
    if phone.keep(&state.journal) {
        state.changed(Update::Phone { number: phone.number.to_string() });
    }
    stanza::receive(state, DeviceId::phone(phone.number), stanza);
}

/// Asks the network something. Its answer comes at once.
fn ask(phone: &mut Handset, state: &mut State, question: Node) -> Option<Node> {
    let id = question.text("id")?;
    say(phone, state, question);
    let answers = &mut state.phones.answers;
    let at = answers.iter().rposition(|(number, answer)| {
        *number == phone.number && answer.tag == "iq" && answer.text("id").as_deref() == Some(&id)
    })?;
    answers.remove(at).map(|(_, answer)| answer)
}

/// A new phone with a new account.
pub(crate) fn create(state: &mut State, number: &str, name: &str) -> Result<shape::Phone> {
    let number = Number::parse(number).ok_or(Error::Invalid {
        field: "number",
        expected: "must be a phone number of 5 to 15 digits that does not begin with 0",
    })?;
    check_name(name)?;
    if state.accounts.contains_key(&number) {
        return Err(Error::PhoneExists);
    }
    if state.accounts.len() >= PHONES_MAX {
        return Err(Error::Invalid { field: "number", expected: "is one too many: the network has 20,000 phones" });
    }
    let name = if name.trim().is_empty() { number.to_string() } else { name.trim().to_owned() };
    let mut phone = Handset::new(number);
    let account = Account {
        number,
        lid: free_lid(state, number),
        name,
        key: phone.keys.public(),
        key_indexes: Vec::new(),
        next_device: 0,
        about: "Hey there! I am using WhatsApp.".to_owned(),
        about_at: crate::now(),
        blocked: BTreeSet::new(),
        privacy: BTreeMap::new(),
        excepted: BTreeMap::new(),
        contacts: BTreeMap::new(),
        disappearing: Disappearing::default(),
    };
    state.keep_account(account);
    state.add_device(DeviceId::phone(number), phone.device());
    let upload = phone.upload(state);
    state.phones.handsets.insert(number, phone);
    with(state, number, |phone, state| say(phone, state, upload))?;
    sign_key_indexes(state, number);
    state.changed(Update::Phone { number: number.to_string() });
    describe(state, number)
}

/// Of a person or a device.
fn check_name(name: &str) -> Result<()> {
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(Error::Invalid { field: "name", expected: "must have at most 100 characters" });
    }
    Ok(())
}

/// The phone is set up anew: its account gets a new key, its linked devices are gone, and those who write to it are told.
pub(crate) fn reinstall(state: &mut State, number: Number) -> Result<shape::Phone> {
    let phone = state.phones.handsets.remove(&number).ok_or(Error::UnknownPhone)?;
    let mut phone = phone.reinstalled(&state.journal);
    let (key, device, upload) = (phone.keys.public(), phone.device(), phone.upload(state));
    state.phones.handsets.insert(number, phone);
    let companions: Vec<DeviceId> = state.devices_of(number).map(|(id, _)| id).filter(|id| !id.is_phone()).collect();
    for companion in companions {
        pairing::unlink(state, companion);
    }
    state.remove_device(DeviceId::phone(number));
    // What was set on the old one was sealed with its key.
    state.collections.forget(number, &state.journal);
    state.change_account(number, |account| account.key = key);
    state.add_device(DeviceId::phone(number), device);
    with(state, number, |phone, state| say(phone, state, upload))?;
    sign_key_indexes(state, number);
    state.counters.count("phone reinstalled");
    let Some(jid) = state.accounts.get(&number).map(Account::jid) else { return Err(Error::UnknownPhone) };
    for peer in state.acquaintances(number) {
        for device in state.devices_of(peer).map(|(id, _)| id).collect::<Vec<_>>() {
            let notification = node("notification")
                .attr("from", &jid)
                .attr("type", "encrypt")
                .attr("id", state.random_id())
                .attr("t", crate::now())
                .children([node("identity").build()]);
            state.deliver(device, notification.build());
        }
    }
    describe(state, number)
}

/// Follows from the number, so that networks made alike are alike, and does not show it.
fn free_lid(state: &State, number: Number) -> u64 {
    const FIRST: u64 = 100_000_000_000_000;
    let mut lid = FIRST + u64::from_be_bytes(number.key()).wrapping_mul(0x9E37_79B9_7F4A_7C15) % (9 * FIRST);
    while state.lids.contains_key(&lid) {
        lid = FIRST + (lid + 1) % (9 * FIRST);
    }
    lid
}

pub(crate) fn describe(state: &State, number: Number) -> Result<shape::Phone> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    let phone = state.phones.get(number)?;
    Ok(shape::Phone {
        number: number.to_string(),
        jid: account.jid().to_string(),
        lid: account.lid_jid().to_string(),
        name: account.name.clone(),
        unread: phone.messages.unread_count(),
    })
}

/// The phone itself and what is linked to it.
pub(crate) fn devices(state: &State, number: Number) -> Result<Vec<shape::Device>> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    let device = |(id, device): (DeviceId, &crate::device::Device)| shape::Device {
        id: id.device,
        jid: id.jid().to_string(),
        lid: id.lid_jid(account).to_string(),
        name: device.platform.clone(),
        online: id.is_phone() || state.outlets.contains_key(&id),
    };
    Ok(state.devices_of(number).map(device).collect())
}
