use std::{collections::HashMap, path::Path};

use futures_util::future::join_all;
use tempfile::TempDir;

use crate::{
    api::{ADMIN, Api, Session},
    hook::{Delivered, Hook, Inbox},
    phones::{ALICE, BOB, Phones, jid},
    process::Process,
};

async fn network(data: &Path, port: &str) -> Process {
    Process::start(&["network", "--port", port, "--data", data.to_str().unwrap(), "--seed", "1"]).await
}

pub async fn gateway(data: &Path, network: &str) -> Process {
    Process::start(&[
        "sandbox",
        "--port",
        "0",
        "--admintoken",
        ADMIN,
        "--data",
        data.to_str().unwrap(),
        "--network",
        network,
    ])
    .await
}

/// Both as processes, with a session linked to Alice's phone.
pub struct Processes {
    network: Process,
    network_data: TempDir,
    pub gateway: Process,
    pub gateway_data: TempDir,
    pub phones: Phones,
    pub session: Session,
    pub inbox: Inbox,
    _hook: Hook,
}

impl Processes {
    pub async fn start() -> Self {
        let (network_data, gateway_data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let network = network(network_data.path(), "0").await;
        let phones = Phones::new(network.urls[0].clone());
        let gateway = gateway(gateway_data.path(), &phones.url).await;
        let hook = Hook::start().await;
        let inbox = hook.inbox("alice");
        let session = Api::new(gateway.urls[0].clone()).create("alice", &inbox).await;
        session.link(&phones, ALICE, &inbox).await;
        Self { network, network_data, gateway, gateway_data, phones, session, inbox, _hook: hook }
    }
}

/// The texts of each chat in the order of their first arrival.
fn chats(all: &[Delivered]) -> HashMap<String, Vec<String>> {
    let mut chats: HashMap<String, Vec<String>> = HashMap::new();
    for one in all {
        let Some(text) = one.text() else { continue };
        let chat = one.event()["Info"]["Chat"].as_str().unwrap();
        let texts = chats.entry(chat.to_owned()).or_default();
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
    chats
}

const SENDERS: usize = 10;
const EACH: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_loses_no_message_and_no_order() {
    let mut all = Processes::start().await;
    let numbers: Vec<_> = (0..SENDERS).map(|n| format!("1777000000{n}")).collect();
    for number in &numbers {
        all.phones.create(number).await;
    }
    let sending = join_all(numbers.iter().map(async |number| {
        for index in 0..EACH {
            let text = format!("message {index}");
            all.phones.text(number, ALICE, &text).await;
        }
    }));
    let killing = async {
        let third = SENDERS * EACH / 3;
        all.inbox
            .until("a third of the messages", |got| {
                (got.iter().filter(|one| one.text().is_some()).count() >= third).then_some(())
            })
            .await;
        all.gateway.kill();
        gateway(all.gateway_data.path(), &all.phones.url).await
    };
    let (_, gateway) = tokio::join!(sending, killing);
    all.gateway = gateway;

    let expected: Vec<_> = (0..EACH).map(|index| format!("message {index}")).collect();
    let got = all
        .inbox
        .until("every message", |got| {
            // Cheap first: nothing can be complete before.
            if got.len() < SENDERS * EACH {
                return None;
            }
            let chats = chats(got);
            let count: usize = chats.values().map(Vec::len).sum();
            (count == SENDERS * EACH).then_some(chats)
        })
        .await;
    for number in &numbers {
        assert_eq!(got[&jid(number)], expected, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_network_keeps_what_it_took() {
    let mut all = Processes::start().await;
    // Both directions, until the network is gone.
    let from_bob = async {
        let mut taken = Vec::new();
        for index in 0..EACH {
            let text = format!("to Alice {index}");
            match all.phones.try_text(BOB, ALICE, &text).await {
                true => taken.push(text),
                false => break,
            }
        }
        taken
    };
    let from_alice = async {
        let mut taken = Vec::new();
        for index in 0..EACH {
            let text = format!("to Bob {index}");
            match all.session.text(BOB, &text).await.status.is_success() {
                true => taken.push(text),
                false => break,
            }
        }
        taken
    };
    let killing = async {
        all.inbox
            .until("some messages", |got| {
                let received = got.iter().filter_map(Delivered::text);
                let received = received.filter(|text| text.starts_with("to Alice"));
                (received.count() >= EACH / 4).then_some(())
            })
            .await;
        all.network.kill();
    };
    let (to_alice, to_bob, ()) = tokio::join!(from_bob, from_alice, killing);

    let seen = all.inbox.count();
    let status = all.session.status().await;
    assert_eq!(status["LoggedIn"], true);
    let port = all.phones.url.rsplit(':').next().unwrap().to_owned();
    all.network = network(all.network_data.path(), &port).await;
    // Its connections are those to the network that is gone.
    all.phones = Phones::new(all.phones.url.clone());
    all.inbox.next_of(seen, "Connected").await;
    assert_eq!(all.session.health().await, "ok");

    all.inbox
        .until("all that the network took for Alice", |got| {
            let chats = chats(got);
            let got = chats.get(&jid(BOB))?;
            to_alice.iter().all(|text| got.contains(text)).then_some(())
        })
        .await;
    let path = format!("/phones/{BOB}/messages");
    all.phones
        .until("all that the network took for Bob", &path, |messages| {
            let messages = messages.as_array()?;
            let texts: Vec<_> = messages.iter().map(|one| &one["text"]).collect();
            let there = |text: &String| texts.iter().any(|shown| *shown == text);
            to_bob.iter().all(there).then_some(())
        })
        .await;
    all.session.text(BOB, "it goes on").await.data();
}
