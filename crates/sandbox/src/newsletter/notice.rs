//! How people hear of a newsletter: what it is, what is posted in it, and what their other devices did with it.

use serde_json::{Value, json};
use wacore_binary::{Node, builder::NodeBuilder};

use super::{Newsletter, NewsletterId, Post};
use crate::{account::Number, device::DeviceId, stanza::read::node, state::State};

/// As GraphQL tells somebody of it.
pub(crate) fn describe(newsletter: &Newsletter, viewer: Number) -> Value {
    let text =
        |text: &super::Text| json!({"id": text.at.to_string(), "text": text.text, "update_time": text.at.to_string()});
    let picture = |kind: &str| match &newsletter.picture {
        Some((path, id)) => json!({"id": id.to_string(), "type": kind, "direct_path": path}),
        None => json!({"id": "", "type": kind, "direct_path": ""}),
    };
    let (role, mute) = match newsletter.followers.get(&viewer) {
        _ if newsletter.owner == viewer => ("OWNER", false),
        Some(follower) => ("SUBSCRIBER", follower.muted),
        None => ("GUEST", false),
    };
    json!({
        "id": newsletter.id.jid().to_string(),
        "state": {"type": "ACTIVE"},
        "thread_metadata": {
            "creation_time": newsletter.created.to_string(),
            "name": text(&newsletter.name),
            "description": text(&newsletter.description),
            "handle": null,
            "invite": newsletter.invite,
            "picture": picture("IMAGE"),
            "preview": picture("PREVIEW"),
            "settings": {"reaction_codes": {"value": "ALL"}},
            "subscribers_count": newsletter.followers.len().to_string(),
            "verification": "UNVERIFIED",
        },
        "viewer_metadata": {"mute": if mute { "ON" } else { "OFF" }, "role": role},
    })
}

/// A post, without the envelope that each device gets it in.
fn content(post: &Post) -> Node {
    let plaintext = node("plaintext");
    let plaintext = match &post.media {
        Some(media) => plaintext.attr("mediatype", media.as_str()),
        None => plaintext,
    };
    plaintext.bytes(post.body.clone()).build()
}

fn reactions(post: &Post) -> Node {
    let counts = post.counts();
    let reactions =
        counts.iter().map(|(code, count)| node("reaction").attr("code", *code).attr("count", *count).build());
    node("reactions").children(reactions.collect::<Vec<_>>()).build()
}

fn numbered(post: &Post) -> NodeBuilder {
    node("message").attr("id", post.id.as_str()).attr("server_id", post.server_id).attr("t", post.at)
}

/// As the history of a newsletter has it.
pub(crate) fn told(newsletter: &Newsletter, post: &Post, viewer: Number) -> Node {
    let message = numbered(post).attr("type", post.kind.as_str());
    let message = if newsletter.owner == viewer { message.attr("is_sender", "true") } else { message };
    let views = node("views_count").attr("count", post.views.len()).build();
    let mut children = vec![reactions(post), views];
    if !post.revoked {
        children.insert(0, content(post));
    }
    message.children(children).build()
}

/// To the devices of all who follow, and to the owner's others.
pub(super) fn posted(state: &mut State, from: DeviceId, id: NewsletterId, post: &Post, edit: Option<&'static str>) {
    let Some(newsletter) = state.newsletters.get(id) else { return };
    let readers: Vec<Number> = newsletter.followers.keys().copied().chain([newsletter.owner]).collect();
    let owner = newsletter.owner;
    for reader in readers {
        let mut message = numbered(post).attr("from", id.jid()).attr("type", post.kind.as_str());
        if let Some(edit) = edit {
            message = message.attr("edit", edit);
        }
        if reader == owner {
            message = message.attr("is_sender", "true");
        }
        let message = message.children([content(post)]).build();
        for device in state.devices_of(reader).map(|(id, _)| id).filter(|id| *id != from).collect::<Vec<_>>() {
            state.deliver(device, message.clone());
        }
    }
}

/// To the devices that wanted to hear of it.
pub(super) fn live(state: &mut State, id: NewsletterId, post: &Post) {
    let now = crate::now();
    let watchers = state.newsletters.live.iter().filter(|((of, _), until)| *of == id && **until > now);
    for device in watchers.map(|((_, device), _)| *device).collect::<Vec<_>>() {
        let message = numbered(post).children([reactions(post)]).build();
        let messages = node("messages").attr("jid", id.jid()).attr("t", now).children([message]).build();
        let notification = node("notification")
            .attr("from", id.jid())
            .attr("type", "newsletter")
            .attr("id", state.random_id())
            .attr("t", now)
            .children([node("live_updates").children([messages]).build()]);
        state.deliver(device, notification.build());
    }
}

pub(super) fn joined(state: &mut State, from: DeviceId, id: NewsletterId) {
    let Some(newsletter) = state.newsletters.get(id) else { return };
    let told = describe(newsletter, from.number);
    tell(state, from, "NotificationNewsletterJoin", &json!({"xwa2_notify_newsletter_on_join": told}));
}

pub(super) fn left(state: &mut State, from: DeviceId, id: NewsletterId) {
    let told = json!({"id": id.jid().to_string(), "role": "GUEST"});
    tell(state, from, "NotificationNewsletterLeave", &json!({"xwa2_notify_newsletter_on_leave": told}));
}

pub(super) fn muted(state: &mut State, from: DeviceId, id: NewsletterId, on: bool) {
    let told = json!({"id": id.jid().to_string(), "mute": if on { "ON" } else { "OFF" }});
    tell(state, from, "NotificationNewsletterMuteChange", &json!({"xwa2_notify_newsletter_on_mute_change": told}));
}

/// The account's other devices hear what one of them did.
fn tell(state: &mut State, from: DeviceId, operation: &'static str, data: &Value) {
    let others: Vec<DeviceId> = state.devices_of(from.number).map(|(id, _)| id).filter(|id| *id != from).collect();
    for device in others {
        let update = node("update").attr("op_name", operation).bytes(json!({"data": data}).to_string().into_bytes());
        let notification = node("notification")
            .attr("from", wacore_binary::SERVER_JID)
            .attr("type", "mex")
            .attr("id", state.random_id())
            .attr("t", crate::now())
            .children([update.build()]);
        state.deliver(device, notification.build());
    }
}
