//! The calls of more than two that go on, as the network knows them: who was asked to join, who is in, and how often that
//! changed. Like the others they do not outlive it.

use std::collections::BTreeMap;

use wacore_binary::Node;

use crate::{account::Number, device::DeviceId, group::GroupId};

/// People in a call, who called included; clients count them, too.
pub(crate) const MEMBERS_MAX: usize = wacore::types::group_call::GROUP_CALL_MAX_PARTICIPANTS;
/// Calls at a time; one more is refused.
const CALLS_MAX: usize = 1_024;

/// How far somebody has come. Of the words only that for who is in it is known from WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Invited,
    Ringing,
    Connected,
    Rejected,
    Left,
}

impl Part {
    pub fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Ringing => "ringing",
            Self::Connected => "connected",
            Self::Rejected => "rejected",
            Self::Left => "left",
        }
    }

    /// It may still come.
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::Invited | Self::Ringing)
    }
}

pub(crate) struct Member {
    pub number: Number,
    pub part: Part,
    /// Those that ring; the one that is in it, once it is.
    pub devices: Vec<DeviceId>,
}

pub(crate) struct GroupCall {
    pub creator: DeviceId,
    /// The group that is called, if it is one.
    pub group: Option<GroupId>,
    pub video: bool,
    /// Grows with each change: who is told of one after a later one drops it.
    pub transaction: u32,
    /// In the order in which they were asked.
    pub members: Vec<Member>,
    /// What devices said that they can do.
    pub capabilities: BTreeMap<DeviceId, Node>,
}

impl GroupCall {
    pub fn member(&mut self, number: Number) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.number == number)
    }

    pub fn part(&self, number: Number) -> Option<Part> {
        self.members.iter().find(|member| member.number == number).map(|member| member.part)
    }

    pub fn connected(&self) -> Vec<DeviceId> {
        let members = self.members.iter().filter(|member| member.part == Part::Connected);
        members.flat_map(|member| member.devices.iter().copied()).collect()
    }

    pub fn is_in(&self, device: DeviceId) -> bool {
        self.connected().contains(&device)
    }

    /// Nobody is left to talk to, and nobody may come.
    pub fn is_deserted(&self) -> bool {
        self.connected().len() < 2 && !self.members.iter().any(|member| member.part.is_awaited())
    }
}

#[derive(Default)]
pub(crate) struct GroupCalls(BTreeMap<String, GroupCall>);

impl GroupCalls {
    /// False: there are too many, or one of that id.
    pub fn begin(&mut self, id: &str, call: GroupCall) -> bool {
        if self.0.len() >= CALLS_MAX || self.0.contains_key(id) {
            return false;
        }
        self.0.insert(id.to_owned(), call);
        true
    }

    pub fn get(&self, id: &str) -> Option<&GroupCall> {
        self.0.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut GroupCall> {
        self.0.get_mut(id)
    }

    pub fn end(&mut self, id: &str) -> Option<GroupCall> {
        self.0.remove(id)
    }
}
