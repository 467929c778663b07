use wago_contract::send::poll::Poll;
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{PollCreationMessage, poll_creation_message},
    },
};

use super::{Build, with_secret};

pub fn poll(build: &mut Build, Poll { question, options, max_answer }: Poll) -> wa::Message {
    let option = |name| poll_creation_message::Option { option_name: Some(name), ..Default::default() };
    let poll = MessageField::some(PollCreationMessage {
        name: Some(question),
        options: options.into_iter().map(option).collect(),
        selectable_options_count: Some(max_answer),
        ..Default::default()
    });
    // WhatsApp Web has a field of its own for polls with one answer.
    let message = if max_answer == 1 {
        wa::Message { poll_creation_message_v3: poll, ..Default::default() }
    } else {
        wa::Message { poll_creation_message: poll, ..Default::default() }
    };
    with_secret(build.in_context(message), build.secret)
}
