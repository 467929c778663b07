//! A group as large as they get.

use serde_json::{Value, json};

use crate::world::{ALICE, BOB, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_members() {
    let world = World::start().await;
    let others: Vec<String> = (0..998).map(|n| (15_551_000_000_u64 + n).to_string()).collect();
    for number in &others {
        world.network.create_phone(number, "").unwrap();
    }
    let alice = world.linked(ALICE).await;
    let participants: Vec<&str> = others.iter().map(String::as_str).chain([BOB]).collect();
    let group = world.group(&participants).await;
    alice.change("create").await;
    let metadata = alice.client.groups().get_metadata(&group.parse().unwrap()).await.unwrap();
    assert_eq!(metadata.participants.len(), 1_000);

    world.write(BOB, &group, "from a phone").await;
    assert_eq!(alice.got().await.text, "from a phone");
    assert_eq!(alice.write(&group, "from a client").await, None);
    // Receipts come one by one; with the last of them everybody has it.
    let mut missing = 999;
    alice
        .until("all deliveries", |event| match event {
            whatsapp_rust::prelude::Event::Receipt(_) => {
                missing -= 1;
                (missing == 0).then_some(())
            }
            _ => None,
        })
        .await;
    let last: Value = world.messages(&others[997]).await.pop().unwrap();
    assert_eq!((&last["text"], &last["chat"]), (&json!("from a client"), &json!(group)));
    assert_eq!(world.counter("link cut: too far behind").await, 0);
    alice.handle.shutdown().await;
    world.network.stop().await;
}
