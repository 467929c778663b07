//! Groups: who is in them, as what, and by which rules. [`act`] is what people do there, [`notice`] how others hear of it.

pub(crate) mod act;
pub(crate) mod admission;
pub(crate) mod community;
pub(crate) mod notice;
pub(crate) mod setting;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

use crate::{account::Number, device::DeviceId, journal::Tables, state::State};
use community::{Community, Place};

const GROUP: &str = "group";
const MEMBER: &str = "group-member";
/// What a group's id begins with, and the room behind it.
const FIRST: u64 = 120_363_000_000_000_000;
const ROOM: u64 = 1_000_000_000_000;
/// Invite links that were reset and are still told from ones that never were.
const RESET_CODES_MAX: usize = 100;

/// The digits in front of `@g.us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct GroupId(u64);

impl GroupId {
    /// `None`: this is no group's JID.
    pub fn of(jid: &Jid) -> Option<Self> {
        (jid.server == Server::Group).then(|| Self::parse(&jid.user)).flatten()
    }

    pub fn parse(digits: &str) -> Option<Self> {
        let id = digits.parse().ok().map(Self)?;
        (id.0.to_string() == digits).then_some(id)
    }

    pub fn jid(self) -> Jid {
        Jid::group(self.0.to_string())
    }

    fn key(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Member,
    Admin,
    /// Who made the group: nobody can take it from them.
    SuperAdmin,
}

impl Role {
    pub fn is_admin(self) -> bool {
        self != Self::Member
    }

    /// As in a stanza, where a mere member has none.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::SuperAdmin => Some("superadmin"),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Member {
    pub role: Role,
    /// Unix seconds.
    pub joined: u64,
}

/// Something that was written for all, by whom and when (unix seconds).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Written {
    pub text: String,
    pub by: Number,
    pub at: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Chosen by who wrote it; the next one names it, so that two who write at once notice.
    pub id: String,
    #[serde(flatten)]
    pub written: Written,
}

/// How somebody came to ask for admission.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    InviteLink,
    NonAdminAdd,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Self::InviteLink => "invite_link",
            Self::NonAdminAdd => "non_admin_add",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Unix seconds.
    pub at: u64,
    pub method: Method,
    /// Who asked: the person itself, or a member for it.
    pub by: Number,
}

/// Somebody who may not be added, and may come by a code that an admin sends.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub code: String,
    pub admin: Number,
    /// Unix seconds.
    pub expires: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub id: GroupId,
    pub creator: Number,
    /// Unix seconds.
    pub created: u64,
    pub subject: Written,
    pub description: Option<Description>,
    /// Only admins write.
    pub announce: bool,
    /// Only admins change what the group is called and says of itself.
    pub locked: bool,
    /// Seconds after which messages disappear; 0: they stay.
    pub ephemeral: u32,
    /// Admins let people in who come by a link.
    pub approval: bool,
    /// Only admins add people.
    pub admins_add: bool,
    /// The link's code, once somebody asked for it.
    pub invite: Option<String>,
    /// Codes of earlier links.
    pub reset: Vec<String>,
    pub requests: BTreeMap<Number, Request>,
    pub invitations: BTreeMap<Number, Invitation>,
    /// Who was removed by an admin: no link lets them in again.
    pub removed: BTreeSet<Number>,
    /// Who left, and when (unix seconds): for a while they cannot be added.
    pub left: BTreeMap<Number, u64>,
    /// It is a community: what is said is said in the groups that belong to it.
    #[serde(default)]
    pub community: Option<Community>,
    /// The community that it belongs to.
    #[serde(default)]
    pub place: Option<Place>,
    /// In rows of their own, since there are many.
    #[serde(skip)]
    pub members: BTreeMap<Number, Member>,
}

impl Group {
    pub fn new(id: GroupId, creator: Number, subject: String, now: u64) -> Self {
        Self {
            id,
            creator,
            created: now,
            subject: Written { text: subject, by: creator, at: now },
            description: None,
            announce: false,
            locked: false,
            ephemeral: 0,
            approval: false,
            admins_add: false,
            invite: None,
            reset: Vec::new(),
            requests: BTreeMap::new(),
            invitations: BTreeMap::new(),
            removed: BTreeSet::new(),
            left: BTreeMap::new(),
            community: None,
            place: None,
            members: BTreeMap::new(),
        }
    }

    pub fn is_admin(&self, number: Number) -> bool {
        self.members.get(&number).is_some_and(|member| member.role.is_admin())
    }

    pub fn numbers(&self) -> Vec<Number> {
        self.members.keys().copied().collect()
    }

    pub fn admins(&self) -> Vec<Number> {
        self.members.iter().filter(|(_, member)| member.role.is_admin()).map(|(number, _)| *number).collect()
    }
}

