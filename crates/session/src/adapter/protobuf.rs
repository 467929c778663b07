//! A protobuf message as JSON with whatsmeow's names.
//!
//! The engine's generated types serialise with snake case names, absent fields as null, bytes as sequences of numbers
//! and enums by name. This serialiser reads that and writes what whatsmeow's users know: its field names, nothing for
//! what is absent, padded base64 for bytes (no protobuf type but `bytes` has elements of type `u8`), numbers for enums.

use std::fmt::Display;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer, ser};
use serde_json::{Map, Number, Value};

use super::enums;

/// An absent value is JSON's null here; fields that hold it are left out.
pub fn to_json(message: &impl Serialize) -> Value {
    message.serialize(Json).unwrap_or(Value::Null)
}

/// whatsmeow's name of a field.
fn field_name(snake: &str) -> String {
    let mut name = String::with_capacity(snake.len());
    for (at, word) in snake.split('_').enumerate() {
        let upper = match word {
            "id" | "jid" | "url" | "sha256" | "ms" | "iv" | "json" | "ptt" | "jpeg" | "ts" => true,
            "ids" => {
                name.push_str("IDs");
                continue;
            }
            _ => false,
        };
        if upper {
            name.extend(word.chars().map(|char| char.to_ascii_uppercase()));
        } else if at == 0 {
            name.push_str(word);
        } else {
            push_capitalised(&mut name, word);
        }
    }
    name
}

fn push_capitalised(name: &mut String, word: &str) {
    let mut chars = word.chars();
    name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
    name.push_str(chars.as_str());
}

/// A one-of in whatsmeow's structs is a Go field, and so is its only member: both begin with a capital.
fn go_name(name: &str) -> String {
    let mut go = String::with_capacity(name.len());
    push_capitalised(&mut go, name);
    go
}

#[derive(Debug)]
struct Impossible;

impl Display for Impossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the message cannot be shown")
    }
}

impl std::error::Error for Impossible {}

impl ser::Error for Impossible {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Result<T = Value> = std::result::Result<T, Impossible>;

#[derive(Clone, Copy)]
struct Json;

impl Serializer for Json {
    type Ok = Value;
    type Error = Impossible;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Object;

