//! How each operation is done: on the phone by the network's control API, and by a session through its routes.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::draw::{CHATS, Chat, GROUP, Operation};
use crate::{
    api::{Answer, Session},
    phones::{ALICE, BOB, Phones, jid},
};

pub const PEOPLE: [&str; 3] = [BOB, "15550000003", "15550000004"];
const MESSAGE_OF_OTHERS: &str = "hello";

/// Where it happens, and what is known of it.
pub struct Scene {
    /// The group's JID.
    pub group: String,
    /// Oldest first.
    messages: [Vec<Sent>; CHATS],
}

/// A message that was sent.
pub struct Sent {
    chat: Chat,
    id: String,
    /// Alice did.
    own: bool,
}

pub struct Outcome {
    said: String,
    pub message: Option<Sent>,
    /// Neither done nor refused by WhatsApp: nothing here may end so.
    pub broken: bool,
}

impl Outcome {
    pub fn told(&self) -> &str {
        &self.said
    }

    fn nothing() -> Self {
        Self { said: "nothing to do".to_owned(), message: None, broken: false }
    }
}

impl Scene {
    pub async fn set(phones: &Phones) -> Self {
        for number in &PEOPLE[1..] {
            phones.create(number).await;
        }
        let group = json!({"subject": "Friends", "owner": ALICE, "participants": [BOB, PEOPLE[1]]});
        let group = phones.post("/groups", group).await.data()["jid"].as_str().unwrap().to_owned();
        Self { group, messages: Default::default() }
    }

    pub fn remember(&mut self, sent: Sent) {
        self.messages[sent.chat].push(sent);
    }

    pub fn chats(&self) -> [String; CHATS] {
        std::array::from_fn(|chat| self.chat(chat))
    }

    fn chat(&self, chat: Chat) -> String {
        if chat == GROUP { self.group.clone() } else { jid(PEOPLE[chat]) }
    }

    fn newest(&self, chat: Chat, newest: usize) -> Option<&Sent> {
        self.messages[chat].iter().rev().nth(newest)
    }

    /// As a session's routes name a message.
    fn named(&self, chat: Chat, newest: usize) -> Option<Value> {
        let Sent { id, own, .. } = self.newest(chat, newest)?;
        let author = (chat == GROUP && !own).then_some(BOB);
        Some(json!({"Chat": self.chat(chat), "MessageID": id, "IsFromMe": own, "Participant": author}))
    }

    /// On the phone, if by no session.
    pub async fn act(&self, phones: &Phones, session: Option<&Session>, operation: &Operation) -> Outcome {
        if let Operation::Hear { chat } = operation {
            let from = if *chat == GROUP { BOB } else { PEOPLE[*chat] };
            let to = if *chat == GROUP { &self.group } else { ALICE };
            let sent = phones.post(&format!("/phones/{from}/send"), json!({"to": to, "text": MESSAGE_OF_OTHERS})).await;
            return outcome(&sent, Some((*chat, "id", false)));
        }
        match session {
            None => self.at_phone(phones, operation).await,
            Some(session) => self.by_session(phones, session, operation).await,
        }
    }

