//! Where a message belongs: to a person, a group, or to all who see somebody's status.

use wacore_binary::{Jid, Server};

use crate::{Error, Number, Result, group::GroupId, state::State};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Chat {
    Person(Number),
    Group(GroupId),
    Status,
}

impl Chat {
    pub fn jid(self) -> Jid {
        match self {
            Self::Person(number) => Jid::pn(number.to_string()),
            Self::Group(id) => id.jid(),
            Self::Status => Jid::status_broadcast(),
        }
    }

    /// How phones and their people name it.
    pub fn name(self) -> String {
        self.jid().to_string()
    }

    /// Where a stanza from, or for, such an address belongs. `None`: to nobody known.
    pub fn of(state: &State, jid: &Jid) -> Option<Self> {
        match jid.server {
            Server::Group => GroupId::of(jid).map(Self::Group),
            Server::Broadcast => (*jid == Jid::status_broadcast()).then_some(Self::Status),
            _ => state.account_of(jid).map(|account| Self::Person(account.number)),
        }
    }

    /// What a text of a person's names: a number, or a JID of any kind.
    pub fn find(state: &State, field: &'static str, text: Option<&str>) -> Result<Self> {
        let jid = text.map(str::trim).and_then(|text| text.parse::<Jid>().ok());
        match jid.filter(|jid| matches!(jid.server, Server::Group | Server::Broadcast)) {
            None => super::outbound::recipient(state, field, text).map(Self::Person),
            Some(jid) => Self::of(state, &jid).ok_or(Error::UnknownRecipient),
        }
    }

    /// A group may be gone, and what was said there be kept.
    pub fn is_there(self, state: &State) -> bool {
        !matches!(self, Self::Group(id) if state.groups.get(id).is_none())
    }

    pub fn is_of_many(self) -> bool {
        !matches!(self, Self::Person(_))
    }
}
