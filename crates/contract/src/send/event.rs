//! `/send/event`: something to take part in.

use super::{Content, Envelope, Part, location::Location, web_url, words};
use crate::payload::{Fields, Invalid, Name, Result};

const NAME_MAX: usize = 100;
const DESCRIPTION_MAX: usize = 2_048;
/// Unix seconds; the year 2286.
const TIME_MAX: i64 = 9_999_999_999;

const START: Name = Name { field: "Start", aliases: &["StartTime"] };
const END: Name = Name { field: "End", aliases: &["EndTime"] };
const LINK: Name = Name { field: "JoinLink", aliases: &["Link"] };

/// `POST /send/event`
pub struct Event {
    pub name: String,
    pub description: Option<String>,
    /// Unix seconds.
    pub start: i64,
    pub end: Option<i64>,
    pub location: Option<Location>,
    pub join_link: Option<String>,
    pub extra_guests: bool,
}

impl Part for Event {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let name = words(fields, "Name", NAME_MAX)?;
        let start = fields.required(START)?.integer(0..=TIME_MAX)?;
        let end = fields.integer(END, 0..=TIME_MAX)?;
        if end.is_some_and(|end| end < start) {
            return Err(Invalid::field("End", "not before Start"));
        }
        let location = match fields.optional("Location") {
            Some(given) => Some(Location::read_from(&mut given.object()?)?),
            None => None,
        };
        Ok(Self {
            name,
            description: fields.text("Description", DESCRIPTION_MAX)?,
            start,
            end,
            location,
            join_link: web_url(fields, LINK)?,
            extra_guests: fields.flag("ExtraGuests")?,
        })
    }

    fn content(self) -> Content {
        Content::Event(self)
    }
}
