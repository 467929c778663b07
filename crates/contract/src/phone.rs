//! The sandbox network's control API: what drives its virtual phones.
//!
//! In requests every field is optional to the parser, so that a missing one can be named in the answer. Nothing here
//! derives `Debug`: these shapes carry numbers and message texts.

pub mod business;
pub mod call;
pub mod chat;
pub mod group;
pub mod newsletter;
pub mod passkey;
pub mod person;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every answer that is not 2xx.
#[derive(Serialize, Deserialize)]
pub struct Failure {
    /// The HTTP status again.
    pub code: u16,
    /// A sentence for a person.
    pub error: String,
    /// The field of the request that is at fault, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `POST /phones`.
#[derive(Serialize, Deserialize, Default)]
pub struct NewPhone {
    /// 5 to 15 digits.
    pub number: Option<String>,
    /// What others see; the number when empty.
    pub name: Option<String>,
}

/// One virtual phone: `GET /phones`, and the answer of `POST /phones`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Phone {
    pub number: String,
    pub jid: String,
    pub lid: String,
    pub name: String,
    /// Messages from others that nobody at this phone has read.
    #[serde(default)]
    pub unread: usize,
}

/// `POST /phones/{number}/link`: one of them.
#[derive(Serialize, Deserialize, Default)]
pub struct Link {
    /// The text in a QR code.
    pub qr: Option<String>,
    /// The eight characters that the device shows.
    pub code: Option<String>,
    /// The account's owner has to show its passkey first.
    #[serde(default)]
    pub passkey: bool,
}

/// `POST /phones/{number}/devices`: a device that is linked and never there.
#[derive(Serialize, Deserialize, Default)]
pub struct NewDevice {
    /// What it calls itself.
    pub name: Option<String>,
}

/// A linked device, as its phone lists it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Device {
    pub id: u16,
    pub jid: String,
    pub lid: String,
    /// What the device calls itself.
    pub name: String,
    /// Whether it is connected now.
    pub online: bool,
}

/// `POST /phones/{number}/send`: a text, one file, or one of a location, a contact, a poll and an order.
#[derive(Serialize, Deserialize, Default)]
pub struct Send {
    /// A number, or the JID of a person or group, or `status@broadcast`.
    pub to: Option<String>,
    pub text: Option<String>,
    /// The files are data URLs, e.g. `data:image/png;base64,iVBORw0K…`, of at most 100 MiB.
    pub image: Option<String>,
    pub video: Option<String>,
    pub audio: Option<String>,
    pub document: Option<String>,
    /// WebP.
    pub sticker: Option<String>,
    /// Goes with an image, a video or a document.
    pub caption: Option<String>,
    /// Goes with a document.
    pub filename: Option<String>,
    /// Makes an audio a voice note.
    pub ptt: Option<bool>,
    pub location: Option<Location>,
    pub contact: Option<Contact>,
    pub poll: Option<Poll>,
    pub order: Option<Order>,
    /// Seconds after which the message disappears.
    pub expiration: Option<u32>,
    /// Id of the message that this one answers.
    pub reply: Option<String>,
    /// Numbers or JIDs.
    pub mentions: Option<Vec<String>>,
    /// The message id; made up when absent.
    pub id: Option<String>,
    /// For a status: numbers or JIDs of those who see it. Everybody whom the phone has a chat with when absent.
    pub recipients: Option<Vec<String>>,
}

/// A place, in degrees.
#[derive(Serialize, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
    pub name: Option<String>,
    pub address: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct Contact {
    pub name: String,
    pub vcard: String,
}

#[derive(Serialize, Deserialize)]
pub struct Poll {
    pub question: String,
    pub options: Vec<String>,
    /// How many may be chosen; 0, the default, for all.
    #[serde(default)]
    pub most: u32,
}

/// What a customer orders.
#[derive(Serialize, Deserialize, Clone)]
pub struct Order {
    #[serde(default)]
    pub title: String,
    /// As ISO 4217 has it.
    pub currency: String,
    pub products: Vec<Product>,
}

#[derive(Serialize, Deserialize, Clone)]
pub struct Product {
    pub name: String,
    /// Of one piece, in thousandths of the currency.
    pub price: i64,
    pub quantity: u32,
}

/// `POST /phones/{number}/vote`.
#[derive(Serialize, Deserialize, Default)]
pub struct Vote {
    /// The poll.
    pub id: Option<String>,
    /// None takes the vote back.
    #[serde(default)]
    pub options: Vec<String>,
}

/// The answer to everything that sends a message.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Sent {
    pub id: String,
    /// Unix seconds, the network's clock.
    pub timestamp: u64,
}

