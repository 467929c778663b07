use wago_contract::send::event::Event;
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, message::EventMessage},
};

use super::{Build, location, with_secret};

pub fn event(build: &mut Build, event: Event) -> wa::Message {
    let Event { name, description, start, end, location, join_link, extra_guests } = event;
    let part = EventMessage {
        is_canceled: Some(false),
        name: Some(name),
        description,
        start_time: Some(start),
        end_time: end,
        location: location.map(|place| MessageField::some(location::part(place))).unwrap_or_default(),
        join_link,
        extra_guests_allowed: Some(extra_guests),
        ..Default::default()
    };
    let message = wa::Message { event_message: MessageField::some(part), ..Default::default() };
    with_secret(build.in_context(message), build.secret)
}
