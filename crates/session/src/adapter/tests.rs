//! What each of the engine's events becomes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wacore::types::events::Event;
use wacore_binary::{Jid, Node};

use super::{
    account, event,
    names::{Ana, around},
};

mod account_sync;
mod app_state;
mod calls;
mod connection;
mod groups;
mod history;
mod messages;
mod newsletters;
mod people;
mod receipts;

const ANA: &str = "5511999999999@s.whatsapp.net";
const ANA_LID: &str = "100000012345678@lid";
const BEN: &str = "4915123456789@s.whatsapp.net";
const GROUP: &str = "120363021033254949@g.us";
const NEWSLETTER: &str = "120363298765432100@newsletter";
/// [`at`] as text.
const AT: &str = "2023-11-14T22:13:20Z";

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// The only record of an event, in a world where Ana is known.
fn told(event: Event) -> Value {
    let [record] = event::other(&event, around(&Ana)).try_into().expect("one record");
    record.told()
}

fn told_by(stanza: &Node) -> Vec<Value> {
    let stanza = stanza.as_node_ref();
    assert!(account::is_told(&stanza));
    account::stanza(&stanza, around(&Ana)).iter().map(|record| record.told()).collect()
}

fn silent(event: &Event) -> bool {
    event::other(event, around(&Ana)).is_empty()
}

fn record(kind: &str, topic: &str, chat: &str, once: Option<&str>, event: Value) -> Value {
    json!({"kind": kind, "topic": topic, "state": null, "chat": chat, "once": once, "event": event})
}
