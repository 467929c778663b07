//! Every event type, with an example: what `docs/events.md` is made of.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Event, SessionRef};

mod account;
mod connection;
mod groups;
mod messages;
mod people;

/// A name that a session, a webhook or a reader can ask for.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: &'static str,
    /// A sentence or two: what it tells, and when.
    pub tells: &'static str,
    pub way: Way,
}

/// How events come under a name.
#[derive(Debug, Clone)]
pub enum Way {
    /// As their `type`.
    Type {
        /// The other names that they go by too.
        topics: &'static [&'static str],
        /// A whole event, as indented JSON.
        example: String,
    },
    /// As a name for events of other types.
    Topic,
    /// Not at all: the name is known to others, and `tells` says why nothing comes.
    Never,
}

/// All names, by subject.
pub fn catalogue() -> Vec<(&'static str, Vec<Entry>)> {
    vec![
        ("Messages", messages::entries()),
        ("People", people::entries()),
        ("Groups and newsletters", groups::entries()),
        ("The account", account::entries()),
        ("Connection and linking", connection::entries()),
    ]
}

/// The text of `docs/events.md`.
pub fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    for (subject, entries) in catalogue() {
        let names: Vec<String> =
            entries.iter().map(|entry| format!("[{0}](#{1})", entry.name, anchor(entry.name))).collect();
        push(&mut text, format_args!("- {subject}: {}\n", names.join(", ")));
    }
    for (subject, entries) in catalogue() {
        push(&mut text, format_args!("\n## {subject}\n"));
        for entry in entries {
            push(&mut text, format_args!("\n### {}\n\n{}\n", entry.name, entry.tells));
            if let Way::Type { topics, example } = entry.way {
                match topics {
                    [] => {}
                    [one] => push(&mut text, format_args!("\nAlso goes by `{one}`.\n")),
                    more => push(&mut text, format_args!("\nAlso goes by one of `{}`.\n", more.join("`, `"))),
                }
                push(&mut text, format_args!("\n```json\n{example}\n```\n"));
            }
        }
    }
    text
}

const INTRODUCTION: &str = include_str!("catalogue/introduction.md");

fn push(text: &mut String, part: std::fmt::Arguments) {
    text.write_fmt(part).expect("a text takes what is written to it");
}

/// How Markdown names a heading.
fn anchor(name: &str) -> String {
    name.to_lowercase()
}

fn entry<E: Serialize>(name: &'static str, tells: &'static str, event: E) -> Entry {
    full(name, &[], None, tells, event)
}

fn full<E: Serialize>(
    name: &'static str,
    topics: &'static [&'static str],
    state: Option<&'static str>,
    tells: &'static str,
    event: E,
) -> Entry {
    let event = Event {
        kind: name,
        event,
        event_id: "evt_3f0c9a1be27d4c5f8a6b1d2e3f4a5b6c".to_owned(),
        session: SessionRef { name: "shop".to_owned(), jid: OWN.to_owned() },
        timestamp: "2026-01-15T10:30:00.000Z".to_owned(),
        state,
        vote: None,
        order_details: None,
    };
    let example = serde_json::to_string_pretty(&event).expect("texts and numbers are JSON");
    Entry { name, tells, way: Way::Type { topics, example } }
}

fn topic(name: &'static str, tells: &'static str) -> Entry {
    Entry { name, tells, way: Way::Topic }
}

fn never(name: &'static str, tells: &'static str) -> Entry {
    Entry { name, tells, way: Way::Never }
}

const OWN: &str = "4915123456789:3@s.whatsapp.net";
const OWN_USER: &str = "4915123456789@s.whatsapp.net";
const ANA: &str = "5511999999999@s.whatsapp.net";
const ANA_LID: &str = "100000012345678@lid";
const GROUP: &str = "120363021033254949@g.us";
const NEWSLETTER: &str = "120363298765432100@newsletter";
const AT: &str = "2026-01-15T10:29:59Z";

fn s(text: &str) -> String {
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::subscription::NAMES;

    #[test]
    fn every_name_has_its_entry() {
        let entries: Vec<&str> = catalogue().iter().flat_map(|(_, entries)| entries).map(|entry| entry.name).collect();
        let once: BTreeSet<&str> = entries.iter().copied().collect();
        assert_eq!(once.len(), entries.len(), "a name is there twice");
        assert_eq!(once, NAMES.iter().copied().collect());
        for (_, entries) in catalogue() {
            for entry in entries {
                if let Way::Type { topics, .. } = entry.way {
                    assert!(topics.iter().all(|topic| once.contains(topic)), "{}", entry.name);
                }
            }
        }
    }

    /// With `UPDATE_DOCS=1` the file is written instead.
    #[test]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == document(), "docs/events.md differs from the code: run this test with UPDATE_DOCS=1");
    }
}