    async fn at_phone(&self, phones: &Phones, operation: &Operation) -> Outcome {
        use Operation as Op;
        let message = |chat: Chat, newest: usize| self.newest(chat, newest).map(|sent| sent.id.clone());
        let mut sent = None;
        let (path, body) = match operation {
            Op::Pin { chat, on } => ("chats/pin", json!({"chat": self.chat(*chat), "on": on})),
            Op::Mute { chat, hours } => {
                ("chats/mute", json!({"chat": self.chat(*chat), "until": hours.map(|hours| later(hours) * 1_000)}))
            }
            Op::Unmute { chat } => ("chats/mute", json!({"chat": self.chat(*chat), "on": false})),
            Op::Archive { chat, on } => ("chats/archive", json!({"chat": self.chat(*chat), "on": on})),
            Op::MarkUnread { chat, on } => ("chats/unread", json!({"chat": self.chat(*chat), "on": on})),
            Op::Read { chat } => ("read", json!({"chat": self.chat(*chat)})),
            Op::Clear { chat, starred } => ("chats/clear", json!({"chat": self.chat(*chat), "starred": starred})),
            Op::Delete { chat } => ("chats/delete", json!({"chat": self.chat(*chat)})),
            Op::Say { chat } => {
                sent = Some((*chat, "id", true));
                ("send", json!({"to": self.chat(*chat), "text": "from the phone"}))
            }
            Op::Star { chat, newest, on } => {
                let Some(id) = message(*chat, *newest) else { return Outcome::nothing() };
                ("chats/star", json!({"chat": self.chat(*chat), "message": id, "on": on}))
            }
            Op::DeleteMessage { chat, newest } => {
                let Some(id) = message(*chat, *newest) else { return Outcome::nothing() };
                ("chats/delete-message", json!({"chat": self.chat(*chat), "message": id}))
            }
            Op::EditLabel { label, name, color } => {
                ("labels", json!({"id": label.to_string(), "name": format!("Label {name}"), "color": color}))
            }
            Op::DeleteLabel { label } => ("labels", json!({"id": label.to_string(), "deleted": true})),
            Op::LabelChat { label, chat, on } => {
                ("chats/label", json!({"chat": self.chat(*chat), "label": label.to_string(), "on": on}))
            }
            Op::LabelMessage { label, chat, newest, on } => {
                let Some(id) = message(*chat, *newest) else { return Outcome::nothing() };
                let label = label.to_string();
                ("chats/label", json!({"chat": self.chat(*chat), "label": label, "message": id, "on": on}))
            }
            Op::Subject { name } => ("subject", json!({"subject": format!("Friends {name}")})),
            Op::Topic { name } => ("description", json!({"description": topic(*name)})),
            Op::Announce { on } => ("announce", json!({"on": on})),
            Op::Locked { on } => ("locked", json!({"on": on})),
            Op::Ephemeral { seconds } => ("ephemeral", json!({"ephemeral": seconds})),
            Op::Member { action, who } => (*action, json!({"participants": [PEOPLE[*who]]})),
            Op::Privacy { name, value } => ("privacy", json!({"name": name, "value": value})),
            Op::Block { who, on } => ("block", json!({"who": PEOPLE[*who], "blocked": on})),
            Op::Name { name } => ("name", json!({"name": format!("Alice {name}")})),
            Op::About { about } => ("about", json!({"about": format!("About {about}")})),
            Op::Contact { who, name } => ("contacts", contact(*who, *name)),
            Op::Hear { .. } => unreachable!("done by others"),
        };
        let of_group = matches!(
            operation,
            Op::Subject { .. }
                | Op::Topic { .. }
                | Op::Announce { .. }
                | Op::Locked { .. }
                | Op::Ephemeral { .. }
                | Op::Member { .. }
        );
        let path = if of_group { format!("groups/{}/{path}", self.group) } else { path.to_owned() };
        outcome(&phones.post(&format!("/phones/{ALICE}/{path}"), body).await, sent)
    }

