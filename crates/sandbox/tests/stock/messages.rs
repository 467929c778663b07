//! Who reads what in a group, and in a status.

use serde_json::json;
use whatsapp_rust::wacore::iq::groups::{GroupCreateOptions, GroupParticipantOptions};

use crate::world::{ALICE, BOB, CAROL, DAVE, Got, World, jid};

fn got(text: &str, chat: &str, author: &str) -> Got {
    Got { text: text.to_owned(), chat: chat.to_owned(), author: author.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_and_phones_talk_in_one_group() {
    let world = World::start().await;
    let (alice, bob) = (world.linked(ALICE).await, world.linked(BOB).await);
    let participants = [BOB, CAROL].map(|number| GroupParticipantOptions::new(jid(number)));
    let options = GroupCreateOptions::new("Friends").with_participants(participants.into());
    let group = alice.client.groups().create_group(options).await.unwrap().metadata.id.to_string();
    bob.change("create").await;

    world.write(CAROL, &group, "from a phone").await;
    assert_eq!(alice.got().await, got("from a phone", &group, CAROL));
    assert_eq!(bob.got().await, got("from a phone", &group, CAROL));
    let lines = [(&alice, ALICE, "from a client"), (&bob, BOB, "from another"), (&alice, ALICE, "again")];
    for (client, author, text) in lines {
        assert_eq!(client.write(&group, text).await, None);
        let other = if author == ALICE { &bob } else { &alice };
        assert_eq!(other.got().await, got(text, &group, author));
    }
    let expected = ["from a phone", "from a client", "from another", "again"];
    for phone in [ALICE, BOB, CAROL] {
        assert_eq!(world.texts(phone).await, expected, "{phone}");
    }
    assert!(world.texts(DAVE).await.is_empty());
    assert_eq!(world.counter("phone could not open a message").await, 0);
    let network = world.get("/network").await;
    let odd = |name: &&String| name.contains("unknown") || name.contains("refused");
    let odd: Vec<_> = network["counters"].as_object().unwrap().keys().filter(odd).collect();
    assert!(odd.is_empty(), "{odd:?}");
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_mentions_name_people() {
    let world = World::start().await;
    let alice = world.linked(ALICE).await;
    let group = world.group(&[BOB]).await;
    let body = json!({ "to": group, "text": "@Alice?", "mentions": [ALICE] });
    world.post(&format!("/phones/{BOB}/send"), body).await;
    let mentioned = alice
        .until("the mention", |event| {
            event.messages().find_map(|message| {
                let text = message.message.extended_text_message.as_option()?;
                Some(text.context_info.as_option()?.mentioned_jid.clone())
            })
        })
        .await;
    assert!(mentioned[0].ends_with("@lid"), "groups go by LID: {mentioned:?}");
    let shown = world.messages(ALICE).await.pop().unwrap();
    assert_eq!(shown["mentions"], json!([jid(ALICE).to_string()]));

    alice.write(&group, "yes").await;
    world.post(&format!("/phones/{BOB}/read"), json!({ "chat": group })).await;
    let reader = alice
        .until("a read receipt", |event| match event {
            whatsapp_rust::prelude::Event::Receipt(receipt)
                if receipt.r#type == whatsapp_rust::types::presence::ReceiptType::Read =>
            {
                Some((receipt.source.chat.to_string(), receipt.source.sender_alt.clone()))
            }
            _ => None,
        })
        .await;
    assert_eq!(reader, (group, Some(jid(BOB))));
    alice.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_reads_no_further() {
    let world = World::start().await;
    let (alice, bob) = (world.linked(ALICE).await, world.linked(BOB).await);
    let group = world.group(&[BOB, CAROL]).await;
    alice.change("create").await;
    bob.change("create").await;
    alice.write(&group, "with Bob").await;
    assert_eq!(bob.got().await.text, "with Bob");

    let groups = alice.client.groups();
    let id = group.parse().unwrap();
    let removed = groups.remove_participants(&id, &[jid(BOB)]).await.unwrap();
    assert!(removed[0].is_ok());
    bob.change("remove").await;
    alice.write(&group, "without Bob").await;
    world.write(CAROL, &group, "he is gone").await;
    assert_eq!(alice.got().await.text, "he is gone");
    assert_eq!(world.texts(CAROL).await, ["with Bob", "without Bob", "he is gone"]);
    assert_eq!(world.texts(BOB).await, ["with Bob"]);
    assert!(bob.client.groups().get_metadata(&id).await.is_err());

    let added = groups.add_participants(&id, &[jid(BOB), jid(DAVE)]).await.unwrap();
    assert!(added.iter().all(|person| person.is_ok()));
    bob.change("create").await;
    alice.write(&group, "with both").await;
    assert_eq!(bob.got().await.text, "with both");
    assert_eq!(world.texts(DAVE).await, ["with both"]);
    assert_eq!(bob.write(&group, "thanks").await, None);
    assert_eq!(world.texts(DAVE).await, ["with both", "thanks"]);
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_set_up_anew_gets_the_message_again() {
    let world = World::start().await;
    let alice = world.linked(ALICE).await;
    let group = world.group(&[BOB, CAROL]).await;
    alice.write(&group, "before").await;
    world.post(&format!("/phones/{BOB}/reinstall"), json!({})).await;
    assert_eq!(alice.write(&group, "after").await, None);
    // It asks for what it cannot open; the client seals it again, for that phone alone.
    let id = world.messages(CAROL).await[1]["id"].clone();
    alice
        .until("the delivery to Bob", |event| match event {
            whatsapp_rust::prelude::Event::Receipt(receipt)
                if receipt.source.sender_alt == Some(jid(BOB)) && json!(receipt.message_ids[0]) == id =>
            {
                (receipt.r#type != whatsapp_rust::types::presence::ReceiptType::Retry).then_some(())
            }
            _ => None,
        })
        .await;
    assert_eq!(world.texts(BOB).await, ["before", "after"]);
    assert_eq!(world.texts(CAROL).await, ["before", "after"]);
    alice.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lacks_the_key_asks_the_phone() {
    let world = World::start().await;
    let group = world.group(&[BOB]).await;
    world.write(BOB, &group, "before").await;
    // Linked after the key was given out, and away when Bob's phone learns of it.
    let alice = world.linked(ALICE).await;
    world.write(BOB, &group, "after").await;
    assert_eq!(alice.got().await, got("after", &group, BOB));
    // Linked again, it is a new device with new keys, which the phone notices likewise.
    let other = world.linked(ALICE).await;
    world.write(BOB, &group, "and again").await;
    assert_eq!(alice.got().await.text, "and again");
    assert_eq!(other.got().await.text, "and again");
    alice.handle.shutdown().await;
    other.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_joins_its_person_reads_from_then_on() {
    let world = World::start().await;
    let alice = world.linked(ALICE).await;
    let group = world.group(&[BOB]).await;
    alice.write(&group, "before").await;
    let bob = world.linked(BOB).await;
    alice
        .until("the news of Bob's device", |event| {
            matches!(event, whatsapp_rust::prelude::Event::DeviceListUpdate(_)).then_some(())
        })
        .await;
    alice.write(&group, "after").await;
    assert_eq!(bob.got().await, got("after", &group, ALICE));
    alice.handle.shutdown().await;
    bob.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_catches_up() {
    let world = World::start().await;
    let alice = world.linked(ALICE).await;
    let group = world.group(&[BOB, CAROL]).await;
    alice.change("create").await;
    alice.away().await;
    world.write(BOB, &group, "one").await;
    assert_eq!(world.act(BOB, &group, "subject", json!({ "subject": "Meanwhile" })).await.0, 204);
    world.write(CAROL, &group, "two").await;
    let alice = world.back(alice).await;
    let renamed = alice.change("subject").await;
    assert!(renamed.offline.is_some(), "it waited");
    assert_eq!(alice.got().await, got("one", &group, BOB));
    assert_eq!(alice.got().await, got("two", &group, CAROL));
    let metadata = alice.client.groups().get_metadata(&group.parse().unwrap()).await.unwrap();
    assert_eq!(metadata.subject, "Meanwhile");
    alice.handle.shutdown().await;
    world.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_go_both_ways() {
    let world = World::start().await;
    let alice = world.linked(ALICE).await;
    world.write(BOB, ALICE, "hello").await;
    assert_eq!(alice.got().await.text, "hello");
    world.write(CAROL, ALICE, "hi").await;
    assert_eq!(alice.got().await.text, "hi");
    world.write(BOB, "status@broadcast", "at the sea").await;
    assert_eq!(alice.got().await, got("at the sea", "status@broadcast", BOB));
    assert_eq!(world.texts(CAROL).await, ["hi"], "Bob and Carol never wrote to each other");

    let font = whatsapp_rust::waproto::whatsapp::message::extended_text_message::FontType::SYSTEM;
    let readers = [jid(BOB), jid(CAROL)];
    for text in ["at home", "still at home"] {
        let status = alice.client.status();
        let sent = status.send_text(text, 0xFF00_0000, font, &readers, Default::default()).await.unwrap();
        alice.acknowledged(&sent.message_id).await;
    }
    for phone in [BOB, CAROL] {
        let shown = world.messages(phone).await.pop().unwrap();
        assert_eq!(shown["chat"], "status@broadcast", "{phone}");
        assert_eq!(shown["from"], jid(ALICE).to_string());
        assert_eq!(shown["text"], "still at home");
    }
    assert!(world.texts(DAVE).await.is_empty());
    assert_eq!(world.texts(ALICE).await, ["hello", "hi", "at the sea", "at home", "still at home"]);
    assert_eq!(world.counter("phone could not open a message").await, 0);
    alice.handle.shutdown().await;
    world.network.stop().await;
}
