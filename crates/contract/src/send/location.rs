//! `/send/location`.

use super::{Content, Envelope, Part, web_url};
use crate::payload::{Fields, Name, Result};

const NAME_MAX: usize = 1_000;
const LATITUDE: Name = Name { field: "Latitude", aliases: &["Lat"] };
const LONGITUDE: Name = Name { field: "Longitude", aliases: &["Lng", "Lon"] };

/// `POST /send/location`
pub struct Location {
    /// Degrees.
    pub latitude: f64,
    pub longitude: f64,
    pub name: Option<String>,
    pub address: Option<String>,
    pub url: Option<String>,
}

impl Location {
    pub(crate) fn read_from(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            latitude: fields.required(LATITUDE)?.decimal(-90.0..=90.0)?,
            longitude: fields.required(LONGITUDE)?.decimal(-180.0..=180.0)?,
            name: fields.text("Name", NAME_MAX)?,
            address: fields.text("Address", NAME_MAX)?,
            url: web_url(fields, "URL")?,
        })
    }
}

impl Part for Location {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Self::read_from(fields)
    }

    fn content(self) -> Content {
        Content::Location(self)
    }
}
