//! What is drawn: who does what next.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The people that Alice has to do with, by their place in [`super::act::PEOPLE`].
pub type Person = usize;
/// A chat with one of them, or (the last) with a group.
pub type Chat = usize;

pub const CHATS: usize = 4;
pub const GROUP: Chat = CHATS - 1;
const PEOPLE: usize = 3;
const LABELS: u32 = 5;
/// Of the newest messages of a chat one is chosen.
const NEWEST: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Phone,
    First,
    Second,
}

impl Who {
    pub fn session(self) -> Option<usize> {
        match self {
            Self::Phone => None,
            Self::First => Some(0),
            Self::Second => Some(1),
        }
    }
}

#[derive(Debug)]
pub enum Operation {
    Pin {
        chat: Chat,
        on: bool,
    },
    /// For so many hours, or always.
    Mute {
        chat: Chat,
        hours: Option<u32>,
    },
    Unmute {
        chat: Chat,
    },
    Archive {
        chat: Chat,
        on: bool,
    },
    MarkUnread {
        chat: Chat,
        on: bool,
    },
    Read {
        chat: Chat,
    },
    Clear {
        chat: Chat,
        starred: bool,
    },
    Delete {
        chat: Chat,
    },
    /// Somebody writes to Alice.
    Hear {
        chat: Chat,
    },
    /// Alice writes.
    Say {
        chat: Chat,
    },
    /// Messages are counted from the newest.
    Star {
        chat: Chat,
        newest: usize,
        on: bool,
    },
    DeleteMessage {
        chat: Chat,
        newest: usize,
    },
    EditLabel {
        label: u32,
        name: u32,
        color: u32,
    },
    DeleteLabel {
        label: u32,
    },
    LabelChat {
        label: u32,
        chat: Chat,
        on: bool,
    },
    LabelMessage {
        label: u32,
        chat: Chat,
        newest: usize,
        on: bool,
    },
    Subject {
        name: u32,
    },
    Topic {
        name: Option<u32>,
    },
    Announce {
        on: bool,
    },
    Locked {
        on: bool,
    },
    Ephemeral {
        seconds: u32,
    },
    /// `add`, `remove`, `promote`, `demote`.
    Member {
        action: &'static str,
        who: Person,
    },
    Privacy {
        name: &'static str,
        value: &'static str,
    },
    Block {
        who: Person,
        on: bool,
    },
    Name {
        name: u32,
    },
    About {
        about: u32,
    },
    Contact {
        who: Person,
        name: Option<u32>,
    },
}

#[derive(Debug)]
pub struct Step {
    pub who: Who,
    pub operation: Operation,
}

pub struct Draw(StdRng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Once in so many times.
    pub fn chance(&mut self, times: u32) -> bool {
        self.0.random_ratio(1, times)
    }

    /// What is done next: mostly one operation, sometimes two or three at once.
    pub fn together(&mut self, who: &[Who]) -> Vec<Step> {
        let count = if who.len() > 1 && self.chance(4) { self.0.random_range(2..=3) } else { 1 };
        (0..count)
            .map(|_| {
                let who = self.one(who);
                Step { who, operation: self.operation() }
            })
            .collect()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.random_range(0..of.len())]
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.random_range(0..end)
    }

    fn chat(&mut self) -> Chat {
        self.0.random_range(0..CHATS)
    }

    fn person(&mut self) -> Person {
        self.0.random_range(0..PEOPLE)
    }

    fn on(&mut self) -> bool {
        self.0.random()
    }

    fn newest(&mut self) -> usize {
        self.0.random_range(0..NEWEST)
    }

    fn operation(&mut self) -> Operation {
        use Operation as Op;
        match self.below(100) {
            0..6 => Op::Pin { chat: self.chat(), on: self.on() },
            6..10 => {
                let chat = self.chat();
                Op::Mute { chat, hours: self.on().then(|| self.below(1_000) + 1) }
            }
            10..13 => Op::Unmute { chat: self.chat() },
            13..19 => Op::Archive { chat: self.chat(), on: self.on() },
            19..24 => Op::MarkUnread { chat: self.chat(), on: self.on() },
            24..28 => Op::Read { chat: self.chat() },
            28..30 => Op::Clear { chat: self.chat(), starred: self.on() },
            30..32 => Op::Delete { chat: self.chat() },
            32..46 => Op::Hear { chat: self.chat() },
            46..50 => Op::Say { chat: self.chat() },
            50..56 => Op::Star { chat: self.chat(), newest: self.newest(), on: self.on() },
            56..58 => Op::DeleteMessage { chat: self.chat(), newest: self.newest() },
            58..63 => Op::EditLabel { label: self.below(LABELS), name: self.below(100), color: self.below(20) },
            63..65 => Op::DeleteLabel { label: self.below(LABELS) },
            65..71 => Op::LabelChat { label: self.below(LABELS), chat: self.chat(), on: self.on() },
            71..76 => {
                Op::LabelMessage { label: self.below(LABELS), chat: self.chat(), newest: self.newest(), on: self.on() }
            }
            76..78 => Op::Subject { name: self.below(100) },
            78..80 => Op::Topic { name: self.on().then(|| self.below(100)) },
            80..81 => Op::Announce { on: self.on() },
            81..82 => Op::Locked { on: self.on() },
            82..84 => Op::Ephemeral { seconds: self.one(&[0, 86_400, 604_800, 7_776_000]) },
            // Bob stays a member, so that the group is heard of.
            84..87 => Op::Member {
                action: self.one(&["add", "remove", "promote", "demote"]),
                who: self.0.random_range(1..PEOPLE),
            },
            87..91 => {
                let (name, value) = self.one(&[
                    ("last", "all"),
                    ("last", "contacts"),
                    ("last", "none"),
                    ("profile", "contacts"),
                    ("profile", "all"),
                    ("online", "match_last_seen"),
                    ("online", "all"),
                    ("groupadd", "contacts"),
                    ("groupadd", "none"),
                    ("calladd", "known"),
                    ("readreceipts", "none"),
                    ("readreceipts", "all"),
                ]);
                Op::Privacy { name, value }
            }
            91..94 => Op::Block { who: self.person(), on: self.on() },
            94..96 => Op::Name { name: self.below(100) },
            96..97 => Op::About { about: self.below(100) },
            _ => {
                let who = self.person();
                Op::Contact { who, name: self.on().then(|| self.below(100)) }
            }
        }
    }
}
