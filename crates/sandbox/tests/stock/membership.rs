//! Ways in and out.

use serde_json::json;
use whatsapp_rust::wacore::iq::{
    groups::JoinGroupResult,
    privacy::{PrivacyCategory, PrivacyValue},
};

use crate::world::{ALICE, BOB, CAROL, DAVE, World, code, jid};

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_in_until_they_are_reset() {
    let world = World::start().await;
    let (alice, bob) = (world.linked(ALICE).await, world.linked(BOB).await);
    let group = world.group(&[CAROL]).await;
    let id = group.parse().unwrap();
    let groups = alice.client.groups();
    let link = groups.get_invite_link(&id, false).await.unwrap();
    let invite = link.rsplit('/').next().unwrap();

    let info = bob.client.groups().get_invite_info(invite).await.unwrap();
    assert_eq!((info.subject.as_str(), info.size), ("Friends", Some(2)));
    assert_eq!(bob.client.groups().join_with_invite_code(invite).await.unwrap(), JoinGroupResult::Joined(id.clone()));
    alice.change("add").await;
    assert_eq!(code(bob.client.groups().join_with_invite_code(invite).await), 409);
    assert_eq!(code(bob.client.groups().get_invite_link(&id, false).await), 401, "not an admin");

    let new = groups.get_invite_link(&id, true).await.unwrap();
    bob.change("invite").await;
    assert_eq!(code(bob.client.groups().get_invite_info(invite).await), 410);
    assert_eq!(code(bob.client.groups().get_invite_info("nonsense").await), 406);
    let (status, joined) = world.ask(&format!("/phones/{DAVE}/groups/join"), json!({ "code": new })).await;
    assert_eq!((status, &joined["pending"]), (200, &json!(false)));
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_let_people_in() {
    let world = World::start().await;
    let (alice, bob) = (world.linked(ALICE).await, world.linked(BOB).await);
    let group = world.group(&[CAROL]).await;
    let id = group.parse().unwrap();
    let groups = alice.client.groups();
    let mode = whatsapp_rust::wacore::iq::groups::MembershipApprovalMode::On;
    groups.set_membership_approval(&id, mode).await.unwrap();
    let (_, invite) = world.act(ALICE, &group, "invite", json!({})).await;
    let invite = invite["code"].as_str().unwrap();

    let asked = bob.client.groups().join_with_invite_code(invite).await.unwrap();
    assert_eq!(asked, JoinGroupResult::PendingApproval(id.clone()));
    alice.change("created_membership_requests").await;
    let (status, _) = world.ask(&format!("/phones/{DAVE}/groups/join"), json!({ "code": invite })).await;
    assert_eq!(status, 200);
    let requests = groups.get_membership_requests(&id).await.unwrap();
    assert_eq!(requests.len(), 2);
    let lids: Vec<_> = requests.iter().map(|request| request.jid.clone()).collect();
    let bobs = world.lid(BOB).await;
    let others: Vec<_> = lids.iter().filter(|lid| **lid != bobs).cloned().collect();
    let approved = groups.approve_membership_requests(&id, &[bobs]).await.unwrap();
    assert!(approved[0].is_ok());
    bob.change("create").await;
    let rejected = groups.reject_membership_requests(&id, &others).await.unwrap();
    assert!(rejected[0].is_ok());
    let described = world.get(&format!("/groups/{group}")).await;
    let members: Vec<_> = described["participants"].as_array().unwrap().iter().map(|one| one["jid"].clone()).collect();
    assert_eq!(members, [json!(jid(ALICE).to_string()), json!(jid(BOB).to_string()), json!(jid(CAROL).to_string())]);
    assert_eq!(code(bob.client.groups().get_membership_requests(&id).await), 403);
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_has_a_result_of_its_own() {
    let world = World::start().await;
    let (alice, dave) = (world.linked(ALICE).await, world.linked(DAVE).await);
    let group = world.group(&[BOB, CAROL]).await;
    let id = group.parse().unwrap();
    assert_eq!(world.act(CAROL, &group, "leave", json!({})).await.0, 204);
    dave.client.set_privacy_setting(PrivacyCategory::GroupAdd, PrivacyValue::None).await.unwrap();
    let named = [jid(BOB), jid(CAROL), jid(DAVE), jid("4915112345678")];
    let groups = alice.client.groups();
    let added = groups.add_participants(&id, &named).await.unwrap();
    let codes: Vec<_> = added.iter().map(|person| person.error.as_deref().unwrap_or("200")).collect();
    assert_eq!(codes, ["409", "408", "403", "404"]);
    let invitation = added[2].add_request.clone().unwrap();
    let expires = i64::try_from(invitation.expiration).unwrap();
    let joined = dave.client.groups().join_with_invite_v4(&id, &invitation.code, expires, &jid(ALICE)).await.unwrap();
    assert_eq!(joined, JoinGroupResult::Joined(id.clone()));

    let promoted = groups.promote_participants(&id, &[jid(BOB)]).await.unwrap();
    assert!(promoted[0].is_ok());
    dave.change("promote").await;
    let demoted = groups.demote_participants(&id, &[jid(ALICE), jid(BOB)]).await.unwrap();
    assert_eq!(demoted[0].error.as_deref(), Some("406"), "who made the group stays its admin");
    assert!(demoted[1].is_ok());
    dave.client.groups().leave(&id).await.unwrap();
    alice.change("remove").await;
    assert_eq!(code(dave.client.groups().leave(&id).await), 403);
    assert_eq!(dave.client.groups().get_participating().await.unwrap().len(), 0);
    alice.handle.shutdown().await;
    dave.handle.shutdown().await;
    world.network.stop().await;
}
