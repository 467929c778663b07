//! Groups: who is in them, and what they are set to.

use wacore::{
    iq::{
        groups::{GetGroupInviteInfoIq, GroupCreateIq, GroupParticipatingIq, GroupQueryIq, ParticipantChangeResponse},
        spec::IqSpec as _,
    },
    request::InfoQuery,
};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::group::{
    Action, AskLink, Create, Decide, Group, Invitation, Join, JoinRequest, Joined, Member, Outcome, Rename, SetAddMode,
    SetAnnounce, SetApproval, SetLocked, SetTimer, SetTopic, Update,
};
use wago_store::{ChatChange, SessionId};
use whatsapp_rust::{
    GroupCreateOptions, GroupDescription, GroupError, GroupParticipantOptions, GroupSubject, JoinGroupResult,
    MemberAddMode, MembershipApprovalMode, PreviousDescription,
};

use crate::{
    Error, File, Result, Sessions,
    adapter::{error, groups as shown, jid},
    people,
    pictures::profile_jpeg,
    recipients::{answered, person},
    supervisor::Live,
};

const LINK: &str = "https://chat.whatsapp.com/";

impl Sessions {
    /// Who could not be added is among the participants, with WhatsApp's code. A picture that WhatsApp does not take is no
    /// reason for there not to be a group: the answer says so.
    ///
    /// The answer is read here: the engine's own call does not tell who could not be added.
    pub async fn create_group(&self, id: SessionId, create: Create, image: Option<File>) -> Result<Group> {
        let Create { name, people, topic, .. } = create;
        let jids = people.iter().map(|text| person("Participants", text)).collect::<Result<Vec<_>>>()?;
        let description = topic.filter(|topic| !topic.trim().is_empty());
        let description = description.map(|topic| GroupDescription::new(topic.trim()).map_err(|_| bad("Topic")));
        let description = description.transpose()?;
        self.over(id, |live| async move {
            let jpeg = match image {
                Some(image) => Some(profile_jpeg(&live, image).await?),
                None => None,
            };
            let mut options = GroupCreateOptions { subject: name, description, ..Default::default() };
            for jid in &jids {
                options.participants.push(invited(&live, jid).await?);
            }
            let mut group = make(&live, options).await?;
            if let Some(jpeg) = jpeg {
                let to = group_jid(&group.jid)?;
                let set =
                    answered(async { live.client.groups().set_profile_picture(&to, jpeg).await.map_err(refused) });
                group.picture_error = set.await.err().map(|error| error.to_string());
            }
            self.heard(&live, std::iter::once(&group)).await?;
            Ok(group)
        })
        .await
    }

    /// All that the account is in, in the order of their JIDs.
    pub async fn groups(&self, id: SessionId) -> Result<Vec<Group>> {
        self.over(id, |live| async move { self.participating(&live).await }).await
    }

    /// Those that the account is an admin of.
    pub async fn own_groups(&self, id: SessionId) -> Result<Vec<Group>> {
        self.over(id, |live| async move {
            let mut groups = self.participating(&live).await?;
            let own: Vec<String> =
                [live.client.pn(), live.client.lid()].into_iter().flatten().map(|jid| jid.to_non_ad_string()).collect();
            let is_own = |member: &Member| {
                let person = &member.person;
                person.is_admin && [&person.jid, &person.phone_number, &person.lid].iter().any(|jid| own.contains(jid))
            };
            groups.retain(|group| group.participants.iter().any(is_own));
            Ok(groups)
        })
        .await
    }

    async fn participating(&self, live: &Live) -> Result<Vec<Group>> {
        let mut groups = told(live, GroupParticipatingIq::new().build_iq()).await?;
        groups.sort_by(|a, b| a.jid.cmp(&b.jid));
        self.heard(live, groups.iter()).await?;
        Ok(groups)
    }

    pub async fn group(&self, id: SessionId, group: &str) -> Result<Group> {
        let jid = group_jid(group)?;
        self.over(id, |live| async move {
            let group = one(told(&live, GroupQueryIq::new(&jid).build_iq()).await.map_err(missing)?)?;
            self.heard(&live, std::iter::once(&group)).await?;
            Ok(group)
        })
        .await
    }

