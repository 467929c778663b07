//! Reading a request's body as WaGo does: keys in any letter case, aliases, the last of two equal keys, `null` as
//! absent, unknown keys ignored. What is wrong is told by the field's name.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

mod json;
mod schedule;

use json::Json;
pub use schedule::moment;

/// A request body that can be read from a payload.
pub trait Payload: Sized {
    fn read(fields: Fields) -> Result<Self>;
}

pub type Result<T, E = Invalid> = std::result::Result<T, E>;

/// Why a body was not accepted. The text never repeats what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("payload is not valid UTF-8")]
    NotUtf8,
    #[error("payload is not valid JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("payload should be a JSON object")]
    NotObject,
    #[error("missing {field} in payload")]
    Missing { field: String },
    #[error("{field} should be {expected}")]
    Field { field: String, expected: String },
    /// A file is larger than WhatsApp takes, or this gateway.
    #[error("{field} is larger than {limit} bytes")]
    TooLarge { field: String, limit: u64 },
}

impl Invalid {
    pub fn field(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Field { field: field.into(), expected: expected.into() }
    }
}

/// A documented field and the other names that it goes by.
#[derive(Clone, Copy)]
pub struct Name {
    pub field: &'static str,
    pub aliases: &'static [&'static str],
}

impl From<&'static str> for Name {
    fn from(field: &'static str) -> Self {
        Self { field, aliases: &[] }
    }
}

/// A recipient.
pub const PHONE: Name = Name { field: "Phone", aliases: &["number", "to", "jid", "chat"] };
/// A message's id.
pub const ID: Name = Name { field: "Id", aliases: &["MessageID"] };

/// What a field of a form holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Part {
    Text(String),
    /// The number by which the reader of the form knows the file.
    File(usize),
}

/// The members of a JSON object.
pub struct Fields {
    /// Where the object stands: empty for the body, else such as `ContextInfo.`.
    path: String,
    members: Vec<(String, Json)>,
}

impl Fields {
    /// An empty body is an empty object.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(body).map_err(|_| Invalid::NotUtf8)?.trim();
        if text.is_empty() {
            return Ok(Self { path: String::new(), members: Vec::new() });
        }
        let json = serde_json::from_str(text)
            .map_err(|error| Invalid::NotJson { line: error.line(), column: error.column() })?;
        match json {
            Json::Object(members) => Ok(Self { path: String::new(), members }),
            _ => Err(Invalid::NotObject),
        }
    }

    /// Like [`Fields::parse`]. A text that is `mark` and a number stands for a text that was too long to be held; the
    /// mark has to be one that no caller can guess.
    pub fn parse_marked(body: &[u8], mark: &str) -> Result<Self> {
        let mut fields = Self::parse(body)?;
        fields.members.iter_mut().for_each(|(_, json)| json.find_blobs(mark));
        Ok(fields)
    }

    /// The fields of a form.
    pub fn form(parts: impl IntoIterator<Item = (String, Part)>) -> Self {
        let members = parts.into_iter().map(|(name, part)| match part {
            Part::Text(text) => (name, Json::Form(text)),
            Part::File(number) => (name, Json::Blob(number)),
        });
        Self { path: String::new(), members: members.collect() }
    }

    /// The field if it is there and not `null`: an empty text counts as given.
    /// Taken out, since it may be a large picture.
    pub fn given(&mut self, name: impl Into<Name>) -> Option<Given> {
        let name = name.into();
        let json = std::iter::once(&name.field).chain(name.aliases).find_map(|key| {
            let (_, json) = self.members.iter_mut().rev().find(|(given, _)| given.eq_ignore_ascii_case(key))?;
            (*json != Json::Null).then(|| std::mem::replace(json, Json::Null))
        })?;
        Some(Given { field: format!("{}{}", self.path, name.field), json })
    }

    /// The field if it is there and not empty.
    pub fn optional(&mut self, name: impl Into<Name>) -> Option<Given> {
        self.given(name).filter(|given| !matches!(&given.json, Json::Text(text) | Json::Form(text) if text.is_empty()))
    }

    pub fn required(&mut self, name: impl Into<Name>) -> Result<Given> {
        let name = name.into();
        self.optional(name).ok_or_else(|| self.missing(name))
    }

    pub fn missing(&self, name: impl Into<Name>) -> Invalid {
        Invalid::Missing { field: format!("{}{}", self.path, name.into().field) }
    }

    /// An optional text; see [`Given::text`].
    pub fn text(&mut self, name: impl Into<Name>, max: usize) -> Result<Option<String>> {
        self.optional(name).map(|given| given.text(max)).transpose()
    }

    /// An optional flag, false unless given.
    pub fn flag(&mut self, name: impl Into<Name>) -> Result<bool> {
        self.optional(name).map_or(Ok(false), Given::flag)
    }

    /// An optional whole number; see [`Given::integer`].
    pub fn integer(&mut self, name: impl Into<Name>, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        self.optional(name).map(|given| given.integer(range)).transpose()
    }

    /// An optional number; see [`Given::decimal`].
    pub fn decimal(&mut self, name: impl Into<Name>, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        self.optional(name).map(|given| given.decimal(range)).transpose()
    }

    /// The name under which a field of this object is told in an error.
    pub fn path_of(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }

    /// An optional object, empty unless given.
    pub fn object(&mut self, name: impl Into<Name>) -> Result<Self> {
        let name = name.into();
        match self.optional(name) {
            Some(given) => given.object(),
            None => Ok(Self { path: format!("{}{}.", self.path, name.field), members: Vec::new() }),
        }
    }
}

