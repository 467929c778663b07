//! Groups, as a session makes and runs them.

use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    users::PNG,
    world::World,
};

const CAROL: &str = "15550000003";
const DAVE: &str = "15550000004";
const NOBODY: &str = "15559999999";

/// Two sessions, of Alice and of Bob, and two more phones.
async fn world() -> (World, Session, Inbox, Session, Inbox) {
    let (world, alice, inbox) = World::linked().await;
    for number in [CAROL, DAVE] {
        world.phones.create(number).await;
    }
    let (bob, bobs_inbox) = world.session("bob").await;
    bob.link(&world.phones, BOB, &bobs_inbox).await;
    (world, alice, inbox, bob, bobs_inbox)
}

async fn lid(world: &World, number: &str) -> String {
    let phones = world.phones.get("/phones").await;
    let phone = phones.as_array().unwrap().iter().find(|one| one["number"] == number).unwrap().clone();
    phone["lid"].as_str().unwrap().to_owned()
}

/// What the network knows of a group.
async fn known(world: &World, group: &str) -> Value {
    world.phones.get(&format!("/groups/{group}")).await
}

/// The members by number, each with the role.
fn members(group: &Value) -> Value {
    let mut members: Vec<Value> = group["Participants"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["Error"] == 0)
        .map(|one| json!([one["PhoneNumber"], one["IsAdmin"]]))
        .collect();
    members.sort_by_key(ToString::to_string);
    json!(members)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made_and_run() {
    let (world, alice, inbox, bob, bobs_inbox) = world().await;
    let body = json!({
        "name": "Friends", "participants": [BOB, lid(&world, CAROL).await, NOBODY], "description": "Of old",
    });
    let made = alice.post("/group/create", body).await.data();
    let group = made["JID"].as_str().unwrap().to_owned();
    assert_eq!(json!([made["Name"], made["Topic"], made["ParticipantCount"]]), json!(["Friends", "Of old", 3]));
    assert_eq!(members(&made), json!([[jid(ALICE), true], [jid(BOB), false], [jid(CAROL), false]]));
    let refused = made["Participants"].as_array().unwrap().iter().find(|one| one["Error"] != 0).unwrap();
    assert_eq!(refused["Error"], 404, "{made}");
    let joined = bobs_inbox.first("a group", |one| one.kind() == "JoinedGroup").await;
    assert_eq!(json!([joined.event()["JID"], joined.event()["Name"]]), json!([group, "Friends"]));

    let info = bob.post("/group/info", json!({"groupjid": group})).await.data();
    assert_eq!(members(&info), members(&made));
    assert_eq!(info["Topic"], "Of old");
    let lists = [bob.get("/group/list").await.data(), alice.get("/group/myall").await.data()];
    for list in lists {
        assert_eq!(json!([list["Groups"][0]["JID"], list["Groups"][0]["Name"]]), json!([group, "Friends"]));
    }
    assert_eq!(bob.get("/group/myall").await.data()["Groups"], json!([]));
    let chats = bob.get("/chat/list").await.data();
    let chat = chats["chats"].as_array().unwrap().iter().find(|chat| chat["JID"] == group.as_str()).unwrap().clone();
    assert_eq!(json!([chat["Name"], chat["IsGroup"]]), json!(["Friends", true]));

    // People come and go, each with what became of it.
    let update = async |session: &Session, action: &str, people: Value| {
        let body = json!({"GroupJID": group, "Participants": people, "Action": action});
        session.post("/group/update", body).await.data()["Participants"].take()
    };
    let codes = |outcomes: &Value| {
        json!(outcomes.as_array().unwrap().iter().map(|one| one["Code"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(codes(&update(&alice, "add", json!([DAVE, BOB, NOBODY])).await), json!([200, 409, 404]));
    let joined = bobs_inbox.first("Dave", |one| one.kind() == "GroupInfo" && one.event()["Join"][0].is_string()).await;
    assert_eq!(joined.event()["Participants"][0]["PhoneNumber"], jid(DAVE));
    assert_eq!(codes(&update(&alice, "promote", json!([BOB])).await), json!([200]));
    bobs_inbox.first("a promotion", |one| one.kind() == "GroupInfo" && one.event()["Promote"][0].is_string()).await;
    assert_eq!(codes(&update(&bob, "demote", json!([ALICE])).await), json!([406]));
    let lid_of_dave = lid(&world, DAVE).await;
    let removed = update(&bob, "remove", json!([lid_of_dave])).await;
    assert_eq!((codes(&removed), &removed[0]["JID"]), (json!([200]), &json!(lid_of_dave)));
    assert_eq!(codes(&update(&alice, "demote", json!([BOB])).await), json!([200]));
    let legacy = json!({"GroupJID": group, "Phone": [CAROL], "Action": "remove"});
    assert_eq!(codes(&alice.post("/group/updateparticipants", legacy).await.data()["Participants"]), json!([200]));
    // Carol wants to be asked, and is invited instead.
    let privacy = json!({"Name": "groupadd", "Value": "none"});
    let (carol, carols_inbox) = world.session("carol").await;
    carol.link(&world.phones, CAROL, &carols_inbox).await;
    carol.post("/user/privacy", privacy).await.data();
    let asked = update(&alice, "add", json!([CAROL])).await;
    assert_eq!(codes(&asked), json!([403]), "{asked}");
    let invitation = json!({
        "GroupJID": group, "Code": asked[0]["AddRequest"]["Code"],
        "Expiration": asked[0]["AddRequest"]["Expiration"], "Inviter": ALICE,
    });
    let joined = carol.post("/group/join", invitation).await.data();
    assert_eq!(json!([joined["JID"], joined["Pending"]]), json!([group, false]));

    // What it is called and set to.
    for (path, body) in [
        ("/group/name", json!({"GroupJID": group, "Name": "Best friends"})),
        ("/group/topic", json!({"GroupJID": group, "Topic": "Of today"})),
        ("/group/announce", json!({"GroupJID": group, "Announce": true})),
        ("/group/locked", json!({"groupjid": group, "locked": true})),
        ("/group/ephemeral", json!({"groupjid": group, "duration": "7d"})),
        ("/group/joinapprovalmode", json!({"groupjid": group, "mode": true})),
        ("/group/memberaddmode", json!({"groupjid": group, "mode": "admin_add"})),
    ] {
        alice.post(path, body).await.data();
    }
    let set = known(&world, &group).await;
    let names = ["subject", "description", "announce", "locked", "ephemeral", "approval", "adminsAdd"];
    assert_eq!(
        json!(names.map(|name| set[name].clone())),
        json!(["Best friends", "Of today", true, true, 604_800, true, true])
    );
    let info = bob.get(&format!("/group/info?groupJID={group}")).await.data();
    let names =
        ["Name", "Topic", "IsAnnounce", "IsLocked", "DisappearingTimer", "IsJoinApprovalRequired", "MemberAddMode"];
    assert_eq!(
        json!(names.map(|name| info[name].clone())),
        json!(["Best friends", "Of today", true, true, 604_800, true, "admin_add"])
    );
    let told = async |what: &str, member: &str| {
        bobs_inbox.first(what, |one| one.kind() == "GroupInfo" && one.event()[member].is_object()).await.event().clone()
    };
    assert_eq!(told("the name", "Name").await["Name"]["Name"], "Best friends");
    assert_eq!(told("the topic", "Topic").await["Topic"]["Topic"], "Of today");
    assert_eq!(told("the announcements", "Announce").await["Announce"]["IsAnnounce"], true);
    assert_eq!(told("the lock", "Locked").await["Locked"]["IsLocked"], true);
    assert_eq!(told("the timer", "Ephemeral").await["Ephemeral"]["DisappearingTimer"], 604_800);
    told("the approval", "MembershipApprovalMode").await;
    alice.post("/group/topic", json!({"GroupJID": group, "Topic": ""})).await.data();
    assert_eq!(known(&world, &group).await["description"], Value::Null);
    // The same by the chat's route.
    alice.post("/chat/ephemeral", json!({"Phone": group, "Duration": "off"})).await.data();
    assert_eq!(known(&world, &group).await["ephemeral"], 0);

    // Who comes by the link is let in.
    let link = alice.get(&format!("/group/invitelink?groupJID={group}")).await.data()["InviteLink"].clone();
    assert!(link.as_str().unwrap().starts_with("https://chat.whatsapp.com/"));
    let (dave, daves_inbox) = world.session("dave").await;
    dave.link(&world.phones, DAVE, &daves_inbox).await;
    let about = carol.post("/group/inviteinfo", json!({"Code": link})).await.data();
    assert_eq!(json!([about["JID"], about["Name"]]), json!([group, "Best friends"]));
    // He was removed, and may not come back by the link.
    dave.post("/group/join", json!({"Code": link})).await.fails(502, "whatsapp_refused", "405");
    carol.post("/group/leave", json!({"GroupJID": group})).await.data();
    let pending = carol.post("/group/join", json!({"Code": link})).await.data();
    assert_eq!(json!([pending["JID"], pending["Pending"]]), json!([group, true]));
    let waits = alice.get(&format!("/group/requests?groupJID={group}")).await.data();
    assert_eq!(
        (waits[0]["JID"].clone(), waits[0]["JIDAlt"].clone()),
        (json!(lid(&world, CAROL).await), json!(jid(CAROL)))
    );
    let decide = |action: &str| json!({"GroupJID": group, "Participants": [CAROL], "Action": action});
    let decided = alice.post("/group/requests/update", decide("reject")).await.data();
    assert_eq!(codes(&decided["Participants"]), json!([200]));
    carol.post("/group/join", json!({"Code": link})).await.data();
    assert_eq!(
        alice.get(&format!("/group/requestparticipants?groupJID={group}")).await.data()[0]["JIDAlt"],
        jid(CAROL)
    );
    let decided = alice.post("/group/updaterequestparticipants", decide("approve")).await.data();
    assert_eq!(codes(&decided["Participants"]), json!([200]));
    assert!(known(&world, &group).await["participants"].to_string().contains(&jid(CAROL)));
    let reset = alice.post("/group/invitelink", json!({"GroupJID": group, "Reset": true})).await.data();
    assert_ne!(reset["InviteLink"], link);
    dave.post("/group/inviteinfo", json!({"Code": link})).await.fails(502, "whatsapp_refused", "410");
    drop(inbox);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_is_told() {
    let (world, alice, inbox, bob, _) = world().await;
    let made = alice.post("/group/create", json!({"name": "Friends", "participants": [BOB, CAROL]})).await.data();
    let group = made["JID"].clone();
    let refused = async |session: &Session, path: &str, more: Value, status: u16, code: &str, said: &str| {
        let mut body = json!({"GroupJID": group});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        session.post(path, body).await.fails(status, code, said);
    };
    // Not an admin.
    let add = json!({"Participants": [DAVE], "Action": "promote"});
    refused(&bob, "/group/update", add, 502, "whatsapp_refused", "403").await;
    for (path, more) in [
        ("/group/announce", json!({})),
        ("/group/locked", json!({})),
        ("/group/joinapprovalmode", json!({"mode": true})),
        ("/group/memberaddmode", json!({"mode": true})),
        ("/group/invitelink", json!({"reset": true})),
    ] {
        let answer = bob.post(path, {
            let mut body = json!({"GroupJID": group});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        });
        let answer = answer.await;
        answer.fails(502, "whatsapp_refused", "code 40");
    }
    // A group's picture is everybody's, until it is locked.
    let set = bob.post("/group/photo", json!({"GroupJID": group, "Image": PNG})).await.data();
    let told = inbox.first("the picture", |one| one.kind() == "Picture" && one.event()["JID"] == group).await;
    assert_eq!(told.event()["PictureID"], set["PictureID"]);
    alice.post("/group/photo/remove", json!({"GroupJID": group})).await.data();
    alice.post("/group/locked", json!({"GroupJID": group})).await.data();
    refused(&bob, "/group/photo", json!({"Image": PNG}), 502, "whatsapp_refused", "403").await;
    refused(&bob, "/group/photo", json!({"Image": "data:image/png;base64,AAAA"}), 400, "invalid_field", "Image").await;
    // Not a member.
    bob.post("/group/leave", json!({"GroupJID": group})).await.data();
    refused(&bob, "/group/info", json!({}), 502, "whatsapp_refused", "403").await;
    refused(&bob, "/group/name", json!({"Name": "mine"}), 502, "whatsapp_refused", "403").await;
    // No such group, or link.
    let unknown = json!({"GroupJID": "120363999999999999@g.us"});
    alice.post("/group/info", unknown.clone()).await.fails(404, "unknown_group", "no such group");
    alice.post("/group/leave", unknown).await.fails(404, "unknown_group", "no such group");
    alice.post("/group/join", json!({"Code": "AAAAAAAAAAAAAAAAAAAAAA"})).await.fails(502, "whatsapp_refused", "code 4");
    // Too much at once.
    world.phones.fault(json!({"kind": "overlimit", "target": ALICE})).await;
    for path in ["/group/info", "/group/leave", "/group/invitelink"] {
        refused(&alice, path, json!({}), 502, "whatsapp_refused", "429").await;
    }
    let town = json!({"communityJid": group});
    alice.post("/community/subgroups", town).await.fails(502, "whatsapp_refused", "429");
    world.phones.repair().await;
    alice.post("/group/info", json!({"GroupJID": group})).await.data();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_belong_to_a_community() {
    let (world, alice, _, bob, bobs_inbox) = world().await;
    let town =
        alice.post("/community/create", json!({"communityName": "Town", "description": "All of us"})).await.data();
    assert_eq!(json!([town["Name"], town["Topic"], town["IsParent"]]), json!(["Town", "All of us", true]));
    let (jid_of_town, news) = (town["JID"].clone(), town["SubGroups"][0].clone());
    assert_eq!(json!([news["Name"], news["IsDefaultSubGroup"]]), json!(["Town", true]));
    let made = alice.post("/group/create", json!({"name": "Choir", "participants": [BOB]})).await.data();
    let choir = made["JID"].clone();
    let both = |groups: Value| json!({"communityJid": jid_of_town, "groupJid": groups});
    let linked = alice.post("/community/add", both(json!([choir, "120363999999999999@g.us"]))).await.data();
    let codes = json!([[linked["Groups"][0]["JID"], linked["Groups"][0]["Code"]], linked["Groups"][1]["Code"]]);
    assert_eq!(codes, json!([[choir, 200], 404]));

    // Bob hears of it, and is in the community by that.
    let told = bobs_inbox.first("the link", |one| one.kind() == "GroupInfo" && one.event()["Link"].is_object()).await;
    let link = &told.event()["Link"];
    assert_eq!(
        json!([link["Type"], link["Group"]["JID"], link["Group"]["Name"]]),
        json!(["parent_group", jid_of_town, "Town"])
    );
    let into_town = |one: &crate::hook::Delivered| one.kind() == "JoinedGroup" && one.event()["JID"] == jid_of_town;
    assert_eq!(bobs_inbox.first("the community", into_town).await.event()["IsParent"], true);
    let path = format!("/community/info?communityJID={}", jid_of_town.as_str().unwrap());
    let seen = bob.get(&path).await.data();
    assert_eq!(members(&seen), json!([[jid(ALICE), true], [jid(BOB), false]]));
    let path = format!("/community/subgroups?communityJID={}", jid_of_town.as_str().unwrap());
    let groups = bob.get(&path).await.data()["SubGroups"].take();
    let brief = |one: &Value| json!([one["JID"], one["Name"], one["IsDefaultSubGroup"], one["ParticipantCount"]]);
    assert_eq!(
        json!([brief(&groups[0]), brief(&groups[1])]),
        json!([[news["JID"], "Town", true, 2], [choir, "Choir", false, 2]])
    );
    assert_eq!(bob.post("/group/info", json!({"GroupJID": choir})).await.data()["LinkedParentJID"], jid_of_town);
    let (there, here) = (bob.get("/group/list").await.data(), known(&world, jid_of_town.as_str().unwrap()).await);
    assert_eq!((there["Groups"].as_array().unwrap().len(), &here["community"]), (3, &json!(true)));

    // What is announced comes to all; the community itself is no place to write.
    let news = news["JID"].as_str().unwrap().to_owned();
    alice.text(&news, "hear ye").await.data();
    assert_eq!(bobs_inbox.text("hear ye").await.event()["Info"]["Chat"], news.as_str());
    bob.text(&news, "me too").await.fails(502, "whatsapp_refused", "403");

    // What is not allowed, and what is none.
    bob.post("/community/remove", both(json!([choir]))).await.fails(502, "whatsapp_refused", "403");
    let none = json!({"communityJid": choir});
    alice.post("/community/info", none.clone()).await.fails(400, "invalid_field", "CommunityJID");
    alice.post("/community/subgroups", none).await.fails(400, "invalid_field", "CommunityJID");
    let unknown = json!({"communityJid": "120363999999999999@g.us"});
    alice.post("/community/info", unknown).await.fails(404, "unknown_group", "no such group");
    let again = alice.post("/community/link", both(json!([choir]))).await.data();
    assert_eq!(again["Groups"][0]["Code"], 409);
    let gone = alice.post("/community/remove", both(json!([choir]))).await.data();
    assert_eq!(gone["Groups"][0]["Code"], 200);
    let told = bobs_inbox.first("the end", |one| one.kind() == "GroupInfo" && one.event()["Unlink"].is_object()).await;
    assert_eq!(told.event()["Unlink"]["UnlinkReason"], "unlink_group");
    let again = alice.post("/community/unlink", both(json!([choir]))).await.data();
    assert_eq!(again["Groups"][0]["Code"], 404);

    // A phone does the same.
    let path = format!("/phones/{ALICE}/groups/{}/link", jid_of_town.as_str().unwrap());
    let linked = world.phones.post(&path, json!({"groups": [choir]})).await.data();
    assert_eq!(linked[0]["code"], 200);
    assert_eq!(bob.post("/group/info", json!({"GroupJID": choir})).await.data()["LinkedParentJID"], jid_of_town);
    world.stop().await;
}