    /// What the groups are called is known from then on.
    async fn heard(&self, live: &Live, groups: impl Iterator<Item = &Group>) -> Result<()> {
        let named = |group: &Group| ChatChange::Named { chat: group.jid.clone(), name: group.name.name.clone() };
        Ok(live.recorder.change_chats(groups.map(named).collect()).await?)
    }

    pub async fn invite_link(&self, id: SessionId, AskLink { group, reset }: AskLink) -> Result<String> {
        let jid = group_jid(&group)?;
        self.over(id, |live| async move {
            answered(async { live.client.groups().get_invite_link(&jid, reset).await.map_err(unknown) }).await
        })
        .await
    }

    /// The group that a link leads to.
    pub async fn invite_info(&self, id: SessionId, link: &str) -> Result<Group> {
        let code = code(link)?;
        self.over(id, |live| async move { one(told(&live, GetGroupInviteInfoIq::new(code).build_iq()).await?) }).await
    }

    pub async fn join_group(&self, id: SessionId, join: Join) -> Result<Joined> {
        self.over(id, |live| async move {
            let groups = live.client.groups();
            let joined = match join {
                Join::Link(link) => {
                    let code = code(&link)?;
                    answered(async { groups.join_with_invite_code(&code).await.map_err(refused) }).await?
                }
                Join::Invitation(Invitation { group, code, expiration, inviter }) => {
                    let (jid, inviter) = (group_jid(&group)?, person("Inviter", &inviter)?);
                    let join = groups.join_with_invite_v4(&jid, &code, expiration, &inviter);
                    answered(async { join.await.map_err(refused) }).await?
                }
            };
            Ok(match joined {
                JoinGroupResult::Joined(jid) => {
                    Joined { details: "Group joined successfully", jid: jid.to_string(), pending: false }
                }
                JoinGroupResult::PendingApproval(jid) => {
                    Joined { details: "An admin has to let you in", jid: jid.to_string(), pending: true }
                }
            })
        })
        .await
    }

    pub async fn leave_group(&self, id: SessionId, group: &str) -> Result<()> {
        self.set_group(id, group, async |live, jid| live.client.groups().leave(&jid).await).await
    }

    /// What became of each person, in WhatsApp's order.
    pub async fn update_group(&self, id: SessionId, Update { group, people, action }: Update) -> Result<Vec<Outcome>> {
        let jid = group_jid(&group)?;
        let jids = people.iter().map(|text| person("Participants", text)).collect::<Result<Vec<_>>>()?;
        self.over(id, |live| async move {
            let groups = live.client.groups();
            let done = answered(async {
                let done = match action {
                    Action::Add => groups.add_participants(&jid, &jids).await,
                    Action::Remove => groups.remove_participants(&jid, &jids).await,
                    Action::Promote => groups.promote_participants(&jid, &jids).await,
                    Action::Demote => groups.demote_participants(&jid, &jids).await,
                };
                done.map_err(unknown)
            });
            outcomes(&live, done.await?).await
        })
        .await
    }

    /// Those who want in, in WhatsApp's order.
    pub async fn join_requests(&self, id: SessionId, group: &str) -> Result<Vec<JoinRequest>> {
        let jid = group_jid(group)?;
        self.over(id, |live| async move {
            let asked = answered(async { live.client.groups().get_membership_requests(&jid).await.map_err(unknown) });
            let mut requests = Vec::new();
            for request in asked.await? {
                let alt = other(&live, &request.jid).await;
                let requested_at = shown::moment(request.request_time);
                requests.push(JoinRequest { jid: request.jid.to_non_ad_string(), jid_alt: alt, requested_at });
            }
            Ok(requests)
        })
        .await
    }

    pub async fn decide(&self, id: SessionId, Decide { group, people, approve }: Decide) -> Result<Vec<Outcome>> {
        let jid = group_jid(&group)?;
        let jids = people.iter().map(|text| person("Participants", text)).collect::<Result<Vec<_>>>()?;
        self.over(id, |live| async move {
            let groups = live.client.groups();
            let done = answered(async {
                match approve {
                    true => groups.approve_membership_requests(&jid, &jids).await.map_err(unknown),
                    false => groups.reject_membership_requests(&jid, &jids).await.map_err(unknown),
                }
            });
            outcomes(&live, done.await?).await
        })
        .await
    }

