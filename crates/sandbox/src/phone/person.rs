//! What a person does at a phone about others, and about what others see.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use wacore_binary::{Jid, Server};
use wago_contract::phone::{Block, person as shape};

use super::outbound::{person, recipient};
use crate::{
    Error, Result,
    account::Number,
    device::DeviceId,
    group::{GroupId, act::Refused},
    pictures::direct_path,
    privacy::{self, ALL_CONTACTS_BUT},
    stanza::{
        about, blocklist,
        pictures::{self, Owner},
        presence,
        privacy::{Change, apply},
    },
    state::State,
};

/// Numbers in an address book.
const CONTACTS_MAX: usize = 10_000;
const NAME_CHARACTERS_MAX: usize = 100;

fn told(refused: Refused) -> Error {
    Error::RefusedAs { code: refused.0, word: refused.text() }
}

pub(crate) fn block(state: &mut State, number: Number, request: &Block) -> Result<()> {
    let who = recipient(state, "who", request.who.as_deref())?;
    let block = request.blocked.unwrap_or(true);
    blocklist::set_blocked(state, DeviceId::phone(number), who, block).map_err(told)
}

/// The own picture, or that of a group.
pub(crate) fn set_picture(state: &mut State, number: Number, request: &shape::SetPicture) -> Result<shape::Picture> {
    let owner = match &request.group {
        None => Owner::Person(number),
        Some(group) => GroupId::parse(group.strip_suffix("@g.us").unwrap_or(group))
            .and_then(|id| state.groups.get(id))
            .map(|group| Owner::Group(group.id))
            .ok_or(Error::UnknownGroup)?,
    };
    let text = request.picture.as_deref().unwrap_or_default();
    let new = match text {
        "" => None,
        url => {
            let bytes = url.strip_prefix("data:image/jpeg;base64,").and_then(|text| BASE64_STANDARD.decode(text).ok());
            let expected = "must be a data URL of a JPEG, or empty";
            Some((bytes.ok_or(Error::Invalid { field: "picture", expected })?, None))
        }
    };
    let id = pictures::change_picture(state, DeviceId::phone(number), owner, new).map_err(told)?;
    Ok(shape::Picture { id: id.map(|id| id.to_string()) })
}

pub(crate) fn set_about(state: &mut State, number: Number, request: &shape::SetAbout) -> Result<()> {
    let about = request.about.as_deref().ok_or(Error::Invalid { field: "about", expected: "is missing" })?;
    about::set_about(state, DeviceId::phone(number), about).map_err(told)
}

pub(crate) fn set_privacy(state: &mut State, number: Number, request: &shape::SetPrivacy) -> Result<()> {
    let category = request.name.as_deref().and_then(privacy::category);
    let category =
        category.ok_or(Error::Invalid { field: "name", expected: "must be one of WhatsApp's categories" })?;
    let value = request.value.clone().unwrap_or_else(|| ALL_CONTACTS_BUT.to_owned());
    if !category.takes(&value) {
        return Err(Error::Invalid { field: "value", expected: "must be one that the category has" });
    }
    let mut change = Change { category, value, add: Default::default(), remove: Default::default() };
    if let Some(except) = &request.except {
        let before = state.accounts.get(&number).and_then(|account| account.excepted.get(category.name)).cloned();
        for who in except {
            change.add.insert(recipient(state, "except", Some(who))?);
        }
        change.remove = before.unwrap_or_default().difference(&change.add).copied().collect();
    }
    apply(state, DeviceId::phone(number), change).map_err(told)?;
    Ok(())
}

pub(crate) fn blocked(state: &State, number: Number) -> Result<Vec<String>> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    Ok(account.blocked.iter().map(|who| person(*who)).collect())
}

/// All settings of privacy, also those that nobody changed.
pub(crate) fn settings(state: &State, number: Number) -> Result<Vec<shape::Privacy>> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    let setting = |category: &privacy::Category| {
        let value = category.of(account);
        let left_out = account.excepted.get(category.name).filter(|_| value == ALL_CONTACTS_BUT);
        let except = left_out.into_iter().flatten().map(|who| person(*who)).collect();
        shape::Privacy { name: category.name.to_owned(), value, except }
    };
    Ok(privacy::CATEGORIES.iter().map(setting).collect())
}

/// Puts a number into the address book, or takes it out if it has no name.
pub(crate) fn set_contact(state: &mut State, number: Number, request: &shape::Contact) -> Result<()> {
    let expected = "must be a phone number of 5 to 15 digits that does not begin with 0";
    let who = Number::parse(&request.number).ok_or(Error::Invalid { field: "number", expected })?;
    let name = request.name.trim().to_owned();
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(Error::Invalid { field: "name", expected: "must have at most 100 characters" });
    }
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    if account.contacts.len() >= CONTACTS_MAX && !account.contacts.contains_key(&who) {
        return Err(Error::Invalid { field: "number", expected: "is one too many: there are 10,000 contacts" });
    }
    if account.contacts.get(&who).map_or("", String::as_str) == name {
        return Ok(());
    }
    keep_contact(state, number, who, &name);
    super::with(state, number, |phone, state| super::app_state::contact(phone, state, who))?
}

/// Whoever of the account's devices wrote it. Those beyond the bound are not kept.
pub(super) fn keep_contact(state: &mut State, owner: Number, who: Number, name: &str) {
    let Some(account) = state.accounts.get(&owner) else { return };
    let known = account.contacts.get(&who).map(String::as_str);
    let full = account.contacts.len() >= CONTACTS_MAX && known.is_none();
    if full || known.unwrap_or_default() == name {
        return;
    }
    state.change_account(owner, |account| match name.is_empty() {
        true => account.contacts.remove(&who),
        false => account.contacts.insert(who, name.to_owned()),
    });
}

/// The number behind a person's JID, which need not be on the network.
pub(super) fn number(state: &State, jid: &Jid) -> Option<Number> {
    match jid.server {
        Server::Pn => Number::parse(&jid.user),
        _ => state.account_of(jid).map(|account| account.number),
    }
}

pub(crate) fn contacts(state: &State, number: Number) -> Result<Vec<shape::Contact>> {
    let account = state.accounts.get(&number).ok_or(Error::UnknownPhone)?;
    let contact =
        |(number, name): (&Number, &String)| shape::Contact { number: number.to_string(), name: name.clone() };
    Ok(account.contacts.iter().map(contact).collect())
}

/// A person as another sees it.
pub(crate) fn look(state: &State, viewer: Number, who: &str) -> Result<shape::Person> {
    let number = recipient(state, "who", Some(who))?;
    let account = state.accounts.get(&number).ok_or(Error::UnknownRecipient)?;
    let picture = pictures::seen(state, Owner::Person(number), viewer).ok();
    let presence::Glimpse { there, last } = presence::glimpse(state, number, viewer);
    Ok(shape::Person {
        jid: account.jid().to_string(),
        lid: account.lid_jid().to_string(),
        name: account.name.clone(),
        about: privacy::shows(state, number, "status", viewer).then(|| account.about.clone()),
        picture: picture.map(|picture| direct_path(&picture.large)),
        available: there,
        last_seen: last.flatten(),
    })
}
