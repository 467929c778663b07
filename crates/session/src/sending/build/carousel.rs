use wago_contract::send::carousel::Carousel;
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{
            InteractiveMessage,
            interactive_message::{Body, CarouselMessage, Header, InteractiveMessage as Payload},
        },
    },
};

use super::{Build, interactive};
use crate::Result;

pub fn carousel(build: &mut Build, Carousel { body, footer, cards }: Carousel) -> Result<wa::Message> {
    let cards = cards.into_iter().map(|card| interactive::part(build, card)).collect::<Result<_>>()?;
    let carousel = CarouselMessage { cards, message_version: Some(1), ..Default::default() };
    let part = InteractiveMessage {
        header: MessageField::some(Header { has_media_attachment: Some(false), ..Default::default() }),
        body: MessageField::some(Body { text: Some(body) }),
        footer: interactive::footer(footer),
        interactive_message: Some(Payload::CarouselMessage(Box::new(carousel))),
        ..Default::default()
    };
    let message = wa::Message { interactive_message: MessageField::some(part), ..Default::default() };
    Ok(build.in_context(message))
}
