//! Who is who: a person's phone number and LID.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use wacore_binary::{Jid, JidExt as _};
use whatsapp_rust::Client;

use super::{jid::chat_key, message::text};

/// What an event does not tell itself.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub names: &'a dyn Names,
    pub now: DateTime<Utc>,
}

pub trait Names: Send + Sync {
    /// The other identity of a person, if it is known: the LID of a phone number's JID or the other way round.
    fn other(&self, jid: &Jid) -> Option<Jid>;
    /// Whether it is the account itself, on whatever device.
    fn is_own(&self, jid: &Jid) -> bool;
    /// What the account is called.
    fn own_name(&self) -> String;
}

/// Persons of whom the engine knew one identity only, for a while.
///
/// It would look for the other in the store, each time anew.
#[derive(Default)]
pub struct Unknown(Mutex<(Option<Instant>, HashSet<String>)>);

/// How long a person stays unknown, and how many can be at a time; then all are looked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
const UNKNOWN_MAX: usize = 4_096;

impl Unknown {
    fn has(&self, jid: &Jid) -> bool {
        let mut unknown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, users) = &mut *unknown;
        if since.is_some_and(|since| since.elapsed() > UNKNOWN_FOR) || users.len() >= UNKNOWN_MAX {
            (*since, *users) = (None, HashSet::new());
        }
        users.contains(jid.user.as_str())
    }

    fn add(&self, jid: &Jid) {
        let mut unknown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.0.get_or_insert_with(Instant::now);
        unknown.1.insert(jid.user.to_string());
    }
}

/// What the engine has in memory, where it puts all that it learns.
pub struct Known {
    pub client: Arc<Client>,
    pub unknown: Arc<Unknown>,
}

impl Names for Known {
    /// It must not be waited for: what is said to WhatsApp waits until the event is stored, and asking WhatsApp would wait
    /// for itself.
    fn other(&self, jid: &Jid) -> Option<Jid> {
        if !(jid.is_pn() || jid.is_lid()) || self.unknown.has(jid) {
            return None;
        }
        let Some(Ok(Some(entry))) = self.client.get_lid_pn_entry(jid).now_or_never() else {
            self.unknown.add(jid);
            return None;
        };
        let other = if jid.is_lid() { Jid::pn(&*entry.phone_number) } else { Jid::lid(&*entry.lid) };
        Some(if jid.device == 0 { other } else { other.with_device(jid.device) })
    }

    fn is_own(&self, jid: &Jid) -> bool {
        let own = if jid.is_lid() { self.client.lid() } else { self.client.pn() };
        own.is_some_and(|own| own.is_same_user_as(jid))
    }

    fn own_name(&self) -> String {
        self.client.persistence_manager().get_device_snapshot().push_name.clone()
    }
}

impl Around<'_> {
    /// The other identity, as the event told it or else as it is known. Empty if it is neither.
    pub fn alt(&self, jid: &Jid, told: Option<&Jid>) -> String {
        match told {
            Some(told) => told.to_string(),
            None => text(self.names.other(jid).as_ref()),
        }
    }

    /// The chat that an event belongs to, by the phone number where that is known.
    pub fn chat(&self, chat: &Jid, told: Option<&Jid>) -> String {
        let known = if chat.is_lid() && told.is_none() { self.names.other(chat) } else { None };
        chat_key(chat, told.or(known.as_ref()))
    }
}

/// Nobody is known.
#[cfg(test)]
pub struct Nobody;

#[cfg(test)]
impl Names for Nobody {
    fn other(&self, _: &Jid) -> Option<Jid> {
        None
    }

    fn is_own(&self, _: &Jid) -> bool {
        false
    }

    fn own_name(&self) -> String {
        "Old".to_owned()
    }
}

/// One person is known: 5511999999999, who is 100000012345678.
#[cfg(test)]
pub struct Ana;

#[cfg(test)]
impl Names for Ana {
    fn other(&self, jid: &Jid) -> Option<Jid> {
        let other = match (jid.user.as_str(), jid.is_lid()) {
            ("5511999999999", false) => Jid::lid("100000012345678"),
            ("100000012345678", true) => Jid::pn("5511999999999"),
            _ => return None,
        };
        Some(if jid.device == 0 { other } else { other.with_device(jid.device) })
    }

    fn is_own(&self, _: &Jid) -> bool {
        false
    }

    fn own_name(&self) -> String {
        "Old".to_owned()
    }
}

/// The moment at which tests happen.
#[cfg(test)]
pub fn around(names: &dyn Names) -> Around<'_> {
    Around { names, now: DateTime::from_timestamp(1_700_000_000, 0).expect("a time within range") }
}