#[derive(Default)]
pub(crate) struct Groups {
    by_id: BTreeMap<GroupId, Group>,
    of_person: HashMap<Number, BTreeSet<GroupId>>,
    /// Which group a link leads to, or led to.
    by_code: HashMap<String, GroupId>,
}

impl Groups {
    pub fn restore(tables: &Tables) -> Self {
        let mut groups = Self::default();
        let rows = |table: &str| tables.get(table).into_iter().flatten();
        for (_, value) in rows(GROUP) {
            let Ok(group) = serde_json::from_slice::<Group>(value) else { continue };
            for code in group.invite.iter().chain(&group.reset) {
                groups.by_code.insert(code.clone(), group.id);
            }
            groups.by_id.insert(group.id, group);
        }
        for (key, value) in rows(MEMBER) {
            let row = key.split_first_chunk::<8>().and_then(|(id, number)| {
                Some((GroupId(u64::from_be_bytes(*id)), Number::from_key(number)?, serde_json::from_slice(value).ok()?))
            });
            let Some((id, number, member)) = row else { continue };
            if let Some(group) = groups.by_id.get_mut(&id) {
                group.members.insert(number, member);
                groups.of_person.entry(number).or_default().insert(id);
            }
        }
        // One that was just being made when the process died.
        groups.by_id.retain(|_, group| !group.members.is_empty());
        groups
    }

    pub fn get(&self, id: GroupId) -> Option<&Group> {
        self.by_id.get(&id)
    }

    pub fn all(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.by_id.values()
    }

    pub fn of(&self, number: Number) -> impl Iterator<Item = &Group> {
        self.of_person.get(&number).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// The group that a link's code leads to, or led to before it was reset.
    pub fn by_code(&self, code: &str) -> Option<&Group> {
        self.by_code.get(code).and_then(|id| self.by_id.get(id))
    }
}

/// Groups are changed through these alone, so that every change is kept.
impl State {
    pub fn add_group(&mut self, group: Group) {
        debug_assert!(group.members.is_empty(), "members are added one by one");
        let id = group.id;
        self.groups.by_id.insert(id, group);
        self.keep_group(id);
    }

    pub fn free_group_id(&mut self) -> GroupId {
        loop {
            let id = GroupId(FIRST + self.rng.random_range(0..ROOM));
            if !self.groups.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    fn keep_group(&mut self, id: GroupId) {
        let Some(group) = self.groups.by_id.get(&id) else { return };
        self.journal.put(GROUP, &id.key(), &serde_json::to_vec(group).expect("a group is plain data"));
    }

    /// Changes anything of a group but its members.
    pub fn change_group(&mut self, id: GroupId, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.groups.by_id.get_mut(&id) else { return };
        change(group);
        self.keep_group(id);
    }

    /// Takes somebody in, or changes the role of somebody who is in.
    pub fn put_member(&mut self, id: GroupId, number: Number, member: Member) {
        let Some(group) = self.groups.by_id.get_mut(&id) else { return };
        group.members.insert(number, member);
        self.groups.of_person.entry(number).or_default().insert(id);
        self.journal.put(
            MEMBER,
            &member_row(id, number),
            &serde_json::to_vec(&member).expect("a member is plain data"),
        );
    }

    /// A group that nobody is in any more is gone.
    pub fn drop_member(&mut self, id: GroupId, number: Number) {
        let Some(group) = self.groups.by_id.get_mut(&id) else { return };
        group.members.remove(&number);
        if let Some(groups) = self.groups.of_person.get_mut(&number) {
            groups.remove(&id);
        }
        self.journal.delete(MEMBER, &member_row(id, number));
        if group.members.is_empty()
            && let Some(group) = self.groups.by_id.remove(&id)
        {
            for code in group.invite.iter().chain(&group.reset) {
                self.groups.by_code.remove(code);
            }
            self.journal.delete(GROUP, &id.key());
        }
    }

    /// A new code for the group's link. The old one leads nowhere from now on.
    pub fn new_invite(&mut self, id: GroupId) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let code: String = (0..22).map(|_| char::from(LETTERS[self.rng.random_range(0..LETTERS.len())])).collect();
        let mut forgotten = None;
        self.change_group(id, |group| {
            group.reset.extend(group.invite.replace(code.clone()));
            if group.reset.len() > RESET_CODES_MAX {
                forgotten = Some(group.reset.remove(0));
            }
        });
        if let Some(forgotten) = forgotten {
            self.groups.by_code.remove(&forgotten);
        }
        self.groups.by_code.insert(code.clone(), id);
        code
    }

    /// Every device of every member.
    pub fn group_devices(&self, group: &Group) -> Vec<DeviceId> {
        group.members.keys().flat_map(|number| self.devices_of(*number).map(|(id, _)| id)).collect()
    }
}

fn member_row(id: GroupId, number: Number) -> Vec<u8> {
    [id.key(), number.key()].concat()
}
