//! What people do with newsletters. Each checks that they may, changes the newsletter, and tells who is to hear of it.

use super::{Follower, NEWSLETTERS_MAX, Newsletter, NewsletterId, Post, Text, notice};
use crate::{
    account::Number,
    device::DeviceId,
    media::{Found, Hash},
    pictures, refusal,
    state::State,
};

const NAME_CHARACTERS_MAX: usize = 100;
const DESCRIPTION_CHARACTERS_MAX: usize = 2_048;
/// Bytes of what is said in one post.
const BODY_BYTES_MAX: usize = 256 << 10;
/// Bytes of an emoji.
const REACTION_BYTES_MAX: usize = 64;
/// In seconds: so long a device hears of reactions after it asked to.
pub(crate) const LIVE: u64 = 300;

/// WhatsApp's code for what it does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub u16);

impl Refused {
    pub fn text(self) -> &'static str {
        refusal::word(self.0)
    }
}

/// A post as its owner hands it over.
pub(crate) struct New {
    pub id: String,
    pub kind: String,
    pub media: Option<String>,
    /// What the media host calls its file.
    pub file: Option<String>,
    pub body: Vec<u8>,
}

pub(crate) fn seen(state: &State, id: NewsletterId) -> Result<&Newsletter, Refused> {
    state.newsletters.get(id).ok_or(Refused(404))
}

fn owned(state: &State, by: Number, id: NewsletterId) -> Result<&Newsletter, Refused> {
    let newsletter = seen(state, id)?;
    if newsletter.owner == by { Ok(newsletter) } else { Err(Refused(403)) }
}

fn check_name(name: &str) -> Result<String, Refused> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX;
    if fits { Ok(name.to_owned()) } else { Err(Refused(406)) }
}

fn check_description(text: &str) -> Result<String, Refused> {
    let fits = text.chars().count() <= DESCRIPTION_CHARACTERS_MAX;
    if fits { Ok(text.trim().to_owned()) } else { Err(Refused(406)) }
}

pub(crate) fn create(state: &mut State, by: Number, name: &str, description: &str) -> Result<NewsletterId, Refused> {
    let (name, description) = (check_name(name)?, check_description(description)?);
    if state.newsletters.all().len() >= NEWSLETTERS_MAX {
        return Err(Refused(419));
    }
    state.counters.count("newsletter created");
    Ok(state.add_newsletter(by, name, description, crate::now()))
}

/// What is absent stays. An empty picture takes it away.
#[derive(Default)]
pub(crate) struct Update {
    pub name: Option<String>,
    pub description: Option<String>,
    /// A JPEG.
    pub picture: Option<Vec<u8>>,
}

pub(crate) fn update(state: &mut State, by: Number, id: NewsletterId, update: Update) -> Result<(), Refused> {
    owned(state, by, id)?;
    let name = update.name.map(|name| check_name(&name)).transpose()?;
    let description = update.description.map(|text| check_description(&text)).transpose()?;
    let picture = match update.picture {
        None => None,
        Some(jpeg) if jpeg.is_empty() => Some(None),
        Some(jpeg) => {
            if !pictures::is_fit(&jpeg) {
                return Err(Refused(406));
            }
            let hash = pictures::put(&state.media, &jpeg).map_err(|_| Refused(500))?;
            Some(Some((pictures::direct_path(&hash.to_string()), crate::now_ms())))
        }
    };
    let at = crate::now_ms() * 1_000;
    state.change_newsletter(id, |newsletter| {
        if let Some(text) = name {
            newsletter.name = Text { text, at };
        }
        if let Some(text) = description {
            newsletter.description = Text { text, at };
        }
        if let Some(picture) = picture {
            newsletter.picture = picture;
        }
    });
    Ok(())
}

/// Its owner closes it for good.
pub(crate) fn delete(state: &mut State, by: Number, id: NewsletterId) -> Result<(), Refused> {
    owned(state, by, id)?;
    state.drop_newsletter(id);
    Ok(())
}

/// The account's other devices hear of it; who follows it already does not follow it twice.
pub(crate) fn follow(state: &mut State, from: DeviceId, id: NewsletterId) -> Result<(), Refused> {
    let newsletter = seen(state, id)?;
    if newsletter.owner == from.number {
        return Err(Refused(405));
    }
    if !newsletter.followers.contains_key(&from.number) {
        state.change_newsletter(id, |newsletter| {
            newsletter.followers.insert(from.number, Follower { muted: false });
        });
        notice::joined(state, from, id);
    }
    Ok(())
}

pub(crate) fn unfollow(state: &mut State, from: DeviceId, id: NewsletterId) -> Result<(), Refused> {
    let newsletter = seen(state, id)?;
    // An owner cannot leave: he deletes it.
    if newsletter.owner == from.number {
        return Err(Refused(405));
    }
    if newsletter.followers.contains_key(&from.number) {
        state.change_newsletter(id, |newsletter| {
            newsletter.followers.remove(&from.number);
        });
        notice::left(state, from, id);
    }
    Ok(())
}

