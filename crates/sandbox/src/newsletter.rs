//! Newsletters, which people call channels: what their owners post, in the clear, and who follows them. [`act`] is what
//! people do there, [`notice`] how others hear of it.

pub(crate) mod act;
pub(crate) mod notice;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

use crate::{account::Number, device::DeviceId, journal::Tables, state::State};

const NEWSLETTER: &str = "newsletter";
const POST: &str = "newsletter-post";
/// What an id begins with, and the room behind it.
const FIRST: u64 = 120_363_000_000_000_000;
const ROOM: u64 = 1_000_000_000_000;
/// More are no use to anyone, and would fill the memory.
pub(crate) const NEWSLETTERS_MAX: usize = 10_000;
/// Posts that a newsletter keeps; the oldest is forgotten first.
const POSTS_MAX: usize = 1_000;
/// The first post's number.
const FIRST_POST: u64 = 100;

/// The digits in front of `@newsletter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct NewsletterId(u64);

impl NewsletterId {
    /// `None`: this is no newsletter's JID.
    pub fn of(jid: &Jid) -> Option<Self> {
        (jid.server == Server::Newsletter).then(|| jid.user.parse().ok().map(Self)).flatten()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.strip_suffix("@newsletter").unwrap_or(text).parse().ok().map(Self)
    }

    pub fn jid(self) -> Jid {
        Jid::newsletter(self.0.to_string())
    }

    fn key(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Text {
    pub text: String,
    /// Unix microseconds, which is also its id.
    pub at: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Follower {
    /// It does not want to be told of each post.
    pub muted: bool,
}

/// Something that its owner said to all.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Post {
    pub server_id: u64,
    /// Chosen by the device that sent it.
    pub id: String,
    /// Unix seconds.
    pub at: u64,
    pub kind: String,
    pub media: Option<String>,
    /// The protobuf; empty once it was taken back.
    pub body: Vec<u8>,
    pub edited: bool,
    pub revoked: bool,
    pub reactions: BTreeMap<Number, String>,
    pub views: BTreeSet<Number>,
}

impl Post {
    /// How often each reaction was given.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for reaction in self.reactions.values() {
            *counts.entry(reaction.as_str()).or_default() += 1;
        }
        counts
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Newsletter {
    pub id: NewsletterId,
    pub owner: Number,
    /// Unix seconds.
    pub created: u64,
    pub name: Text,
    pub description: Text,
    /// Where its picture lies on the media host, and its id.
    pub picture: Option<(String, u64)>,
    /// What its link ends with.
    pub invite: String,
    pub followers: BTreeMap<Number, Follower>,
    pub next_post: u64,
    /// In rows of their own.
    #[serde(skip)]
    pub posts: BTreeMap<u64, Post>,
}

#[derive(Default)]
pub(crate) struct Newsletters {
    by_id: BTreeMap<NewsletterId, Newsletter>,
    /// Devices that want to hear of reactions at once, and until when (unix seconds).
    pub live: BTreeMap<(NewsletterId, DeviceId), u64>,
}

impl Newsletters {
    pub fn restore(tables: &Tables) -> Self {
        let mut newsletters = Self::default();
        let rows = |table: &str| tables.get(table).into_iter().flatten();
        for (_, value) in rows(NEWSLETTER) {
            if let Ok(newsletter) = serde_json::from_slice::<Newsletter>(value) {
                newsletters.by_id.insert(newsletter.id, newsletter);
            }
        }
        for (key, value) in rows(POST) {
            let id = key.split_first_chunk::<8>().map(|(id, _)| NewsletterId(u64::from_be_bytes(*id)));
            if let Some(newsletter) = id.and_then(|id| newsletters.by_id.get_mut(&id))
                && let Ok(post) = serde_json::from_slice::<Post>(value)
            {
                newsletter.posts.insert(post.server_id, post);
            }
        }
        newsletters
    }

    pub fn get(&self, id: NewsletterId) -> Option<&Newsletter> {
        self.by_id.get(&id)
    }

    pub fn all(&self) -> impl ExactSizeIterator<Item = &Newsletter> {
        self.by_id.values()
    }

    /// Those that somebody owns or follows.
    pub fn of(&self, number: Number) -> impl Iterator<Item = &Newsletter> {
        self.by_id.values().filter(move |one| one.owner == number || one.followers.contains_key(&number))
    }

    pub fn by_invite(&self, invite: &str) -> Option<&Newsletter> {
        self.by_id.values().find(|one| one.invite == invite)
    }
}

/// Newsletters are changed through these alone, so that every change is kept.
impl State {
    pub fn add_newsletter(&mut self, owner: Number, name: String, description: String, at: u64) -> NewsletterId {
        let id = loop {
            let id = NewsletterId(FIRST + self.rng.random_range(0..ROOM));
            if self.newsletters.get(id).is_none() {
                break id;
            }
        };
        let invite = format!("0029Va{}", &self.random_id()[..16]);
        let text = |text| Text { text, at: at * 1_000_000 };
        let newsletter = Newsletter {
            id,
            owner,
            created: at,
            name: text(name),
            description: text(description),
            picture: None,
            invite,
            followers: BTreeMap::new(),
            next_post: FIRST_POST,
            posts: BTreeMap::new(),
        };
        self.newsletters.by_id.insert(id, newsletter);
        self.keep_newsletter(id);
        id
    }

    fn keep_newsletter(&mut self, id: NewsletterId) {
        let Some(newsletter) = self.newsletters.by_id.get(&id) else { return };
        let value = serde_json::to_vec(newsletter).expect("a newsletter is plain data");
        self.journal.put(NEWSLETTER, &id.key(), &value);
    }

    /// Changes anything of a newsletter but its posts.
    pub fn change_newsletter(&mut self, id: NewsletterId, change: impl FnOnce(&mut Newsletter)) {
        let Some(newsletter) = self.newsletters.by_id.get_mut(&id) else { return };
        change(newsletter);
        self.keep_newsletter(id);
    }

    pub fn drop_newsletter(&mut self, id: NewsletterId) {
        let Some(newsletter) = self.newsletters.by_id.remove(&id) else { return };
        for server_id in newsletter.posts.keys() {
            self.journal.delete(POST, &post_row(id, *server_id));
        }
        self.newsletters.live.retain(|(of, _), _| *of != id);
        self.journal.delete(NEWSLETTER, &id.key());
    }

    pub fn put_post(&mut self, id: NewsletterId, post: Post) {
        let Some(newsletter) = self.newsletters.by_id.get_mut(&id) else { return };
        let value = serde_json::to_vec(&post).expect("a post is plain data");
        self.journal.put(POST, &post_row(id, post.server_id), &value);
        newsletter.posts.insert(post.server_id, post);
        if newsletter.posts.len() > POSTS_MAX
            && let Some((oldest, _)) = newsletter.posts.pop_first()
        {
            self.journal.delete(POST, &post_row(id, oldest));
        }
    }
}

fn post_row(id: NewsletterId, server_id: u64) -> Vec<u8> {
    [id.key(), server_id.to_be_bytes()].concat()
}