    pub async fn rename_group(&self, id: SessionId, Rename { group, name }: Rename) -> Result<()> {
        let subject = GroupSubject::new(&name).map_err(|_| bad("Name"))?;
        self.set_group(id, &group, async |live, jid| live.client.groups().set_subject(&jid, subject).await).await
    }

    pub async fn set_group_topic(&self, id: SessionId, SetTopic { group, topic }: SetTopic) -> Result<()> {
        let topic = match topic.as_str() {
            "" => None,
            topic => Some(GroupDescription::new(topic).map_err(|_| bad("Topic"))?),
        };
        let set = async |live: &Live, jid: Jid| {
            live.client.groups().set_description(&jid, topic, PreviousDescription::Resolve).await
        };
        self.set_group(id, &group, set).await
    }

    /// Sets the group's picture, whatever kind of picture it is, or takes it away. Returns its id.
    pub async fn set_group_photo(&self, id: SessionId, group: &str, image: Option<File>) -> Result<String> {
        let jid = group_jid(group)?;
        self.over(id, |live| async move {
            let groups = live.client.groups();
            let set = match image {
                Some(image) => {
                    let jpeg = profile_jpeg(&live, image).await?;
                    answered(async { groups.set_profile_picture(&jid, jpeg).await.map_err(unknown) }).await?
                }
                None => answered(async { groups.remove_profile_picture(&jid).await.map_err(unknown) }).await?,
            };
            Ok(set.id)
        })
        .await
    }

    pub async fn set_group_announce(&self, id: SessionId, SetAnnounce { group, on }: SetAnnounce) -> Result<()> {
        self.set_group(id, &group, async |live, jid| live.client.groups().set_announce(&jid, on).await).await
    }

    pub async fn set_group_locked(&self, id: SessionId, SetLocked { group, on }: SetLocked) -> Result<()> {
        self.set_group(id, &group, async |live, jid| live.client.groups().set_locked(&jid, on).await).await
    }

    pub async fn set_group_timer(&self, id: SessionId, SetTimer { group, seconds }: SetTimer) -> Result<()> {
        self.set_group(id, &group, async |live, jid| live.client.groups().set_ephemeral(&jid, seconds).await).await
    }

    pub async fn set_group_approval(&self, id: SessionId, SetApproval { group, on }: SetApproval) -> Result<()> {
        let mode = if on { MembershipApprovalMode::On } else { MembershipApprovalMode::Off };
        self.set_group(id, &group, async |live, jid| live.client.groups().set_membership_approval(&jid, mode).await)
            .await
    }

    pub async fn set_group_add_mode(&self, id: SessionId, SetAddMode { group, admins }: SetAddMode) -> Result<()> {
        let mode = if admins { MemberAddMode::AdminAdd } else { MemberAddMode::AllMemberAdd };
        self.set_group(id, &group, async |live, jid| live.client.groups().set_member_add_mode(&jid, mode).await).await
    }

    async fn set_group(
        &self,
        id: SessionId,
        group: &str,
        set: impl AsyncFnOnce(&Live, Jid) -> Result<(), GroupError>,
    ) -> Result<()> {
        let jid = group_jid(group)?;
        self.over(id, |live| async move { answered(async { set(&live, jid).await.map_err(unknown) }).await }).await
    }
}

/// A group as the user wrote it.
pub(crate) fn group_jid(text: &str) -> Result<Jid> {
    match jid::recipient(text) {
        Ok(jid) if jid.is_group() => Ok(jid),
        _ => Err(Error::Invalid {
            field: "GroupJID",
            reason: "GroupJID should be a group's JID, such as 120363021033254949@g.us".to_owned(),
        }),
    }
}

/// The code at the end of a link, or a code by itself.
fn code(link: &str) -> Result<String> {
    let link = link.trim();
    let path = link.strip_prefix(LINK).unwrap_or(link).trim_start_matches("invite/").trim_end_matches('/');
    let code = path.split('?').next().unwrap_or_default();
    let whole =
        !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match whole {
        true => Ok(code.to_owned()),
        false => {
            let reason = format!("Code should be an invite link, such as {LINK}AbCdEf, or the code at its end");
            Err(Error::Invalid { field: "Code", reason })
        }
    }
}