pub(crate) fn mute(state: &mut State, from: DeviceId, id: NewsletterId, on: bool) -> Result<(), Refused> {
    let newsletter = seen(state, id)?;
    if newsletter.owner == from.number {
        return Ok(());
    }
    let known = newsletter.followers.get(&from.number).ok_or(Refused(403))?;
    if known.muted != on {
        state.change_newsletter(id, |newsletter| {
            newsletter.followers.insert(from.number, Follower { muted: on });
        });
        notice::muted(state, from, id, on);
    }
    Ok(())
}

/// Whether a post of this kind is about a file, which the host then has.
fn is_file(media: Option<&str>) -> bool {
    let kinds = ["image", "video", "gif", "ptv", "audio", "ptt", "document", "sticker"];
    media.is_some_and(|media| kinds.contains(&media))
}

/// The post's number.
pub(crate) fn post(state: &mut State, from: DeviceId, id: NewsletterId, new: New) -> Result<u64, Refused> {
    let newsletter = owned(state, from.number, id)?;
    if new.body.is_empty() || new.body.len() > BODY_BYTES_MAX {
        return Err(Refused(400));
    }
    if is_file(new.media.as_deref()) {
        let hash = new.file.as_deref().and_then(Hash::parse).ok_or(Refused(400))?;
        if !matches!(state.media.find(hash), Ok(Found::Here(_))) {
            return Err(Refused(400));
        }
    }
    // Said twice, it is one post.
    if let Some(known) = newsletter.posts.values().find(|post| post.id == new.id) {
        return Ok(known.server_id);
    }
    let server_id = newsletter.next_post;
    let New { id: own, kind, media, file: _, body } = new;
    let post = Post {
        server_id,
        id: own,
        at: crate::now(),
        kind,
        media,
        body,
        edited: false,
        revoked: false,
        reactions: Default::default(),
        views: Default::default(),
    };
    state.change_newsletter(id, |newsletter| newsletter.next_post += 1);
    state.put_post(id, post.clone());
    state.counters.count("newsletter post");
    notice::posted(state, from, id, &post, None);
    Ok(server_id)
}

/// Other words for a post, or none: then it is taken back.
pub(crate) fn change(
    state: &mut State,
    from: DeviceId,
    id: NewsletterId,
    post: &str,
    body: Option<Vec<u8>>,
) -> Result<u64, Refused> {
    let newsletter = owned(state, from.number, id)?;
    let known = newsletter.posts.values().find(|known| known.id == post).ok_or(Refused(404))?;
    if known.revoked || body.as_ref().is_some_and(|body| body.is_empty() || body.len() > BODY_BYTES_MAX) {
        return Err(Refused(400));
    }
    let edit = if body.is_some() { "3" } else { "8" };
    let mut post = known.clone();
    post.edited |= body.is_some();
    post.revoked = body.is_none();
    post.body = body.unwrap_or_default();
    state.put_post(id, post.clone());
    notice::posted(state, from, id, &post, Some(edit));
    Ok(post.server_id)
}

/// An empty reaction takes it back.
pub(crate) fn react(
    state: &mut State,
    by: Number,
    id: NewsletterId,
    server_id: u64,
    reaction: &str,
) -> Result<(), Refused> {
    let newsletter = seen(state, id)?;
    if newsletter.owner != by && !newsletter.followers.contains_key(&by) {
        return Err(Refused(403));
    }
    if reaction.len() > REACTION_BYTES_MAX {
        return Err(Refused(400));
    }
    let mut post = newsletter.posts.get(&server_id).filter(|post| !post.revoked).ok_or(Refused(404))?.clone();
    match reaction {
        "" => post.reactions.remove(&by),
        reaction => post.reactions.insert(by, reaction.to_owned()),
    };
    state.put_post(id, post.clone());
    notice::live(state, id, &post);
    Ok(())
}

/// Somebody looked at posts.
pub(crate) fn view(state: &mut State, by: Number, id: NewsletterId, server_ids: &[u64]) -> Result<(), Refused> {
    let newsletter = seen(state, id)?;
    let posts: Vec<Post> = server_ids.iter().filter_map(|server_id| newsletter.posts.get(server_id).cloned()).collect();
    for mut post in posts {
        if post.views.insert(by) {
            state.put_post(id, post);
        }
    }
    Ok(())
}

/// The device hears of reactions from now on, for so many seconds.
pub(crate) fn watch(state: &mut State, from: DeviceId, id: NewsletterId) -> Result<u64, Refused> {
    seen(state, id)?;
    let now = crate::now();
    state.newsletters.live.retain(|_, until| *until > now);
    state.newsletters.live.insert((id, from), now + LIVE);
    Ok(LIVE)
}
