//! `/send/contact`.

use super::{Content, Envelope, Part, words};
use crate::payload::{Fields, Invalid, Name, Result};

const NAME_MAX: usize = 256;
const VCARD_MAX: usize = 32_768;
/// Contacts in one message.
const CONTACTS_MAX: usize = 100;
/// Digits in a phone number.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

const FULL_NAME: Name = Name { field: "FullName", aliases: &["Name"] };
const NUMBER: Name = Name { field: "PhoneNumber", aliases: &[] };

/// `POST /send/contact`: one or several.
pub struct Contacts(pub Vec<Contact>);

pub struct Contact {
    pub name: String,
    pub vcard: String,
}

impl Part for Contacts {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let contacts = match fields.optional("Contacts") {
            Some(given) => given.objects(1..=CONTACTS_MAX)?.iter_mut().map(contact).collect::<Result<Vec<_>>>()?,
            None => vec![contact(fields)?],
        };
        Ok(Self(contacts))
    }

    fn content(self) -> Content {
        Content::Contacts(self)
    }
}

/// A vCard with a name, or what one is made from.
fn contact(fields: &mut Fields) -> Result<Contact> {
    if let Some(given) = fields.optional("Vcard") {
        let vcard = given.text(VCARD_MAX)?;
        check(&fields.path_of("Vcard"), &vcard)?;
        let name = match fields.text("Name", NAME_MAX)? {
            Some(name) => name,
            None => property(&vcard, "FN").ok_or_else(|| fields.missing("Name"))?.to_owned(),
        };
        return Ok(Contact { name, vcard });
    }
    // Whoever gives a name alone has forgotten the card.
    let Some(number) = fields.text(NUMBER, 64)? else {
        let name = if fields.optional("FullName").is_some() { NUMBER } else { "Vcard".into() };
        return Err(fields.missing(name));
    };
    let name = words(fields, FULL_NAME, NAME_MAX)?;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let written = number.chars().all(|char| char.is_ascii_digit() || "+ -.()".contains(char));
    if !written || !DIGITS.contains(&digits.len()) {
        let expected = format!("a phone number of {} to {} digits", DIGITS.start(), DIGITS.end());
        return Err(Invalid::field(fields.path_of(NUMBER.field), expected));
    }
    let mut vcard = format!("BEGIN:VCARD\nVERSION:3.0\nN:;{0};;;\nFN:{0}\n", escaped(&name));
    if let Some(organization) = fields.text("Organization", NAME_MAX)? {
        vcard.push_str(&format!("ORG:{}\n", escaped(&organization)));
    }
    vcard.push_str(&format!("TEL;type=CELL;type=VOICE;waid={digits}:+{digits}\nEND:VCARD"));
    Ok(Contact { name, vcard })
}

fn check(field: &str, vcard: &str) -> Result<()> {
    let mut lines = vcard.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let last = lines.next_back().unwrap_or_default();
    let framed = first.eq_ignore_ascii_case("BEGIN:VCARD") && last.eq_ignore_ascii_case("END:VCARD");
    if framed
        && property(vcard, "VERSION").is_some()
        && (property(vcard, "FN").is_some() || property(vcard, "N").is_some())
    {
        return Ok(());
    }
    Err(Invalid::field(field, "a vCard: BEGIN:VCARD, VERSION, FN or N, END:VCARD, each on a line"))
}

/// The value of the first property of this name that has one.
fn property<'a>(vcard: &'a str, wanted: &str) -> Option<&'a str> {
    vcard.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        // `item1.FN;CHARSET=UTF-8:Ana` is an FN too.
        let name = name.split(';').next()?.rsplit('.').next()?.trim();
        (name.eq_ignore_ascii_case(wanted) && !value.trim().is_empty()).then_some(value.trim())
    })
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.trim().chars() {
        match char {
            '\\' | ',' | ';' => escaped.extend(['\\', char]),
            '\r' => {}
            '\n' => escaped.push_str("\\n"),
            _ => escaped.push(char),
        }
    }
    escaped
}