/// A field that was given, not yet looked into.
pub struct Given {
    field: String,
    json: Json,
}

/// What a field that takes a file was given.
pub(crate) enum Content {
    Text(String),
    Blob(usize),
}

impl Given {
    /// Where it stands, to be named in an error.
    pub(crate) fn field(&self) -> &str {
        &self.field
    }

    pub(crate) fn content(self) -> Result<Content> {
        match self.json {
            Json::Text(text) | Json::Form(text) => Ok(Content::Text(text)),
            Json::Blob(number) => Ok(Content::Blob(number)),
            _ => Err(Invalid::field(self.field, "a data URL, base64 or an http(s) URL")),
        }
    }

    /// Lists and objects in a form are JSON.
    fn unpacked(self) -> Self {
        match self.json {
            Json::Form(text) => {
                let json = serde_json::from_str(text.trim()).unwrap_or(Json::Form(text));
                Self { json, ..self }
            }
            _ => self,
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self.json, Json::Number(_))
    }

    pub fn is_object(&self) -> bool {
        matches!(self.json, Json::Object(_))
    }

    pub fn is_flag(&self) -> bool {
        matches!(self.json, Json::Flag(_))
    }

    /// A text of at most `max` characters.
    pub fn text(self, max: usize) -> Result<String> {
        let text = match self.json {
            Json::Text(text) | Json::Form(text) => text,
            // A text is only put aside when it is longer than any that is asked for.
            Json::Blob(_) => return Err(Invalid::field(self.field, format!("at most {max} characters long"))),
            _ => return Err(Invalid::field(self.field, "a string")),
        };
        check_length(&self.field, &text, max)?;
        Ok(text)
    }

    pub fn flag(self) -> Result<bool> {
        match self.json {
            Json::Flag(flag) => Ok(flag),
            Json::Form(text) if matches!(text.trim(), "true" | "1") => Ok(true),
            Json::Form(text) if matches!(text.trim(), "false" | "0") => Ok(false),
            _ => Err(Invalid::field(self.field, "true or false")),
        }
    }

    pub fn integer(self, range: RangeInclusive<i64>) -> Result<i64> {
        match self.json {
            Json::Number(number) => number.as_i64(),
            Json::Form(text) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|number| range.contains(number))
        .ok_or_else(|| Invalid::field(self.field, format!("a whole number from {} to {}", range.start(), range.end())))
    }

    pub fn decimal(self, range: RangeInclusive<f64>) -> Result<f64> {
        match self.json {
            Json::Number(number) => number.as_f64(),
            Json::Form(text) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|number: &f64| range.contains(number))
        .ok_or_else(|| Invalid::field(self.field, format!("a number from {} to {}", range.start(), range.end())))
    }

    /// A list of objects.
    pub fn objects(self, count: RangeInclusive<usize>) -> Result<Vec<Fields>> {
        let Self { field, json } = self.unpacked();
        match json {
            Json::List(list) if count.contains(&list.len()) => {
                let item = |(at, json)| Self { field: format!("{field}[{at}]"), json }.object();
                list.into_iter().enumerate().map(item).collect()
            }
            _ => Err(Invalid::field(field, format!("a list of {} to {} objects", count.start(), count.end()))),
        }
    }

    /// A list of at most `items` texts of at most `max` characters each.
    pub fn texts(self, items: usize, max: usize) -> Result<Vec<String>> {
        let Self { field, json } = self.unpacked();
        let Json::List(list) = json else {
            return Err(Invalid::field(field, "a list of strings"));
        };
        if list.len() > items {
            return Err(Invalid::field(field, format!("a list of at most {items} strings")));
        }
        list.into_iter().map(|json| Self { field: field.clone(), json }.list_item(max)).collect()
    }

    fn list_item(self, max: usize) -> Result<String> {
        let Json::Text(text) = self.json else {
            return Err(Invalid::field(self.field, "a list of strings"));
        };
        check_length(&self.field, &text, max)?;
        Ok(text)
    }

