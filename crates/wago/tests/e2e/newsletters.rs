//! Newsletters: made, followed, posted in, reacted to.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    world::World,
};

const DOT: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Two sessions, of Alice and of Bob.
async fn world() -> (World, Session, Inbox, Session, Inbox) {
    let (world, alice, inbox) = World::linked().await;
    let (bob, bobs_inbox) = world.session("bob").await;
    bob.link(&world.phones, BOB, &bobs_inbox).await;
    (world, alice, inbox, bob, bobs_inbox)
}

/// What the network knows of it.
async fn known(world: &World, newsletter: &Value) -> Value {
    world.phones.get(&format!("/newsletters/{}", newsletter.as_str().unwrap())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newsletter_is_made_followed_and_read() {
    let (world, alice, inbox, bob, bobs_inbox) = world().await;
    let new = json!({"Name": "News", "Description": "All of it", "Image": DOT});
    let made = alice.post("/newsletter/create", new).await.data();
    let id = made["id"].clone();
    let brief = |one: &Value| {
        let thread = &one["thread_metadata"];
        json!([
            thread["name"]["text"],
            thread["description"]["text"],
            one["viewer_metadata"]["role"],
            one["state"]["type"]
        ])
    };
    assert_eq!(brief(&made), json!(["News", "All of it", "owner", "active"]));
    assert_eq!(known(&world, &id).await["picture"], true);

    let which = json!({"NewsletterJID": id});
    let link = alice.post("/newsletter/link", which.clone()).await.data()["InviteLink"].clone();
    assert!(link.as_str().unwrap().starts_with("https://whatsapp.com/channel/"), "{link}");
    let seen = bob.post("/newsletter/info", json!({"Link": link})).await.data();
    assert_eq!((&seen["id"], &seen["viewer_metadata"]["role"]), (&id, &json!("guest")));
    let path = format!("/newsletter/link?NewsletterJID={}", id.as_str().unwrap());
    assert_eq!(bob.get(&path).await.data()["InviteLink"], link);

    // Another device of Bob's hears of what this one does.
    let (other, others_inbox) = world.session("other").await;
    other.link(&world.phones, BOB, &others_inbox).await;
    let followed = bob.post("/newsletter/subscribe", json!({"jid": id, "Live": true})).await.data();
    assert_eq!(
        json!([followed["Newsletter"]["viewer_metadata"]["role"], followed["LiveFor"]]),
        json!(["subscriber", 300])
    );
    let joined = others_inbox.first("the new one", |one| one.kind() == "NewsletterJoin").await;
    assert_eq!((&joined.event()["id"], &joined.event()["viewer_metadata"]["role"]), (&id, &json!("SUBSCRIBER")));
    assert_eq!(known(&world, &id).await["followers"], json!([jid(BOB)]));
    let list = bob.get("/newsletter/list").await.data()["Newsletter"].take();
    assert_eq!(
        (list.as_array().unwrap().len(), brief(&list[0])),
        (1, json!(["News", "All of it", "subscriber", "active"]))
    );

    // What is posted comes to all who follow.
    let sent = alice.post("/newsletter/send", json!({"Phone": id, "Body": "hear ye"})).await.data();
    let told = bobs_inbox.first("the post", |one| one.kind() == "Newsletter").await;
    assert_eq!(json!([told.event()["Info"]["Chat"], told.event()["Info"]["ID"]]), json!([id, sent["Id"]]));
    assert_eq!(told.event()["Message"]["conversation"], "hear ye");
    let path = format!("/newsletter/messages?jid={}&count=10", id.as_str().unwrap());
    let posts = async |session: &Session| session.get(&path).await.data()["Messages"].take();
    let post = posts(&bob).await[0].clone();
    let server_id = post["MessageServerID"].clone();
    assert_eq!(
        json!([
            post["MessageID"],
            post["Type"],
            post["IsFromMe"],
            post["Message"]["conversation"],
            post["ReactionCounts"]
        ]),
        json!([sent["Id"], "text", false, "hear ye", {}])
    );
    assert_eq!(posts(&alice).await[0]["IsFromMe"], true);

    // Reactions are counted, and told to who watches.
    let react = |emoji: &str| json!({"jid": id, "ServerID": server_id, "Reaction": emoji});
    alice.post("/newsletter/react", react("👍")).await.data();
    let live = bobs_inbox.first("a reaction", |one| one.kind() == "NewsletterLiveUpdate").await;
    assert_eq!(live.event()["Messages"][0], json!({"MessageServerID": server_id, "ReactionCounts": {"👍": 1}}));
    bob.post("/newsletter/react", react("👍")).await.data();
    assert_eq!(posts(&bob).await[0]["ReactionCounts"], json!({"👍": 2}));
    bob.post("/newsletter/react", react("remove")).await.data();
    let path_of_view = format!("/phones/{BOB}/newsletters/{}/view", id.as_str().unwrap());
    world.phones.post(&path_of_view, json!({"serverId": server_id})).await.data();
    let post = posts(&bob).await[0].clone();
    assert_eq!(json!([post["ReactionCounts"], post["ViewsCount"]]), json!([{"👍": 1}, 1]));

    // Other words, and none.
    let edit = json!({"Chat": id, "MessageID": sent["Id"], "Message": "hear!"});
    alice.post("/message/edit", edit).await.data();
    assert_eq!(posts(&bob).await[0]["Message"]["conversation"], "hear!");
    alice.post("/message/delete", json!({"Chat": id, "MessageID": sent["Id"]})).await.data();
    assert_eq!(posts(&bob).await[0]["Message"], Value::Null);

    // A phone posts, too, and its devices hear of it as of their own.
    let path_of_post = format!("/phones/{ALICE}/newsletters/{}/post", id.as_str().unwrap());
    let posted = world.phones.post(&path_of_post, json!({"text": "from a phone"})).await.data();
    let own = |one: &crate::hook::Delivered| one.kind() == "Newsletter" && one.event()["Info"]["ID"] == posted["id"];
    inbox.first("its own post", own).await;
    bobs_inbox.first("the phone's post", own).await;
    let before = format!("{path}&before={}", posted["serverId"]);
    let page = bob.get(&before).await.data()["Messages"].take();
    assert_eq!(
        json!(page.as_array().unwrap().iter().map(|one| &one["MessageServerID"]).collect::<Vec<_>>()),
        json!([server_id])
    );

    for (path, state) in [("/newsletter/mute", "on"), ("/newsletter/unmute", "off")] {
        let seen = others_inbox.count();
        bob.post(path, which.clone()).await.data();
        let told = others_inbox.next_of(seen, "NewsletterMuteChange").await;
        assert_eq!(told.event()["mute"], state);
    }
    let changed =
        alice.post("/newsletter/update", json!({"jid": id, "Name": "Old news", "RemoveImage": true})).await.data();
    assert_eq!(brief(&changed), json!(["Old news", "All of it", "owner", "active"]));
    assert_eq!(known(&world, &id).await["picture"], false);
    bob.post("/newsletter/unsubscribe", which.clone()).await.data();
    others_inbox.first("the end", |one| one.kind() == "NewsletterLeave").await;
    bob.post("/newsletter/follow", which.clone()).await.data();
    bob.post("/newsletter/unfollow", which.clone()).await.data();
    assert_eq!(known(&world, &id).await["followers"], json!([]));
    alice.post("/newsletter/delete", which.clone()).await.data();
    bob.post("/newsletter/info", which).await.fails(404, "unknown_newsletter", "no such newsletter");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_has_a_file() {
    let (world, alice, _, bob, bobs_inbox) = world().await;
    let id = alice.post("/newsletter/create", json!({"Name": "News"})).await.data()["id"].clone();
    bob.post("/newsletter/subscribe", json!({"jid": id})).await.data();
    for (path, field, kind, file) in [
        ("/send/image", "Image", "image", DOT),
        ("/send/document", "Document", "document", "data:text/plain;base64,aGVsbG8="),
    ] {
        let post = json!({"Phone": id, field: file, "Caption": "look", "FileName": "a.txt"});
        let sent = alice.post(path, post).await.data();
        let told = bobs_inbox.first(kind, |one| one.event()["Info"]["ID"] == sent["Id"]).await;
        let message = &told.event()["Message"];
        let described = &message[format!("{kind}Message")];
        // For everybody's eyes.
        assert_eq!((&described["mediaKey"], &described["fileEncSHA256"]), (&Value::Null, &Value::Null));
        let came = told.file.as_ref().unwrap_or_else(|| panic!("{:?}", told.file_error));
        assert_eq!(described["fileLength"], came.bytes.len());
        let path = format!("/message/download/{kind}");
        let got = bob.post(&path, described.clone()).await.data()["Data"].take();
        let (_, got) = got.as_str().unwrap().split_once(',').unwrap();
        assert_eq!(BASE64_STANDARD.decode(got).unwrap(), came.bytes);
        let page = bob.get(&format!("/newsletter/messages?jid={}&count=1", id.as_str().unwrap())).await.data();
        assert_eq!(page["Messages"][0]["Type"], "media");
    }
    let album = json!({"Phone": id, "Items": [{"Image": DOT}, {"Image": DOT}]});
    alice.post("/send/album", album).await.fails(400, "invalid_field", "a post has one file");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_is_told() {
    let (world, alice, _, bob, _) = world().await;
    let id = alice.post("/newsletter/create", json!({"Name": "News"})).await.data()["id"].clone();
    let which = json!({"NewsletterJID": id});
    // Not its owner.
    let update = json!({"NewsletterJID": id, "Name": "Mine"});
    bob.post("/newsletter/update", update).await.fails(502, "whatsapp_refused", "403");
    bob.post("/newsletter/delete", which.clone()).await.fails(502, "whatsapp_refused", "403");
    bob.text(id.as_str().unwrap(), "me too").await.fails(502, "whatsapp_refused", "403");
    // Its owner neither follows nor leaves it.
    alice.post("/newsletter/unsubscribe", which.clone()).await.fails(502, "whatsapp_refused", "405");
    // Not a follower.
    bob.post("/newsletter/mute", which.clone()).await.fails(502, "whatsapp_refused", "403");
    let react = |server_id: u64| json!({"NewsletterJID": id, "ServerID": server_id, "Reaction": "👍"});
    bob.post("/newsletter/react", react(100)).await.fails(502, "whatsapp_refused", "403");
    // No such post, newsletter or link.
    alice.post("/newsletter/react", react(7)).await.fails(404, "unknown_message", "");
    let nowhere = json!({"NewsletterJID": "120363999999999999@newsletter"});
    for path in ["/newsletter/info", "/newsletter/subscribe", "/newsletter/messages", "/newsletter/delete"] {
        alice.post(path, nowhere.clone()).await.fails(404, "unknown_newsletter", "no such newsletter");
    }
    let link = json!({"Link": "https://whatsapp.com/channel/0029VaNowhere"});
    alice.post("/newsletter/info", link).await.fails(404, "unknown_newsletter", "no such newsletter");
    world.stop().await;
}
