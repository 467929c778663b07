//! Communities: groups that belong together.

use wacore::request::InfoQuery;
use wacore_binary::{Jid, NodeContent, builder::NodeBuilder};
use wago_contract::community::{Community, Create, Link, Outcome, SubGroup};
use wago_store::SessionId;
use whatsapp_rust::{CommunityError, GroupCreateOptions, GroupDescription, PreviousDescription};

use crate::{
    Error, File, Result, Sessions,
    adapter::{error, groups as shown},
    groups::{group_jid, make, unknown},
    pictures::profile_jpeg,
    recipients::answered,
    supervisor::Live,
};

const NAMESPACE: &str = "w:g2";

impl Sessions {
    /// Without a description or a picture, if WhatsApp does not take them: the answer says so.
    pub async fn create_community(&self, id: SessionId, create: Create, image: Option<File>) -> Result<Community> {
        let Create { name, description, closed, members_create, .. } = create;
        let description = description.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let description = description.map(GroupDescription::new).transpose().map_err(|_| Error::Invalid {
            field: "Description",
            reason: "Description is longer than WhatsApp takes".to_owned(),
        })?;
        self.over(id, |live| async move {
            let jpeg = match image {
                Some(image) => Some(profile_jpeg(&live, image).await?),
                None => None,
            };
            let options = GroupCreateOptions {
                subject: name,
                is_parent: true,
                closed,
                allow_non_admin_sub_group_creation: members_create,
                ..Default::default()
            };
            let mut group = make(&live, options).await?;
            let jid = group_jid(&group.jid)?;
            // It cannot come with the community itself.
            if let Some(description) = description {
                let text = description.as_str().to_owned();
                let groups = live.client.groups();
                let set = groups.set_description(&jid, Some(description), PreviousDescription::Absent);
                answered(async { set.await.map_err(unknown) }).await?;
                group.topic.topic = text;
            }
            if let Some(jpeg) = jpeg {
                let set =
                    answered(async { live.client.groups().set_profile_picture(&jid, jpeg).await.map_err(unknown) });
                group.picture_error = set.await.err().map(|error| error.to_string());
            }
            let sub_groups = sub_groups(&live, &jid).await?;
            Ok(Community { group, sub_groups })
        })
        .await
    }

    /// Groups belong to the community from then on. What became of each, in WhatsApp's order.
    pub async fn link_groups(&self, id: SessionId, Link { community, groups }: Link) -> Result<Vec<Outcome>> {
        let (jid, groups) = (community_jid(&community)?, jids(&groups)?);
        self.over(id, |live| async move {
            let linking = live.client.community();
            let done = answered(async { linking.link_subgroups(&jid, &groups).await.map_err(refused) }).await?;
            Ok(outcomes(done.linked_jids, done.failed_groups))
        })
        .await
    }

    /// They go on by themselves.
    pub async fn unlink_groups(&self, id: SessionId, Link { community, groups }: Link) -> Result<Vec<Outcome>> {
        let (jid, groups) = (community_jid(&community)?, jids(&groups)?);
        self.over(id, |live| async move {
            let linking = live.client.community();
            let done =
                answered(async { linking.unlink_subgroups(&jid, &groups, false).await.map_err(refused) }).await?;
            Ok(outcomes(done.unlinked_jids, done.failed_groups))
        })
        .await
    }

    pub async fn community(&self, id: SessionId, community: &str) -> Result<Community> {
        let jid = community_jid(community)?;
        let group = self.group(id, community).await?;
        if !group.is_parent {
            return Err(no_community());
        }
        let sub_groups = self.over(id, |live| async move { sub_groups(&live, &jid).await }).await?;
        Ok(Community { group, sub_groups })
    }

    pub async fn sub_groups(&self, id: SessionId, community: &str) -> Result<Vec<SubGroup>> {
        let jid = community_jid(community)?;
        self.over(id, |live| async move { sub_groups(&live, &jid).await }).await
    }
}

/// The question is put as a node: the engine's own call goes by a GraphQL document whose number WhatsApp changes, and
/// this one has stayed.
async fn sub_groups(live: &Live, community: &Jid) -> Result<Vec<SubGroup>> {
    let question = NodeContent::Nodes(vec![NodeBuilder::new("sub_groups").build()]);
    let asked = live.client.send_iq(InfoQuery::get(NAMESPACE, community.clone(), Some(question)));
    let answer = answered(async { asked.await.map_err(|failed| error::any(&failed)) }).await;
    let answer = answer.map_err(|error| match error {
        Error::Rejected { code: 404, .. } => Error::UnknownGroup,
        Error::Rejected { code: 406, .. } => no_community(),
        error => error,
    })?;
    Ok(shown::sub_groups(answer.get()))
}

fn no_community() -> Error {
    Error::Invalid {
        field: "CommunityJID",
        reason: "CommunityJID should be that of a community: this is a group".to_owned(),
    }
}

fn community_jid(text: &str) -> Result<Jid> {
    group_jid(text).map_err(|_| Error::Invalid {
        field: "CommunityJID",
        reason: "CommunityJID should be a community's JID, such as 120363021033254949@g.us".to_owned(),
    })
}

fn jids(groups: &[String]) -> Result<Vec<Jid>> {
    groups.iter().map(|group| group_jid(group)).collect()
}

fn outcomes(done: Vec<Jid>, failed: Vec<(Jid, u32)>) -> Vec<Outcome> {
    let done = done.into_iter().map(|jid| (jid, 200));
    let failed = failed.into_iter().map(|(jid, code)| (jid, u16::try_from(code).unwrap_or(u16::MAX)));
    done.chain(failed).map(|(jid, code)| Outcome { jid: jid.to_string(), code, error: meaning(code) }).collect()
}

/// What WhatsApp's codes for one group mean.
fn meaning(code: u16) -> &'static str {
    match code {
        200 => "",
        403 => "the account is no admin of the group",
        404 => "there is no such group, or it does not belong to the community",
        406 => "this cannot be done to this group",
        409 => "the group belongs to a community",
        419 => "the community is full",
        _ => "WhatsApp refused",
    }
}

fn refused(failed: CommunityError) -> Error {
    match error::any(&failed) {
        Error::Rejected { code: 404, .. } => Error::UnknownGroup,
        Error::Rejected { code: 406, .. } => no_community(),
        error => error,
    }
}