    /// A list of texts, or one text with commas between them.
    pub fn words(self, items: usize, max: usize) -> Result<Vec<String>> {
        let text = match &self.json {
            Json::Text(text) => text,
            Json::Form(text) if !text.trim_start().starts_with('[') => text,
            _ => return self.texts(items, max),
        };
        let list = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let json = Json::List(list.map(|word| Json::Text(word.to_owned())).collect());
        Self { field: self.field, json }.texts(items, max)
    }

    pub fn object(self) -> Result<Fields> {
        let Self { field, json } = self.unpacked();
        match json {
            Json::Object(members) => Ok(Fields { path: format!("{field}."), members }),
            _ => Err(Invalid::field(field, "an object")),
        }
    }

    /// An object of texts whose keys are the user's own, in order, letter case kept. Of keys that differ only in case
    /// the last wins.
    pub fn map(self, items: usize, max: usize) -> Result<Vec<(String, String)>> {
        let fields = self.object()?;
        let mut map: Vec<(String, String)> = Vec::new();
        for (key, json) in fields.members {
            let value = Given { field: format!("{}{}", fields.path, key), json }.text(max)?;
            map.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
            map.push((key, value));
            if map.len() > items {
                let field = fields.path.trim_end_matches('.');
                return Err(Invalid::field(field, format!("an object of at most {items} members")));
            }
        }
        Ok(map)
    }
}

fn check_length(field: &str, text: &str, max: usize) -> Result<()> {
    // A character is at least a byte, so most texts need no counting.
    if text.len() > max && text.chars().count() > max {
        return Err(Invalid::field(field, format!("at most {max} characters long")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn keys_match_in_any_case_and_by_alias() {
        for body in [r#"{"Phone":"1"}"#, r#"{"phone":"1"}"#, r#"{"NUMBER":"1"}"#, r#"{"to":"1"}"#, r#"{"JID":"1"}"#] {
            assert_eq!(fields(body).required(PHONE).unwrap().text(9).unwrap(), "1", "{body}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_wins_and_null_is_absent() {
        assert_eq!(fields(r#"{"id":"1","ID":"2","Id":"3"}"#).text(ID, 9).unwrap().as_deref(), Some("3"));
        assert_eq!(fields(r#"{"Id":null,"messageid":"2"}"#).text(ID, 9).unwrap().as_deref(), Some("2"));
        assert_eq!(fields(r#"{"Id":null}"#).text(ID, 9).unwrap(), None);
        assert_eq!(fields(r#"{"Id":""}"#).text(ID, 9).unwrap(), None);
    }

    #[test]
    fn an_empty_body_has_no_fields() {
        for body in ["", "  \n", "{}"] {
            assert_eq!(fields(body).required("Name").err(), Some(Invalid::Missing { field: "Name".into() }));
        }
    }

    #[test]
    fn errors_name_the_field_by_its_path() {
        let mut context = fields(r#"{"contextinfo":{"stanzaid":1}}"#).object("ContextInfo").unwrap();
        let error = context.text("StanzaID", 9).unwrap_err();
        assert_eq!(error.to_string(), "ContextInfo.StanzaID should be a string");
        assert_eq!(
            context.required("Participant").err().unwrap().to_string(),
            "missing ContextInfo.Participant in payload"
        );
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for (body, error) in [
            (&b"[]"[..], "payload should be a JSON object"),
            (b"null", "payload should be a JSON object"),
            (b"{\"a\":", "payload is not valid JSON (line 1, column 5)"),
            (b"{} {}", "payload is not valid JSON (line 1, column 4)"),
            (b"{\"a\":\"\\ud800\"}", "payload is not valid JSON (line 1, column 13)"),
            (b"{\"a\":\"\xff\"}", "payload is not valid UTF-8"),
        ] {
            assert_eq!(Fields::parse(body).err().unwrap().to_string(), error);
        }
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(matches!(Fields::parse(deep.as_bytes()), Err(Invalid::NotJson { .. })));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let body = r#"{"a":"äöü"}"#;
        assert!(fields(body).text("a", 3).is_ok());
        assert_eq!(fields(body).text("a", 2).unwrap_err().to_string(), "a should be at most 2 characters long");
    }

    #[test]
    fn words_come_as_a_list_or_with_commas() {
        for body in [r#"{"a":["x","y"]}"#, r#"{"a":"x, y"}"#] {
            assert_eq!(fields(body).optional("a").unwrap().words(2, 9).unwrap(), ["x", "y"]);
        }
        assert!(fields(r#"{"a":["x","y"]}"#).optional("a").unwrap().words(1, 9).is_err());
        assert!(fields(r#"{"a":["x",1]}"#).optional("a").unwrap().words(9, 9).is_err());
    }
}