/// `POST /phones/{number}/read`: one message, several, or all of a chat.
#[derive(Serialize, Deserialize, Default)]
pub struct Read {
    pub id: Option<OneOrMany>,
    pub chat: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// `POST /phones/{number}/typing`.
#[derive(Serialize, Deserialize, Default)]
pub struct Typing {
    pub to: Option<String>,
    /// `composing` (the default), `recording` or `paused`.
    pub state: Option<String>,
}

/// `POST /phones/{number}/presence`.
#[derive(Serialize, Deserialize, Default)]
pub struct Presence {
    /// `available` or `unavailable`.
    pub state: Option<String>,
}

/// `POST /phones/{number}/block`.
#[derive(Serialize, Deserialize, Default)]
pub struct Block {
    pub who: Option<String>,
    /// `true` when absent.
    pub blocked: Option<bool>,
}

/// `POST /phones/{number}/react`.
#[derive(Serialize, Deserialize, Default)]
pub struct React {
    pub id: Option<String>,
    /// Empty takes the reaction back.
    pub emoji: Option<String>,
}

/// `POST /phones/{number}/edit`.
#[derive(Serialize, Deserialize, Default)]
pub struct Edit {
    pub id: Option<String>,
    pub text: Option<String>,
}

/// `POST /phones/{number}/delete`: deletes an own message for everyone.
#[derive(Serialize, Deserialize, Default)]
pub struct Delete {
    pub id: Option<String>,
}

/// One message as a phone holds it, opened: `GET /phones/{number}/messages`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Grows with every message of this phone; `?after=` takes it.
    pub cursor: u64,
    pub id: String,
    /// JID of the other side: a person, a group, or `status@broadcast`.
    pub chat: String,
    /// JID of who wrote it.
    pub from: String,
    pub from_me: bool,
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is written below a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The file, whose bytes are at `GET /phones/{number}/messages/{id}/media`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Seconds after which it disappears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u32>,
    /// It can be looked at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
    /// For `reaction` and `vote`: what it is to. The emoji is `text`; an empty one takes the reaction back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The latest reaction of each person to this message, by JID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<String, String>,
    #[serde(default)]
    pub edited: bool,
    /// Its reader marked it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starred: bool,
    /// Unix seconds.
    pub timestamp: u64,
    pub state: State,
    /// What is known of each device that this message reached, by the device's JID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub receipts: BTreeMap<String, Receipt>,
    /// The message's protobuf in base64, for kinds that have no fields of their own here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Image,
    Video,
    Audio,
    Document,
    Sticker,
    /// The text has its question, and its options a line each.
    Poll,
    /// For the poll `target`; the text has the chosen options, a line each.
    Vote,
    /// The text is `latitude,longitude`, and on further lines what the place is called.
    Location,
    /// The text has the names, a line each.
    Contact,
    /// The text is its title.
    Order,
    Event,
    Invite,
    /// Buttons or a list: the text, and a line for each thing to press.
    Interactive,
    Reaction,
    /// Deleted for everyone by its sender; the text is gone.
    Deleted,
    /// A kind that phones cannot show yet; `raw` has all of it.
    Unsupported,
}

/// A file, as the message that brought it describes it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub mimetype: String,
    /// Bytes.
    pub size: u64,
    /// Of the file itself, in hex.
    pub sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// A voice note.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ptt: bool,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// How far a message has come.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Sealed, not yet acknowledged by the network.
    Pending,
    /// Acknowledged by the network.
    Sent,
    /// Each recipient has it on one device or more.
    Delivered,
    /// Each recipient has read it.
    Read,
    /// Came from someone else.
    Received,
    /// The network refused it.
    Refused,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Quoted {
    pub id: String,
    /// JID of who wrote the quoted message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Times in Unix seconds.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub played: Option<u64>,
}

/// `POST /screens`: a QR code that someone could scan right now.
#[derive(Serialize, Deserialize, Default)]
pub struct NewScreen {
    /// The session whose screen it is. A newer code of the same name replaces an older one.
    pub name: Option<String>,
    pub qr: Option<String>,
}

/// `GET /screens`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Screen {
    pub id: String,
    pub name: String,
    /// The text in the code: what `link` takes.
    pub qr: String,
    /// Where the picture is.
    pub picture: String,
}

/// `POST /faults`.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq)]
pub struct NewFault {
    /// `drop`, `delay`, `duplicate`, `reorder`, `reject`, `silence`, `offline`, `ban`, `outdated`, `overlimit` or `restricted`.
    pub kind: Option<String>,
    /// A number, or absent for everyone.
    pub target: Option<String>,
    /// Seconds; absent: until cleared.
    #[serde(rename = "for")]
    pub seconds: Option<f64>,
    /// 0 to 1; 1 when absent.
    pub rate: Option<f64>,
    /// Makes a run repeatable.
    pub seed: Option<u64>,
}