    fn serialize_bool(self, v: bool) -> Result {
        Ok(v.into())
    }
    fn serialize_i8(self, v: i8) -> Result {
        Ok(v.into())
    }
    fn serialize_i16(self, v: i16) -> Result {
        Ok(v.into())
    }
    fn serialize_i32(self, v: i32) -> Result {
        Ok(v.into())
    }
    fn serialize_i64(self, v: i64) -> Result {
        Ok(v.into())
    }
    fn serialize_u8(self, v: u8) -> Result {
        Ok(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result {
        Ok(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result {
        Ok(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result {
        Ok(v.into())
    }
    fn serialize_f32(self, v: f32) -> Result {
        self.serialize_f64(v.into())
    }
    fn serialize_f64(self, v: f64) -> Result {
        // JSON has no word for "not a number".
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }
    fn serialize_char(self, v: char) -> Result {
        Ok(v.to_string().into())
    }
    fn serialize_str(self, v: &str) -> Result {
        Ok(v.into())
    }
    fn serialize_bytes(self, v: &[u8]) -> Result {
        Ok(STANDARD.encode(v).into())
    }
    fn serialize_none(self) -> Result {
        Ok(Value::Null)
    }
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result {
        Ok(Value::Object(Map::new()))
    }
    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result {
        Ok(enums::number(name, index, variant).into())
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        let mut member = Map::with_capacity(1);
        member.insert(go_name(variant), value.serialize(self)?);
        Ok(Value::Object(member))
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<List> {
        Ok(List::Unknown(len.unwrap_or(0)))
    }
    fn serialize_tuple(self, len: usize) -> Result<List> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, len: usize) -> Result<List> {
        self.serialize_seq(Some(len))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Object> {
        Ok(Object::default())
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object> {
        Ok(Object::default())
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Object> {
        Ok(Object::default())
    }
}

/// A sequence: what it is shows with its first element.
enum List {
    Unknown(usize),
    Bytes(Vec<u8>),
    Values(Vec<Value>),
}

impl List {
    fn push<T: ?Sized + Serialize>(&mut self, element: &T) -> Result<()> {
        if let Self::Unknown(len) = *self {
            *self = match element.serialize(Byte) {
                Ok(_) => Self::Bytes(Vec::with_capacity(len)),
                Err(Impossible) => Self::Values(Vec::with_capacity(len)),
            };
        }
        match self {
            Self::Bytes(bytes) => bytes.push(element.serialize(Byte)?),
            Self::Values(values) => values.push(element.serialize(Json)?),
            Self::Unknown(_) => return Err(Impossible),
        }
        Ok(())
    }

    /// An empty one is absent, as in whatsmeow.
    fn finish(self) -> Value {
        match self {
            Self::Unknown(_) => Value::Null,
            Self::Bytes(bytes) => STANDARD.encode(bytes).into(),
            Self::Values(values) => values.into(),
        }
    }
}

impl ser::SerializeSeq for List {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }
    fn end(self) -> Result {
        Ok(self.finish())
    }
}

impl ser::SerializeTuple for List {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }
    fn end(self) -> Result {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleStruct for List {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }
    fn end(self) -> Result {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleVariant for List {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }
    fn end(self) -> Result {
        Ok(self.finish())
    }
}

#[derive(Default)]
struct Object {
    fields: Map<String, Value>,
    key: String,
}

/// Keys of conversations and of the account, wherever they are in a message: they are nobody's business but the engine's.
const KEYS: [&str; 3] =
    ["sender_key_distribution_message", "fast_ratchet_key_sender_key_distribution_message", "app_state_sync_key_share"];

impl Object {
    fn field<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Result<()> {
        if KEYS.contains(&name) {
            return Ok(());
        }
        let value = value.serialize(Json)?;
        if !value.is_null() {
            self.fields.insert(field_name(name), value);
        }
        Ok(())
    }
}

impl ser::SerializeStruct for Object {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<()> {
        self.field(key, value)
    }
    fn end(self) -> Result {
        Ok(self.fields.into())
    }
}

impl ser::SerializeStructVariant for Object {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<()> {
        self.field(key, value)
    }
    fn end(self) -> Result {
        Ok(self.fields.into())
    }
}

impl ser::SerializeMap for Object {
    type Ok = Value;
    type Error = Impossible;
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<()> {
        self.key = match key.serialize(Json)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(())
    }
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        let key = std::mem::take(&mut self.key);
        self.fields.insert(key, value.serialize(Json)?);
        Ok(())
    }
    fn end(self) -> Result {
        Ok(self.fields.into())
    }
}

/// Takes a `u8` and nothing else.
struct Byte;

macro_rules! refuse {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<u8> {
            Err(Impossible)
        })*
    };
}

impl Serializer for Byte {
    type Ok = u8;
    type Error = Impossible;
    type SerializeSeq = ser::Impossible<u8, Impossible>;
    type SerializeTuple = ser::Impossible<u8, Impossible>;
    type SerializeTupleStruct = ser::Impossible<u8, Impossible>;
    type SerializeTupleVariant = ser::Impossible<u8, Impossible>;
    type SerializeMap = ser::Impossible<u8, Impossible>;
    type SerializeStruct = ser::Impossible<u8, Impossible>;
    type SerializeStructVariant = ser::Impossible<u8, Impossible>;

    fn serialize_u8(self, v: u8) -> Result<u8> {
        Ok(v)
    }

    refuse! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_str: &str, serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_some<T: ?Sized + Serialize>(self, _: &T) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_unit(self) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, _: &T) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<u8> {
        Err(Impossible)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(Impossible)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(Impossible)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
        Err(Impossible)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(Impossible)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(Impossible)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        Err(Impossible)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(Impossible)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waproto::{buffa::MessageField, whatsapp as wa};

    use super::{field_name, to_json};

    #[test]
    fn names_are_whatsmeows() {
        let cases = [
            ("conversation", "conversation"),
            ("extended_text_message", "extendedTextMessage"),
            ("url", "URL"),
            ("static_url", "staticURL"),
            ("jpeg_thumbnail", "JPEGThumbnail"),
            ("png_thumbnail", "pngThumbnail"),
            ("file_sha256", "fileSHA256"),
            ("file_enc_sha256", "fileEncSHA256"),
            ("thumbnail_sha256", "thumbnailSHA256"),
            ("stanza_id", "stanzaID"),
            ("remote_jid", "remoteJID"),
            ("mentioned_jid", "mentionedJID"),
            ("sender_timestamp_ms", "senderTimestampMS"),
            ("timestamp_ms", "timestampMS"),
            ("enc_iv", "encIV"),
            ("ptt", "PTT"),
            ("params_json", "paramsJSON"),
            ("id", "ID"),
            ("media_key_timestamp", "mediaKeyTimestamp"),
            ("background_argb", "backgroundArgb"),
            ("is_forwarded", "isForwarded"),
        ];
        for (snake, expected) in cases {
            assert_eq!(field_name(snake), expected);
        }
    }

    #[test]
    fn keys_are_left_out_wherever_they_are() {
        let key = || {
            MessageField::some(wa::message::SenderKeyDistributionMessage {
                group_id: Some("5@g.us".into()),
                axolotl_sender_key_distribution_message: Some(vec![1, 2, 3]),
            })
        };
        let inner = wa::Message {
            conversation: Some("hi".into()),
            sender_key_distribution_message: key(),
            fast_ratchet_key_sender_key_distribution_message: key(),
            ..Default::default()
        };
        let outer = wa::Message {
            sender_key_distribution_message: key(),
            ephemeral_message: MessageField::some(wa::message::FutureProofMessage {
                message: MessageField::some(inner),
            }),
            ..Default::default()
        };
        assert_eq!(to_json(&outer), json!({"ephemeralMessage": {"message": {"conversation": "hi"}}}));
    }
}
