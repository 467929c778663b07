//! Newsletters, which people call channels. What they are is asked by GraphQL, what is posted in them by stanzas.
//!
//! The answers are read here: the engine's own calls drop WhatsApp's codes, and some of what it tells.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::time::timeout;
use wacore::{
    iq::{
        mex_operations::{
            create_newsletter, delete_newsletter, fetch_all_newsletters_metadata, fetch_newsletter, join_newsletter,
            leave_newsletter, update_newsletter, update_newsletter_user_setting,
        },
        newsletter::NEWSLETTER_XMLNS,
    },
    request::InfoQuery,
};
use wacore_binary::{Jid, JidExt as _, Node, NodeContent, builder::NodeBuilder};
use wago_contract::newsletter::{Ask, AskPosts, Create, Post, React, Subscribe, Subscribed, Update};
use wago_store::SessionId;
use waproto::{buffa::Message as _, whatsapp as wa};

use crate::{
    Error, File, Result, Sent, Sessions,
    adapter::{error, jid, newsletter as shown},
    mex::{self, Document, documents},
    pictures::profile_jpeg,
    recipients::answered,
    supervisor::Live,
};

const LINK: &str = "https://whatsapp.com/channel/";
/// How long WhatsApp may take to acknowledge what is posted.
const ACK_MAX: Duration = Duration::from_secs(30);

documents! {
    CREATE = create_newsletter, "xwa2_newsletter_create";
    UPDATE = update_newsletter, "xwa2_newsletter_update";
    DELETE = delete_newsletter, "xwa2_newsletter_delete_v2";
    FETCH = fetch_newsletter, "xwa2_newsletter";
    LIST = fetch_all_newsletters_metadata, "xwa2_newsletter_subscribed";
    JOIN = join_newsletter, "xwa2_newsletter_join_v2";
    LEAVE = leave_newsletter, "xwa2_newsletter_leave_v2";
    SET = update_newsletter_user_setting, "xwa2_newsletter_update_user_setting";
}

impl Sessions {
    pub async fn create_newsletter(&self, id: SessionId, create: Create, image: Option<File>) -> Result<Value> {
        let Create { name, description, .. } = create;
        self.over(id, |live| async move {
            let picture = picture(&live, image).await?;
            let input = json!({"name": name, "description": description, "picture": picture});
            mex(&live, &CREATE, json!({ "input": input })).await.map(shown::described)
        })
        .await
    }

    /// What is not named stays.
    pub async fn update_newsletter(&self, id: SessionId, update: Update, image: Option<File>) -> Result<Value> {
        let jid = newsletter_jid(&update.newsletter)?;
        self.over(id, |live| async move {
            let picture = if update.remove_image { Some(String::new()) } else { picture(&live, image).await? };
            let named = [("name", update.name), ("description", update.description), ("picture", picture)].into_iter();
            let updates: serde_json::Map<String, Value> =
                named.filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect();
            let asked = json!({"newsletter_id": jid.to_string(), "updates": updates});
            mex(&live, &UPDATE, asked).await.map(shown::described)
        })
        .await
    }

    /// For good.
    pub async fn delete_newsletter(&self, id: SessionId, newsletter: &str) -> Result<()> {
        self.about(id, newsletter, &DELETE).await.map(|_| ())
    }

    /// All that the account owns or follows, as WhatsApp tells of them.
    pub async fn newsletters(&self, id: SessionId) -> Result<Vec<Value>> {
        self.over(id, |live| async move {
            let asked = json!({"fetch_status_metadata": false, "fetch_wamo_sub": false});
            let Value::Array(all) = mex(&live, &LIST, asked).await? else { return Err(unread()) };
            Ok(all.into_iter().map(shown::described).collect())
        })
        .await
    }

    pub async fn newsletter(&self, id: SessionId, ask: Ask) -> Result<Value> {
        let (key, kind) = match ask {
            Ask::Newsletter(text) => (newsletter_jid(&text)?.to_string(), "JID"),
            Ask::Link(link) => (code(&link)?, "INVITE"),
        };
        self.over(id, |live| async move {
            let asked = json!({
                "input": {"key": key, "type": kind, "view_role": "GUEST"},
                "fetch_viewer_metadata": true, "fetch_full_image": true, "fetch_creation_time": true,
            });
            mex(&live, &FETCH, asked).await.map(shown::described)
        })
        .await
    }

