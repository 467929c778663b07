use futures_util::{StreamExt as _, stream};

use crate::{api::Session, hook::Inbox, world::World};

const SESSIONS: usize = 200;
/// Requests that run at the same time, as from a client with a pool of connections.
const AT_ONCE: usize = 32;

struct Member {
    number: String,
    session: Session,
    inbox: Inbox,
}

/// Each writes to the next, and hears from the one before.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sessions_at_once() {
    let sandbox = World::start().await;
    let world = &sandbox;
    let members: Vec<Member> = stream::iter(0..SESSIONS)
        .map(async |index| {
            let number = format!("1666{index:07}");
            world.phones.create(&number).await;
            let (session, inbox) = world.session(&number).await;
            session.link(&world.phones, &number, &inbox).await;
            Member { number, session, inbox }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let network = world.phones.get("/network").await;
    assert_eq!(network["sockets"], SESSIONS);

    let told = stream::iter(members.iter().enumerate()).map(async |(index, member)| {
        let next = &members[(index + 1) % SESSIONS];
        let text = format!("from {}", member.number);
        let sent = member.session.text(&next.number, &text).await.data();
        let got = next.inbox.text(&text).await;
        assert_eq!(got.event()["Info"]["ID"], sent["Id"]);
        assert_eq!(got.token, next.session.token);
    });
    told.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    for member in &members {
        let all = member.inbox.all();
        let received = all.iter().filter(|one| one.kind() == "Message" && one.event()["Info"]["IsFromMe"] == false);
        assert_eq!(received.count(), 1);
    }
    sandbox.stop().await;
}
