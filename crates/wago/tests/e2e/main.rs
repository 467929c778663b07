//! Whole journeys over real sockets: the HTTP API on one side, the simulated network's phones on the other, and a
//! receiver of webhooks.

mod api;
mod business;
mod hook;
mod phones;
mod process;
mod world;

mod calls;
mod chats;
mod consistency;
mod files;
mod group_calls;
mod group_routes;
mod groups;
mod health;
mod history;
mod kill;
mod listen;
mod logout;
mod many;
mod media;
mod messages;
mod messages_store;
mod mlow;
mod newsletters;
mod pairing;
mod passkey;
mod proxies;
mod queue;
mod restart;
mod routes;
mod seed;
mod text;
mod users;
mod video_calls;
mod webhooks;

use std::time::Duration;

/// Far longer than anything here takes: a hang fails, and a slow machine does not.
const PATIENCE: Duration = Duration::from_secs(60);

async fn patiently<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
