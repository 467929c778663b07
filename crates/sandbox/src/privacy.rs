//! Who is shown what of an account. An account's contacts are the numbers in its phone's address book.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::{
    account::{Account, Number},
    state::State,
};

/// The value that shows something to all contacts but some.
pub(crate) const ALL_CONTACTS_BUT: &str = "contact_blacklist";
const AUDIENCE: &[&str] = &["all", "contacts", ALL_CONTACTS_BUT, "none"];
/// Contacts that one setting may leave out.
const EXCEPTED_MAX: usize = 5_000;

/// Something that an account shows, and to whom if nothing was set.
pub(crate) struct Category {
    pub name: &'static str,
    pub default: &'static str,
    values: &'static [&'static str],
}

/// `messages` decides whose messages arrive. `defense` and `stickers` are kept and told, and change nothing here.
pub(crate) const CATEGORIES: [Category; 10] = [
    Category { name: "last", default: "all", values: AUDIENCE },
    Category { name: "online", default: "all", values: &["all", "match_last_seen"] },
    Category { name: "profile", default: "all", values: AUDIENCE },
    Category { name: "status", default: "all", values: AUDIENCE },
    Category { name: "groupadd", default: "all", values: AUDIENCE },
    Category { name: "readreceipts", default: "all", values: &["all", "none"] },
    Category { name: "calladd", default: "all", values: &["all", "known", "contacts"] },
    Category { name: "messages", default: "all", values: &["all", "contacts"] },
    Category { name: "defense", default: "off", values: &["off", "on_standard"] },
    Category { name: "stickers", default: "contacts", values: &["contacts", "contact_allowlist", "none"] },
];

pub(crate) fn category(name: &str) -> Option<&'static Category> {
    CATEGORIES.iter().find(|category| category.name == name)
}

impl Category {
    pub fn takes(&self, value: &str) -> bool {
        self.values.contains(&value)
    }

    pub fn of(&self, account: &Account) -> String {
        account.privacy.get(self.name).map_or_else(|| self.default.to_owned(), Clone::clone)
    }
}

/// Whether somebody is shown that of somebody.
pub(crate) fn shows(state: &State, owner: Number, what: &str, viewer: Number) -> bool {
    let (Some(account), Some(category)) = (state.accounts.get(&owner), category(what)) else { return false };
    if owner == viewer {
        return true;
    }
    let contact = account.contacts.contains_key(&viewer);
    let excepted = || account.excepted.get(what).is_some_and(|people| people.contains(&viewer));
    !account.blocked.contains(&viewer)
        && match category.of(account).as_str() {
            "all" => true,
            "contacts" => contact,
            ALL_CONTACTS_BUT => contact && !excepted(),
            "known" => contact || state.peers(owner).contains(&viewer),
            "match_last_seen" => shows(state, owner, "last", viewer),
            _ => false,
        }
}

/// Who is told when that changes: those who know the account, and are shown it.
pub(crate) fn audience(state: &State, owner: Number, what: &str) -> Vec<Number> {
    let mut people = knowing(state, owner);
    people.retain(|viewer| shows(state, owner, what, *viewer));
    people
}

/// Those who have a chat with the account or have its number, and do not block it.
pub(crate) fn knowing(state: &State, owner: Number) -> Vec<Number> {
    let knows = |account: &&Account| account.contacts.contains_key(&owner);
    let mut people: BTreeSet<Number> = state.accounts.values().filter(knows).map(|account| account.number).collect();
    people.extend(state.peers(owner));
    people.remove(&owner);
    people.retain(|viewer| !state.accounts.get(viewer).is_some_and(|account| account.blocked.contains(&owner)));
    people.into_iter().collect()
}

/// The version of a list of people, by which two devices notice that they change it at once.
pub(crate) fn version(people: &BTreeSet<Number>) -> String {
    let mut hash = Sha256::new();
    for number in people {
        hash.update(number.key());
    }
    let whole = hash.finalize();
    u64::from_be_bytes(*whole.first_chunk().expect("SHA-256 has 32 bytes")).to_string()
}

/// Changes who is left out. False: too many.
pub(crate) fn except(account: &mut Account, what: &str, add: &BTreeSet<Number>, remove: &BTreeSet<Number>) -> bool {
    let people = account.excepted.entry(what.to_owned()).or_default();
    if people.union(add).count() > EXCEPTED_MAX {
        return false;
    }
    people.extend(add);
    people.retain(|number| !remove.contains(number));
    true
}
