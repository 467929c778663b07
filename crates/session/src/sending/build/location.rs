use wago_contract::send::location::Location;
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, message::LocationMessage},
};

use super::Build;

pub fn part(Location { latitude, longitude, name, address, url }: Location) -> LocationMessage {
    LocationMessage {
        degrees_latitude: Some(latitude),
        degrees_longitude: Some(longitude),
        name,
        address,
        url,
        ..Default::default()
    }
}

pub fn location(build: &mut Build, location: Location) -> wa::Message {
    let message = wa::Message { location_message: MessageField::some(part(location)), ..Default::default() };
    build.in_context(message)
}
