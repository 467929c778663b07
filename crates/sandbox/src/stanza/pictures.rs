//! `xmlns="w:profile:picture"`: pictures of people and groups, looked at and changed.

use wacore_binary::{Jid, Node};

use super::{
    notice,
    read::{Read as _, node, refusal, result},
};
use crate::{
    account::Number,
    device::DeviceId,
    group::{
        GroupId,
        act::{self, Refused},
    },
    pictures::{self, Picture},
    privacy,
    state::State,
};

/// Whose picture it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Person(Number),
    Group(GroupId),
}

impl Owner {
    /// `None`: nobody that could have one.
    fn of(state: &State, jid: &Jid) -> Option<Self> {
        match GroupId::of(jid) {
            Some(group) => state.groups.get(group).map(|group| Self::Group(group.id)),
            None => state.account_of(jid).map(|account| Self::Person(account.number)),
        }
    }

    pub fn jid(self) -> Jid {
        match self {
            Self::Person(number) => Jid::pn(number.to_string()),
            Self::Group(group) => group.jid(),
        }
    }
}

/// The picture as one sees it. 401: it is hidden from them. 404: there is none.
pub(crate) fn seen(state: &State, owner: Owner, by: Number) -> Result<&Picture, Refused> {
    let shown = match owner {
        Owner::Person(number) => privacy::shows(state, number, "profile", by),
        Owner::Group(group) => act::seen(state, by, group).is_ok(),
    };
    if !shown {
        return Err(Refused(401));
    }
    state.pictures.of(&owner.jid()).ok_or(Refused(404))
}

pub(super) fn get(state: &State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let owner = match iq.jid("target") {
        Some(target) => Owner::of(state, &target),
        None => Some(Owner::Person(from.number)),
    };
    let picture = match owner.ok_or(Refused(404)).and_then(|owner| seen(state, owner, from.number)) {
        Ok(picture) => picture,
        Err(refused) => return refusal(id, refused.0, refused.text()),
    };
    let asked = iq.child("picture");
    let wanted = |key: &str| asked.and_then(|asked| asked.text(key));
    // Nothing is said of one that is known.
    if wanted("id").is_some_and(|known| known == picture.id.to_string()) {
        return result(id, [node("picture").build()]);
    }
    let (kind, hash) = match wanted("type").as_deref() {
        Some("preview") => ("preview", &picture.small),
        _ => ("image", &picture.large),
    };
    let direct_path = pictures::direct_path(hash);
    // Clients take the address as it is, so that it leads to this host.
    let url = format!("http://{}{direct_path}", state.media_host);
    let answer = node("picture")
        .attr("id", picture.id)
        .attr("type", kind)
        .attr("url", url)
        .attr("direct_path", direct_path)
        .attr("hash", hash.as_str());
    result(id, [answer.build()])
}

pub(super) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let owner = match iq.jid("target") {
        Some(target) => Owner::of(state, &target),
        None => Some(Owner::Person(from.number)),
    };
    let of = |kind: &str| {
        let picture =
            |child: &&Node| child.tag == "picture" && child.text("type").as_deref().unwrap_or("image") == kind;
        iq.nodes().iter().find(picture).map(|picture| picture.content())
    };
    let change = match (of("image"), of("preview")) {
        (Some(large), small) => Some((large, small)),
        (None, _) => None,
    };
    match owner.ok_or(Refused(404)).and_then(|owner| change_picture(state, from, owner, change)) {
        Ok(Some(picture)) => result(id, [node("picture").attr("id", picture).build()]),
        Ok(None) => result(id, []),
        Err(refused) => refusal(id, refused.0, refused.text()),
    }
}

/// Sets a picture, and perhaps a small one, as JPEG; or takes it away. Whoever is shown it is told. Returns its id.
pub(crate) fn change_picture(
    state: &mut State,
    by: DeviceId,
    owner: Owner,
    new: Option<(Vec<u8>, Option<Vec<u8>>)>,
) -> Result<Option<u64>, Refused> {
    match owner {
        Owner::Person(number) if number != by.number => return Err(Refused(403)),
        Owner::Person(_) => {}
        Owner::Group(id) => {
            let group = act::seen(state, by.number, id)?;
            if group.locked && !group.is_admin(by.number) {
                return Err(Refused(403));
            }
        }
    }
    let jid = owner.jid();
    let picture = match new {
        Some((large, small)) => {
            if ![Some(&large), small.as_ref()].into_iter().flatten().all(|bytes| pictures::is_fit(bytes)) {
                return Err(Refused(406));
            }
            let before = state.pictures.of(&jid).map_or(0, |picture| picture.id);
            let put = |bytes: &[u8]| pictures::put(&state.media, bytes).map(|hash| hash.to_string());
            let large = put(&large).map_err(|_| Refused(500))?;
            let small = match small {
                Some(small) => put(&small).map_err(|_| Refused(500))?,
                None => large.clone(),
            };
            Some(Picture { id: crate::now().max(before + 1), large, small })
        }
        None => None,
    };
    let id = picture.as_ref().map(|picture| picture.id);
    state.keep_picture(&jid, picture);
    announce(state, by, owner, id);
    Ok(id)
}

fn announce(state: &mut State, by: DeviceId, owner: Owner, id: Option<u64>) {
    let Some((pn, lid)) = state.accounts.get(&by.number).map(|account| (account.jid(), account.lid_jid())) else {
        return;
    };
    let jid = owner.jid();
    let author = if matches!(owner, Owner::Group(_)) { lid } else { pn };
    let change = match id {
        Some(id) => node("set").attr("id", id),
        None => node("delete"),
    };
    let change = change.attr("jid", &jid).attr("author", author).build();
    let told = notice::notification(state, &jid, "picture").children([change]).build();
    match owner {
        Owner::Person(number) => {
            let people = privacy::audience(state, number, "profile");
            notice::tell(state, people, None, &told);
            notice::tell_own(state, by, node("picture").build());
        }
        Owner::Group(group) => {
            let people = state.groups.get(group).map(|group| group.numbers()).unwrap_or_default();
            notice::tell(state, people, Some(by), &told);
        }
    }
}
