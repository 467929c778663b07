//! `/user/privacy`: who may see what.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    payload::{Fields, Invalid, Name, Payload, Result},
    session::PHONE_MAX,
};

/// Contacts that a setting may leave out.
const EXCEPT_MAX: usize = 1_000;
const DISAPPEARING: Name = Name { field: "DefaultDisappearing", aliases: &["DisappearingMode"] };

/// Something that the account shows to some people and not to others.
#[derive(Debug, PartialEq, Eq)]
pub struct Category {
    /// Its key in our JSON.
    pub key: &'static str,
    /// WhatsApp's word for it.
    pub word: &'static str,
    pub values: &'static [&'static str],
}

impl Category {
    /// Some contacts can be left out.
    pub fn takes_exceptions(&self) -> bool {
        self.values.contains(&ALL_CONTACTS_BUT)
    }
}

/// The value that leaves some contacts out.
pub const ALL_CONTACTS_BUT: &str = "contact_blacklist";
const AUDIENCE: &[&str] = &["all", "contacts", ALL_CONTACTS_BUT, "none"];

/// In the order in which they are told.
pub const CATEGORIES: [Category; 10] = [
    Category { key: "GroupAdd", word: "groupadd", values: AUDIENCE },
    Category { key: "LastSeen", word: "last", values: AUDIENCE },
    Category { key: "Status", word: "status", values: AUDIENCE },
    Category { key: "Profile", word: "profile", values: AUDIENCE },
    Category { key: "ReadReceipts", word: "readreceipts", values: &["all", "none"] },
    Category { key: "CallAdd", word: "calladd", values: &["all", "known", "contacts"] },
    Category { key: "Online", word: "online", values: &["all", "match_last_seen"] },
    Category { key: "Messages", word: "messages", values: &["all", "contacts"] },
    Category { key: "Defense", word: "defense", values: &["off", "on_standard"] },
    Category { key: "Stickers", word: "stickers", values: &["contacts", "none"] },
];

/// One setting, to be changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub category: &'static Category,
    pub value: String,
    /// The whole list of contacts that are left out; `None` leaves it as it is.
    pub except: Option<Vec<String>>,
}

/// `POST /user/privacy`: one setting as WuzAPI has it, or several by their keys.
#[derive(Debug, PartialEq, Eq)]
pub struct SetPrivacy {
    pub settings: Vec<Setting>,
    /// Seconds after which messages of new chats disappear; 0: they stay.
    pub disappearing: Option<u32>,
}

impl Payload for SetPrivacy {
    fn read(mut fields: Fields) -> Result<Self> {
        let disappearing = match fields.integer(DISAPPEARING, 0..=i64::MAX)? {
            None => None,
            Some(0) => Some(0),
            Some(86_400) => Some(86_400),
            Some(604_800) => Some(604_800),
            Some(7_776_000) => Some(7_776_000),
            Some(_) => return Err(Invalid::field("DefaultDisappearing", "0, 86400, 604800 or 7776000 seconds")),
        };
        if let Some(name) = fields.text("Name", 32)? {
            let category = named(&name).ok_or_else(|| Invalid::field("Name", known()))?;
            let except = fields.optional("Except").map(|given| given.words(EXCEPT_MAX, PHONE_MAX)).transpose()?;
            let value = match (fields.text("Value", 32)?, &except) {
                (None, None) => return Err(fields.missing("Value")),
                (value, _) => value,
            };
            let setting = setting(category, "Value", "Except", value, except)?;
            return Ok(Self { settings: vec![setting], disappearing });
        }
        let mut except = fields.object("Except")?;
        let mut settings = Vec::new();
        for category in &CATEGORIES {
            let name = Name { field: category.key, aliases: &[] };
            let value = fields.text(name, 32)?;
            let field = except.path_of(category.key);
            let left_out = except.optional(name).map(|given| given.words(EXCEPT_MAX, PHONE_MAX)).transpose()?;
            if value.is_some() || left_out.is_some() {
                settings.push(setting(category, category.key, &field, value, left_out)?);
            }
        }
        match settings.is_empty() && disappearing.is_none() {
            true => Err(fields.missing("Name")),
            false => Ok(Self { settings, disappearing }),
        }
    }
}

fn named(name: &str) -> Option<&'static Category> {
    CATEGORIES.iter().find(|one| one.word.eq_ignore_ascii_case(name) || one.key.eq_ignore_ascii_case(name))
}

fn known() -> String {
    CATEGORIES.map(|category| category.word).join(", ")
}

fn setting(
    category: &'static Category,
    value_field: &str,
    except_field: &str,
    value: Option<String>,
    except: Option<Vec<String>>,
) -> Result<Setting> {
    // Naming who is left out says which value is meant.
    let value = value.unwrap_or_else(|| ALL_CONTACTS_BUT.to_owned()).to_ascii_lowercase();
    if except.is_some() && (value != ALL_CONTACTS_BUT || !category.takes_exceptions()) {
        let text = format!("given with {ALL_CONTACTS_BUT} alone, for GroupAdd, LastSeen, Status or Profile");
        return Err(Invalid::field(except_field, text));
    }
    if !category.values.contains(&value.as_str()) {
        return Err(Invalid::field(value_field, category.values.join(", ")));
    }
    Ok(Setting { category, value, except })
}

/// `GET /user/privacy`, and the answer to `POST`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Privacy {
    /// The value of each category, by its key.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, String>,
    /// JIDs of those who are left out, by the category's key.
    #[serde(rename = "Except")]
    pub except: BTreeMap<&'static str, Vec<String>>,
    /// Seconds; 0: messages of new chats stay.
    #[serde(rename = "DefaultDisappearing")]
    pub disappearing: u32,
}
