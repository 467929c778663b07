//! Kinds of messages that a phone shows as text.

use buffa::Message as _;
use wacore::poll;
use wago_contract::phone::Kind;
use waproto::whatsapp::{
    self as wa,
    message::{InteractiveMessage, interactive_message::InteractiveMessage as Payload},
};

use super::{Content, read_quote};

pub fn read(message: &wa::Message) -> Option<Content> {
    if let Some(update) = message.poll_update_message.as_option() {
        let vote = update.vote.as_option()?;
        return Some(Content::Vote {
            target: update.poll_creation_message_key.as_option()?.id.clone()?,
            payload: vote.enc_payload.clone()?,
            iv: vote.enc_iv.clone()?,
        });
    }
    let (kind, text, context) = if let Some(poll) = poll_of(message) {
        let options = options(poll);
        (Kind::Poll, lines([poll.name.clone()].into_iter().flatten().chain(options)), &poll.context_info)
    } else if let Some(place) = message.location_message.as_option() {
        let (latitude, longitude) = (place.degrees_latitude.unwrap_or(0.0), place.degrees_longitude.unwrap_or(0.0));
        let named = [place.name.clone(), place.address.clone()].into_iter().flatten();
        let text = lines(std::iter::once(format!("{latitude},{longitude}")).chain(named));
        (Kind::Location, text, &place.context_info)
    } else if let Some(contact) = message.contact_message.as_option() {
        (Kind::Contact, contact.display_name.clone().unwrap_or_default(), &contact.context_info)
    } else if let Some(contacts) = message.contacts_array_message.as_option() {
        let names = contacts.contacts.iter().filter_map(|contact| contact.display_name.clone());
        (Kind::Contact, lines(names), &contacts.context_info)
    } else if let Some(order) = message.order_message.as_option() {
        (Kind::Order, order.order_title.clone().unwrap_or_default(), &order.context_info)
    } else if let Some(event) = message.event_message.as_option() {
        let said = [event.name.clone(), event.description.clone()].into_iter().flatten();
        (Kind::Event, lines(said), &event.context_info)
    } else if let Some(invite) = message.group_invite_message.as_option() {
        let said = [invite.group_name.clone(), invite.caption.clone(), invite.invite_code.clone()];
        (Kind::Invite, lines(said.into_iter().flatten()), &invite.context_info)
    } else if let Some(interactive) = message.interactive_message.as_option() {
        (Kind::Interactive, lines(pressed(interactive)), &interactive.context_info)
    } else if let Some(list) = message.list_message.as_option() {
        let rows = list.sections.iter().flat_map(|section| &section.rows).filter_map(|row| row.title.clone());
        (Kind::Interactive, lines(list.description.clone().into_iter().chain(rows)), &list.context_info)
    } else {
        return None;
    };
    Some(Content::Shown { kind, text, quoted: context.as_option().and_then(read_quote) })
}

fn poll_of(message: &wa::Message) -> Option<&wa::message::PollCreationMessage> {
    message
        .poll_creation_message
        .as_option()
        .or_else(|| message.poll_creation_message_v2.as_option())
        .or_else(|| message.poll_creation_message_v3.as_option())
}

fn options(poll: &wa::message::PollCreationMessage) -> Vec<String> {
    poll.options.iter().filter_map(|option| option.option_name.clone()).collect()
}

/// The text, and what each button says of itself.
fn pressed(message: &InteractiveMessage) -> Vec<String> {
    let body = message.body.as_option().and_then(|body| body.text.clone());
    let mut said: Vec<String> = body.into_iter().collect();
    match &message.interactive_message {
        Some(Payload::NativeFlowMessage(flow)) => {
            let label = |button: &wa::message::interactive_message::native_flow_message::NativeFlowButton| {
                let parameters = button.button_params_json.as_deref()?;
                let parameters: serde_json::Value = serde_json::from_str(parameters).ok()?;
                let label = parameters["display_text"].as_str().or(button.name.as_deref())?;
                Some(label.to_owned())
            };
            said.extend(flow.buttons.iter().filter_map(label));
        }
        Some(Payload::CarouselMessage(carousel)) => said.extend(carousel.cards.iter().flat_map(pressed)),
        _ => {}
    }
    said
}

fn lines(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().collect::<Vec<_>>().join("\n")
}

/// The options that a vote is for, opened with the secret of its poll, under each address that its maker and its voter
/// may be known by.
pub fn chosen(
    raw: &[u8],
    id: &str,
    creators: &[String],
    voters: &[String],
    payload: &[u8],
    iv: &[u8],
) -> Option<Vec<String>> {
    let message = wa::Message::decode_from_slice(raw).ok()?;
    let secret = message.message_context_info.as_option()?.message_secret.clone()?;
    let options = options(poll_of(&message)?);
    let sealed = poll::PollVoteCiphertext { enc_payload: payload, enc_iv: iv };
    let hashes = creators
        .iter()
        .flat_map(|creator| voters.iter().map(move |voter| (creator, voter)))
        .find_map(|(creator, voter)| poll::decrypt_poll_vote_with_secret(sealed, &secret, id, creator, voter).ok())?;
    Some(options.into_iter().filter(|option| hashes.contains(&poll::compute_option_hash(option).to_vec())).collect())
}
