//! What holds for a whole group, and who may change it.

use serde_json::json;
use whatsapp_rust::features::PreviousDescription;
use whatsapp_rust::wacore::iq::groups::{GroupDescription, GroupSubject, MemberAddMode};

use crate::world::{ALICE, BOB, CAROL, World, code};

#[tokio::test(flavor = "multi_thread")]
async fn members_see_every_change() {
    let world = World::start().await;
    let (alice, bob) = (world.linked(ALICE).await, world.linked(BOB).await);
    let group = world.group(&[BOB]).await;
    let id: whatsapp_rust::prelude::Jid = group.parse().unwrap();
    let groups = alice.client.groups();
    groups.set_subject(&id, GroupSubject::new("Family").unwrap()).await.unwrap();
    bob.change("subject").await;
    groups
        .set_description(&id, Some(GroupDescription::new("Sundays at six").unwrap()), PreviousDescription::Absent)
        .await
        .unwrap();
    bob.change("description").await;
    groups.set_announce(&id, true).await.unwrap();
    bob.change("announcement").await;
    groups.set_locked(&id, true).await.unwrap();
    bob.change("locked").await;
    groups.set_ephemeral(&id, 86_400).await.unwrap();
    bob.change("ephemeral").await;
    groups.set_member_add_mode(&id, MemberAddMode::AdminAdd).await.unwrap();
    bob.change("member_add_mode").await;
    let seen = bob.client.groups().get_metadata(&id).await.unwrap();
    assert_eq!(seen.subject, "Family");
    assert_eq!(seen.description.as_deref(), Some("Sundays at six"));
    assert!(seen.is_announcement && seen.is_locked);
    assert_eq!(seen.ephemeral.and_then(|ephemeral| ephemeral.expiration), Some(86_400));
    assert_eq!(bob.client.groups().get_participating().await.unwrap().len(), 1);
    let described = world.get(&format!("/groups/{group}")).await;
    assert_eq!(described["description"], "Sundays at six");
    assert_eq!(described["adminsAdd"], true);

    let groups = bob.client.groups();
    assert_eq!(code(groups.set_subject(&id, GroupSubject::new("Mine").unwrap()).await), 403, "locked");
    assert_eq!(code(groups.set_announce(&id, false).await), 403);
    assert_eq!(code(groups.add_participants(&id, &[crate::world::jid(CAROL)]).await), 403);
    assert_eq!(bob.write(&group, "may I?").await.as_deref(), Some("403"));
    let nowhere = "120363999999999999@g.us".parse().unwrap();
    assert_eq!(code(groups.get_metadata(&nowhere).await), 404);
    assert_eq!(code(groups.set_description(&id, None, PreviousDescription::Id("other")).await), 403);
    for (action, body) in [
        ("announce", json!({ "on": false })),
        ("locked", json!({ "on": false })),
        ("ephemeral", json!({ "ephemeral": 0 })),
    ] {
        assert_eq!(world.act(ALICE, &group, action, body).await.0, 204, "{action}");
    }
    bob.change("ephemeral").await;
    assert_eq!(bob.write(&group, "thank you").await, None);
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_refused_what_whatsapp_refuses() {
    let world = World::start().await;
    let group = world.group(&[BOB]).await;
    let refusals = [
        (BOB, "remove", json!({ "participants": [ALICE] }), 403),
        (CAROL, "subject", json!({ "subject": "Mine" }), 403),
        (ALICE, "subject", json!({ "subject": "x".repeat(101) }), 406),
        (ALICE, "subject", json!({}), 400),
        (ALICE, "ephemeral", json!({ "ephemeral": 5 }), 406),
        (BOB, "invite", json!({}), 401),
        (ALICE, "add", json!({}), 400),
        (ALICE, "add", json!({ "participants": ["no number"] }), 400),
        (ALICE, "dance", json!({}), 400),
        ("15550000099", "leave", json!({}), 404),
    ];
    for (by, action, body, expected) in refusals {
        let (status, answer) = world.act(by, &group, action, body).await;
        assert_eq!(status, expected, "{by} {action}: {answer}");
    }
    assert_eq!(world.act(ALICE, "120363999999999999@g.us", "leave", json!({})).await.0, 404);
    assert_eq!(world.act(ALICE, "nonsense", "leave", json!({})).await.0, 404);
    for body in [json!({ "subject": "x" }), json!({ "owner": ALICE })] {
        assert_eq!(world.ask("/groups", body).await.0, 400);
    }
    let to_nowhere = json!({ "to": "120363999999999999@g.us", "text": "x" });
    assert_eq!(world.ask(&format!("/phones/{ALICE}/send"), to_nowhere).await.0, 404);
    let readers = json!({ "to": group, "text": "x", "recipients": [BOB] });
    assert_eq!(world.ask(&format!("/phones/{ALICE}/send"), readers).await.0, 400);
    let outsider = json!({ "to": group, "text": "x" });
    assert_eq!(world.ask(&format!("/phones/{CAROL}/send"), outsider).await.0, 401);
    world.network.stop().await;
}