    /// The link by which people come to it.
    pub async fn newsletter_link(&self, id: SessionId, newsletter: &str) -> Result<String> {
        let told = self.newsletter(id, Ask::Newsletter(newsletter.to_owned())).await?;
        let invite = told["thread_metadata"]["invite"].as_str().ok_or_else(unread)?;
        Ok(format!("{LINK}{invite}"))
    }

    pub async fn follow(&self, id: SessionId, Subscribe { newsletter, live }: Subscribe) -> Result<Subscribed> {
        let told = self.about(id, &newsletter, &JOIN).await.map(shown::described)?;
        let live_for = if live { Some(self.watch(id, &newsletter).await?) } else { None };
        Ok(Subscribed { details: "Subscribed", newsletter: told, live_for })
    }

    /// Reactions are told as they come from now on, for so many seconds.
    async fn watch(&self, id: SessionId, newsletter: &str) -> Result<u64> {
        let jid = newsletter_jid(newsletter)?;
        self.over(id, |live| async move {
            let watched = live.client.newsletter();
            answered(async { watched.subscribe_live_updates(&jid).await.map_err(|failed| error::any(&failed)) }).await
        })
        .await
    }

    pub async fn unfollow(&self, id: SessionId, newsletter: &str) -> Result<()> {
        self.about(id, newsletter, &LEAVE).await.map(|_| ())
    }

    async fn about(&self, id: SessionId, newsletter: &str, document: &Document) -> Result<Value> {
        let jid = newsletter_jid(newsletter)?;
        self.over(id, |live| async move { mex(&live, document, json!({"newsletter_id": jid.to_string()})).await }).await
    }

    /// Whether the account's devices are told of each post.
    pub async fn mute_newsletter(&self, id: SessionId, newsletter: &str, on: bool) -> Result<()> {
        let jid = newsletter_jid(newsletter)?;
        self.over(id, |live| async move {
            let value = if on { "ON" } else { "OFF" };
            let input = json!({"newsletter_id": jid.to_string(), "type": "MUTE_FOLLOWER_ACTIVITY", "value": value});
            mex(&live, &SET, json!({ "input": input })).await.map(|_| ())
        })
        .await
    }

    /// The oldest first.
    pub async fn posts(&self, id: SessionId, AskPosts { newsletter, count, before }: AskPosts) -> Result<Vec<Post>> {
        let jid = newsletter_jid(&newsletter)?;
        self.over(id, |live| async move {
            let mut wanted = NodeBuilder::new("messages").attr("count", count.to_string());
            if let Some(before) = before {
                wanted = wanted.attr("before", before.to_string());
            }
            let question = InfoQuery::get(NEWSLETTER_XMLNS, jid, Some(NodeContent::Nodes(vec![wanted.build()])));
            let answer = answered(async { live.client.send_iq(question).await.map_err(|failed| error::any(&failed)) });
            let answer = answer.await.map_err(missing)?;
            let list = answer.get().get_optional_child("messages").ok_or_else(unread)?;
            Ok(list.get_children_by_tag("message").filter_map(shown::post).collect())
        })
        .await
    }

    pub async fn react_to_post(&self, id: SessionId, React { newsletter, server_id, emoji }: React) -> Result<()> {
        let jid = newsletter_jid(&newsletter)?;
        self.over(id, |live| async move {
            let message = NodeBuilder::new("message")
                .attr("to", &jid)
                .attr("type", "reaction")
                .attr("server_id", server_id.to_string());
            let (message, reaction) = match emoji.as_str() {
                // Taken back by its sender.
                "" => (message.attr("edit", "7"), NodeBuilder::new("reaction")),
                emoji => (message, NodeBuilder::new("reaction").attr("code", emoji)),
            };
            let own = live.client.generate_message_id();
            let message = message.attr("id", &own).children([reaction.build()]).build();
            hand_over(&live, message, own).await.map(|_| ())
        })
        .await
    }
}

