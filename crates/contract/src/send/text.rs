//! `/send/text`.

use super::{BODY_MAX, Content, Envelope, Part};
use crate::{
    payload::{Fields, Result},
    send::preview::Preview,
};

/// `POST /send/text`
pub struct Text {
    pub body: String,
    pub preview: Option<Preview>,
    /// Whoever sends it is to look up the first link's title and picture.
    pub look_up: bool,
}

impl Part for Text {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let body = fields.required("Body")?.text(BODY_MAX)?;
        Ok(Self { body, preview: None, look_up: fields.flag("LinkPreview")? })
    }

    fn content(self) -> Content {
        Content::Text(self)
    }
}