/// A person goes into a group by LID with the number beside it, or by number.
async fn invited(live: &Live, jid: &Jid) -> Result<GroupParticipantOptions> {
    if !jid.is_lid() {
        return Ok(GroupParticipantOptions::new(jid.clone()));
    }
    let identity = people::identity(&live.client, jid).await?;
    let pn = identity.and_then(|identity| identity.pn);
    let pn = pn.ok_or_else(|| Error::NotOnWhatsApp { phone: jid.user.to_string() })?;
    Ok(GroupParticipantOptions::new(jid.clone()).with_phone_number(pn))
}

/// Makes a group, whose answer tells who could not be added.
pub(crate) async fn make(live: &Live, options: GroupCreateOptions) -> Result<Group> {
    let mut group = one(told(live, GroupCreateIq::new(options).build_iq()).await?)?;
    let there = group.participants.iter().filter(|member| member.error == 0).count();
    group.participant_count = there.try_into().unwrap_or(u64::MAX);
    Ok(group)
}

/// The groups in WhatsApp's answer. It is read here: the engine overlooks some of what is in it.
pub(crate) async fn told(live: &Live, question: InfoQuery<'static>) -> Result<Vec<Group>> {
    let answer = answered(async { live.client.send_iq(question).await.map_err(|failed| error::any(&failed)) }).await?;
    let groups = shown::groups(answer.get());
    let mut groups =
        groups.ok_or_else(|| Error::Internal("WhatsApp's answer about groups could not be read".to_owned()))?;
    for member in groups.iter_mut().flat_map(|group| &mut group.participants) {
        // Names that WhatsApp left out may be known from elsewhere.
        let person = &mut member.person;
        if (person.phone_number.is_empty() || person.lid.is_empty())
            && let Ok(jid) = person.jid.parse::<Jid>()
        {
            let both = people::known(&live.client, &jid).await.names();
            (person.phone_number, person.lid) = (both.jid, both.lid);
        }
    }
    Ok(groups)
}

fn one(groups: Vec<Group>) -> Result<Group> {
    groups.into_iter().next().ok_or(Error::UnknownGroup)
}

async fn outcomes(live: &Live, done: Vec<ParticipantChangeResponse>) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(done.len());
    for one in done {
        let jid_alt = match &one.phone_number {
            Some(number) => number.to_non_ad_string(),
            None => other(live, &one.jid).await,
        };
        outcomes.push(shown::outcome(one, jid_alt));
    }
    Ok(outcomes)
}

/// The person's other address, if it was learnt by now.
async fn other(live: &Live, jid: &Jid) -> String {
    let both = people::known(&live.client, jid).await.names();
    if jid.is_lid() { both.jid } else { both.lid }
}

fn bad(field: &'static str) -> Error {
    Error::Invalid { field, reason: format!("{field} is longer than WhatsApp takes") }
}

fn refused(failed: GroupError) -> Error {
    match &failed {
        GroupError::DescriptionConflict => {
            Error::Rejected { code: 409, text: "another device changed the description at the same time".to_owned() }
        }
        GroupError::InvalidRequest(_) => Error::Rejected {
            code: 400,
            text: "the engine does not take the request, e.g. an invitation that ran out".to_owned(),
        },
        _ => error::any(&failed),
    }
}

/// Of a question about a group that was named.
pub(crate) fn unknown(failed: GroupError) -> Error {
    missing(refused(failed))
}

fn missing(error: Error) -> Error {
    match error {
        Error::Rejected { code: 404, .. } => Error::UnknownGroup,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_its_code_are_the_same() {
        for link in ["AbC-d_9", "https://chat.whatsapp.com/AbC-d_9", " https://chat.whatsapp.com/invite/AbC-d_9?mode=x"]
        {
            assert_eq!(code(link).unwrap(), "AbC-d_9", "{link}");
        }
        for link in ["", "https://chat.whatsapp.com/", "https://example.com/AbC", "a b"] {
            assert!(code(link).is_err(), "{link}");
        }
    }

    #[test]
    fn a_group_is_named_by_its_jid() {
        assert!(group_jid("120363021033254949@g.us").is_ok());
        assert!(group_jid("5511999999999-1600000000@g.us").is_ok());
        for text in ["15550000001", "1@s.whatsapp.net", "1@newsletter", "", "@g.us"] {
            assert!(group_jid(text).is_err(), "{text}");
        }
    }
}