/// Other words for an own post, or none: then it is taken back. It goes by the post's own id.
pub(crate) async fn change_post(live: &Live, jid: &Jid, post: String, words: Option<wa::Message>) -> Result<Sent> {
    let edit = if words.is_some() { "3" } else { "8" };
    let body = words.map(|words| words.encode_to_vec()).unwrap_or_default();
    let message = NodeBuilder::new("message")
        .attr("to", jid)
        .attr("id", &post)
        .attr("type", "text")
        .attr("edit", edit)
        .children([NodeBuilder::new("plaintext").bytes(body).build()])
        .build();
    hand_over(live, message, post).await
}

/// Waits for WhatsApp's word on it.
async fn hand_over(live: &Live, message: Node, id: String) -> Result<Sent> {
    let busy = || Error::Rejected {
        code: 429,
        text: "too many messages wait for WhatsApp, or one with this Id does".to_owned(),
    };
    let ack = live.acks.expect(&id).ok_or_else(busy)?;
    live.client.send_node(message).await.map_err(|failed| error::any(&failed))?;
    let ack = timeout(ACK_MAX, ack).await.map_err(|_| Error::TimedOut)?;
    let ack = ack.map_err(|_| Error::NotConnected {
        reason: "the connection ended before WhatsApp acknowledged the message".to_owned(),
    })?;
    match ack.error {
        Some(404) => Err(Error::UnknownMessage { field: "ServerID" }),
        Some(code) => Err(Error::Rejected { code, text: "the newsletter does not take it".to_owned() }),
        None => {
            Ok(Sent { id, timestamp: ack.timestamp.unwrap_or_else(|| chrono::Utc::now().timestamp()), ids: Vec::new() })
        }
    }
}

/// Asks by a stored document.
async fn mex(live: &Live, document: &Document, variables: Value) -> Result<Value> {
    match mex::ask(live, document, variables).await? {
        Ok(Value::Null) => Err(Error::UnknownNewsletter),
        Ok(told) => Ok(told),
        Err(refusal) => Err(missing(refusal.into())),
    }
}

fn missing(error: Error) -> Error {
    match error {
        Error::Rejected { code: 404, .. } => Error::UnknownNewsletter,
        error => error,
    }
}

/// As GraphQL takes a picture.
async fn picture(live: &Live, image: Option<File>) -> Result<Option<String>> {
    match image {
        Some(image) => Ok(Some(BASE64_STANDARD.encode(profile_jpeg(live, image).await?))),
        None => Ok(None),
    }
}

/// A newsletter as the user wrote it.
fn newsletter_jid(text: &str) -> Result<Jid> {
    match jid::recipient(text) {
        Ok(jid) if jid.is_newsletter() => Ok(jid),
        _ => Err(Error::Invalid {
            field: "NewsletterJID",
            reason: "NewsletterJID should be a newsletter's JID, such as 120363021033254949@newsletter".to_owned(),
        }),
    }
}

/// What an invite link ends with.
fn code(link: &str) -> Result<String> {
    let link = link.trim();
    let end =
        link.strip_prefix(LINK).or_else(|| link.strip_prefix("https://www.whatsapp.com/channel/")).unwrap_or(link);
    let path = end.split('?').next().unwrap_or_default();
    let code = path.strip_suffix('/').unwrap_or(path);
    match !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        true => Ok(code.to_owned()),
        false => Err(Error::Invalid {
            field: "Link",
            reason: format!("Link should be an invite link, such as {LINK}0029VaAbCd"),
        }),
    }
}

fn unread() -> Error {
    Error::Internal("WhatsApp's answer about newsletters could not be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_its_end_are_the_same() {
        for link in [
            "0029VaAb_C-d",
            "https://whatsapp.com/channel/0029VaAb_C-d",
            "https://whatsapp.com/channel/0029VaAb_C-d/?x=1",
        ] {
            assert_eq!(code(link).unwrap_or_default(), "0029VaAb_C-d", "{link}");
        }
        for link in ["", "https://example.com/channel/0029", "https://whatsapp.com/channel/", "a b"] {
            assert!(code(link).is_err(), "{link}");
        }
    }

    #[test]
    fn a_newsletter_is_named_by_its_jid() {
        assert!(newsletter_jid("120363021033254949@newsletter").is_ok());
        for text in ["120363021033254949@g.us", "15550000001", ""] {
            assert!(newsletter_jid(text).is_err(), "{text}");
        }
    }
}
