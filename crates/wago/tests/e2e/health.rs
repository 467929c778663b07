use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    api::{Api, Session},
    hook::Inbox,
    phones::{ALICE, BOB},
    world::{World, gateway},
};

/// A world with a session for each of Alice and Bob; trouble comes to Alice's alone.
struct Neighbours {
    world: World,
    alice: Session,
    alice_inbox: Inbox,
    bob: Session,
}

impl Neighbours {
    async fn start() -> Self {
        let (world, alice, alice_inbox) = World::linked().await;
        let (bob, bob_inbox) = world.session("bob").await;
        bob.link(&world.phones, BOB, &bob_inbox).await;
        world.phones.create("15550000003").await;
        Self { world, alice, alice_inbox, bob }
    }

    /// Returns what Alice's session is told first of the trouble.
    async fn trouble(&self, mut fault: Value, told: &str) -> Value {
        let seen = self.alice_inbox.count();
        fault["target"] = ALICE.into();
        self.world.phones.fault(fault).await;
        self.alice_inbox.next_of(seen, told).await.event().clone()
    }

    /// Nothing of it concerns the other session.
    async fn bob_is_well(&self) {
        assert_eq!(self.bob.health().await, "ok");
        let sent = self.bob.text("15550000003", "all is well").await.data();
        let id = sent["Id"].as_str().unwrap();
        self.world.phones.shows("15550000003", id).await;
    }

    async fn alice_is_back(&self, seen: usize) {
        self.alice_inbox.next_of(seen, "Connected").await;
        let status = self.alice.status().await;
        assert_eq!(status["Connected"], true);
        assert_eq!(status["Health"]["state"], "ok");
        self.alice.text(BOB, "I am back").await.data();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_is_waited_for() {
    let all = Neighbours::start().await;
    let ban = json!({"kind": "ban", "for": 10});
    let told = all.trouble(ban, "TemporaryBan").await;
    let status = all.alice.status().await;
    let health = &status["Health"];
    assert_eq!(status["Connected"], false);
    assert_eq!(status["LoggedIn"], true);
    assert_eq!(health["state"], "banned");
    assert_eq!(health["until"], told["Until"]);
    let since = health["since"].as_i64().unwrap();
    assert!(health["until"].as_i64().unwrap() >= since, "{health}");
    let refused = all.alice.text(BOB, "from a banned account").await;
    refused.fails(503, "not_connected", "banned");
    all.bob_is_well().await;

    // Nobody asks for it: it comes back when the ban ends.
    let seen = all.alice_inbox.count();
    all.alice_is_back(seen).await;
    all.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_client_says_so() {
    let all = Neighbours::start().await;
    all.trouble(json!({"kind": "outdated"}), "ClientOutdated").await;
    let status = all.alice.status().await;
    assert_eq!(status["Connected"], false);
    assert_eq!(status["Health"]["state"], "outdated");
    all.bob_is_well().await;

    let seen = all.alice_inbox.count();
    all.world.phones.repair().await;
    all.alice.post("/session/connect", json!({"Immediate": true})).await.data();
    all.alice_is_back(seen).await;
    all.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_comes_back() {
    let all = Neighbours::start().await;
    all.trouble(json!({"kind": "offline"}), "Disconnected").await;
    let status = all.alice.status().await;
    assert_eq!(status["Connected"], false);
    assert_eq!(status["LoggedIn"], true);
    let state = status["Health"]["state"].as_str().unwrap();
    assert!(["reconnecting", "unreachable"].contains(&state), "{status}");
    let refused = all.alice.text(BOB, "from nowhere").await;
    refused.fails(503, "not_connected", "not connected to WhatsApp");
    assert_eq!(refused.json()["retryable"], true);
    all.bob_is_well().await;

    let seen = all.alice_inbox.count();
    all.world.phones.repair().await;
    all.alice_is_back(seen).await;
    all.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_noticed() {
    let all = Neighbours::start().await;
    // The engine asks after 15 to 30 seconds, and waits 20 for the answer: in all not far from what a test waits.
    let seen = all.alice_inbox.count();
    let silence = json!({"kind": "silence", "target": ALICE});
    all.world.phones.fault(silence).await;
    let noticed = all.alice_inbox.until_within(Duration::from_secs(120), "the end of a silent connection", |got| {
        let mut got = got[seen..].iter();
        got.any(|one| one.kind() == "Disconnected").then_some(())
    });
    noticed.await;
    assert_eq!(all.alice.status().await["Connected"], false);
    assert_eq!(all.alice.health().await, "reconnecting");
    all.bob_is_well().await;

    let seen = all.alice_inbox.count();
    all.world.phones.repair().await;
    all.alice_is_back(seen).await;
    all.world.stop().await;
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // Folders hold what is only passing through.
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_with_the_same_keys_takes_over() {
    use wago::Running as _;

    let (mut world, _, inbox) = World::linked().await;
    world.stop_gateway().await;
    let data = tempfile::tempdir().unwrap();
    copy(world.data.path(), data.path());
    let seen = inbox.count();
    world.start_gateway().await;
    inbox.next_of(seen, "Connected").await;

    let seen = inbox.count();
    let second = gateway(data.path(), &world.phones.url, &[]).await;
    inbox.next_of(seen, "StreamReplaced").await;
    let first = world.api.session("alice");
    let status = first.status().await;
    assert_eq!(status["Connected"], false);
    assert_eq!(status["LoggedIn"], true);
    assert_eq!(status["Health"]["state"], "replaced");
    inbox.next_of(seen, "Connected").await;
    let copy = Api::new(second.url()).session("alice");
    assert_eq!(copy.health().await, "ok");

    // It does not fight for it, but takes it back when told to.
    let seen = inbox.count();
    first.connect().await.data();
    inbox.next_of(seen, "StreamReplaced").await;
    assert_eq!(copy.health().await, "replaced");
    assert_eq!(first.health().await, "ok");
    second.stop().await;
    world.stop().await;
}
