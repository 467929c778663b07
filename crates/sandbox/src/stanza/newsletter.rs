//! `xmlns="newsletter"`, and messages to newsletters: posts in the clear, with numbers of their own.

use wacore_binary::{Jid, Node};

use super::read::{Read as _, node, refusal};
use crate::{
    device::DeviceId,
    newsletter::{
        Newsletter, NewsletterId,
        act::{self, New, Refused},
        notice,
    },
    state::State,
};

/// Posts in one answer.
const COUNT_MAX: usize = 100;
const EDIT: &str = "3";
const REVOKE: &str = "8";

pub(crate) fn receive(state: &mut State, from: DeviceId, id: &str, kind: &str, iq: &Node) -> Node {
    let to = iq.jid("to").unwrap_or_default();
    let answer = match (NewsletterId::of(&to), kind) {
        (Some(of), "get") => ask(state, from, of, iq),
        (Some(of), "set") if iq.child("live_updates").is_some() => {
            act::watch(state, from, of).map(|seconds| node("live_updates").attr("duration", seconds).build())
        }
        _ => Err(Refused(400)),
    };
    match answer {
        Ok(child) => node("iq").attr("from", to).attr("type", "result").attr("id", id).children([child]).build(),
        Err(refused) => {
            let mut answer = refusal(id, refused.0, refused.text());
            answer.attrs.insert("from", to);
            answer
        }
    }
}

fn ask(state: &State, from: DeviceId, id: NewsletterId, iq: &Node) -> Result<Node, Refused> {
    let newsletter = act::seen(state, id)?;
    if let Some(wanted) = iq.child("messages") {
        return Ok(page(newsletter, from, wanted, "messages"));
    }
    // What has changed in what a client knows, such as reactions.
    if let Some(wanted) = iq.child("message_updates") {
        return Ok(node("message_updates").children([page(newsletter, from, wanted, "messages")]).build());
    }
    Err(Refused(501))
}

/// So many posts before or after a number, oldest first; without either the newest.
fn page(newsletter: &Newsletter, from: DeviceId, wanted: &Node, tag: &'static str) -> Node {
    let number = |name: &str| wanted.text(name).and_then(|text| text.parse::<u64>().ok());
    let count = number("count").and_then(|count| usize::try_from(count).ok()).unwrap_or(COUNT_MAX).min(COUNT_MAX);
    let told = |post| notice::told(newsletter, post, from.number);
    let since = number("since").unwrap_or(0);
    let posts: Vec<Node> = match (number("before"), number("after")) {
        (_, Some(after)) => newsletter
            .posts
            .range(after + 1..)
            .map(|(_, post)| post)
            .filter(|post| post.at >= since)
            .take(count)
            .map(told)
            .collect(),
        (before, None) => {
            let until = before.unwrap_or(u64::MAX);
            let newest = newsletter.posts.range(..until).rev().map(|(_, post)| post).filter(|post| post.at >= since);
            let mut posts: Vec<Node> = newest.take(count).map(told).collect();
            posts.reverse();
            posts
        }
    };
    node(tag).attr("jid", newsletter.id.jid()).attr("t", crate::now()).children(posts).build()
}

/// The post's number, or that of the one that it is about.
pub(super) fn post(state: &mut State, from: DeviceId, id: &str, to: &Jid, message: &Node) -> Result<u64, Refused> {
    let newsletter = NewsletterId::of(to).ok_or(Refused(404))?;
    if message.text("type").as_deref() == Some("reaction") {
        let server_id = message.text("server_id").and_then(|text| text.parse().ok()).ok_or(Refused(400))?;
        let code = message.child("reaction").and_then(|reaction| reaction.text("code")).unwrap_or_default();
        act::react(state, from.number, newsletter, server_id, &code)?;
        return Ok(server_id);
    }
    let plaintext = message.child("plaintext").ok_or(Refused(400))?;
    match message.text("edit").as_deref() {
        Some(EDIT) => act::change(state, from, newsletter, id, Some(plaintext.content())),
        Some(REVOKE) => act::change(state, from, newsletter, id, None),
        None => {
            let new = New {
                id: id.to_owned(),
                kind: message.text("type").unwrap_or_else(|| "text".to_owned()),
                media: plaintext.text("mediatype"),
                file: message.text("media_id"),
                body: plaintext.content(),
            };
            act::post(state, from, newsletter, new)
        }
        Some(_) => Err(Refused(400)),
    }
}

/// `<receipt type="view">`: posts that somebody looked at.
pub(super) fn viewed(state: &mut State, from: DeviceId, to: &Jid, receipt: &Node) {
    let Some(id) = NewsletterId::of(to) else { return };
    let items = receipt.child("list").map(|list| list.nodes()).unwrap_or_default();
    let posts: Vec<u64> =
        items.iter().filter_map(|item| item.text("server_id")).filter_map(|text| text.parse().ok()).collect();
    if act::view(state, from.number, id, &posts).is_err() {
        state.counters.count("newsletter view refused");
    }
}