    async fn by_session(&self, phones: &Phones, session: &Session, operation: &Operation) -> Outcome {
        use Operation as Op;
        let which = |chat: Chat| json!({"Phone": self.chat(chat)});
        let mut sent = None;
        let (path, body) = match operation {
            Op::Pin { chat, on } => (if *on { "/chat/pin" } else { "/chat/unpin" }, which(*chat)),
            Op::Mute { chat, hours } => {
                ("/chat/mute", json!({"Phone": self.chat(*chat), "Duration": hours.map(|hours| hours * 3_600)}))
            }
            Op::Unmute { chat } => ("/chat/unmute", which(*chat)),
            Op::Archive { chat, on } => (if *on { "/chat/archive" } else { "/chat/unarchive" }, which(*chat)),
            Op::MarkUnread { chat, on } => ("/chat/markunread", json!({"Phone": self.chat(*chat), "Unread": on})),
            Op::Read { chat } => {
                let stored = session.get(&format!("/messages?chat={}&limit=500", self.chat(*chat))).await.data();
                let messages = stored["messages"].as_array().into_iter().flatten();
                let ids: Vec<&Value> = messages.filter(|one| one["fromMe"] == false).map(|one| &one["id"]).collect();
                if ids.is_empty() {
                    return Outcome::nothing();
                }
                let ids = json!(ids);
                let sender = (*chat == GROUP).then_some(BOB);
                ("/message/markread", json!({"Chat": self.chat(*chat), "Id": ids, "Sender": sender}))
            }
            Op::Clear { chat, starred } => {
                ("/chat/clear", json!({"Phone": self.chat(*chat), "DeleteStarred": starred}))
            }
            Op::Delete { chat } => ("/chat/delete", which(*chat)),
            Op::Say { chat } => {
                sent = Some((*chat, "Id", true));
                ("/send/text", json!({"Phone": self.chat(*chat), "Body": "from a session"}))
            }
            Op::Star { chat, newest, on } => {
                let Some(mut message) = self.named(*chat, *newest) else { return Outcome::nothing() };
                message["Star"] = json!(on);
                ("/message/star", message)
            }
            Op::DeleteMessage { chat, newest } => {
                let Some(mut message) = self.named(*chat, *newest) else { return Outcome::nothing() };
                message["ForMe"] = json!(true);
                ("/message/delete", message)
            }
            Op::EditLabel { label, name, color } => (
                "/label/edit",
                json!({"labelid": label.to_string(), "name": format!("Label {name}"), "color": color, "action": true}),
            ),
            Op::DeleteLabel { label } => ("/label/edit", json!({"labelid": label.to_string(), "action": false})),
            Op::LabelChat { label, chat, on } => {
                let path = if *on { "/label/chat" } else { "/unlabel/chat" };
                (path, json!({"jid": self.chat(*chat), "labelid": label.to_string()}))
            }
            Op::LabelMessage { label, chat, newest, on } => {
                let Some(Sent { id, .. }) = self.newest(*chat, *newest) else { return Outcome::nothing() };
                let path = if *on { "/label/message" } else { "/unlabel/message" };
                (path, json!({"jid": self.chat(*chat), "labelid": label.to_string(), "messageid": id}))
            }
            Op::Subject { name } => ("/group/name", json!({"GroupJID": self.group, "Name": format!("Friends {name}")})),
            Op::Topic { name } => ("/group/topic", json!({"GroupJID": self.group, "Topic": topic(*name)})),
            Op::Announce { on } => ("/group/announce", json!({"GroupJID": self.group, "Announce": on})),
            Op::Locked { on } => ("/group/locked", json!({"GroupJID": self.group, "Locked": on})),
            Op::Ephemeral { seconds } => ("/group/ephemeral", json!({"GroupJID": self.group, "Duration": seconds})),
            Op::Member { action, who } => {
                ("/group/update", json!({"GroupJID": self.group, "Participants": [PEOPLE[*who]], "Action": action}))
            }
            Op::Privacy { name, value } => ("/user/privacy", json!({"Name": name, "Value": value})),
            Op::Block { who, on } => {
                (if *on { "/user/block" } else { "/user/unblock" }, json!({"Phone": PEOPLE[*who]}))
            }
            Op::Name { name } => ("/user/name", json!({"Name": format!("Alice {name}")})),
            Op::About { about } => ("/user/about", json!({"Body": format!("About {about}")})),
            // The address book is the phone's.
            Op::Contact { .. } => return Box::pin(self.at_phone(phones, operation)).await,
            Op::Hear { .. } => unreachable!("done by others"),
        };
        outcome(&session.post(path, body).await, sent)
    }
}

fn later(hours: u32) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + i64::from(hours) * 3_600
}

fn topic(name: Option<u32>) -> String {
    name.map(|name| format!("Topic {name}")).unwrap_or_default()
}

fn contact(who: usize, name: Option<u32>) -> Value {
    json!({"number": PEOPLE[who], "name": name.map(|name| format!("Friend {name}")).unwrap_or_default()})
}

fn outcome(answer: &Answer, sent: Option<(Chat, &str, bool)>) -> Outcome {
    let done = answer.status.is_success();
    let message = sent.filter(|_| done).and_then(|(chat, key, own)| {
        let id = answer.data()[key].as_str()?.to_owned();
        Some(Sent { chat, id, own })
    });
    // A refusal by WhatsApp is a 502 of the gateway, with its code in the text.
    let refused = answer.status.is_client_error() || answer.status == StatusCode::BAD_GATEWAY;
    let said = if done {
        message.as_ref().map_or("done", |sent: &Sent| sent.id.as_str()).to_owned()
    } else {
        format!("{} {}", answer.status, answer.text)
    };
    Outcome { said, message, broken: !done && !refused }
}
