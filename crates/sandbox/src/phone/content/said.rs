//! What a person sends that is neither words nor a file: places, contacts, orders, polls and votes.

use buffa::{Message as _, MessageField};
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use wago_contract::phone::{self as contract, Kind};
use waproto::whatsapp::{
    self as wa,
    message::order_message::{OrderStatus, OrderSurface},
};

use super::{Content, Target, key, shown};
use crate::{
    Error, Result,
    orders::{self, Placed},
    state::State,
};

const OPTIONS: std::ops::RangeInclusive<usize> = 2..=12;

/// A message of a kind that has fields of its own.
pub struct Said {
    pub kind: Kind,
    /// As the phone shows it.
    pub text: String,
    pub message: wa::Message,
}

/// `None`: it is words or a file. The state makes the secret of a poll, and keeps an order.
pub fn said(request: &contract::Send, seller: &str, state: &mut State) -> Result<Option<Said>> {
    let message = match (&request.location, &request.contact, &request.poll, &request.order) {
        (None, None, None, None) => return Ok(None),
        (Some(place), None, None, None) => location(place),
        (None, Some(card), None, None) => contact(card),
        (None, None, Some(asked), None) => question(asked, state.random_bytes())?,
        (None, None, None, Some(wish)) => order(wish, seller, &orders::place(state, wish)?),
        _ => return Err(Error::Invalid { field: "poll", expected: "is one too many: a message has one content" }),
    };
    if request.text.is_some() {
        return Err(Error::Invalid {
            field: "text",
            expected: "does not go with a location, a contact, a poll or an order",
        });
    }
    Ok(match shown::read(&message) {
        Some(Content::Shown { kind, text, .. }) => Some(Said { kind, text, message }),
        _ => None,
    })
}

fn location(place: &contract::Location) -> wa::Message {
    let part = wa::message::LocationMessage {
        degrees_latitude: Some(place.latitude),
        degrees_longitude: Some(place.longitude),
        name: place.name.clone(),
        address: place.address.clone(),
        ..Default::default()
    };
    wa::Message { location_message: MessageField::some(part), ..Default::default() }
}

fn contact(card: &contract::Contact) -> wa::Message {
    let part = wa::message::ContactMessage {
        display_name: Some(card.name.clone()),
        vcard: Some(card.vcard.clone()),
        ..Default::default()
    };
    wa::Message { contact_message: MessageField::some(part), ..Default::default() }
}

fn order(wish: &contract::Order, seller: &str, placed: &Placed) -> wa::Message {
    let part = wa::message::OrderMessage {
        order_id: Some(placed.id.to_string()),
        token: Some(placed.token.clone()),
        order_title: Some(wish.title.clone()),
        item_count: i32::try_from(wish.products.len()).ok(),
        status: Some(OrderStatus::INQUIRY),
        surface: Some(OrderSurface::CATALOG),
        seller_jid: Some(seller.to_owned()),
        total_amount1000: Some(placed.total),
        total_currency_code: Some(wish.currency.clone()),
        ..Default::default()
    };
    wa::Message { order_message: MessageField::some(part), ..Default::default() }
}

fn question(asked: &contract::Poll, secret: [u8; 32]) -> Result<wa::Message> {
    if !OPTIONS.contains(&asked.options.len()) {
        return Err(Error::Invalid { field: "poll.options", expected: "must be 2 to 12" });
    }
    let option = |name: &String| wa::message::poll_creation_message::Option {
        option_name: Some(name.clone()),
        ..Default::default()
    };
    let part = wa::message::PollCreationMessage {
        name: Some(asked.question.clone()),
        options: asked.options.iter().map(option).collect(),
        selectable_options_count: Some(asked.most),
        ..Default::default()
    };
    let context = wa::MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() };
    Ok(wa::Message {
        poll_creation_message_v3: MessageField::some(part),
        message_context_info: MessageField::some(context),
        ..Default::default()
    })
}

/// A vote in a poll, whose protobuf is `raw`, sealed under the addresses of its creator and of the voter. `None`: it is no
/// poll.
pub fn vote(
    poll: Target<'_>,
    raw: &[u8],
    [creator, voter]: [&str; 2],
    options: &[String],
    now_ms: u64,
) -> Option<wa::Message> {
    let asked = wa::Message::decode_from_slice(raw).ok()?;
    let secret = asked.message_context_info.as_option()?.message_secret.clone()?;
    let chosen: Vec<Vec<u8>> = options.iter().map(|option| compute_option_hash(option).to_vec()).collect();
    let (payload, iv) = encrypt_poll_vote_with_secret(&chosen, &secret, poll.id, creator, voter).ok()?;
    let sealed = wa::message::PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) };
    let update = wa::message::PollUpdateMessage {
        poll_creation_message_key: key(poll),
        vote: MessageField::some(sealed),
        sender_timestamp_ms: i64::try_from(now_ms).ok(),
        ..Default::default()
    };
    Some(wa::Message { poll_update_message: MessageField::some(update), ..Default::default() })
}
