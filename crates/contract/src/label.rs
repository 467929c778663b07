//! `/label/*` and `/unlabel/*`.

use serde::Serialize;

use crate::{
    payload::{Fields, Given, ID, Invalid, Name, PHONE, Payload, Result},
    send::message_id,
    session::PHONE_MAX,
};

/// WhatsApp has so many colours.
const COLORS: i64 = 20;
const NAME_MAX: usize = 100;
const LABEL: Name = Name { field: "labelid", aliases: &["label"] };

/// `POST /label/chat`, `/unlabel/chat`
pub struct LabelChat {
    /// As written.
    pub chat: String,
    pub label: String,
    /// WuzAPI takes a label away so, too.
    pub on: bool,
}

impl Payload for LabelChat {
    fn read(mut fields: Fields) -> Result<Self> {
        let (chat, label) = (chat(&mut fields)?, label(&mut fields)?);
        Ok(Self { chat, label, on: fields.optional("labeled").map_or(Ok(true), Given::flag)? })
    }
}

/// `POST /label/message`, `/unlabel/message`
pub struct LabelMessage {
    pub chat: String,
    pub label: String,
    pub message: String,
    pub on: bool,
}

impl Payload for LabelMessage {
    fn read(mut fields: Fields) -> Result<Self> {
        let (chat, label) = (chat(&mut fields)?, label(&mut fields)?);
        let name = Name { field: "messageid", ..ID };
        let name = Name { aliases: &["Id"], ..name };
        let message = message_id(&mut fields, name)?.ok_or_else(|| fields.missing(name))?;
        Ok(Self { chat, label, message, on: fields.optional("labeled").map_or(Ok(true), Given::flag)? })
    }
}

/// `POST /label/edit`
pub struct EditLabel {
    pub label: String,
    /// `None` deletes it.
    pub look: Option<Look>,
}

pub struct Look {
    pub name: String,
    pub color: i32,
}

impl Payload for EditLabel {
    fn read(mut fields: Fields) -> Result<Self> {
        let label = label(&mut fields)?;
        let kept = fields.optional("action").map_or(Ok(true), Given::flag)?;
        if !kept || fields.flag("deleted")? {
            return Ok(Self { label, look: None });
        }
        let name = fields.required("name")?.text(NAME_MAX)?.trim().to_owned();
        if name.is_empty() {
            return Err(fields.missing("name"));
        }
        let color = fields.integer("color", 0..=COLORS - 1)?.unwrap_or_default();
        Ok(Self { label, look: Some(Look { name, color: i32::try_from(color).unwrap_or_default() }) })
    }
}

fn chat(fields: &mut Fields) -> Result<String> {
    fields.required(PHONE)?.text(PHONE_MAX)
}

fn label(fields: &mut Fields) -> Result<String> {
    let given = fields.required(LABEL)?;
    let text = if given.is_number() { given.integer(0..=i64::MAX)?.to_string() } else { given.text(20)? };
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text),
        false => Err(Invalid::field(LABEL.field, "digits")),
    }
}

/// `GET /label/list`
#[derive(Serialize)]
pub struct Labels {
    pub labels: Vec<Label>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    #[serde(rename = "labelid")]
    pub id: String,
    pub name: String,
    pub color: i64,
    /// Of one that WhatsApp made, such as "New customer".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predefined_id: Option<i64>,
    pub chat_count: u64,
    pub message_count: u64,
    /// Only if the label was asked for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Vec<Labelled>>,
    /// For `?page=`, if there is more that has the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

#[derive(Serialize)]
pub struct Labelled {
    pub jid: String,
    /// Of a message in that chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messageid: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Payload>(body: &str) -> Result<T> {
        T::read(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_label_is_made_changed_and_deleted() {
        let made = read::<EditLabel>(r#"{"labelid":"7","name":" Paid ","color":3,"action":true}"#).unwrap();
        let look = made.look.unwrap();
        assert_eq!((made.label.as_str(), look.name.as_str(), look.color), ("7", "Paid", 3));
        assert!(read::<EditLabel>(r#"{"labelid":7,"action":false}"#).unwrap().look.is_none());
        assert!(read::<EditLabel>(r#"{"labelId":"7","deleted":true}"#).unwrap().look.is_none());
        for bad in [r#"{"name":"x"}"#, r#"{"labelid":"x","name":"x"}"#, r#"{"labelid":"7","name":" "}"#] {
            assert!(read::<EditLabel>(bad).is_err(), "{bad}");
        }
        assert!(read::<EditLabel>(r#"{"labelid":"7","name":"x","color":20}"#).is_err());
    }

    #[test]
    fn a_chat_or_a_message_gets_a_label() {
        let chat = read::<LabelChat>(r#"{"jid":"1","labelid":"7","labeled":false}"#).unwrap();
        assert_eq!((chat.label.as_str(), chat.on), ("7", false));
        let message = read::<LabelMessage>(r#"{"jid":"1","labelid":"7","messageid":"3EB0"}"#).unwrap();
        assert_eq!((message.message.as_str(), message.on), ("3EB0", true));
        assert!(read::<LabelMessage>(r#"{"jid":"1","labelid":"7"}"#).is_err());
        assert!(read::<LabelChat>(r#"{"labelid":"7"}"#).is_err());
    }
}
