//! Messages with buttons: `/send/buttons`, `/send/mediabutton`, `/send/template`, `/send/locationbutton`.

use super::{
    BODY_MAX, Content, Envelope, Part,
    media::{Files, Kind, Media},
    payment::{Order, Pix},
    web_url, words,
};
use crate::payload::{Fields, Invalid, Name, Result};

/// Characters that clients show of each.
pub(crate) const TITLE_MAX: usize = 60;
pub(crate) const LABEL_MAX: usize = 25;
/// Characters in what an answer carries back.
const BUTTON_ID_MAX: usize = 256;
/// Characters in a code to copy.
const CODE_MAX: usize = 1_024;
/// Buttons in one message.
const BUTTONS: std::ops::RangeInclusive<usize> = 1..=10;

pub(crate) const BODY: Name = Name { field: "Body", aliases: &["Text", "Message", "Content"] };
pub(crate) const TITLE: Name = Name { field: "Title", aliases: &["Header"] };
pub(crate) const FOOTER: Name = Name { field: "Footer", aliases: &["FooterText"] };
const LABEL: Name = Name { field: "Label", aliases: &["Title", "Text", "ButtonText", "DisplayText", "Name"] };
const BUTTON_ID: Name = Name { field: "Id", aliases: &["ButtonId"] };
const NUMBER: Name = Name { field: "PhoneNumber", aliases: &["phone_number", "Phone", "Number"] };
const CODE: Name = Name { field: "CopyCode", aliases: &["copy_code", "Code"] };

/// A text with something to press.
pub struct Interactive {
    pub title: Option<String>,
    pub body: String,
    pub footer: Option<String>,
    /// A picture, video or document above the text.
    pub header: Option<(Kind, Media)>,
    pub buttons: Vec<Button>,
}

pub struct Button {
    pub label: String,
    pub action: Action,
}

pub enum Action {
    /// The answer carries the id.
    Reply {
        id: String,
    },
    /// `inside`: opened within WhatsApp.
    Url {
        url: String,
        inside: bool,
    },
    Call {
        number: String,
    },
    Copy {
        code: String,
    },
    /// Asks for the place where someone is.
    Location,
    Pix(Pix),
    Review(Order),
}

impl Interactive {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            title: fields.text(TITLE, TITLE_MAX)?,
            body: words(fields, BODY, BODY_MAX)?,
            footer: fields.text(FOOTER, TITLE_MAX)?,
            header: None,
            buttons: Vec::new(),
        })
    }

    /// At most one of the three.
    fn header(fields: &mut Fields) -> Result<Option<(Kind, Media)>> {
        let mut header = None;
        for (name, kind) in [("Image", Kind::Image), ("Video", Kind::Video), ("Document", Kind::Document)] {
            if let Some(media) = Media::optional(fields, name, kind)? {
                if header.is_some() {
                    return Err(Invalid::field(media.field, "absent where there is another file"));
                }
                header = Some((kind, media));
            }
        }
        Ok(header)
    }

    fn media(&mut self) -> Vec<&mut Media> {
        self.header.iter_mut().map(|(_, media)| media).collect()
    }
}

pub(crate) fn buttons(fields: &mut Fields) -> Result<Vec<Button>> {
    fields.required("Buttons")?.objects(BUTTONS)?.iter_mut().enumerate().map(button).collect()
}

fn button((at, fields): (usize, &mut Fields)) -> Result<Button> {
    let label = words(fields, LABEL, LABEL_MAX)?;
    let kind = fields.text("Type", 32)?.unwrap_or_else(|| "reply".to_owned()).to_ascii_lowercase();
    let link = |fields: &mut Fields| web_url(fields, "URL")?.ok_or_else(|| fields.missing("URL"));
    let action = match kind.as_str() {
        "reply" | "quick_reply" => {
            Action::Reply { id: fields.text(BUTTON_ID, BUTTON_ID_MAX)?.unwrap_or_else(|| format!("{}", at + 1)) }
        }
        "url" | "cta_url" => Action::Url { url: link(fields)?, inside: false },
        "webview" | "open_webview" => Action::Url { url: link(fields)?, inside: true },
        "call" | "cta_call" => Action::Call { number: number(fields)? },
        "copy" | "cta_copy" => Action::Copy { code: words(fields, CODE, CODE_MAX)? },
        _ => return Err(Invalid::field(fields.path_of("Type"), "reply, url, webview, call or copy")),
    };
    Ok(Button { label, action })
}

fn number(fields: &mut Fields) -> Result<String> {
    let number = fields.required(NUMBER)?.text(32)?;
    let digits = number.chars().filter(char::is_ascii_digit).count();
    if !(3..=15).contains(&digits) || !number.chars().all(|char| char.is_ascii_digit() || "+ -.()".contains(char)) {
        return Err(Invalid::field(fields.path_of(NUMBER.field), "a phone number"));
    }
    Ok(number.chars().filter(|char| char.is_ascii_digit() || *char == '+').collect())
}

/// `POST /send/buttons`
pub struct Buttons(Interactive);
/// `POST /send/template`
pub struct Template(Interactive);
/// `POST /send/mediabutton`
pub struct MediaButton(Interactive);
/// `POST /send/locationbutton`
pub struct LocationButton(Interactive);

fn with_buttons(fields: &mut Fields) -> Result<Interactive> {
    let header = Interactive::header(fields)?;
    Ok(Interactive { header, buttons: buttons(fields)?, ..Interactive::read(fields)? })
}

impl Part for Buttons {
    const FILES: Files = Files::one("Image", Kind::Document);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        with_buttons(fields).map(Self)
    }
    fn media(&mut self) -> Vec<&mut Media> {
        self.0.media()
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}

impl Part for Template {
    const FILES: Files = Files::one("Image", Kind::Document);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        with_buttons(fields).map(Self)
    }
    fn media(&mut self) -> Vec<&mut Media> {
        self.0.media()
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}

impl Part for MediaButton {
    const FILES: Files = Files::one("Image", Kind::Document);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let message = with_buttons(fields)?;
        if message.header.is_none() {
            return Err(fields.missing("Image"));
        }
        Ok(Self(message))
    }
    fn media(&mut self) -> Vec<&mut Media> {
        self.0.media()
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}

impl Part for LocationButton {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let label = fields.text("Label", LABEL_MAX)?.unwrap_or_else(|| "Location".to_owned());
        let buttons = vec![Button { label, action: Action::Location }];
        Ok(Self(Interactive { buttons, ..Interactive::read(fields)? }))
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}
