//! An album: a message that announces how many pictures come, and then each of them.

use sha2::{Digest as _, Sha256};
use wacore::proto_helpers::wrap_as_album_child;
use wacore_binary::{Jid, JidExt as _};
use wago_contract::send::{
    Content, Envelope,
    album::{Album, Item},
};
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, message::AlbumMessage},
};

use super::{
    build::{self, Build, Built},
    context,
    delivery::deliver,
    now, timer,
};
use crate::{File, Result, Sent, Sessions, supervisor::Live};

impl Sessions {
    /// All files are with WhatsApp before the first message is sent.
    pub(super) async fn send_album(
        &self,
        live: &Live,
        envelope: Envelope,
        album: Album,
        files: Vec<File>,
    ) -> Result<Sent> {
        let to = self.resolve(live, &envelope.phone).await?;
        let context = context::context(&envelope, &to, timer::of_chat(live, &to).await?)?;
        let files = build::upload(live, &to, build::of_album(&album), files).await?;
        let id = envelope.id.unwrap_or_else(|| live.client.generate_message_id());
        let key = wa::MessageKey {
            remote_jid: Some(to.to_string()),
            from_me: Some(true),
            id: Some(id.clone()),
            ..Default::default()
        };
        let parent = announcement(&album, context);
        let children = children(album, files, to.is_group(), &key)?;

        let mut sent = deliver(live, to.clone(), parent.into(), id.clone()).await?;
        for (at, child) in children.into_iter().enumerate() {
            let child = deliver_child(live, &to, child, child_id(&id, at)).await?;
            sent.ids.push(child);
        }
        Ok(sent)
    }
}

async fn deliver_child(live: &Live, to: &Jid, child: Built, id: String) -> Result<String> {
    Ok(deliver(live, to.clone(), child, id).await?.id)
}

fn announcement(Album(items): &Album, context: Option<wa::ContextInfo>) -> wa::Message {
    let videos = items.iter().filter(|item| matches!(item, Item::Video(_))).count();
    let count = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
    let part = AlbumMessage {
        expected_image_count: count(items.len() - videos),
        expected_video_count: count(videos),
        context_info: context.map(MessageField::some).unwrap_or_default(),
    };
    wa::Message { album_message: MessageField::some(part), ..Default::default() }
}

fn children(
    Album(items): Album,
    mut files: std::vec::IntoIter<super::upload::Ready>,
    to_group: bool,
    key: &wa::MessageKey,
) -> Result<Vec<Built>> {
    items
        .into_iter()
        .map(|item| {
            let one: Vec<_> = files.next().into_iter().collect();
            let files = one.into_iter();
            let build = Build { files, context: None, to_group, handle: None, secret: rand::random(), now: now() };
            let content = match item {
                Item::Image(image) => Content::Image(image),
                Item::Video(video) => Content::Video(video),
            };
            let Built { message, nodes, handle } = build.finish(content)?;
            Ok(Built { message: wrap_as_album_child(message, key.clone()), nodes, handle })
        })
        .collect()
}

/// Follows from the album's own, so that an album that is sent again is known by WhatsApp as a whole.
fn child_id(album: &str, at: usize) -> String {
    let hash = Sha256::digest(format!("{album}\n{at}"));
    let hex: String = hash[..9].iter().map(|byte| format!("{byte:02X}")).collect();
    format!("3EB0{hex}")
}

#[cfg(test)]
mod tests {
    use wago_contract::send::media::{Image, Kind, Media, Source, Video};

    use super::*;
    use crate::{
        adapter::protobuf::to_json,
        sending::upload::{Place, Ready},
    };

    fn media() -> Media {
        Media { field: "Image".into(), kind: Some(Kind::Image), source: Source::Blob(0), mimetype: None }
    }

    #[test]
    fn an_album_announces_its_pictures_and_they_name_it() {
        let album = Album(vec![
            Item::Image(Image { file: media(), caption: Some("one".into()), view_once: false }),
            Item::Video(Video { file: media(), caption: None, view_once: false, gif: false, note: false }),
        ]);
        let parent = announcement(&album, None);
        assert_eq!(
            to_json(&parent),
            serde_json::json!({"albumMessage": {"expectedImageCount": 1, "expectedVideoCount": 1}})
        );
        let ready = || Ready { facts: Default::default(), place: Some(Place::default()) };
        let key = wa::MessageKey { id: Some("A".into()), ..Default::default() };
        let built = children(album, vec![ready(), ready()].into_iter(), false, &key).unwrap();
        let first = to_json(&built[0].message);
        assert_eq!(first["associatedChildMessage"]["message"]["imageMessage"]["caption"], "one");
        assert_eq!(
            first["messageContextInfo"]["messageAssociation"],
            serde_json::json!({"associationType": 1, "parentMessageKey": {"ID": "A"}})
        );
        assert_ne!(child_id("A", 0), child_id("A", 1));
    }
}
