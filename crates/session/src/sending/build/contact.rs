use wago_contract::send::contact::{Contact, Contacts};
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{ContactMessage, ContactsArrayMessage},
    },
};

use super::Build;

pub fn contacts(build: &mut Build, Contacts(contacts): Contacts) -> wa::Message {
    let part =
        |Contact { name, vcard }| ContactMessage { display_name: Some(name), vcard: Some(vcard), ..Default::default() };
    let mut parts: Vec<_> = contacts.into_iter().map(part).collect();
    let message = match parts.pop() {
        Some(one) if parts.is_empty() => wa::Message { contact_message: MessageField::some(one), ..Default::default() },
        last => {
            parts.extend(last);
            let many = ContactsArrayMessage {
                display_name: Some(format!("{} contacts", parts.len())),
                contacts: parts,
                ..Default::default()
            };
            wa::Message { contacts_array_message: MessageField::some(many), ..Default::default() }
        }
    };
    build.in_context(message)
}
